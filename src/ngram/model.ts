// An n-gram model in backoff form, as an ARPA file holds it, however it was estimated.
//
//   p(w | h) = p(h w)                 if the trie contains the n-gram h w
//            = b(h) · p(w | h')       otherwise; h' is h without its first word; b(h) = 1 if the trie does not contain h

import { checkBytes, integer, object, oneOf, show } from "../check.js";
import type { LanguageModel } from "../lm/language-model.js";
import { checkIds, type TokenIds } from "../text/ids.js";
import type { Tokenizer } from "../text/tokenizers.js";
import { SENTENCE_END, SENTENCE_START, type Vocabulary } from "../text/vocabulary.js";
import { child, ROOT, spell, type Trie } from "./trie.js";

/** How a model was estimated. `discounts` has D(1), D(2), D(3), and `prune` the threshold, for each n from 1 on. */
export type Smoothing =
  | { kind: "mle" }
  | { kind: "laplace"; k: number }
  | { kind: "stupid-backoff"; alpha: number }
  | { kind: "kneser-ney"; discounts: readonly (readonly number[])[]; prune: readonly number[] };

const KINDS = ["mle", "laplace", "stupid-backoff", "kneser-ney"] as const;

/** Checks a Smoothing that comes from JSON. @throws TypeError, RangeError if it is none */
export function checkSmoothing(value: unknown): Smoothing {
  const smoothing = object("smoothing", value as Smoothing);
  oneOf("smoothing.kind", smoothing.kind, KINDS);
  return smoothing;
}

/** A language model whose state is a number: the node of the longest context that the trie contains. */
export class NgramModel implements LanguageModel<number> {
  /** The empty context also predicts: a model without <s> scores the first token by its unigrams. */
  readonly predictsFirst = true;
  /** The node of <s>, or the root if there is none, and the id of </s>, if any. <bos> and <eos> are ordinary words here. */
  private readonly begin: number;
  private readonly end: number | undefined;
  /** The sum of log10 b(h) over the contexts that the last call of `find` backed off from. */
  private weight = 0;

  /**
   * @param logP (nodes) log10 p(w | h) of each n-gram h w
   * @param logB (nodes above the last level) log10 b(h) of each context h
   * @param smoothing how the model was estimated, if known
   */
  constructor(
    readonly tokenizer: Tokenizer,
    readonly vocabulary: Vocabulary,
    readonly trie: Trie,
    readonly logP: Float32Array,
    readonly logB: Float32Array,
    readonly smoothing?: Smoothing,
  ) {
    if (trie?.suffix?.length === undefined || logP?.length !== trie.suffix.length) {
      throw new TypeError(
        '"NgramModel" expected kneserNey(counts), loadNgram(bytes) or another estimate, got new NgramModel(…)',
      );
    }
    this.begin = vocabulary.has(SENTENCE_START) ? vocabulary.id(SENTENCE_START) + 1 : ROOT;
    this.end = vocabulary.has(SENTENCE_END) ? vocabulary.id(SENTENCE_END) : undefined;
  }

  get [Symbol.toStringTag](): string {
    return "NgramModel";
  }

  start(): number {
    return this.contextOf(this.begin);
  }

  /** @throws RangeError if there is no such state */
  logProbs(state: number): Float32Array {
    const { word, first, suffix } = this.trie;
    const contexts = [this.checked(state)];
    const weights = [0];
    for (let h = state; h !== ROOT; h = suffix[h]!) {
      contexts.push(suffix[h]!);
      weights.push(weights.at(-1)! + this.logB[h]!);
    }
    const logProbs = new Float32Array(this.vocabulary.size);
    // From the shortest context to the longest, whose values overwrite those of shorter ones.
    for (let i = contexts.length - 1; i >= 0; i--) {
      const h = contexts[i]!;
      for (let node = first[h]!; node < first[h + 1]!; node++) {
        logProbs[word[node]!] = (weights[i]! + this.logP[node]!) * Math.LN10;
      }
    }
    return logProbs;
  }

