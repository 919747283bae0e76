// The training loop. One step: take the next batch of windows, gradients by BPTT, clip, update.
//
// Everything that the loop depends on is in `state` below or is a function of the step number, so that a run that was
// saved and resumed continues bit for bit.

import { firstNotFinite } from "../arrays.js";
import { checkOptions, defined, integer, type Names, number, POSITIVE, show, size } from "../check.js";
import { carriedWindows, checkPartition, type Partition, partition } from "../data/windows.js";
import { DivergedError } from "../errors.js";
import { exp } from "../exact.js";
import { type Evaluation, evaluateInTurns, evaluateNow } from "../lm/perplexity.js";
import { checkRecurrent, type RecurrentModel } from "../lm/recurrent.js";
import type { Batch, Network } from "../nn/network.js";
import { clockMoves, now, pause, perSecond } from "../pause.js";
import { mix } from "../random.js";
import { checkIds, type TokenIds } from "../text/ids.js";
import { adamw, checkOptimizer, clip, gradientNorm, type Optimizer, update } from "./optimizer.js";
import { checkSchedule, constant, factorAt, type Schedule } from "./schedule.js";

/** The settings of a training run: plain data, which a checkpoint stores. */
export interface TrainSettings {
  /** How the text is cut into windows: carriedWindows(), overlappingWindows() or randomWindows(). */
  windows: Partition;
  /** adamw() or sgd(). */
  optimizer: Optimizer;
  /** Learning-rate schedule: constant(), cosine() or step(). */
  schedule: Schedule;
  /** Limit on the global norm of the gradients; Infinity turns gradient clipping off. */
  clip: number;
  /** Length of the run, in one of three units: passes over the text, batches, or seconds. */
  epochs?: number;
  steps?: number;
  seconds?: number;
  /** Stops after this many evaluations in a row without improvement, and keeps the best weights. Needs `valid`. */
  patience?: number;
  /** Seed of the order of the windows and of the dropout masks. */
  seed: number;
}

export interface TrainOptions extends Partial<TrainSettings> {
  /** Held-out tokens, evaluated after each epoch and at the end. A checkpoint does not store them. */
  valid?: TokenIds;
  /** Stops training by throwing the signal's reason; the run can be resumed. A checkpoint does not store the signal. */
  signal?: Signal;
}

/** The part of AbortSignal that is used here, for programs whose types lack it. */
export interface Signal {
  readonly aborted: boolean;
  throwIfAborted(): void;
}

export interface Progress {
  /** Number of batches done. */
  step: number;
  /** The epoch that the step belongs to, from 1. */
  epoch: number;
  /** Number of tokens predicted so far. */
  tokens: number;
  /** The batch's loss in nats, averaged over its tokens, before the update. */
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
  /** Evaluation of the held-out tokens, if one followed this step. */
  valid?: Evaluation;
}

/** The state that changes during training, apart from the parameters and the moments. */
export interface TrainState {
  step: number;
  tokens: number;
  /** Seconds spent on steps. */
  seconds: number;
  /** Recurrent state that carried windows continue from: (layers, B, H). */
  carry: Float32Array;
  /** With patience: the best evaluation so far, and its parameter block. */
  best?: { nats: number; parameters: Float32Array<ArrayBuffer> };
  /** Number of evaluations since the best one. */
  sinceBest: number;
}

const defaults = (): TrainSettings => ({
  windows: carriedWindows(),
  optimizer: adamw(),
  schedule: constant(),
  clip: 1,
  seed: 1,
});

