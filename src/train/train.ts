// The training loop. One step: take the next batch, compute its gradients, clip, update.
//
// Everything that the loop depends on is in `state` below or is a function of the step number, so that a run that was
// saved and resumed continues bit for bit.

import { firstNotFinite } from "../arrays.js";
import { checkOptions, defined, integer, type Names, number, POSITIVE, show } from "../check.js";
import { carriedWindows, checkPartition } from "../data/windows.js";
import { DivergedError } from "../errors.js";
import { exp } from "../exact.js";
import { atOnce, type Evaluation, inTurns } from "../lm/perplexity.js";
import type { RecurrentModel } from "../lm/recurrent.js";
import type { Network } from "../nn/network.js";
import { clockMoves, now, pause, perSecond } from "../pause.js";
import { mix } from "../random.js";
import type { TokenIds } from "../text/ids.js";
import { taskOf } from "./language.js";
import { adamw, checkOptimizer, clip, gradientNorm, moved, update } from "./optimizer.js";
import { checkSchedule, constant, factorAt } from "./schedule.js";
import { Snapshot } from "./snapshot.js";
import type { AnyTask, Figures, TrainSettings } from "./task.js";

/** A model that train() can train. */
export type Trainable = RecurrentModel | AnyTask;
/** The data that a model is trained on: token ids for language models. */
export type DataOf<M> = M extends RecurrentModel
  ? TokenIds
  : M extends { prepare(name: string, data: infer D): unknown }
    ? D
    : never;
/** The figures that evaluating a model returns. */
export type FiguresOf<M> = M extends RecurrentModel
  ? Evaluation
  : M extends { evaluating(...args: never): Generator<undefined, infer F extends Figures> }
    ? F
    : Figures;

export interface TrainOptions<D = TokenIds> extends Partial<TrainSettings> {
  /** Held-out data, evaluated after each epoch and at the end. A checkpoint does not store it. */
  valid?: D;
  /** Stops training by throwing the signal's reason; the run can be resumed. A checkpoint does not store the signal. */
  signal?: Signal;
}

/** The part of AbortSignal that is used here, for programs whose types lack it. */
export interface Signal {
  readonly aborted: boolean;
  throwIfAborted(): void;
}

export interface Progress<F = Evaluation> {
  /** Number of batches done. */
  step: number;
  /** The epoch that the step belongs to, from 1. */
  epoch: number;
  /** Number of tokens predicted, or of examples used, so far. */
  tokens: number;
  /** The batch's loss in nats, averaged over its tokens or examples, before the update. */
  loss: number;
  /** e^loss. */
  perplexity: number;
  /** Global norm of the gradients, before clipping. */
  gradNorm: number;
  learningRate: number;
  /** Training speed, not counting evaluations; 0 if the clock stood still. */
  tokensPerSecond: number;
  /** Fraction of the run that is done, 0 to 1. */
  done: number;
  /** Evaluation of the held-out data, if one followed this step. */
  valid?: F;
}

/** The state that changes during training, apart from the parameters and the moments. */
export interface TrainState {
  step: number;
  tokens: number;
  /** Seconds spent on steps. */
  seconds: number;
  /** Recurrent state that carried windows continue from: (layers, B, H). */
  carry: Float32Array;
  /** With patience: the watched figure of the best evaluation so far, and its parameter block. */
  best?: { figure: number; parameters: Float32Array<ArrayBuffer> };
  /** Number of evaluations since the best one. */
  sinceBest: number;
}

const defaults = ({ cut, defaults: { epochs: _, ...defaults } }: AnyTask): TrainSettings => ({
  ...(cut === "windows" ? { windows: carriedWindows() } : { batch: 32 }),
  optimizer: adamw(),
  schedule: constant(),
  clip: 1,
  seed: 1,
  ...defaults,
});

const OPTIONS: Names<TrainOptions> = {
  windows: 1,
  batch: 1,
  optimizer: 1,
  schedule: 1,
  clip: 1,
  epochs: 1,
  steps: 1,
  seconds: 1,
  patience: 1,
  seed: 1,
  valid: 1,
  signal: 1,
};

