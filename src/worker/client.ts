// The page's side: the library's functions, with the same names and arguments, run in a worker. Results are promises
// and async iterators. Models, counts and token ids stay in the worker; the page has stand-in objects for them.

import { WorkerError } from "../errors.js";
import type { ResumeOptions } from "../io/checkpoint.js";
import type { SaveOptions } from "../io/model.js";
import type { GenerateOptions } from "../lm/generate.js";
import type { NextToken } from "../lm/next.js";
import type { Evaluation } from "../lm/perplexity.js";
import type { RecurrentOptions } from "../lm/recurrent.js";
import type { TokenGradients, Trace } from "../lm/trace.js";
import type { CountOptions } from "../ngram/count.js";
import type { KneserNeyOptions } from "../ngram/kneser-ney.js";
import type { Smoothing } from "../ngram/model.js";
import type { NetworkConfig } from "../nn/config.js";
import type { Prediction, PredictOptions } from "../tasks/classifier.js";
import type { ClassifierOptions } from "../tasks/classifier-config.js";
import type { CorpusOptions, Text } from "../text/corpus.js";
import type { TokenIds } from "../text/ids.js";
import type { Tokenizer, TokenizerSpec } from "../text/tokenizers.js";
import { Vocabulary } from "../text/vocabulary.js";
import type { Figures } from "../train/task.js";
import type { Progress, Signal, TrainOptions } from "../train/train.js";
import type { KernelVariant } from "../wasm/load.js";
import type { FunctionName } from "./thread.js";
import { type Answer, errorFrom, form, fromForm, type Kept, movable, type Request, replaced, toForm } from "./wire.js";

/** A recurrent model in the worker. */
export interface RemoteModel {
  readonly config: NetworkConfig;
  readonly parameterCount: number;
  readonly tokenizer: TokenizerSpec;
  readonly vocabulary: Vocabulary;
}

/** A model of another task in the worker, such as a classifier. */
export interface RemoteTask {
  readonly kind: string;
  readonly parameterCount: number;
  readonly labels?: readonly string[];
}

/** N-gram counts in the worker. */
export interface RemoteCounts {
  readonly order: number;
  readonly tokenizer: TokenizerSpec;
  readonly vocabulary: Vocabulary;
}

/** An n-gram model in the worker. */
export interface RemoteNgramModel extends RemoteCounts {
  readonly smoothing?: Smoothing;
}

/** Token ids in the worker. */
export interface RemoteIds {
  readonly length: number;
}

export interface RemoteCorpus {
  vocabulary: Vocabulary;
  train: RemoteIds;
  valid: RemoteIds;
}

type Ids = RemoteIds | TokenIds;
type Trainable = RemoteModel | RemoteTask;
type AnyModel = RemoteModel | RemoteNgramModel;
type Bytes = Uint8Array | ArrayBuffer;
type RemoteTrainOptions = Omit<TrainOptions, "valid"> & { valid?: Ids };
type Resumed = Omit<ResumeOptions<TokenIds>, "valid"> & { valid?: Ids };

/**
 * The library in a worker. Each function works like the one of the same name, but returns a promise, which is rejected
 * if an argument is invalid. The bytes of a file are moved to the worker: the page's array is empty afterwards.
 * @throws WorkerError (all functions) if the worker could not be started, or has ended
 */
