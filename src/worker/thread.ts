// The worker's side: calls the functions that the page requests, and keeps the objects that the page refers to.

import { saveArpa } from "../io/arpa-write.js";
import { resumeKinds, saveCheckpoint } from "../io/checkpoint.js";
import { type Kind, languageModel, loadKinds, loadWeights, saveModel } from "../io/model.js";
import { loadNgram } from "../io/ngram.js";
import { saveNgram } from "../io/ngram-binary.js";
import { Generation, generate } from "../lm/generate.js";
import { nextTokens, probability, stateAfter } from "../lm/next.js";
import { evaluateAsync } from "../lm/perplexity.js";
import { RecurrentModel } from "../lm/recurrent.js";
import { tokenGradients, trace } from "../lm/trace.js";
import { countNgrams } from "../ngram/count.js";
import type { NgramCounts } from "../ngram/counts.js";
import { kneserNey } from "../ngram/kneser-ney.js";
import { laplace } from "../ngram/laplace.js";
import { maximumLikelihood } from "../ngram/maximum-likelihood.js";
import { NgramModel } from "../ngram/model.js";
import { stupidBackoff } from "../ngram/stupid-backoff.js";
import { Classifier, type PredictOptions } from "../tasks/classifier.js";
import { type Corpus, encode, prepare } from "../text/corpus.js";
import type { TokenIds } from "../text/ids.js";
import { sentences, words } from "../text/sentences.js";
import { tokenizerFrom } from "../text/tokenizers.js";
import { Vocabulary } from "../text/vocabulary.js";
import { gradientFlow } from "../train/gradient-flow.js";
import { type AnyTask, isTask } from "../train/task.js";
import { type Progress, type Trainable, Training, train } from "../train/train.js";
import { kernelVariant, selectKernels } from "../wasm/load.js";
import { type Answer, form, fromForm, type Kept, movable, plainError, type Request, replaced, toForm } from "./wire.js";

/** The functions that a page can call, apart from those that read models of any kind. */
const FUNCTIONS = {
  create: RecurrentModel.create,
  createClassifier: Classifier.create,
  predict: (model: Classifier, texts: string | readonly string[], options?: PredictOptions) =>
    typeof texts === "string" ? model.predict(texts, options) : model.predictAll(texts, options),
  prepare,
  encode,
  train,
  gradientFlow,
  trace,
  tokenGradients,
  evaluate: evaluateAsync,
  generate,
  stateAfter,
  nextTokens,
  probability,
  loadWeights,
  saveModel,
  saveCheckpoint,
  selectKernels,
  kernelVariant,
  countNgrams,
  kneserNey,
  stupidBackoff,
  laplace,
  maximumLikelihood,
  loadNgram,
  saveNgram,
  saveArpa,
  async finish(training: Training) {
    let last: Progress | undefined;
    for await (last of training);
    return last;
  },
  setLearningRate: (training: Training, rate: number) => training.setLearningRate(rate),
  saveGeneration: (generation: Generation) => generation.save(),
} as const;
export type FunctionName = keyof typeof FUNCTIONS | "loadModel" | "resume";

/** The worker's connection to the page. */
export interface Port {
  listen(hear: (request: Request) => void): void;
  post(answer: Answer, transfer: ArrayBuffer[]): void;
}