/**
 * Trains a model. Training starts when the result is iterated over or awaited. Iterating yields the progress after each
 * step; awaiting trains to the end and returns the progress of the last step:
 *
 *     for await (const { step, loss } of train(model, ids, { epochs: 5 })) console.log(step, loss);
 *     const { loss } = await train(model, ids, { epochs: 5 });
 *
 * Defaults for language models: one epoch of carriedWindows() with adamw(), a constant() rate, gradients clipped at 1, and
 * seed 1. Other models have defaults of their own, and take the size of a `batch` instead of `windows`.
 * @param data the token ids of a text for language models; otherwise, what the model's documentation says
 * @throws TypeError or RangeError that names the invalid option, or if the text is too short for one batch
 * @throws RangeError (while iterating) if the run is limited by `seconds` and the clock stands still
 * @throws DivergedError (while iterating) if the training or held-out loss becomes infinite or NaN
 */
export function train<M extends Trainable>(
  model: M,
  data: DataOf<M>,
  options: TrainOptions<DataOf<M>> = {},
): Training<M> {
  taskOf(model);
  return new Training(model, data, checkOptions("options", options, OPTIONS as Names<TrainOptions<DataOf<M>>>));
}

/**
 * Marks the run that last trained a network, and whose moments the network has. No other may start while it is running.
 */
interface Hold {
  running: boolean;
}
const holds = new WeakMap<Network, Hold>();

/**
 * A training run, as returned by train() and resume(): iterate over it, or await it, to train. After a break, iterating
 * again continues where the loop was left; however it was stopped, saveCheckpoint() saves it for resume(). Only one run
 * can train a model at a time: another can start once the loop over the first has been left.
 */