  /** @throws RangeError if there is no such state or token */
  logProb(state: number, token: number): number {
    const node = this.find(this.checked(state), this.known(token));
    return (this.weight + this.logP[node]!) * Math.LN10;
  }

  /** Starts a new sentence after </s>. @throws RangeError if there is no such state or token */
  advance(state: number, token: number): number {
    return this.after(this.find(this.checked(state), this.known(token)), token);
  }

  /** Also returns `orders`: the length of the n-gram found for each token. @throws RangeError for an invalid id or state */
  score(tokens: TokenIds, state: number): { logProbs: Float64Array; orders: Uint8Array; state: number } {
    checkIds("tokens", tokens, this.vocabulary.size);
    const { levels, order } = this.trie;
    const logProbs = new Float64Array(tokens.length);
    const orders = new Uint8Array(tokens.length);
    let h = this.checked(state);
    for (let i = 0; i < tokens.length; i++) {
      const node = this.find(h, tokens[i]!);
      logProbs[i] = (this.weight + this.logP[node]!) * Math.LN10;
      let n = order;
      while (node < levels[n]!) n--;
      orders[i] = n;
      h = this.after(node, tokens[i]!);
    }
    return { logProbs, orders, state: h };
  }

  saveState(state: number): Uint8Array {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, this.checked(state), true);
    return bytes;
  }

  restoreState(bytes: Uint8Array): number {
    if (checkBytes("bytes", bytes).length !== 4) throw new RangeError(`a state expected 4 bytes, got ${bytes.length}`);
    return this.checked(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
  }

  /** Returns the node of the longest n-gram that ends in `token` after context h; sets `weight` to the sum of log10 b. */
  private find(h: number, token: number): number {
    const { trie, logB } = this;
    let weight = 0;
    let node = child(trie, h, token);
    while (node === ROOT) {
      weight += logB[h]!;
      h = trie.suffix[h]!;
      node = child(trie, h, token);
    }
    this.weight = weight;
    return node;
  }

  private after(node: number, token: number): number {
    return token === this.end ? this.start() : this.contextOf(node);
  }

  /** Returns the longest context that the n-gram ends in. N-grams of the full order are not contexts themselves. */
  private contextOf(node: number): number {
    return node < this.logB.length ? node : this.trie.suffix[node]!;
  }

  private checked(state: number): number {
    checkNgramModel(this);
    return integer("state", state, 0, this.logB.length - 1);
  }

  private known(token: number): number {
    return integer("token", token, 0, this.vocabulary.size - 1);
  }
}

/** @throws TypeError if it is not an n-gram model, or if its buffers were detached */
export function checkNgramModel(model: NgramModel): NgramModel {
  if (!(model instanceof NgramModel)) {
    throw new TypeError(`"model" expected an n-gram model, such as kneserNey() makes, got ${show(model)}`);
  }
  const { trie, logP, logB } = model;
  // A transferred array has length 0, and a search in it might not terminate.
  if (trie.word.length && trie.first.length && trie.suffix.length && logP.length && logB.length) return model;
  throw new TypeError('"model" expected an n-gram model with its tables, got one whose buffers were detached');
}

/**
 * Returns the model if its numbers can be saved to a file.
 * @throws RangeError naming the n-gram if a log10 probability is NaN or above 0, or a backoff weight is NaN or infinite
 */
export function checkNumbers(model: NgramModel): NgramModel {
  const { logP, logB } = model;
  for (let node = 1; node < logP.length; node++) if (!(logP[node]! <= 0)) throw odd(model, node, logP[node]!);
  for (let h = 1; h < logB.length; h++) if (!(logB[h]! < Infinity)) throw odd(model, h, logB[h]!);
  return model;
}

function odd({ trie, vocabulary }: NgramModel, node: number, found: number): RangeError {
  const ngram = Array.from(spell(trie, node), (id) => vocabulary.token(id)).join(" ");
  return new RangeError(
    "an n-gram model expected log10 probabilities of at most 0 and backoff weights below infinity, " +
      `got ${found} for ${show(ngram)}: were its counts or its numbers altered?`,
  );
}
