import { integer } from "../../check.js";
import { padded } from "../../wasm/memory.js";
import type { Loss, Network, Room } from "../network.js";
import type { Slot } from "../slots.js";
import { Scores } from "./scores.js";

/**
 * Several labels at once: for each, a yes or no of its own, σ(x·W + b). The loss of a row is the sum over its labels, in
 * nats: PyTorch's binary_cross_entropy_with_logits.
 */
export class SigmoidLoss implements Loss {
  sum = 0;
  count = 0;
  readonly weight: number;
  private readonly scores: Scores;
  private targets = new Float32Array(0);
  /** Pointer to the targets. */
  private y = 0;

  constructor(
    private readonly network: Network,
    readonly inputs: readonly Slot[],
    /** Number of labels. */
    readonly size: number,
    { name = "output", weight = 1 }: { name?: string; weight?: number } = {},
  ) {
    this.scores = new Scores(network, name, inputs, size);
    this.weight = weight;
    network.addLoss(this);
  }

  /** Sets the targets of the next batch: (rows, size), each 0 or 1. */
  write(targets: ArrayLike<number>): void {
    this.targets = Float32Array.from(targets);
  }

  place(room: Room): void {
    this.scores.place(room);
    this.y = room.take(this.scores.axis.rows * padded(this.size));
  }

  evaluate(): void {
    this.begin();
    this.scores.inParts((start, rows) => this.differentiate(start, rows, 1));
  }

  backward(): void {
    this.begin();
    const scale = this.weight / this.count;
    this.scores.backward((start, rows) => this.differentiate(start, rows, scale));
  }

  /** Returns the probability of each label in each row: (rows, size), after Network.forward(). */
  probabilities(): Float32Array {
    const { network, scores, size } = this;
    const { kernels, memory } = network;
    const result = new Float32Array(scores.axis.rows * size);
    scores.inParts((start, rows) => {
      const n = rows * padded(size);
      kernels.sigmoid(scores.pointer, scores.pointer, n);
      const p = memory.floats(scores.pointer, n);
      for (let i = 0; i < rows; i++) result.set(p.subarray(i * padded(size)).subarray(0, size), (start + i) * size);
    });
    return result;
  }

  private begin(): void {
    const { size, targets } = this;
    const { rows } = this.scores.axis;
    integer("targets.length", targets.length, rows * size, rows * size);
    const stride = padded(size);
    const y = this.network.memory.floats(this.y, rows * stride).fill(0);
    for (let i = 0; i < rows; i++) y.set(targets.subarray(i * size, (i + 1) * size), i * stride);
    [this.sum, this.count] = [0, rows];
  }

  private differentiate(start: number, rows: number, scale: number): void {
    const y = this.y + 4 * start * padded(this.size);
    this.sum += this.network.kernels.sigmoidCrossEntropy(this.scores.pointer, y, rows, this.size, scale);
  }
}

/** Adds one sigmoid for each of `size` labels to a network, with a linear layer before them. */
export const sigmoidLoss = (...args: ConstructorParameters<typeof SigmoidLoss>): SigmoidLoss =>
  new SigmoidLoss(...args);
