// Maximum likelihood: relative frequencies (Jurafsky and Martin, Speech and Language Processing, 3rd edition, eq. 3.12).
//
//   p(w | h) = c(h w) / c(h),   c(h) = Σx c(h x)
//
// What was never seen has probability 0, and a text that has it an infinite perplexity. After a context that was never seen
// itself the estimate would be 0 / 0; the model then goes by the longest end of it that was.

import { checkOptions, type NoOptions } from "../check.js";
import { checkCounts, type NgramCounts } from "./count.js";
import { modelOf, relativeFrequencies } from "./estimate.js";
import type { NgramModel } from "./model.js";

/** The maximum likelihood estimate. @throws TypeError */
export function maximumLikelihood(counts: NgramCounts, options: NoOptions = {}): NgramModel {
  checkOptions("options", options, {});
  return modelOf(checkCounts(counts), relativeFrequencies(counts, 0), { kind: "mle" });
}
