// Stupid backoff (Brants et al. 2007, Large Language Models in Machine Translation, eq. 5).
//
//   S(w | h) = c(h w) / c(h)       where h w was seen
//            = α · S(w | h')       otherwise; h' is h without its first word
//
// These are scores, not probabilities: those of a context do not sum to 1. Here a context that was never seen has no weight,
// as in every model in backoff form; the paper has α there, too, the same for all words that could follow.

import { checkOptions, number, SHARE } from "../check.js";
import { checkCounts, type NgramCounts } from "./count.js";
import { inFloatRange, modelOf, relativeFrequencies } from "./estimate.js";

import type { NgramModel } from "./model.js";

/**
 * Stupid backoff.
 * @param alpha the weight of a shorter context, from 1e-20 to 1 (default 0.4)
 * @throws TypeError, RangeError
 */
export function stupidBackoff(counts: NgramCounts, options: { alpha?: number } = {}): NgramModel {
  checkCounts(counts);
  const { alpha = 0.4 } = checkOptions("options", options, { alpha: 1 });
  inFloatRange("alpha", number("alpha", alpha, ...SHARE));
  return modelOf(counts, relativeFrequencies(counts, alpha), { kind: "stupid-backoff", alpha });
}
