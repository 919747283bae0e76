// N-grams in a trie: the path from the root to a node spells an n-gram, first word first.
//
// Nodes are numbered breadth first: the root is 0, the unigrams are 1 … V in the order of their ids, then come the bigrams,
// the trigrams, … , each level in lexicographic order. So the children of a node lie side by side in the order of their
// words, and end where those of the next node begin. A suffix link leads from w1 … wn to w2 … wn; with it the trie is an
// automaton that reads a text word by word: from a context to the child of the next word or, where there is none, the same
// from the context that is one word shorter. What a reader has to remember is one number.

import { exactly, grown } from "../arrays.js";
import { idsFor, type TokenIds } from "../text/ids.js";

export const ROOT = 0;

/** N-grams longer than this cost more memory than they are worth. */
export const MAX_ORDER = 10;

export interface Trie {
  /** Length of the longest n-grams: N. */
  readonly order: number;
  /** (N + 2) levels[n] is the first node of the n-grams, levels[N + 1] the number of nodes. */
  readonly levels: readonly number[];
  /** (nodes) The last word of each n-gram; the root has none. */
  readonly word: TokenIds;
  /** (nodes above level N, and one more) The children of a node are first[node] … first[node + 1] − 1. */
  readonly first: Uint32Array;
  /** (nodes) The longest proper suffix of each n-gram that is in the trie, too. */
  readonly suffix: Uint32Array;
}

/** How many n-grams there are. */
export const countOf = ({ levels }: Pick<Trie, "levels">, n: number): number => levels[n + 1]! - levels[n]!;

/** The child of `node` by that word, or ROOT where there is none. Every word is a child of the root. */
export function child({ word: words, first }: Pick<Trie, "word" | "first">, node: number, word: number): number {
  if (node === ROOT) return word + 1;
  const end = first[node + 1]!;
  const found = search(words, word, first[node]!, end);
  return found < end && words[found] === word ? found : ROOT;
}

/** The first place from `low` on with no lesser word, or `high`. */
function search(words: TokenIds, word: number, low: number, high: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (words[middle]! < word) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The nodes of length n, in order; while one of them is at hand, `words` has the words of its n-gram. */
export function* ngrams(
  { levels, word, first }: Trie,
  n: number,
  words: Uint32Array,
): Generator<number, void, undefined> {
  const path = Uint32Array.from(levels);
  for (let node = levels[n]!; node < levels[n + 1]!; node++) {
    path[n] = node;
    words[n - 1] = word[node]!;
    for (let depth = n - 1; depth > 0; depth--) {
      // On to the parent; as a rule it is that of the n-gram before.
      let same = node > levels[n]!;
      for (; path[depth + 1]! >= first[path[depth]! + 1]!; path[depth]!++) same = false;
      if (same) break;
      words[depth - 1] = word[path[depth]!]!;
    }
    yield node;
  }
}

/** The words of a node's n-gram. It takes time: for error messages. */
export function spell(trie: Trie, node: number): Uint32Array {
  let n = 1;
  while (node >= trie.levels[n + 1]!) n++;
  const words = new Uint32Array(n);
  for (const at of ngrams(trie, n, words)) if (at === node) break;
  return words;
}

/** Builds a trie level by level. */
export class TrieBuilder {
  private readonly levels = [ROOT];
  /** As a trie's, up to the last level that was ended. */
  word: TokenIds;
  first: Uint32Array;
  private length = 1;
  /** How many nodes know their first child. */
  private opened = 0;

  /**
   * The unigrams are there from the start.
   * @param nodes about how many nodes there will be, and how many of them above the last level (default: grows)
   */
  constructor(vocabularySize: number, nodes = 0, above = 0) {
    this.word = idsFor(vocabularySize, new Uint8Array(Math.max(nodes, vocabularySize + 1)));
    this.first = new Uint32Array(above + 1);
    this.endLevel();
    for (let id = 0; id < vocabularySize; id++) this.append(ROOT, id);
    this.endLevel();
  }

  /** Appends a node and returns its number. Parents have to come in order, and the words of each in theirs. */
  append(parent: number, word: number): number {
    if (this.length === this.word.length) this.word = grown(this.word);
    this.word[this.length] = word;
    this.open(parent);
    return this.length++;
  }

  /** Has to follow the last node of each level. */
  endLevel(): void {
    this.open(this.levels.at(-1)!);
    this.levels.push(this.length);
  }

  /** @param closed whether the suffix of each n-gram is known to be in the trie, too */
  done(closed: boolean): Trie {
    const { levels, length } = this;
    const order = levels.length - 2;
    const trie = { order, levels, word: exactly(this.word, length), first: exactly(this.first, this.opened) };
    return { ...trie, suffix: suffixLinks(trie, closed) };
  }

  /** The next node is the first child of `parent`, and of those before it that have none. */
  private open(parent: number): void {
    while (this.opened <= parent) {
      if (this.opened === this.first.length) this.first = grown(this.first);
      this.first[this.opened++] = this.length;
    }
  }
}

/** The suffix of a node is the child, by the same word, of its parent's suffix. */
function suffixLinks({ order, levels, word, first }: Omit<Trie, "suffix">, closed: boolean): Uint32Array {
  const suffix = new Uint32Array(levels[order + 1]!);
  for (let parent = 1; parent < levels[order]!; parent++) {
    const start = suffix[parent]!;
    let found = first[start]!;
    const end = first[start + 1]!;
    for (let node = first[parent]!; node < first[parent + 1]!; node++) {
      const w = word[node]!;
      if (start === ROOT) {
        suffix[node] = w + 1;
        continue;
      }
      // An only child is the one: it is not looked at, which would be waiting for memory. Words ascend on both sides.
      if (!closed || end - found > 1) found = search(word, w, found, end);
      suffix[node] =
        closed || (found < end && word[found] === w) ? found : shorterSuffix({ word, first }, suffix, start, w);
    }
  }
  return suffix;
}

/** In a model that was pruned, w1 w2 w3 may be there and w2 w3 not. */
export function shorterSuffix(
  trie: Pick<Trie, "word" | "first">,
  suffix: Uint32Array,
  start: number,
  word: number,
): number {
  for (;;) {
    start = suffix[start]!;
    const found = child(trie, start, word);
    if (found !== ROOT) return found;
  }
}
