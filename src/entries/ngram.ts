// rivulet/ngram: n-gram models and functions for them, without WebAssembly.
//
// biome-ignore-all assist/source/organizeImports: grouped by what they are for

// Text, and functions for all models
export * from "./common.js";
export { SENTENCE_END, SENTENCE_START } from "../text/vocabulary.js";

// Counts
export { type CountOptions, countNgrams, NgramCounter } from "../ngram/count.js";
export { type NgramCount, NgramCounts } from "../ngram/counts.js";

// Estimates
export { type KneserNeyOptions, kneserNey } from "../ngram/kneser-ney.js";
export { laplace } from "../ngram/laplace.js";
export { maximumLikelihood } from "../ngram/maximum-likelihood.js";
export { stupidBackoff } from "../ngram/stupid-backoff.js";
export { NgramModel, type Smoothing } from "../ngram/model.js";

// Saving and loading
export { saveArpa } from "../io/arpa-write.js";
export { saveNgram } from "../io/ngram-binary.js";
export { type Bytes, loadNgram } from "../io/ngram.js";