export interface RivuletWorker {
  RecurrentModel: { create(options: RecurrentOptions): Promise<RemoteModel> };
  Classifier: { create(options: Omit<ClassifierOptions, "from"> & { from?: RemoteModel }): Promise<RemoteTask> };
  predict(model: RemoteTask, text: string, options?: PredictOptions): Promise<Prediction[]>;
  predict(model: RemoteTask, texts: readonly string[], options?: PredictOptions): Promise<Prediction[][]>;
  prepare(text: Text, tokenizer: Tokenizer, options?: CorpusOptions): Promise<RemoteCorpus>;
  encode(text: Text, tokenizer: Tokenizer, vocabulary: Vocabulary): Promise<RemoteIds>;
  train(model: RemoteModel, tokens: Ids, options?: RemoteTrainOptions): RemoteTraining;
  train<F extends Figures>(model: RemoteTask, data: unknown, options?: TrainOptions<unknown>): RemoteTraining<F>;
  resume(checkpoint: Bytes, tokens: Ids, options?: Resumed): Promise<{ model: RemoteModel; training: RemoteTraining }>;
  resume<F extends Figures>(
    checkpoint: Bytes,
    data: unknown,
    options?: ResumeOptions<unknown>,
  ): Promise<{ model: RemoteTask; training: RemoteTraining<F> }>;
  gradientFlow(
    model: RemoteModel,
    tokens: Ids,
    options?: { steps?: number; sequences?: number },
  ): Promise<Float64Array[]>;
  trace(model: RemoteModel, text: string): Promise<Trace>;
  tokenGradients(model: RemoteModel, text: string, token: string): Promise<TokenGradients>;
  evaluate(model: AnyModel, text: Text | Ids): Promise<Evaluation>;
  evaluate<F extends Figures>(model: RemoteTask, data: unknown): Promise<F>;
  generate(model: AnyModel, options?: GenerateOptions): RemoteGeneration;
  stateAfter(model: AnyModel, text: string, state?: unknown): Promise<unknown>;
  nextTokens(model: AnyModel, state: unknown, k?: number): Promise<NextToken[]>;
  loadModel<M extends Trainable = RemoteModel>(file: Bytes): Promise<M>;
  probability(model: AnyModel, text: string, options?: { after?: string }): Promise<number>;
  loadWeights(model: RemoteModel, file: Bytes): Promise<void>;
  saveModel(model: Trainable, options?: SaveOptions): Promise<Uint8Array>;
  saveCheckpoint<F extends Figures>(training: RemoteTraining<F>): Promise<Uint8Array>;
  countNgrams(text: Text, options: CountOptions): Promise<RemoteCounts>;
  kneserNey(counts: RemoteCounts, options?: KneserNeyOptions): Promise<RemoteNgramModel>;
  stupidBackoff(counts: RemoteCounts, options?: { alpha?: number }): Promise<RemoteNgramModel>;
  laplace(counts: RemoteCounts, options?: { k?: number }): Promise<RemoteNgramModel>;
  maximumLikelihood(counts: RemoteCounts): Promise<RemoteNgramModel>;
  loadNgram(source: Bytes | AsyncIterable<Uint8Array>, options?: { tokenizer?: Tokenizer }): Promise<RemoteNgramModel>;
  saveNgram(model: RemoteNgramModel, options?: { quantize?: boolean }): Promise<Uint8Array>;
  saveArpa(model: RemoteNgramModel): AsyncIterable<Uint8Array>;
  selectKernels(variant: KernelVariant): Promise<void>;
  kernelVariant(): Promise<KernelVariant>;
  /** Ends the worker: pending calls are rejected with a WorkerError. */
  terminate(): void;
}

/** The interface to a worker, which hides the differences between a page's Worker and Node's. */
export interface WorkerPort {
  post(request: Request, transfer: ArrayBuffer[]): void;
  /** Sets the handlers of each answer, and of the failure that ends the worker. */
  listen(hear: (answer: Answer) => void, failed: (why: string, cause?: unknown) => void): void;
  terminate(): void;
  /** Makes the process wait for the worker, or no longer wait. */
  hold(waits: boolean): void;
}

/** The functions that return a promise, each with the index of the argument whose bytes are moved, or −1. */
const CALLS: { [name in FunctionName]?: number } = {
  ...{
    predict: -1,
    prepare: -1,
    encode: -1,
    gradientFlow: -1,
    trace: -1,
    tokenGradients: -1,
    evaluate: -1,
    stateAfter: -1,
    nextTokens: -1,
    probability: -1,
  },
  ...{ loadModel: 0, loadWeights: 1, saveModel: -1, saveCheckpoint: -1, resume: 0, loadNgram: 0, saveNgram: -1 },
  ...{ countNgrams: -1, kneserNey: -1, stupidBackoff: -1, laplace: -1, maximumLikelihood: -1 },
  ...{ selectKernels: -1, kernelVariant: -1 },
};