/** Starts answering a page's requests. @param tasks the kinds of models that files can have, besides language models */
export function serve(port: Port, tasks: readonly Kind<AnyTask>[]): void {
  const kinds: readonly Kind<Trainable>[] = [languageModel, ...tasks];
  const functions: Record<FunctionName, (...args: never[]) => unknown> = {
    ...FUNCTIONS,
    loadModel: (file: Uint8Array, options = {}) => loadKinds(kinds, file, options),
    resume: (checkpoint: Uint8Array, data: never, options = {}) => resumeKinds(kinds, checkpoint, data, options),
  };
  const objects = new Map<number, unknown>();
  const iterators = new Map<number, AsyncIterator<unknown>>();
  const aborts = new Map<number, AbortController>();
  let handles = 0;

  const keep = (kind: Kept["kind"], object: unknown, about: Kept["about"] = {}) => {
    objects.set(++handles, object);
    return form("kept", { handle: handles, kind, about: replaced(about, toForm) as Kept["about"] });
  };

  /** Keeps an object in the worker, and returns its form; for plain values, the form alone, if they have one. */
  const kept = (value: object): unknown => {
    if (value instanceof RecurrentModel) {
      const { network, config, tokenizer, vocabulary } = value;
      const { parameterCount } = network;
      return keep("model", value, { config, parameterCount, tokenizer, vocabulary });
    }
    if (value instanceof NgramModel) {
      const { tokenizer, vocabulary, smoothing, trie } = value;
      return keep("ngram", value, { tokenizer, vocabulary, smoothing, order: trie.order });
    }
    if (isTask(value)) {
      const { kind, network, labels } = value as AnyTask & { labels?: readonly string[] };
      return keep("task", value, { kind, parameterCount: network.parameterCount, ...(labels && { labels }) });
    }
    if (value instanceof Training) return keep("training", value, { settings: value.settings });
    if (value instanceof Generation) return keep("generation", value);
    if ("trie" in value) {
      const { tokenizer, vocabulary, trie } = value as NgramCounts;
      return keep("counts", value, { tokenizer, vocabulary, order: trie.order });
    }
    if (Symbol.iterator in value && "next" in value) return keep("pieces", value);
    return toForm(value);
  };

  /** Makes the result of a function ready to be sent; token ids stay in the worker. */
  const sent = (call: string, value: unknown): { value: unknown; transfer: ArrayBuffer[] } => {
    if (call === "prepare") {
      const { vocabulary, train, valid } = value as Corpus;
      return { value: { vocabulary: toForm(vocabulary), train: ids(train), valid: ids(valid) }, transfer: [] };
    }
    if (call === "encode") return { value: ids(value as TokenIds), transfer: [] };
    return { value: replaced(value, kept), transfer: movable(value) };
  };
  const ids = (tokens: TokenIds) => keep("ids", tokens, { length: tokens.length });

  const received = (value: unknown) =>
    replaced(value, (object) =>
      fromForm(object, {
        tokenizer: (spec) => tokenizerFrom(spec, { words, sentences }),
        vocabulary: (tokens) => new Vocabulary(tokens),
        object: (handle) => objects.get(handle),
        signal: (key) => {
          const controller = new AbortController();
          aborts.set(key, controller);
          return controller.signal;
        },
      }),
    );

  const iteratorOf = (handle: number): AsyncIterator<unknown> => {
    const known = iterators.get(handle);
    if (known) return known;
    const iterator = values(objects.get(handle) as AsyncIterable<unknown>);
    iterators.set(handle, iterator);
    return iterator;
  };

  const answer = async (
    request: Extract<Request, { id: number }>,
  ): Promise<{ value: unknown; transfer: ArrayBuffer[] }> => {
    if ("next" in request) {
      const result = await iteratorOf(request.next).next();
      if (result.done) iterators.delete(request.next);
      return { value: result, transfer: movable(result.value) };
    }
    if ("end" in request) {
      await iterators.get(request.end)?.return?.();
      iterators.delete(request.end);
      return { value: undefined, transfer: [] };
    }
    const result = functions[request.call as FunctionName](...(received(request.args) as never[]));
    // A training run is thenable, too, but must not be awaited here, which would train to the end.
    return sent(request.call, result instanceof Promise ? await result : result);
  };

  port.listen(async (request) => {
    if ("drop" in request) objects.delete(request.drop);
    else if ("abort" in request) aborts.get(request.abort)?.abort();
    else if ("lock" in request) hold(request.lock, () => port.post({ ready: true }, []));
    else {
      const { id } = request;
      try {
        const { value, transfer } = await answer(request);
        port.post({ id, value }, transfer);
      } catch (error) {
        port.post({ id, error: plainError(error) }, []);
      }
    }
  });
}

async function* values(iterable: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield* iterable;
}

/** Holds a lock until the worker ends for any reason, which is how a page learns of it. Node has an event for that. */
function hold(name: string, then: () => void): void {
  const { locks } = (globalThis as { navigator?: { locks?: Locks } }).navigator ?? {};
  if (name === "" || !locks) {
    then();
    return;
  }
  locks.request(name, () => {
    then();
    return new Promise(() => {});
  });
}

interface Locks {
  request(name: string, callback: () => unknown): Promise<unknown>;
}
