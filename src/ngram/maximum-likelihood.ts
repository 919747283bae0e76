// Maximum likelihood: relative frequencies (Jurafsky and Martin, Speech and Language Processing, 3rd edition, eq. 3.12).
//
//   p(w | h) = c(h w) / c(h),   c(h) = Σx c(h x)
//
// An unseen n-gram has probability 0, and a text that contains one an infinite perplexity. After an unseen context the
// estimate would be 0 / 0; the model then uses the context's longest suffix that was seen.

import { checkOptions, type NoOptions } from "../check.js";
import { checkCounts, type NgramCounts } from "./counts.js";
import { modelOf, relativeFrequencies } from "./estimate.js";
import type { NgramModel } from "./model.js";

/** Estimates a model by maximum likelihood. @throws TypeError naming the invalid argument */
export function maximumLikelihood(counts: NgramCounts, options: NoOptions = {}): NgramModel {
  checkOptions("options", options, {});
  return modelOf(checkCounts(counts), relativeFrequencies(counts, 0), { kind: "mle" });
}
