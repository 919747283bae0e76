// rivulet: sequence models that train and run wherever JavaScript runs.
//
// biome-ignore-all assist/source/organizeImports: grouped by what they are for

// Text, and functions for all models
export * from "./common.js";
export { type Corpus, type CorpusOptions, prepare } from "../text/corpus.js";
export { END, PADDING, START, type VocabularyOptions } from "../text/vocabulary.js";

// Models
export { RecurrentModel, type RecurrentOptions } from "../lm/recurrent.js";
export { type LayerTrace, type TokenGradients, type Trace, tokenGradients, trace } from "../lm/trace.js";
export type { NetworkConfig } from "../nn/config.js";
export type { InitializationOptions } from "../nn/initialize.js";
export type { Vectors } from "../nn/transfer.js";
export { type KernelVariant, kernelVariant, selectKernels } from "../wasm/load.js";

// Training
export {
  carriedWindows,
  overlappingWindows,
  type Partition,
  randomWindows,
  type WindowBatch,
  windowsOf,
} from "../data/windows.js";
export { adamw, type Optimizer, sgd } from "../train/optimizer.js";
export { constant, cosine, linear, type Schedule, step } from "../train/schedule.js";
export { DivergedError } from "../errors.js";
export { type Progress, type Training, type TrainOptions, train } from "../train/train.js";
export { gradientFlow } from "../train/gradient-flow.js";

// Saving and loading
export { resume, saveCheckpoint } from "../io/checkpoint.js";
export { loadModel, loadWeights, type SaveOptions, saveModel } from "../io/model.js";
