// rivulet/worker: the library, off the main thread.
//
// biome-ignore-all assist/source/organizeImports: grouped by what they are for

// Settings for calls to the worker: plain data, created without kernels
export { carriedWindows, overlappingWindows, randomWindows } from "../data/windows.js";
export { sentences, words } from "../text/sentences.js";
export { characters, lines, pattern, whitespace } from "../text/tokenizers.js";
export { adamw, sgd } from "../train/optimizer.js";
export { constant, cosine, linear, step } from "../train/schedule.js";

// The worker
export { WorkerError } from "../errors.js";
export type {
  RemoteCorpus,
  RemoteCounts,
  RemoteGeneration,
  RemoteIds,
  RemoteModel,
  RemoteNgramModel,
  RemoteTask,
  RemoteTraining,
  RivuletWorker,
} from "../worker/client.js";
export { type AnyWorker, connectWorker, startWorker } from "../worker/start.js";
