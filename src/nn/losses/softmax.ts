import { integer, number } from "../../check.js";
import { padded } from "../../wasm/memory.js";
import type { Loss, Network } from "../network.js";
import type { Parameter } from "../parameters.js";
import type { Ids, Slot } from "../slots.js";
import { Scores } from "./scores.js";

export interface SoftmaxOptions {
  /** PyTorch's module (default "output"). */
  name?: string;
  /** The embedding that is also the weight, transposed (Press and Wolf 2017). */
  tied?: Parameter;
  /** Weight of each class in the mean (default: all the same). */
  classWeights?: ArrayLike<number>;
  /** Share of each target that is spread over all classes (Szegedy et al. 2016; default 0). evaluate() ignores it. */
  labelSmoothing?: number;
  /** Factor in the loss of the network (default 1). */
  weight?: number;
}

/** Σ −log softmax(x·W + b)_y over the rows with a target, in nats: PyTorch's cross_entropy after a linear layer. */
export class SoftmaxLoss implements Loss {
  sum = 0;
  count = 0;
  readonly weight: number;
  readonly scores: Scores;
  /** Pointer to log p of each row's target. */
  private logP = 0;
  private weights = 0;
  private readonly classWeights: Float32Array | undefined;
  private readonly labelSmoothing: number;

  constructor(
    private readonly network: Network,
    readonly inputs: readonly Slot[],
    private readonly targets: Ids,
    { name = "output", tied, classWeights, labelSmoothing = 0, weight = 1 }: SoftmaxOptions = {},
  ) {
    const V = targets.size;
    this.scores = new Scores(network, name, inputs, V, tied);
    this.weight = weight;
    this.labelSmoothing = number("labelSmoothing", labelSmoothing, "a number in [0, 1)", (x) => x >= 0 && x < 1);
    if (classWeights) integer("classWeights.length", classWeights.length, V, V);
    if (classWeights || labelSmoothing > 0) this.classWeights = Float32Array.from(classWeights ?? new Array(V).fill(1));
    network.addLoss(this);
  }

  place(room: Parameters<NonNullable<Loss["place"]>>[0]): void {
    const width = padded(this.scores.V);
    this.scores.place(room);
    this.logP = room.take(Math.max(this.scores.axis.rows, width));
    this.weights = this.classWeights && room.training ? room.take(width) : 0;
  }

  evaluate(): void {
    const logP = this.logLikelihood();
    [this.sum, this.count] = [0, 0];
    for (const [i, y] of this.targets.values.entries()) {
      if (y < 0) continue;
      const weight = this.classWeights?.[y] ?? 1;
      this.sum -= weight * logP[i]!;
      this.count += weight;
    }
  }

  backward(): void {
    const { network, scores, classWeights: w, targets } = this;
    const { kernels, memory } = network;
    const { V, pointer: o } = scores;
    this.count = w ? targets.values.reduce((sum, y) => (y >= 0 ? sum + w[y]! : sum), 0) : targets.count;
    this.sum = 0;
    const scale = this.weight / this.count;
    if (w) memory.floats(this.weights, padded(V)).fill(0).set(w);
    scores.backward((start, rows) => {
      const [logP, y] = [this.logP, targets.pointer + 4 * start];
      this.sum += w
        ? kernels.weightedCrossEntropy(o, logP, y, this.weights, rows, V, scale, this.labelSmoothing)
        : kernels.softmaxCrossEntropy(o, logP, y, rows, V, scale);
    });
  }

  /** Returns log p of each row's target, in nats: a view. @param x pointers to rows to read instead of the inputs' */
  logLikelihood(x?: readonly number[]): Float32Array {
    const { network, scores, targets, logP } = this;
    scores.inParts((start, rows) => {
      network.kernels.logLikelihood(logP + 4 * start, scores.pointer, targets.pointer + 4 * start, rows, scores.V);
    }, x);
    return network.memory.floats(logP, scores.axis.rows);
  }

  /** Returns log p of each class in one row, in nats. @param x pointers to the row */
  logProbsOf(x: readonly number[]): Float32Array {
    const { network, scores, logP } = this;
    scores.compute(1, x);
    network.kernels.logSoftmax(logP, scores.pointer, scores.V);
    return network.memory.floats(logP, scores.V).slice();
  }

  /** Returns log p of each class in each row, in nats: (rows, V), after Network.forward(). */
  logProbs(): Float32Array {
    const { network, scores, logP } = this;
    const { V, pointer } = scores;
    const result = new Float32Array(scores.axis.rows * V);
    scores.inParts((start, rows) => {
      for (let i = 0; i < rows; i++) {
        network.kernels.logSoftmax(logP, pointer + 4 * i * padded(V), V);
        result.set(network.memory.floats(logP, V), (start + i) * V);
      }
    });
    return result;
  }
}

/** Adds a softmax over targets.size classes to a network, with a linear layer before it. Several x are read side by side. */
export const softmaxLoss = (
  network: Network,
  x: readonly Slot[],
  targets: Ids,
  options?: SoftmaxOptions,
): SoftmaxLoss => new SoftmaxLoss(network, x, targets, options);
