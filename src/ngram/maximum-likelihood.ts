// Maximum likelihood: relative frequencies (Jurafsky and Martin, Speech and Language Processing, 3rd edition, eq. 3.12).
//
//   p(w | h) = c(h w) / c(h),   c(h) = Σx c(h x)
//
// What was never seen has probability 0, and a text that has it an infinite perplexity. After a context that was never seen
// itself the estimate would be 0 / 0; the model then goes by the longest end of it that was.

import type { NgramCounts } from "./count.js";
import { eachContext, emptyTables, modelOf, total } from "./estimate.js";
import type { NgramModel } from "./model.js";

/** The maximum likelihood estimate. */
export function maximumLikelihood(counts: NgramCounts): NgramModel {
  const { trie, count } = counts;
  const tables = emptyTables(trie);
  const { p, b } = tables;
  for (let n = 1; n <= trie.order; n++) {
    eachContext(trie, n, (h, first, end) => {
      const c = total(count, first, end);
      for (let node = first; node < end; node++) p[node] = count[node]! / c;
      b[h] = 0;
    });
  }
  return modelOf(counts, tables, { kind: "mle" });
}
