// The interface of every language model. Everything that uses a model (perplexity, generation) is written once, against
// this interface.

import { show } from "../check.js";
import type { TokenIds } from "../text/ids.js";
import { checkTokenizer, type Tokenizer } from "../text/tokenizers.js";
import { checkVocabulary, type Vocabulary } from "../text/vocabulary.js";

/** @typeParam S the model's state after the tokens so far; a state is never modified once it is returned */
export interface LanguageModel<S = unknown> {
  readonly tokenizer: Tokenizer;
  readonly vocabulary: Vocabulary;
  /** True if the first token of a text is predicted as well (default: true if the vocabulary has <bos>). */
  readonly predictsFirst?: boolean;
  /** A number that changes whenever the model's predictions do; undefined if they never change. */
  readonly version?: number;
  /** Returns the state before any token (after <bos>, if the vocabulary has it). */
  start(): S;
  /** Returns the natural log-probability of each token to be the next one. */
  logProbs(state: S): Float32Array;
  /** Returns the natural log-probability of one token to be the next one. */
  logProb(state: S, token: number): number;
  /** Returns the state after one more token. */
  advance(state: S, token: number): S;
  /**
   * Returns the log-probability of each token, given `state` and the tokens before it, and the state after the last.
   * For models that can do this faster than token by token.
   */
  score?(tokens: TokenIds, state: S): { logProbs: Float32Array | Float64Array; state: S };
  /** Converts a state to bytes and back. @throws RangeError if the bytes are not a state of this model */
  saveState(state: S): Uint8Array;
  restoreState(bytes: Uint8Array): S;
}

const METHODS = ["start", "logProbs", "logProb", "advance", "saveState", "restoreState"] as const;

/** @throws TypeError if the value does not implement LanguageModel */
export function checkModel<S>(model: LanguageModel<S>): void {
  if (METHODS.some((method) => typeof model?.[method] !== "function") || model.vocabulary === undefined) {
    throw new TypeError(`"model" expected a language model, got ${show(model)}`);
  }
  checkVocabulary(model.vocabulary, "model.vocabulary");
  checkTokenizer(model.tokenizer, "model.tokenizer");
}

/** Returns the model's log-probabilities. @throws RangeError if any of them is NaN */
export function logProbsAfter<S>(model: LanguageModel<S>, state: S): Float32Array {
  const logProbs = model.logProbs(state);
  for (let id = 0; id < logProbs.length; id++) if (Number.isNaN(logProbs[id])) throw notNumbers();
  return logProbs;
}

export const notNumbers = (): RangeError =>
  new RangeError(
    "the model's probabilities expected numbers, got NaN: its weights or its state are not finite, or too large to compute " +
      "with. Use a model that was saved before that happened",
  );