const OPTIONS: Names<TrainOptions> = {
  windows: 1,
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
 * Trains a model on tokens. Training starts when the result is iterated over or awaited. Iterating yields the progress
 * after each step; awaiting trains to the end and returns the progress of the last step:
 *
 *     for await (const { step, loss } of train(model, ids, { epochs: 5 })) console.log(step, loss);
 *     const { loss } = await train(model, ids, { epochs: 5 });
 *
 * Defaults: one epoch of carriedWindows() with adamw(), a constant() rate, gradients clipped at 1, and seed 1.
 * @throws TypeError or RangeError that names the invalid option, or if the text is too short for one batch
 * @throws RangeError (while iterating) if the run is limited by `seconds` and the clock stands still
 * @throws DivergedError (while iterating) if the training or held-out loss becomes infinite or NaN
 */
export function train(model: RecurrentModel, tokens: TokenIds, options: TrainOptions = {}): Training {
  checkRecurrent(model);
  return new Training(model, tokens, checkOptions("options", options, OPTIONS));
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
export class Training implements AsyncIterable<Progress>, PromiseLike<Progress | undefined> {
  /** The given settings, completed with the defaults. */
  readonly settings: Readonly<TrainSettings>;
  readonly #state: TrainState;
  readonly #valid: TokenIds | undefined;
  readonly #signal: Signal | undefined;
  readonly #length: number;
  /** Windows in the first batch, which is the largest. */
  readonly #batch: number;
  readonly #batchesPerEpoch: number;
  readonly #hold: Hold = { running: false };
  #finished = false;
  #last: Progress | undefined;
  #awaited: Promise<Progress | undefined> | undefined;

  /** @param state the state saved in a checkpoint, whose moments the model already has */
  constructor(
    readonly model: RecurrentModel,
    readonly tokens: TokenIds,
    { valid, signal, ...settings }: TrainOptions,
    state?: TrainState,
  ) {
    checkIds("tokens", tokens, model.vocabulary.size);
    if (valid !== undefined) checkIds("valid", valid, model.vocabulary.size);
    if (signal !== undefined && typeof signal?.throwIfAborted !== "function") {
      throw new TypeError(`"signal" expected an AbortSignal, got ${show(signal)}`);
    }
    this.settings = checked({ ...defaults(), ...defined(settings) });
    if (settings.patience !== undefined && !valid) {
      const saved = state ? ": a checkpoint does not store them, so pass resume(bytes, ids, { valid })" : "";
      throw new TypeError(`"patience" expected "valid" tokens with it${saved}`);
    }
    if (valid && valid.length < 2) throw new RangeError(`"valid" expected at least 2 tokens, got ${valid.length}`);
    this.#valid = valid;
    this.#signal = signal;
    this.#length = tokens.length;
    const { windows, seed } = this.settings;
    const epoch = partition(windows, tokens.length, 0, seed);
    this.#batchesPerEpoch = epoch.batches;
    this.#batch = epoch.starts(0).length;
    this.#state = state ?? { step: 0, tokens: 0, seconds: 0, carry: firstState(model, windows), sinceBest: 0 };
    if (state) holds.set(model.network, this.#hold);
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "Training";
  }

  /** A copy of the current state. */
  get state(): Readonly<TrainState> {
    return { ...this.#state };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Progress, void, undefined> {
    if (this.#finished || this.done() >= 1) return;
    const { settings, model, tokens } = this;
    const [state, batchesPerEpoch, length] = [this.#state, this.#batchesPerEpoch, this.#length];
    const { network } = model;
    const { windows, seed } = settings;
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
      const good = network.block("parameters").slice();
      let lastLoss = Number.NaN;
      let learningRate = 0;
      const stopUnlessFinite = (what: string, value: number, step: number) => {
        if (Number.isFinite(value)) return;
        network.block("parameters").set(good);
        network.parametersChanged();
        this.#finished = true;
        throw diverged(`${what} became ${value} at step ${step}`, lastLoss, learningRate, settings.clip);
      };

      while (!this.#finished && this.done() < 1) {
        const epochIndex = Math.floor(state.step / batchesPerEpoch);
        const epoch = partition(windows, length, epochIndex, seed);
        for (let i = state.step % batchesPerEpoch; i < epoch.batches && !this.#finished; i++) {
          this.#signal?.throwIfAborted();
          const started = now();
          const batch = cut(tokens, epoch.starts(i), windows.window, model.vocabulary.size);
          const carry = epoch.carried(i) ? state.carry.slice() : network.initialState(batch.B);
          learningRate = settings.optimizer.learningRate * factorAt(settings.schedule, this.done());

          const loss = network.gradients(batch, carry, mix(seed, state.step));
          const gradNorm = gradientNorm(network);
          stopUnlessFinite("the loss", loss, state.step + 1);
          stopUnlessFinite("the norm of the gradients", gradNorm, state.step + 1);
          good.set(network.block("parameters"));
          clip(network, gradNorm, settings.clip);
          update(network, settings.optimizer, learningRate, state.step + 1);

          lastLoss = loss;
          state.carry = carry;
          state.step++;
          state.tokens += batch.inputs.length;
          state.seconds += (now() - started) / 1000;
          const done = this.done();
          const evaluates = this.#valid && (done >= 1 || i === epoch.batches - 1);
          const valid = evaluates ? await evaluateInTurns(model, this.#valid!, "valid") : undefined;
          // After the last step, no further one would notice that its update diverged.
          if (valid) stopUnlessFinite("the loss of the held-out tokens", valid.nats, state.step);
          else if (done >= 1) stopUnlessFinite("the loss after the update", this.#lossNow(), state.step);
          if (valid) this.#compare(valid.nats);
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
  then<A = Progress | undefined, B = never>(
    fulfilled?: ((last: Progress | undefined) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#awaited ??= this.#toTheEnd();
    return this.#awaited.then(fulfilled, rejected);
  }

  async #toTheEnd(): Promise<Progress | undefined> {
    try {
      for await (const _ of this);
      return this.#last;
    } finally {
      this.#awaited = undefined;
    }
  }

  /** @throws Error if another run has trained the model, with moments of its own, since this one began */
  checkModelIsOurs(): void {
    if (this.#state.step === 0 || holds.get(this.model.network) === this.#hold) return;
    throw new Error(
      "another run has trained the model since this one was left: resume this one from a checkpoint, or start a new run",
    );
  }

  /** Claims the model. @throws Error if another run, or another loop over this one, is training it */
  #begin(): void {
    const { network } = this.model;
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
    network.prepareTraining(this.settings.windows.window, this.#batch);
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

  /** Loss over the first window of the text, or NaN if a parameter is not finite, which that window may not show. */
  #lossNow(): number {
    const { model, tokens, settings } = this;
    if (firstNotFinite(model.network.block("parameters")) !== undefined) return Number.NaN;
    return evaluateNow(model, tokens.subarray(0, settings.windows.window + 1)).nats;
  }

  /** With patience: keeps the weights if this evaluation is the best so far, and otherwise counts it. */
  #compare(nats: number): void {
    const { model, settings } = this;
    const state = this.#state;
    if (settings.patience === undefined) return;
    if (!state.best || nats < state.best.nats) {
      state.best = { nats, parameters: model.network.block("parameters").slice() };
      state.sinceBest = 0;
    } else {
      state.sinceBest++;
    }
  }

  #finish(): void {
    this.#finished = true;
    const { network } = this.model;
    const { best } = this.#state;
    if (!best) return;
    network.block("parameters").set(best.parameters);
    network.parametersChanged();
  }
}

/** Returns a zero state for each sequence of a batch. @throws RangeError if the states of a batch exceed any memory */
function firstState({ network }: RecurrentModel, { window, batch }: Partition): Float32Array {
  const bytes = 4 * network.initialState(1).length * window * batch;
  if (bytes <= 2 ** 32) return network.initialState(batch);
  throw new RangeError(
    `a batch of ${batch} windows of ${window} steps needs ${size(bytes)} of memory for its states alone, ` +
      "and WebAssembly has 4 GiB: use a smaller batch or window",
  );
}

/** @throws TypeError if it is not a Training */
export function checkTraining(training: Training): Training {
  if (training instanceof Training) return training;
  throw new TypeError(`"training" expected a Training from train(), got ${show(training)}`);
}

/** Copies windows out of a text, time-major. Each step's targets are the next step's inputs, so one copy holds both. */
function cut(tokens: TokenIds, starts: Uint32Array, T: number, size: number): Batch {
  const B = starts.length;
  const steps = new Int32Array((T + 1) * B);
  for (let t = 0, i = 0; t <= T; t++) {
    for (let b = 0; b < B; b++, i++) {
      const id = tokens[starts[b]! + t]!;
      if (!(id >= 0 && id < size)) throw changed(starts[b]! + t, id, size);
      steps[i] = id;
    }
  }
  return { T, B, inputs: steps.subarray(0, T * B), targets: steps.subarray(B) };
}

/** Error for an id that changed after it was checked. @param id undefined if the array became shorter */
const changed = (at: number, id: number | undefined, size: number): RangeError =>
  new RangeError(
    `"tokens[${at}]" expected an integer from 0 to ${size - 1}, got ${id}: the ids must not change while a model is ` +
      "trained on them. The model keeps the weights of the last step",
  );

function checked(settings: TrainSettings): Readonly<TrainSettings> {
  const { epochs, steps, seconds, patience } = settings;
  const given = [epochs, steps, seconds].filter((value) => value !== undefined).length;
  if (given > 1) throw new TypeError('expected only one of "epochs", "steps" and "seconds", got more');
  if (steps !== undefined) integer("steps", steps);
  else if (seconds !== undefined) number("seconds", seconds, ...POSITIVE);
  else if (epochs !== undefined) integer("epochs", epochs);
  if (patience !== undefined) integer("patience", patience);
  number("clip", settings.clip, "a number > 0", (limit) => limit > 0);
  integer("seed", settings.seed, 0);
  return Object.freeze({
    ...settings,
    ...(given === 0 && { epochs: 1 }),
    windows: checkPartition(settings.windows),
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