export class Training<M extends Trainable = RecurrentModel>
  implements AsyncIterable<Progress<FiguresOf<M>>>, PromiseLike<Progress<FiguresOf<M>> | undefined>
{
  #settings: Readonly<TrainSettings>;
  /** @internal The data, as Task.prepare() returns it. */
  readonly prepared: unknown;
  readonly #task: AnyTask;
  readonly #state: TrainState;
  /** The held-out data, as Task.prepare() returns it. */
  readonly #valid: unknown;
  readonly #signal: Signal | undefined;
  readonly #batchesPerEpoch: number;
  readonly #hold: Hold = { running: false };
  #finished = false;
  #last: Progress<FiguresOf<M>> | undefined;
  #awaited: Promise<Progress<FiguresOf<M>> | undefined> | undefined;

  /** @param resumed the state saved in a checkpoint, whose moments the model already has, and the prepared data */
  constructor(
    readonly model: M,
    readonly data: DataOf<M>,
    { valid, signal, ...settings }: TrainOptions<DataOf<M>>,
    resumed?: { state: TrainState; prepared: unknown },
  ) {
    const task = taskOf(model);
    this.#task = task;
    this.prepared = resumed ? resumed.prepared : task.prepare(nameOf(task), data);
    this.#valid = valid === undefined ? undefined : task.prepare("valid", valid);
    if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
      throw new TypeError(`"signal" expected an AbortSignal, got ${show(signal)}`);
    }
    this.#settings = checked({ ...defaults(task), ...defined(settings) }, task);
    if (this.settings.patience !== undefined && valid === undefined) {
      const saved = resumed ? ": a checkpoint does not store them, so pass resume(bytes, ids, { valid })" : "";
      throw new TypeError(`"patience" expected "valid" ${nameOf(task)} with it${saved}`);
    }
    this.#signal = signal;
    this.#batchesPerEpoch = task.epoch(this.prepared, this.settings, 0).batches;
    const carry = () => task.firstState?.(this.settings) ?? new Float32Array(0);
    this.#state = resumed?.state ?? { step: 0, tokens: 0, seconds: 0, carry: carry(), sinceBest: 0 };
    if (resumed) holds.set(task.network, this.#hold);
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "Training";
  }

  /** The given settings, completed with the defaults. */
  get settings(): Readonly<TrainSettings> {
    return this.#settings;
  }

  /**
   * Changes the learning rate from the next step on; the schedule scales it as before. A checkpoint stores the new one.
   * @throws TypeError or RangeError if it is not a positive number
   */
  setLearningRate(learningRate: number): void {
    number("learningRate", learningRate, ...POSITIVE);
    const { optimizer } = this.#settings;
    this.#settings = Object.freeze({ ...this.#settings, optimizer: Object.freeze({ ...optimizer, learningRate }) });
  }

  /** A copy of the current state. */
  get state(): Readonly<TrainState> {
    return { ...this.#state };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Progress<FiguresOf<M>>, void, undefined> {
    if (this.#finished || this.done() >= 1) return;
    const { settings, prepared } = this;
    const [task, state, batchesPerEpoch] = [this.#task, this.#state, this.#batchesPerEpoch];
    const { network, watched } = task;
    const { seed } = settings;
    // A step takes about 0.1 ms in the smallest networks, and up to a second in large ones.
    const breath = pause(4);
    if (settings.seconds !== undefined && !clockMoves()) {
      throw new RangeError(
        '"seconds" expected a clock that moves while a program computes, got one that stands still, as on Cloudflare Workers: ' +
          'use "steps" or "epochs"',
      );
    }
    this.#begin();
    try {
      // The parameters before the last update, whose loss is known to be finite.
      const good = new Snapshot();
      let lastLoss = Number.NaN;
      let learningRate = 0;
      const stopUnlessFinite = (what: string, value: number, step: number) => {
        if (Number.isFinite(value)) return;
        good.restore(network);
        this.#finished = true;
        throw diverged(`${what} became ${value} at step ${step}`, lastLoss, learningRate, settings.clip);
      };

      while (!this.#finished && this.done() < 1) {
        const epochIndex = Math.floor(state.step / batchesPerEpoch);
        const epoch = task.epoch(prepared, settings, epochIndex);
        for (let i = state.step % batchesPerEpoch; i < epoch.batches && !this.#finished; i++) {
          this.#signal?.throwIfAborted();
          const started = now();
          learningRate = this.settings.optimizer.learningRate * factorAt(settings.schedule, this.done());

          const { loss, tokens, carry } = epoch.gradients(i, mix(seed, state.step), state.carry);
          const gradNorm = gradientNorm(network);
          stopUnlessFinite("the loss", loss, state.step + 1);
          stopUnlessFinite("the norm of the gradients", gradNorm, state.step + 1);
          good.take(network, moved(network, settings.optimizer));
          clip(network, gradNorm, settings.clip);
          update(network, settings.optimizer, learningRate, state.step + 1);

          lastLoss = loss;
          if (carry) state.carry = carry;
          state.step++;
          state.tokens += tokens;
          state.seconds += (now() - started) / 1000;
          const done = this.done();
          const evaluates = this.#valid !== undefined && (done >= 1 || i === epoch.batches - 1);
          const valid = evaluates ? await inTurns<FiguresOf<M>>(task.evaluating("valid", this.#valid)) : undefined;
          // After the last step, no further one would notice that its update diverged.
          if (valid) stopUnlessFinite(`the loss of the held-out ${nameOf(task)}`, valid.nats, state.step);
          else if (done >= 1) stopUnlessFinite("the loss after the update", this.#lossNow(), state.step);
          if (valid) this.#compare((valid as Record<string, number>)[watched.figure]!);
          const stop = done >= 1 || (settings.patience !== undefined && state.sinceBest >= settings.patience);
          if (stop) this.#finish();
          this.#last = {
            step: state.step,
            epoch: epochIndex + 1,
            tokens: state.tokens,
            loss,
            perplexity: exp(loss),
            gradNorm,
            learningRate,
            tokensPerSecond: perSecond(state.tokens, state.seconds),
            done: stop ? 1 : done,
            ...(valid && { valid }),
          };
          yield this.#last;
          await breath();
        }
      }
    } finally {
      this.#hold.running = false;
    }
  }

  /**
   * Trains to the end.
   * @returns the progress after the last step; undefined if nothing was left to train
   */
  // biome-ignore lint/suspicious/noThenProperty: awaiting a run is meant to train the model
  then<A = Progress<FiguresOf<M>> | undefined, B = never>(
    fulfilled?: ((last: Progress<FiguresOf<M>> | undefined) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#awaited ??= this.#toTheEnd();
    return this.#awaited.then(fulfilled, rejected);
  }

  async #toTheEnd(): Promise<Progress<FiguresOf<M>> | undefined> {
    try {
      for await (const _ of this);
      return this.#last;
    } finally {
      this.#awaited = undefined;
    }
  }

  /** @throws Error if another run has trained the model, with moments of its own, since this one began */
  checkModelIsOurs(): void {
    if (this.#state.step === 0 || holds.get(this.#task.network) === this.#hold) return;
    throw new Error(
      "another run has trained the model since this one was left: resume this one from a checkpoint, or start a new run",
    );
  }

  /** Claims the model. @throws Error if another run, or another loop over this one, is training it */
  #begin(): void {
    const { network } = this.#task;
    const holder = holds.get(network);
    if (holder?.running) {
      const what =
        holder === this.#hold
          ? "this run is already being iterated over or awaited"
          : "the model is already being trained";
      throw new Error(`${what}: let that end, or leave its loop with break, before starting again`);
    }
    this.checkModelIsOurs();
    // A model that was trained before still has the moments of that run.
    if (this.#state.step === 0 && network.layout.trained) {
      for (const moment of ["moment1", "moment2"] as const) network.block(moment).fill(0);
    }
    this.#task.reserve?.(this.prepared, this.settings);
    holds.set(network, this.#hold);
    this.#hold.running = true;
  }

  /** Fraction of the run that is done, in the unit that its length was set in. */
  done(): number {
    const { epochs, steps, seconds } = this.settings;
    const { step, seconds: spent } = this.#state;
    if (steps !== undefined) return step / steps;
    if (seconds !== undefined) return spent / seconds;
    return step / (epochs! * this.#batchesPerEpoch);
  }

  /** Loss over the first piece of the data, or NaN if a parameter is not finite, which that piece may not show. */
  #lossNow(): number {
    const task = this.#task;
    if (firstNotFinite(task.network.block("parameters")) !== undefined) return Number.NaN;
    return atOnce(task.evaluating("data", task.first(this.prepared, this.settings))).nats;
  }

  /** With patience: keeps the weights if this evaluation is the best so far, and otherwise counts it. */
  #compare(figure: number): void {
    const { network, watched } = this.#task;
    const state = this.#state;
    if (this.settings.patience === undefined) return;
    const better = (than: number) => (watched.better === "lower" ? figure < than : figure > than);
    // A figure that is not a number, such as the F1 of nothing, is no improvement.
    if (state.best ? better(state.best.figure) : !Number.isNaN(figure)) {
      state.best = { figure, parameters: network.block("parameters").slice() };
      state.sinceBest = 0;
    } else {
      state.sinceBest++;
    }
  }

  #finish(): void {
    this.#finished = true;
    const { network } = this.#task;
    const { best } = this.#state;
    if (!best) return;
    network.block("parameters").set(best.parameters);
    network.parametersChanged();
  }
}

/** The name of the data in messages. */
export const nameOf = ({ cut }: AnyTask) => (cut === "windows" ? "tokens" : "data");

/** @throws TypeError if it is not a Training */
export function checkTraining<M extends Trainable>(training: Training<M>): Training<M> {
  if (training instanceof Training) return training;
  throw new TypeError(`"training" expected a Training from train(), got ${show(training)}`);
}

function checked(settings: TrainSettings, { cut, kind, defaults: usual }: AnyTask): Readonly<TrainSettings> {
  const { epochs, steps, seconds, patience, windows, batch } = settings;
  const given = [epochs, steps, seconds].filter((value) => value !== undefined).length;
  if (given > 1) throw new TypeError('expected only one of "epochs", "steps" and "seconds", got more');
  if (steps !== undefined) integer("steps", steps);
  else if (seconds !== undefined) number("seconds", seconds, ...POSITIVE);
  else if (epochs !== undefined) integer("epochs", epochs);
  if (patience !== undefined) integer("patience", patience);
  number("clip", settings.clip, "a number > 0", (limit) => limit > 0);
  integer("seed", settings.seed, 0);
  if (cut === "windows" && batch !== undefined) {
    throw new TypeError(`"batch" expected no value for a ${kind}, got ${show(batch)}: it belongs into "windows"`);
  }
  if (cut === "batch" && windows !== undefined) {
    throw new TypeError(`"windows" expected no value for a ${kind}, got ${show(windows)}: use "batch"`);
  }
  return Object.freeze({
    ...settings,
    ...(given === 0 && { epochs: usual.epochs ?? 1 }),
    ...(cut === "windows" ? { windows: checkPartition(windows!) } : { batch: integer("batch", batch) }),
    optimizer: checkOptimizer(settings.optimizer),
    schedule: checkSchedule(settings.schedule),
  });
}

function diverged(what: string, lastLoss: number, learningRate: number, limit: number): DivergedError {
  const before = Number.isNaN(lastLoss) ? "" : ` (it was ${lastLoss.toPrecision(4)} before)`;
  const clipping = limit === Infinity ? "clip the gradients" : `clip the gradients below ${limit}`;
  return new DivergedError(
    `${what}${before}: expected a finite number. The model keeps the last good weights. ` +
      `Use a learning rate below ${learningRate}, or ${clipping}`,
  );
}
