// Additive smoothing (Jurafsky and Martin, Speech and Language Processing, 3rd edition, eq. 3.28; Laplace: k = 1).
//
//   p(w | h) = (c(h w) + k) / (c(h) + k |V|),   |V|: all words and </s> and <unk>, not <s>
//
// In backoff form: what never followed h has k / (c(h) + k |V|) = b(h) · 1 / |V|, so that b(h) = k |V| / (c(h) + k |V|), and all
// shorter n-grams have 1 / |V|, but for those that begin with <s> and so are all the context there is.

import { checkOptions, number, POSITIVE } from "../check.js";
import { checkCounts, type NgramCounts } from "./count.js";
import { beginningWithStart, eachContext, emptyTables, inFloatRange, modelOf, total } from "./estimate.js";
import type { NgramModel } from "./model.js";

/**
 * Add-k smoothing.
 * @param k what is added to each count, from 1e-20 to 1e20 (default 1)
 * @throws TypeError, RangeError
 */
export function laplace(counts: NgramCounts, options: { k?: number } = {}): NgramModel {
  const { k = 1 } = checkOptions("options", options, { k: 1 });
  inFloatRange("k", number("k", k, ...POSITIVE));
  const { trie, count, vocabulary } = checkCounts(counts);
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