/** Milliseconds that a worker may take to report that it is ready. */
const PATIENCE = 30_000;

export function connect(port: WorkerPort): RivuletWorker {
  const connection = new Connection(port);
  const calls = Object.entries(CALLS).map(([name, moved]) => [
    name,
    (...args: unknown[]) => connection.call(name as FunctionName, args, moved),
  ]);
  return {
    ...(Object.fromEntries(calls) as Omit<
      RivuletWorker,
      "RecurrentModel" | "Classifier" | "train" | "generate" | "saveArpa"
    >),
    RecurrentModel: { create: (...args: unknown[]) => connection.call("create", args) as Promise<RemoteModel> },
    Classifier: { create: (...args: unknown[]) => connection.call("createClassifier", args) as Promise<RemoteTask> },
    train: (...args: [unknown, unknown, { signal?: Signal }?]) =>
      new RemoteTraining<never>(connection, () => connection.begin("train", args), args[2]?.signal),
    generate: (...args) => new RemoteGeneration(connection, () => connection.begin("generate", args)),
    saveArpa: (...args) => new RemoteIterable<Uint8Array>(connection, () => connection.begin("saveArpa", args)),
    terminate: () => connection.terminate(),
  };
}

class Connection {
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  /** Numbers of the stand-in objects: the worker has the objects themselves under the same numbers. */
  private readonly handles = new WeakMap<object, number>();
  private readonly dropped = new FinalizationRegistry<number>((drop) => this.failure ?? this.port.post({ drop }, []));
  private failure: WorkerError | undefined;
  private requests = 0;
  private signals = 0;

  constructor(private readonly port: WorkerPort) {
    const timer = setTimeout(
      () => this.fail("the worker did not answer in 30 seconds: does its file import rivulet/worker-thread?"),
      PATIENCE,
    );
    (timer as { unref?: () => void }).unref?.();
    port.listen(
      (answer) => {
        if ("ready" in answer) clearTimeout(timer);
        else this.settle(answer);
      },
      (why, cause) => {
        clearTimeout(timer);
        this.fail(why, cause);
      },
    );
    port.hold(false);
  }

  terminate(): void {
    this.fail("the worker was terminated");
  }

  /** Calls a function in the worker. @param moved index of the argument whose bytes are moved */
  async call(call: FunctionName, args: unknown[], moved?: number): Promise<unknown> {
    return this.received(await this.ask(call, args, moved));
  }

  /** Calls a function whose result is iterated over, and returns the number of that result in the worker. */
  async begin(call: FunctionName, args: unknown[]): Promise<number> {
    let number = 0;
    fromForm((await this.ask(call, args)) as object, { kept: ({ handle }) => (number = handle) });
    return number;
  }

  private async ask(call: FunctionName, args: unknown[], moved = -1): Promise<unknown> {
    const pieces: unknown[] = [];
    for (const arg of args) {
      // A training run is thenable: awaiting it would start training.
      if (arg instanceof RemoteIterable) await arg.handle();
      pieces.push(arg instanceof RemoteIterable ? arg : await allPieces(arg));
    }
    const transfer = moved < 0 ? [] : [pieces[moved]].flat().flatMap(movable);
    const aborted: (() => void)[] = [];
    const request = { call, args: replaced(pieces, (value) => this.sent(value, aborted)) as unknown[] };
    const value = this.request(request, transfer);
    for (const tell of aborted) tell();
    return value;
  }

  request(
    request: { call: string; args: unknown[] } | { next: number } | { end: number },
    transfer: ArrayBuffer[] = [],
  ): Promise<unknown> {
    if (this.failure) return Promise.reject(this.failure);
    const id = ++this.requests;
    return new Promise((resolve, reject) => {
      this.port.post({ id, ...request }, transfer);
      this.waiting.set(id, { resolve, reject });
      this.port.hold(true);
    });
  }

  /** Registers an object as the stand-in for one in the worker. */
  bind<T extends object>(object: T, handle: number): T {
    this.handles.set(object, handle);
    this.dropped.register(object, handle);
    return object;
  }

