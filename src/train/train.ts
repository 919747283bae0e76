// The training loop. One step: take the next batch of windows, gradients by BPTT, clip, update.
//
// Everything that the loop depends on is in `state` below or is a function of the step number, so that a training that
// was saved and taken up again continues with the same bits.

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

/** What fixes a training: plain data, which a checkpoint keeps. */
export interface TrainSettings {
  /** How the text becomes windows: carriedWindows(), overlappingWindows() or randomWindows(). */
  windows: Partition;
  /** adamw() or sgd(). */
  optimizer: Optimizer;
  /** How the learning rate goes: constant(), cosine() or step(). */
  schedule: Schedule;
  /** Limit on the global norm of the gradients; Infinity does not clip. */
  clip: number;
  /** How long: one of passes over the text, batches, and seconds. */
  epochs?: number;
  steps?: number;
  seconds?: number;
  /** Stops after so many evaluations in a row without a better one, and keeps the weights that did best. Needs `valid`. */
  patience?: number;
  /** Fixes the order of the windows and what dropout leaves out. */
  seed: number;
}

export interface TrainOptions extends Partial<TrainSettings> {
  /** Held-out tokens: evaluated after each epoch and at the end. A checkpoint does not keep them. */
  valid?: TokenIds;
  /** Stops the training with the signal's reason; it can be gone on with. A checkpoint does not keep it. */
  signal?: Signal;
}

/** An AbortSignal, for programs whose types have none. */
export interface Signal {
  readonly aborted: boolean;
  throwIfAborted(): void;
}

export interface Progress {
  /** Batches done. */
  step: number;
  /** The epoch that the step belongs to, from 1. */
  epoch: number;
  /** Tokens predicted so far. */
  tokens: number;
  /** The batch's loss in nats, averaged over its tokens, before the update. */
  loss: number;
  /** e^loss. */
  perplexity: number;
  /** Global norm of the gradients, before clipping. */
  gradNorm: number;
  learningRate: number;
  /** Tokens trained in a second, evaluations left out; 0 where the clock stood still. */
  tokensPerSecond: number;
  /** The part of the training that is done, 0 to 1. */
  done: number;
  /** Of the held-out tokens, where this step was followed by an evaluation. */
  valid?: Evaluation;
}

/** What changes while training, besides the parameters and the moments. */
export interface TrainState {
  step: number;
  tokens: number;
  /** Seconds spent on steps. */
  seconds: number;
  /** What carried windows go on from: (layers, B, H). */
  carry: Float32Array;
  /** With patience: the best evaluation so far, its parameter block, and how many have passed since. */
  best?: { nats: number; parameters: Float32Array<ArrayBuffer> };
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
 * Trains a model on tokens. Nothing happens before the result is iterated over, or awaited. Iterated over, it yields after
 * each step; awaited, it trains to its end and gives the last step's progress:
 *
 *     for await (const { step, loss } of train(model, ids, { epochs: 5 })) console.log(step, loss);
 *     const { loss } = await train(model, ids, { epochs: 5 });
 *
 * By default one epoch of carriedWindows() with adamw(), a constant() rate, gradients clipped at 1, and the seed 1.
 * @throws TypeError, RangeError naming the option that is wrong, or where the text is too short for one batch
 * @throws RangeError (from the iteration) where `seconds` is to be measured by a clock that stands still
 * @throws DivergedError (from the iteration) where the loss, or that of the held-out tokens, becomes infinite or NaN
 */
export function train(model: RecurrentModel, tokens: TokenIds, options: TrainOptions = {}): Training {
  checkRecurrent(model);
  return new Training(model, tokens, checkOptions("options", options, OPTIONS));
}

/** That a training has a network's moments, and whether it is under way: others wait until it is not. */
interface Hold {
  running: boolean;
}
const holds = new WeakMap<Network, Hold>();

/**
 * A training of a model, as train() and resume() make it: iterate over it, or await it, to train. Left with break it goes on
 * where it was when it is iterated over again; stopped in any way, saveCheckpoint() keeps it for resume(). A model is
 * trained by one training at a time: another can begin once the loop over the first one was left.
 */
export class Training implements AsyncIterable<Progress>, PromiseLike<Progress | undefined> {
  /** The given settings, and the defaults of those left out. */
  readonly settings: Readonly<TrainSettings>;
  readonly #state: TrainState;
  readonly #valid: TokenIds | undefined;
  readonly #signal: Signal | undefined;
  readonly #length: number;
  readonly #batchesPerEpoch: number;
  readonly #hold: Hold = { running: false };
  #finished = false;
  #last: Progress | undefined;
  #awaited: Promise<Progress | undefined> | undefined;

