// rivulet/ngram: n-gram models, and what one does with them. No kernels, no WebAssembly.
//
// biome-ignore-all assist/source/organizeImports: grouped by what they are for

// Text to numbers and back
export { decode, encode, type Text } from "./text/corpus.js";
export type { TokenIds } from "./text/ids.js";
export {
  characters,
  join,
  lines,
  pattern,
  type Tokenizer,
  type TokenizerSpec,
  tokenize,
  whitespace,
  words,
} from "./text/tokenizers.js";
export { SENTENCE_END, SENTENCE_START, UNKNOWN, Vocabulary } from "./text/vocabulary.js";

// Counts
export { type CountOptions, countNgrams, NgramCounter, type NgramCounts } from "./ngram/count.js";

// Estimates
export { type KneserNeyOptions, kneserNey } from "./ngram/kneser-ney.js";
export { laplace } from "./ngram/laplace.js";
export { maximumLikelihood } from "./ngram/maximum-likelihood.js";
export { stupidBackoff } from "./ngram/stupid-backoff.js";
export { NgramModel, type Smoothing } from "./ngram/model.js";

// Use
export type { LanguageModel } from "./lm/language-model.js";
export { type Evaluation, evaluate, evaluateAsync, perplexity } from "./lm/perplexity.js";
export { type GenerateOptions, type Generation, generate } from "./lm/generate.js";
export { type NextToken, nextTokens, stateAfter } from "./lm/next.js";

// Keeping
export { saveArpa } from "./ngram/arpa-write.js";
export { saveNgram } from "./ngram/binary.js";
export { type Bytes, loadNgram } from "./io/ngram.js";
export { FormatError } from "./io/format.js";
