// rivulet/node: files, and what only Node's engine can do.

import { saveCheckpoint } from "./io/checkpoint.js";
import { named, readBytes, writeWhole } from "./io/files.js";
import { loadModel, saveModel } from "./io/model.js";
import type { RecurrentModel } from "./lm/recurrent.js";
import type { Training } from "./train/train.js";

export { FileError, readText } from "./io/files.js";
export { useWideVectors } from "./wasm/wide.js";

/** Saves a model as a safetensors file, whole or not at all. @throws FileError; a file that was there is then unchanged */
export function writeModel(path: string, model: RecurrentModel): void {
  writeWhole(path, saveModel(model));
}

/** Loads a model. @throws FileError where there is none; FormatError where it is cut short, altered or something else */
export async function readModel(path: string): Promise<RecurrentModel> {
  return named(path, () => loadModel(readBytes(path)));
}

/** Saves a checkpoint of a training, whole or not at all. @throws FileError */
export function writeCheckpoint(path: string, training: Training): void {
  writeWhole(path, saveCheckpoint(training));
}