  private sent(value: object, aborted: (() => void)[]): unknown {
    const handle = this.handles.get(value);
    if (handle !== undefined) return form("object", handle);
    if (value instanceof AbortSignal) {
      const abort = ++this.signals;
      const tell = () => this.failure ?? this.port.post({ abort }, []);
      if (value.aborted) aborted.push(tell);
      else value.addEventListener("abort", tell, { once: true });
      return form("signal", abort);
    }
    return toForm(value);
  }

  private received(value: unknown): unknown {
    return replaced(value, (object) =>
      fromForm(object, {
        vocabulary: (tokens) => new Vocabulary(tokens),
        tokenizer: (spec) => spec,
        kept: ({ handle, kind, about }) => this.bind(this.standIn(kind, about, handle), handle),
      }),
    );
  }

  private standIn(kind: Kept["kind"], about: Kept["about"], handle: number): object {
    if (kind === "training") return new RemoteTraining(this, async () => handle);
    return Object.freeze(this.received(about) as object);
  }

  private settle(answer: Exclude<Answer, { ready: true }>): void {
    const { resolve, reject } = this.waiting.get(answer.id)!;
    this.waiting.delete(answer.id);
    if (this.waiting.size === 0) this.port.hold(false);
    if ("error" in answer) reject(errorFrom(answer.error));
    else resolve(answer.value);
  }

  private fail(why: string, cause?: unknown): void {
    if (this.failure) return;
    this.failure = new WorkerError(`${why}: start a new one`, { cause });
    this.port.terminate();
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}

/** An iterable in the worker, where nothing runs before it is iterated over. */
export class RemoteIterable<T> implements AsyncIterable<T> {
  private begun: Promise<number> | undefined;

  constructor(
    protected readonly connection: Connection,
    private readonly begin: () => Promise<number>,
    private readonly signal?: Signal,
  ) {}

  /** Returns its number in the worker, and creates it there first if necessary. */
  async handle(): Promise<number> {
    this.begun ??= this.begin().then((handle) => {
      this.connection.bind(this, handle);
      return handle;
    });
    return this.begun;
  }

  /** Returns the reason of the page's signal, if it was aborted: the worker's copy does not have it. */
  protected reason(error: unknown): unknown {
    return this.signal?.aborted ? (this.signal as AbortSignal).reason : error;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const handle = await this.handle();
    let done = false;
    try {
      while (!done) {
        const result = (await this.connection.request({ next: handle })) as IteratorResult<T, undefined>;
        done = result.done === true;
        if (!result.done) yield result.value;
      }
    } catch (error) {
      done = true;
      throw this.reason(error);
    } finally {
      if (!done) await this.connection.request({ end: handle });
    }
  }
}

/** A training run in the worker: iterate over it, or await it to train to the end. */
export class RemoteTraining<F extends Figures = Evaluation> extends RemoteIterable<Progress<F>> {
  /** Changes the learning rate from the next step on: see Training. */
  async setLearningRate(rate: number): Promise<void> {
    await this.connection.call("setLearningRate", [this, rate]);
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting a run is meant to train the model
  then<A, B>(
    done?: ((last: Progress<F> | undefined) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const finish = async () => {
      try {
        return (await this.connection.call("finish", [this])) as Progress<F> | undefined;
      } catch (error) {
        throw this.reason(error);
      }
    };
    return finish().then(done, failed) as Promise<A | B>;
  }
}

/** A text being generated in the worker. */
export class RemoteGeneration extends RemoteIterable<string> {
  /** Returns bytes from which generate() can continue, in any thread. */
  async save(): Promise<Uint8Array> {
    return (await this.connection.call("saveGeneration", [this])) as Uint8Array;
  }
}

/** Collects the pieces of an iterable text or file in an array; returns anything else unchanged. */
async function allPieces(value: unknown): Promise<unknown> {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return value;
  if (Symbol.iterator in value) return [...(value as Iterable<unknown>)];
  if (!(Symbol.asyncIterator in value)) return value;
  const pieces: unknown[] = [];
  for await (const piece of value as AsyncIterable<unknown>) pieces.push(piece);
  return pieces;
}
