// What every language model is, whatever it is made of. Everything that uses a model (perplexity, generation) is written
// once, against this.

import type { TokenIds } from "../text/ids.js";
import type { Tokenizer } from "../text/tokenizers.js";
import type { Vocabulary } from "../text/vocabulary.js";

/** @typeParam S what the model remembers of the tokens so far; never changed once it was handed out */
export interface LanguageModel<S = unknown> {
  readonly tokenizer: Tokenizer;
  readonly vocabulary: Vocabulary;
  /** Whether the first token of a text is predicted as well (default: where the vocabulary has <bos>). */
  readonly predictsFirst?: boolean;
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
