// rivulet: sequence models that train and run wherever JavaScript runs.
//
// biome-ignore-all assist/source/organizeImports: grouped by what they are for

// Text to numbers and back
export { type Corpus, type CorpusOptions, decode, encode, prepare, type Text } from "./text/corpus.js";
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
export { END, PADDING, START, UNKNOWN, Vocabulary, type VocabularyOptions } from "./text/vocabulary.js";

// Models
export type { LanguageModel } from "./lm/language-model.js";
export { RecurrentModel, type RecurrentOptions } from "./lm/recurrent.js";
export type { NetworkConfig } from "./nn/config.js";
export type { InitialisationOptions } from "./nn/initialise.js";
export { type KernelVariant, kernelVariant, selectKernels } from "./wasm/load.js";

// Training
export { carriedWindows, overlappingWindows, type Partition, randomWindows } from "./data/windows.js";
export { adamw, type Optimizer, sgd } from "./train/optimizer.js";
export { constant, cosine, type Schedule, step } from "./train/schedule.js";
export { DivergedError, type Progress, type Training, type TrainOptions, train } from "./train/train.js";
export { gradientFlow } from "./train/gradient-flow.js";

// Use
export { type Evaluation, evaluate, evaluateAsync, perplexity } from "./lm/perplexity.js";
export { type GenerateOptions, type Generation, generate } from "./lm/generate.js";
export { type NextToken, nextTokens, stateAfter } from "./lm/next.js";

// Keeping
export { resume, saveCheckpoint } from "./io/checkpoint.js";
export { loadModel, loadWeights, saveModel } from "./io/model.js";
export { FormatError } from "./io/format.js";
