// rivulet/worker: the library, off the main thread.

export { WorkerError } from "../errors.js";
export type {
  RemoteCorpus,
  RemoteCounts,
  RemoteGeneration,
  RemoteIds,
  RemoteModel,
  RemoteNgramModel,
  RemoteTraining,
  RivuletWorker,
} from "../worker/client.js";
export { type AnyWorker, connectWorker, startWorker } from "../worker/start.js";
