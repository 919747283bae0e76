// N-grams in a trie: the path from the root to a node spells an n-gram, first word first.
//
// Nodes are numbered breadth first: the root is 0, the unigrams are 1 … V in the order of their ids, then come the bigrams,
// the trigrams, … , each level in lexicographic order. So the children of a node are consecutive, sorted by word, and end
// where those of the next node begin. A suffix link leads from w1 … wn to w2 … wn. With these links the trie is an automaton
// that reads a text word by word: from a context it moves to the child for the next word or, if there is none, follows the
// suffix link and tries again from the shorter context. Its whole state is one node number.

import { exactly, grown } from "../arrays.js";
import { idsFor, type TokenIds } from "../text/ids.js";

export const ROOT = 0;

/** Longer n-grams cost more memory than they are worth. */
export const MAX_ORDER = 10;

export interface Trie {
  /** Length of the longest n-grams: N. */
  readonly order: number;
  /** (N + 2) levels[n] is the first node of the n-grams, levels[N + 1] the number of nodes. */
  readonly levels: readonly number[];
  /** (nodes) The last word of each n-gram; the root has none. */
  readonly word: TokenIds;
  /** (1 + nodes above level N) The children of a node are first[node] … first[node + 1] − 1. */
  readonly first: Uint32Array;
  /** (nodes) The longest proper suffix of each n-gram that the trie contains. */
  readonly suffix: Uint32Array;
}

/** Number of n-grams of length n. */
export const countOf = ({ levels }: Pick<Trie, "levels">, n: number): number => levels[n + 1]! - levels[n]!;

/** Returns the child of `node` for a word, or ROOT if there is none. Every word is a child of the root. */
export function child({ word: words, first }: Pick<Trie, "word" | "first">, node: number, word: number): number {
  if (node === ROOT) return word + 1;
  const end = first[node + 1]!;
  const found = search(words, word, first[node]!, end);
  return found < end && words[found] === word ? found : ROOT;
}

/** Returns the first index from `low` on whose word is not less than `word`, or `high`. */
function search(words: TokenIds, word: number, low: number, high: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (words[middle]! < word) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Yields the nodes of length n in order; `words` holds the words of the current one. */
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
      // Finds the parent; usually it is also the previous n-gram's.
      let same = node > levels[n]!;
      for (; path[depth + 1]! >= first[path[depth]! + 1]!; path[depth]!++) same = false;
      if (same) break;
      words[depth - 1] = word[path[depth]!]!;
    }
    yield node;
  }
}

/** Returns the words of a node's n-gram. Slow (linear in the level): for error messages only. */
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
  /** As in Trie, up to the last completed level. */
  word: TokenIds;
  first: Uint32Array;
  private length = 1;
  /** Number of nodes whose first child is known. */
  private opened = 0;

  /**
   * Starts with the unigrams.
   * @param nodes the expected number of nodes (default: grows)
   * @param above how many of them are above the last level (default: grows)
   */
  constructor(vocabularySize: number, nodes = 0, above = 0) {
    this.word = idsFor(vocabularySize, new Uint8Array(Math.max(nodes, vocabularySize + 1)));
    this.first = new Uint32Array(above + 1);
    this.endLevel();
    for (let id = 0; id < vocabularySize; id++) this.append(ROOT, id);
    this.endLevel();
  }

  /** Appends a node and returns its number. Nodes must be appended in order of parent, then of word. */
  append(parent: number, word: number): number {
    if (this.length === this.word.length) this.word = grown(this.word);
    this.word[this.length] = word;
    this.open(parent);
    return this.length++;
  }

  /** Must be called after the last node of each level. */
  endLevel(): void {
    this.open(this.levels.at(-1)!);
    this.levels.push(this.length);
  }

  /** @param closed true if the trie is known to contain the suffix of each n-gram */
  done(closed: boolean): Trie {
    const { levels, length } = this;
    const order = levels.length - 2;
    const trie = { order, levels, word: exactly(this.word, length), first: exactly(this.first, this.opened) };
    return { ...trie, suffix: suffixLinks(trie, closed) };
  }

  /** Sets `first` up to `parent` to the next node; nodes skipped on the way have no children. */
  private open(parent: number): void {
    while (this.opened <= parent) {
      if (this.opened === this.first.length) this.first = grown(this.first);
      this.first[this.opened++] = this.length;
    }
  }
}

/** Computes suffix links: the suffix of a node is the child, for the same word, of its parent's suffix. */
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
      // A parent with one child needs no search; skipping it saves a cache miss. Words ascend in both lists.
      if (!closed || end - found > 1) found = search(word, w, found, end);
      suffix[node] =
        closed || (found < end && word[found] === w) ? found : shorterSuffix({ word, first }, suffix, start, w);
    }
  }
  return suffix;
}

/** Finds the suffix in a pruned model, which may contain w1 w2 w3 but not w2 w3. */
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