  /** @param state where a checkpoint left it, whose moments the model has */
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
      const saved = state ? ": a checkpoint does not keep them, resume(bytes, ids, { valid }) takes them" : "";
      throw new TypeError(`"patience" expected "valid" tokens beside it${saved}`);
    }
    if (valid && valid.length < 2) throw new RangeError(`"valid" expected at least 2 tokens, got ${valid.length}`);
    this.#valid = valid;
    this.#signal = signal;
    this.#length = tokens.length;
    const { windows, seed } = this.settings;
    this.#batchesPerEpoch = partition(windows, tokens.length, 0, seed).batches;
    this.#state = state ?? { step: 0, tokens: 0, seconds: 0, carry: firstState(model, windows), sinceBest: 0 };
    if (state) holds.set(model.network, this.#hold);
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "Training";
  }

  /** How far it is. */
  get state(): Readonly<TrainState> {
    return { ...this.#state };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Progress, void, undefined> {
    if (this.#finished || this.done() >= 1) return;
    const { settings, model, tokens } = this;
    const [state, batchesPerEpoch, length] = [this.#state, this.#batchesPerEpoch, this.#length];
    const { network } = model;
    const { windows, seed } = settings;
    // A step of the smallest networks takes about 0.1 ms, of large ones a second.
    const breath = pause(4);
    if (settings.seconds !== undefined && !clockMoves()) {
      throw new RangeError(
        '"seconds" expected a clock that moves while a program computes, got one that stands still, as on Cloudflare Workers: ' +
          'use "steps" or "epochs"',
      );
    }
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

    this.#begin();
    try {
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
          // No next step would find that the last update went too far.
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
   * @returns the progress after the last step; undefined where nothing was left to train
   */
  // biome-ignore lint/suspicious/noThenProperty: whoever awaits a training means to train
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

  /** @throws Error where another training, since this one began, took the model on with moments of its own */
  checkModelIsOurs(): void {
    if (this.#state.step === 0 || holds.get(this.model.network) === this.#hold) return;
    throw new Error(
      "the model was trained by another training since this one was left: resume this one from a checkpoint, or begin anew",
    );
  }

  /** Takes hold of the model. @throws Error where another training, or another loop over this one, has it */
  #begin(): void {
    const { network } = this.model;
    const holder = holds.get(network);
    if (holder?.running) {
      const what = holder === this.#hold ? "this training is iterated over or awaited" : "the model is being trained";
      throw new Error(`${what} already: let that end, or leave its loop with break, before another one begins`);
    }
    this.checkModelIsOurs();
    // A model that was trained before has that training's moments.
    if (this.#state.step === 0) for (const moment of ["moment1", "moment2"] as const) network.block(moment).fill(0);
    holds.set(network, this.#hold);
    this.#hold.running = true;
  }

  /** The part of the training that is done, by whichever measure was set. */
  done(): number {
    const { epochs, steps, seconds } = this.settings;
    const { step, seconds: spent } = this.#state;
    if (steps !== undefined) return step / steps;
    if (seconds !== undefined) return spent / seconds;
    return step / (epochs! * this.#batchesPerEpoch);
  }

  /** The loss over a first window of the text; NaN where a parameter is not finite, which that may not touch. */
  #lossNow(): number {
    const { model, tokens, settings } = this;
    if (!model.network.block("parameters").every(Number.isFinite)) return Number.NaN;
    return evaluateNow(model, tokens.subarray(0, settings.windows.window + 1)).nats;
  }

  /** With patience: keeps the weights where no evaluation was better, or counts that one was. */
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

/** Zeros for each sequence of a batch. @throws RangeError where no memory holds the states of a batch */
function firstState({ network }: RecurrentModel, { window, batch }: Partition): Float32Array {
  const bytes = 4 * network.initialState(1).length * window * batch;
  if (bytes <= 2 ** 32) return network.initialState(batch);
  throw new RangeError(
    `a batch of ${batch} windows of ${window} steps needs ${size(bytes)} of memory for its states alone, ` +
      "and WebAssembly has 4 GiB: use a smaller batch or window",
  );
}

/** @throws TypeError */
export function checkTraining(training: Training): Training {
  if (training instanceof Training) return training;
  throw new TypeError(`"training" expected what train() makes, got ${show(training)}`);
}

/** Copies windows out of a text, time-major. Each step's targets are the next step's inputs: one copy holds both. */
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

/** The ids were checked before the training began; undefined stands where there are none any more. */
const changed = (at: number, id: number | undefined, size: number): RangeError =>
  new RangeError(
    `"tokens[${at}]" expected an integer from 0 to ${size - 1}, got ${id}: the ids have to stay as they are while a model ` +
      "is trained on them. The model keeps the weights of the last step",
  );

function checked(settings: TrainSettings): Readonly<TrainSettings> {
  const { epochs, steps, seconds, patience } = settings;
  const given = [epochs, steps, seconds].filter((value) => value !== undefined).length;
  if (given > 1) throw new TypeError('expected one of "epochs", "steps" and "seconds", got more');
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
    `${what}${before}: expected a finite number. The model keeps the weights that were good last. ` +
      `Use a learning rate below ${learningRate}, or ${clipping}`,
  );
}
