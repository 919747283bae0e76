// Stupid backoff (Brants et al. 2007, Large Language Models in Machine Translation, eq. 5).
//
//   S(w | h) = c(h w) / c(h)       if h w was seen
//            = α · S(w | h')       otherwise; h' is h without its first word
//
// These are scores, not probabilities: over a context they do not sum to 1. Backing off from an unseen context costs nothing
// here, as in every model in backoff form; the paper multiplies by α there as well, by the same factor for every next word.

import { checkOptions, number, SHARE } from "../check.js";
import { checkCounts, type NgramCounts } from "./counts.js";
import { inFloatRange, modelOf, relativeFrequencies } from "./estimate.js";

import type { NgramModel } from "./model.js";

/**
 * Estimates a model by stupid backoff.
 * @param alpha the factor for each shorter context, from 1e-20 to 1 (default 0.4)
 * @throws TypeError, RangeError naming the invalid argument
 */
export function stupidBackoff(counts: NgramCounts, options: { alpha?: number } = {}): NgramModel {
  checkCounts(counts);
  const { alpha = 0.4 } = checkOptions("options", options, { alpha: 1 });
  inFloatRange("alpha", number("alpha", alpha, ...SHARE));
  return modelOf(counts, relativeFrequencies(counts, alpha), { kind: "stupid-backoff", alpha });
}
