import { padded } from "../../wasm/memory.js";
import { dense } from "../layers/linear.js";
import type { Network, Room } from "../network.js";
import type { Parameter } from "../parameters.js";
import type { Slot } from "../slots.js";

/** Rows of scores computed at a time: they stay in the cache from h to δh, and memory does not grow with rows·V. */
const ROWS = 256;

/** Scores o = x·W + b of V classes, as the losses use them: some rows at a time, forward and backward at once. */
export class Scores {
  /** Pointer to the rows that were last computed. */
  pointer = 0;
  private rows = 0;
  private readonly output: ReturnType<typeof dense>;

  /** @param tied the embedding (V×K) whose transpose is the weight; default: a weight of its own */
  constructor(
    private readonly network: Network,
    name: string,
    private readonly x: readonly Slot[],
    readonly V: number,
    tied?: Parameter,
  ) {
    this.output = dense(network, name, x, V, tied);
  }

  get axis() {
    return this.x[0]!.axis;
  }

  place({ take, training }: Room): void {
    const width = padded(this.V);
    this.rows = Math.min(this.axis.rows, training ? ROWS : this.network.rowsAtATime(width, ROWS));
    this.pointer = take(this.rows * width);
  }

  /** Computes the scores of `rows` rows, at these pointers instead of those of x, if they are given. */
  compute(rows: number, x: readonly number[]): void {
    const { W, bias } = this.output;
    this.network.product(this.pointer, this.network.at(bias), x, W, rows);
  }

  /** Computes the scores of all rows, in equal parts, and visits each part. @param x pointers to other rows than x's */
  inParts(visit: (start: number, rows: number) => void, x: readonly number[] = this.x.map(({ value }) => value)): void {
    const { rows } = this.axis;
    const part = Math.ceil(rows / Math.ceil(rows / this.rows));
    for (let start = 0; start < rows; start += part) {
      const count = Math.min(part, rows - start);
      this.compute(
        count,
        x.map((pointer, i) => pointer + 4 * start * padded(this.x[i]!.width)),
      );
      visit(start, count);
    }
  }

  /** Computes the scores of all rows, in parts, has `differentiate` replace each by its gradient, and passes that on. */
  backward(differentiate: (start: number, rows: number) => void): void {
    const { network, x, V, pointer } = this;
    const { W, bias } = this.output;
    const add = x.map((slot) => network.arrive(slot));
    this.inParts((start, rows) => {
      differentiate(start, rows);
      network.kernels.biasBackward(network.gradientAt(bias), pointer, rows, V);
      network.productBackward(pointer, x, W, rows, start, add);
    });
  }
}
