// Counts that come from outside may lack rows, for example after a query that drops n-grams counted once. Every estimate
// relies on two properties of a text's counts: each prefix and suffix of an n-gram is counted, and a suffix is counted at
// least as often as all n-grams that end in it together. Prefixes need no check: their counts are sums over rows.

import { show } from "../check.js";
import type { Vocabulary } from "../text/vocabulary.js";
import { spell, type Trie } from "./trie.js";

/** Thrown when counts lack rows. */
export class IncompleteCounts extends RangeError {}

const ADVICE = "keep every row, including those counted once, and prune the model instead (prune, --prune)";

interface Counts {
  trie: Trie;
  occurrences: Uint32Array;
  vocabulary: Vocabulary;
}

/** @throws IncompleteCounts naming the first row whose suffix is not counted, or not often enough */
export function checkComplete(counts: Counts): void {
  const { trie, occurrences: count } = counts;
  const { order, levels, first, word, suffix } = trie;
  /** (nodes above the last level) The sum of the counts of the n-grams that end in this one. */
  const preceded = new Float64Array(levels[order]!);
  // Level by level: the suffix of a node is a child of its parent's suffix, which has already been checked.
  for (let parent = 1; parent < levels[order]!; parent++) {
    const [from, to] = [first[suffix[parent]!]!, first[suffix[parent]! + 1]!];
    for (let node = first[parent]!; node < first[parent + 1]!; node++) {
      const link = suffix[node]!;
      if (!(link >= from && link < to && word[link] === word[node])) throw incomplete(counts, node, 0, 0);
      preceded[link]! += count[node]!;
      if (preceded[link]! > count[link]!) throw incomplete(counts, node, count[link]!, preceded[link]!);
    }
  }
}

function incomplete(counts: Counts, node: number, found: number, least: number): IncompleteCounts {
  const { trie, occurrences: count, vocabulary } = counts;
  // If no row begins with a prefix's suffix, no row begins with the suffix of a longer n-gram either: name a whole row.
  if (found === 0)
    while (node < trie.levels[trie.order]! && trie.first[node]! < trie.first[node + 1]!) node = trie.first[node]!;
  const words = Array.from(spell(trie, node), (id) => vocabulary.token(id));
  const [ngram, suffix] = [words, words.slice(1)].map((words) => show(words.join(" ")));
  return new IncompleteCounts(
    found === 0
      ? `counts expected a row that begins with ${suffix}, as ${ngram} (count ${count[node]}) ends in it, got none: ${ADVICE}`
      : `counts expected ${suffix} at least ${least} times, as often as the n-grams that end in it, such as ${ngram} ` +
          `(count ${count[node]}), got ${found}: ${ADVICE}`,
  );
}
