// What every language model is, whatever it is made of. Everything that uses a model (perplexity, generation) is written
// once, against this.

import { show } from "../check.js";
import type { TokenIds } from "../text/ids.js";
import { checkTokenizer, type Tokenizer } from "../text/tokenizers.js";
import { checkVocabulary, type Vocabulary } from "../text/vocabulary.js";

/** @typeParam S what the model remembers of the tokens so far; never changed once it was handed out */
export interface LanguageModel<S = unknown> {
  readonly tokenizer: Tokenizer;
  readonly vocabulary: Vocabulary;
  /** Whether the first token of a text is predicted as well (default: where the vocabulary has <bos>). */
  readonly predictsFirst?: boolean;
  /** Another number whenever the model predicts otherwise than before; a model that never does has none. */
  readonly version?: number;
  /** The state before any token (after <bos>, where the vocabulary has it). */
  start(): S;
  /** The natural logarithm of each token's probability to be next. */
  logProbs(state: S): Float32Array;
  /** That of one token. */
  logProb(state: S, token: number): number;
  /** The state after one more token. */
  advance(state: S, token: number): S;
  /**
   * logProb of each of `tokens`, each after those before it and all after `state`, and the state after the last; for a
   * model that can do it faster than token by token.
   */
  score?(tokens: TokenIds, state: S): { logProbs: Float32Array | Float64Array; state: S };
  /** A state as bytes, and back. @throws RangeError where the bytes are not a state of this model */
  saveState(state: S): Uint8Array;
  restoreState(bytes: Uint8Array): S;
}

const METHODS = ["start", "logProbs", "logProb", "advance", "saveState", "restoreState"] as const;

/** A language model, ours or another's. @throws TypeError */
export function checkModel<S>(model: LanguageModel<S>): void {
  if (METHODS.some((method) => typeof model?.[method] !== "function") || model.vocabulary === undefined) {
    throw new TypeError(`"model" expected a language model, got ${show(model)}`);
  }
  checkVocabulary(model.vocabulary, "model.vocabulary");
  checkTokenizer(model.tokenizer, "model.tokenizer");
}

/** Log-probabilities to go by. @throws RangeError where the model makes none */
export function logProbsAfter<S>(model: LanguageModel<S>, state: S): Float32Array {
  const logProbs = model.logProbs(state);
  for (let id = 0; id < logProbs.length; id++) if (Number.isNaN(logProbs[id])) throw notNumbers();
  return logProbs;
}

export const notNumbers = (): RangeError =>
  new RangeError(
    "the model's probabilities expected numbers, got NaN: its weights, or the state it goes on from, are not finite or too " +
      "large to compute with. Use a model that was saved before they became so",
  );
