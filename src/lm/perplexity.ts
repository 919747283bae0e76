// Measures how well a model predicts a text (Jelinek et al. 1977).

import { checkOptions, type NoOptions } from "../check.js";
import { exp } from "../exact.js";
import { pause } from "../pause.js";
import { encode, type Text } from "../text/corpus.js";
import { checkIds, type TokenIds } from "../text/ids.js";
import { checkModel, type LanguageModel, notNumbers } from "./language-model.js";

export interface Evaluation {
  /** Mean of −ln p over the predicted tokens. */
  nats: number;
  /** Mean of −log₂ p: nats / ln 2. */
  bits: number;
  /** e^nats. */
  perplexity: number;
  /** Perplexity over the tokens that are in the vocabulary; absent if none are. */
  perplexityExcludingUnknown?: number;
  /** Number of predicted tokens that are not in the vocabulary. */
  unknown: number;
  /** Number of predicted tokens with probability 0; a single one makes the perplexity infinite. */
  impossible: number;
  /** Number of predicted tokens. */
  tokens: number;
}

/** Tokens scored at a time, and the smaller number that evaluateAsync() scores between two looks at the clock. */
const CHUNK = 1 << 15;
const SHORT = 1 << 9;

/** A model that is not a language model, and evaluates itself on data of its own kind. */
export interface SelfEvaluating<D, F> {
  prepare(name: string, data: D): unknown;
  evaluating(name: string, data: never): Generator<undefined, F>;
}

/**
 * Evaluates a model on a text, carrying its state from the first token to the last. A network without <bos> has nothing
 * to predict the first token from, so it starts with the second. Other models are evaluated on data of their own kind.
 * @param data a text, or its token ids
 * @throws TypeError or RangeError if it is not a text, is too short to predict a token, or contains a token without an
 * id
 * @throws RangeError if the model's probabilities are not numbers: its weights are NaN, infinite or too large
 */
export function evaluate<S>(model: LanguageModel<S>, data: Text | TokenIds, options?: NoOptions): Evaluation;
export function evaluate<D, F>(model: SelfEvaluating<D, F>, data: D, options?: NoOptions): F;
export function evaluate(model: Anything, data: Anything, options: NoOptions = {}): Anything {
  checkOptions("options", options, {});
  return numbers(atOnce(figures(model, data, CHUNK)));
}

/**
 * Like evaluate(), but yields to the event loop now and then.
 * @throws the errors of evaluate(); Error if the model is trained meanwhile
 */
export function evaluateAsync<S>(
  model: LanguageModel<S>,
  data: Text | TokenIds,
  options?: NoOptions,
): Promise<Evaluation>;
export function evaluateAsync<D, F>(model: SelfEvaluating<D, F>, data: D, options?: NoOptions): Promise<F>;
export async function evaluateAsync(model: Anything, data: Anything, options: NoOptions = {}): Promise<Anything> {
  checkOptions("options", options, {});
  return numbers(await inTurns(figures(model, data, SHORT)));
}

// biome-ignore lint/suspicious/noExplicitAny: the overloads say what belongs together
type Anything = any;

function figures(model: Anything, data: Anything, step: number): Generator<undefined, { nats: number }> {
  return typeof model?.evaluating === "function"
    ? model.evaluating("data", model.prepare("data", data))
    : evaluating(model, data, "text", step);
}

function numbers<F extends { nats: number }>(evaluation: F): F {
  if (Number.isNaN(evaluation.nats)) throw notNumbers();
  return evaluation;
}

/** Runs an evaluation to its end. */
export function atOnce<F>(evaluation: Generator<undefined, F>): F {
  for (;;) {
    const { done, value } = evaluation.next();
    if (done) return value;
  }
}

/** Runs an evaluation to its end, and yields to the event loop now and then. */
export async function inTurns<F>(evaluation: Generator<undefined, F>): Promise<F> {
  const breath = pause(4);
  for (;;) {
    const { done, value } = evaluation.next();
    if (done) return value;
    await breath();
  }
}

/** Evaluates a language model chunk by chunk. The result may be NaN. */
export function* evaluating<S>(
  model: LanguageModel<S>,
  text: Text | TokenIds,
  name: string,
  step = SHORT,
): Generator<undefined, Evaluation> {
  checkModel(model);
  const { tokenizer, vocabulary, version } = model;
  const ids = ArrayBuffer.isView(text) ? checkIds(name, text, vocabulary.size) : encode(text, tokenizer, vocabulary);
  const { length } = ids;
  const first = (model.predictsFirst ?? vocabulary.start !== undefined) ? 0 : 1;
  if (length <= first) {
    throw new RangeError(
      `a text to evaluate expected at least ${first + 1} token${first > 0 ? "s" : ""}, got ${length}`,
    );
  }
  let state = model.start();
  for (let i = 0; i < first; i++) state = model.advance(state, ids[i]!);

  let sum = 0;
  let sumKnown = 0;
  let unknown = 0;
  let impossible = 0;
  for (let start = first; start < length; start += step) {
    if (model.version !== version) {
      throw new Error(
        "the model was trained while it was evaluated: wait for the evaluation before training continues",
      );
    }
    if (ids.length < length) {
      throw new RangeError(
        `"${name}" expected to keep its ${length} ids, got ${ids.length}: its buffer was detached or shrunk`,
      );
    }
    const chunk = ids.subarray(start, Math.min(start + step, length));
    const scored = model.score?.(chunk, state) ?? stepByStep(model, chunk, state);
    state = scored.state;
    scored.logProbs.forEach((logProb, i) => {
      sum -= logProb;
      if (logProb === -Infinity) impossible++;
      if (chunk[i] === vocabulary.unknown) unknown++;
      else sumKnown -= logProb;
    });
    yield;
  }
  const tokens = length - first;
  const nats = sum / tokens;
  return {
    nats,
    bits: nats / Math.LN2,
    perplexity: exp(nats),
    ...(unknown < tokens && { perplexityExcludingUnknown: exp(sumKnown / (tokens - unknown)) }),
    unknown,
    impossible,
    tokens,
  };
}

/** The perplexity alone; see evaluate. */
export function perplexity<S>(model: LanguageModel<S>, text: Text | TokenIds, options: NoOptions = {}): number {
  return evaluate(model, text, options).perplexity;
}

function stepByStep<S>(model: LanguageModel<S>, ids: TokenIds, state: S): { logProbs: Float64Array; state: S } {
  const logProbs = Float64Array.from(ids, (id) => {
    const logProb = model.logProb(state, id);
    state = model.advance(state, id);
    return logProb;
  });
  return { logProbs, state };
}
