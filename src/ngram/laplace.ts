// Additive smoothing (Jurafsky and Martin, Speech and Language Processing, 3rd edition, eq. 3.28; Laplace: k = 1).
//
//   p(w | h) = (c(h w) + k) / (c(h) + k |V|),   V includes </s> and <unk> but not <s>
//
// In backoff form: a word that never followed h has p = k / (c(h) + k |V|) = b(h) · 1 / |V|, so b(h) = k |V| / (c(h) + k |V|).
// N-grams shorter than N have p = 1 / |V|, except those that begin with <s>, whose context cannot be any longer.

import { checkOptions, number, POSITIVE } from "../check.js";
import { checkCounts, type NgramCounts } from "./counts.js";
import { beginningWithStart, eachContext, emptyTables, inFloatRange, modelOf, total } from "./estimate.js";
import type { NgramModel } from "./model.js";

/**
 * Estimates a model by add-k smoothing.
 * @param k added to each count, from 1e-20 to 1e20 (default 1)
 * @throws TypeError, RangeError naming the invalid argument
 */
export function laplace(counts: NgramCounts, options: { k?: number } = {}): NgramModel {
  const { k = 1 } = checkOptions("options", options, { k: 1 });
  inFloatRange("k", number("k", k, ...POSITIVE));
  const { trie, occurrences: count, vocabulary } = checkCounts(counts);
  const tables = emptyTables(trie);
  const { p, b } = tables;
  const V = vocabulary.size - 1;
  const starts = beginningWithStart(trie);
  for (let n = 1; n <= trie.order; n++) {
    eachContext(trie, n, (h, first, end) => {
      const whole = n === trie.order || (first >= starts[n]!.from && first < starts[n]!.to);
      const c = total(count, first, end);
      for (let node = first; node < end; node++) p[node] = whole ? (count[node]! + k) / (c + k * V) : 1 / V;
      if (whole) b[h] = (k * V) / (c + k * V);
    });
  }
  return modelOf(counts, tables, { kind: "laplace", k });
}
