// The interface between a kind of model and the training loop, evaluation and files: how its data becomes batches, and which
// figure counts.

import { show } from "../check.js";
import type { Partition } from "../data/windows.js";
import type { Network } from "../nn/network.js";
import type { Optimizer } from "./optimizer.js";
import type { Schedule } from "./schedule.js";

/** The settings of a training run: plain data, which a checkpoint stores. */
export interface TrainSettings {
  /** Language models: how the text is cut into windows: carriedWindows(), overlappingWindows() or randomWindows(). */
  windows?: Partition;
  /** All other models: number of examples in a batch. */
  batch?: number;
  /** adamw() or sgd(). */
  optimizer: Optimizer;
  /** Learning-rate schedule: constant(), linear(), cosine() or step(). */
  schedule: Schedule;
  /** Limit on the global norm of the gradients; Infinity turns gradient clipping off. */
  clip: number;
  /** Length of the run, in one of three units: passes over the data, batches, or seconds. */
  epochs?: number;
  steps?: number;
  seconds?: number;
  /** Stops after this many evaluations in a row without improvement, and keeps the best weights. Needs `valid`. */
  patience?: number;
  /** Seed of the order of the batches and of the dropout masks. */
  seed: number;
}

/** The figures of an evaluation; every task has at least the mean loss. */
export interface Figures {
  /** Mean loss in nats. */
  nats: number;
}

/** One pass over the data. Every epoch of a run has the same number of batches, on which step counts rely. */
export interface Epoch {
  readonly batches: number;
  /**
   * Fills the network's gradients with those of the mean loss of batch i.
   * @param seed seed of the dropout masks
   * @param carry what the batch before returned as `carry`
   * @returns the mean loss in nats, and the number of tokens or examples that it is the mean of
   */
  gradients(i: number, seed: number, carry: Float32Array): { loss: number; tokens: number; carry?: Float32Array };
}

/** A model that is trained on data of type D, prepared as P, and evaluated by figures of type F. */
export interface Task<D, F extends Figures, P = D> {
  /** Name of the kind of model, in files and messages, such as "classifier". */
  readonly kind: string;
  readonly network: Network;
  /** How batches are chosen: by the setting `windows` or by the setting `batch`. */
  readonly cut: "windows" | "batch";
  /** Settings that differ from the defaults of train(). */
  readonly defaults: Partial<TrainSettings>;
  /** The figure that `patience` watches. */
  readonly watched: { readonly figure: string & keyof F; readonly better: "lower" | "higher" };
  /** The description that a file keeps beside the weights, as JSON. */
  describe(): object;
  /**
   * Checks data, and converts it to the form that the functions below take, such as ids: once for a run.
   * @param name names the data in messages
   * @throws TypeError, RangeError if the model cannot be trained or evaluated on the data
   */
  prepare(name: string, data: D): P;
  /** Number of examples, and a hash of the data: a run resumes on the same data only. */
  fingerprint(data: P): { tokens: number; hash: number };
  epoch(data: P, settings: TrainSettings, index: number): Epoch;
  /** A piece of the data, small enough to evaluate after the last step. */
  first(data: P, settings: TrainSettings): P;
  /** Evaluates the model piece by piece. */
  evaluating(name: string, data: P): Generator<undefined, F>;
  /** Makes room for the largest batch at once. */
  reserve?(data: P, settings: TrainSettings): void;
  /** The state from which the first batch is carried on. @throws RangeError if there is no room for it */
  firstState?(settings: TrainSettings): Float32Array;
}

/** A task with any data. */
// biome-ignore lint/suspicious/noExplicitAny: D is both given and taken
export type AnyTask = Task<any, any, any>;

const METHODS = ["prepare", "epoch", "evaluating"] as const satisfies (keyof AnyTask)[];

/** Returns true for a model that brings its own task. */
export function isTask(model: unknown): model is AnyTask {
  if (typeof model !== "object" || model === null || model instanceof Promise) return false;
  return METHODS.every((name) => typeof (model as AnyTask)[name] === "function");
}

/** @throws TypeError if it is not a model that can be trained */
export function checkTask(model: unknown): AnyTask {
  if (isTask(model)) return model;
  throw new TypeError(
    `"model" expected a model that can be trained, such as from RecurrentModel.create(), got ${show(model)}`,
  );
}
