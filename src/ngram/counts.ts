// The counts of a text: how often each n-gram occurs.

import { integer, kindOf, show } from "../check.js";
import { largest } from "../lm/largest.js";
import { type Tokenizer, tokenize } from "../text/tokenizers.js";
import { strings, Vocabulary } from "../text/vocabulary.js";
import { child, ngrams, ROOT, type Trie } from "./trie.js";

/** The ids of <s> and </s> in every counted vocabulary, whose first words are <unk>, <s> and </s>. */
export const START = 1;
export const END = 2;

/** An n-gram and how often it occurs. */
export interface NgramCount {
  ngram: string[];
  count: number;
}

/** How often each n-gram occurs in a text, as returned by countNgrams(). */
export class NgramCounts {
  /**
   * @param vocabulary <unk>, <s> and </s>, then the words by descending count, ties in the order of their code units
   * @param trie the n-grams of all lengths up to the counted order
   * @param occurrences (nodes) c(w1 … wn). That of <s> alone is 0, since nothing predicts it.
   */
  constructor(
    readonly tokenizer: Tokenizer,
    readonly vocabulary: Vocabulary,
    readonly trie: Trie,
    readonly occurrences: Uint32Array,
  ) {
    if (kindOf(occurrences) !== "Uint32Array" || trie?.word?.length !== occurrences.length) {
      throw new TypeError('"NgramCounts" expected countNgrams(text, { order }), got new NgramCounts(…)');
    }
  }

  get [Symbol.toStringTag](): string {
    return "NgramCounts";
  }

  /**
   * Returns how often an n-gram occurs; 0 if it does not. That of <s> is the number of sentences, and of </s>, too.
   * @param ngram a text, or its tokens, among which <s> and </s> may be
   * @throws TypeError if it is neither; RangeError if it has no token, or more than were counted together
   */
  count(ngram: string | readonly string[]): number {
    const tokens =
      typeof ngram === "string" ? tokenize(this.tokenizer, ngram) : strings("ngram", ngram as readonly string[]);
    const { vocabulary, trie, occurrences } = checkCounts(this);
    if (tokens.length < 1 || tokens.length > trie.order) {
      const range = trie.order === 1 ? "1 token" : `1 to ${trie.order} tokens, as many as were counted together`;
      throw new RangeError(`"ngram" expected ${range}, got ${tokens.length}`);
    }
    let node = ROOT;
    for (const token of tokens) {
      if (!vocabulary.has(token)) return 0;
      node = child(trie, node, vocabulary.id(token));
      if (node === ROOT) return 0;
    }
    return occurrences[node === START + 1 ? END + 1 : node]!;
  }

  /**
   * Returns the n-grams of n tokens, the most frequent first, ties in the order of their ids: unigrams with </s>, but
   * without <s>, which nothing predicts.
   * @param k at most so many (default: all)
   * @throws TypeError or RangeError if n is not from 1 to the counted order, or k is no positive integer
   */
  entries(n: number, k = Number.MAX_SAFE_INTEGER): NgramCount[] {
    const { trie, vocabulary, occurrences } = checkCounts(this);
    const { levels } = trie;
    integer("n", n, 1, trie.order);
    integer("k", k);
    const from = levels[n]!;
    const counts = Float64Array.from(occurrences.subarray(from, levels[n + 1]!), (count) => count || -Infinity);
    const rank = new Map(Array.from(largest(counts, k), (index, place) => [from + index, place]));
    const entries = new Array<NgramCount>(rank.size);
    const ids = new Uint32Array(n);
    for (const node of ngrams(trie, n, ids)) {
      const place = rank.get(node);
      if (place === undefined) continue;
      entries[place] = { ngram: Array.from(ids, (id) => vocabulary.token(id)), count: occurrences[node]! };
    }
    return entries;
  }
}

/** @throws TypeError if `counts` is something else or lost its tables: a transferred array has length 0 */
export function checkCounts(counts: NgramCounts): NgramCounts {
  const { tokenizer, vocabulary, trie, occurrences } = counts ?? ({} as Partial<NgramCounts>);
  const tables = [occurrences, trie?.word, trie?.suffix];
  const nodes = trie?.levels?.at(-1);
  const whole = nodes && trie?.first?.length && tables.every((table) => table?.length === nodes);
  if (whole && tokenizer && vocabulary instanceof Vocabulary) return counts;
  throw new TypeError(`"counts" expected the result of countNgrams(), got ${show(counts)}`);
}
