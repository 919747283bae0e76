// Counts that come from outside may lack rows: a query that drops n-grams counted once is enough. Every estimate relies on two
// properties of a text's counts: each prefix and each suffix of an n-gram is counted, and a suffix at least as often as all
// n-grams together that end in it. Prefixes are, since their counts are sums over rows.

import { show } from "../check.js";
import type { Vocabulary } from "../text/vocabulary.js";
import { spell, type Trie } from "./trie.js";

/** Counts that lack rows. */
export class IncompleteCounts extends RangeError {}

const ADVICE = "keep every row, also those counted once, and prune the model instead (prune, --prune)";

interface Counts {
  trie: Trie;
  count: Uint32Array;
  vocabulary: Vocabulary;
}

/** @throws IncompleteCounts naming the first row whose suffix is not counted, or not often enough */
export function checkComplete(counts: Counts): void {
  const { trie, count } = counts;
  const { order, levels, first, word, suffix } = trie;
  /** How often an n-gram is counted with a word before it. */
  const preceded = new Float64Array(levels[order]!);
  // Level by level: the suffix of a node is a child of its parent's suffix, which was checked before.
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
  const { trie, count, vocabulary } = counts;
  // If nothing begins with the suffix of a row's prefix, nothing begins with that of the row.
  if (found === 0)
    while (node < trie.levels[trie.order]! && trie.first[node]! < trie.first[node + 1]!) node = trie.first[node]!;
  const words = Array.from(spell(trie, node), (id) => vocabulary.token(id));
  const [ngram, suffix] = [words, words.slice(1)].map((words) => show(words.join(" ")));
  return new IncompleteCounts(
    found === 0
      ? `counts expected a row that begins with ${suffix}, as ${ngram} (count ${count[node]}) ends in it, got none: ${ADVICE}`
      : `counts expected ${suffix} at least ${least} times, as often as what ends in it, such as ${ngram} ` +
          `(count ${count[node]}), got ${found}: ${ADVICE}`,
  );
}
