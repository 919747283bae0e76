// rivulet/node: files, and features of Node's engine.

import { pipeline, Readable } from "node:stream";
import { createGzip } from "node:zlib";
import { boolean, checkOptions, show } from "../check.js";
import { saveArpa } from "../io/arpa-write.js";
import { saveCheckpoint } from "../io/checkpoint.js";
import { named, pathOf } from "../io/file-error.js";
import { modelPieces, readBytes } from "../io/files.js";
import { type Saved, type SaveOptions, saveModel } from "../io/model.js";
import { loadNgram } from "../io/ngram.js";
import { ngramPieces } from "../io/ngram-binary.js";
import { writePieces, writeWhole } from "../io/save.js";
import { checkTokenizerOptions, type TokenizerOptions } from "../io/tokenizer.js";
import type { RecurrentModel } from "../lm/recurrent.js";
import { checkNgramModel, type NgramModel } from "../ngram/model.js";
import type { Trainable, Training } from "../train/train.js";
import { loadModel } from "./with-kernels.js";

export { FileError } from "../io/file-error.js";
export { readText } from "../io/files.js";
export { readCounts, writeCounts } from "../io/parquet.js";
export { useWideVectors } from "../wasm/wide.js";

/**
 * Saves a model as a safetensors file, completely or not at all.
 * @param options see saveModel()
 * @throws FileError if it cannot be saved; an existing file is then unchanged
 */
export function writeModel(path: string, model: Saved, options: SaveOptions = {}): void {
  pathOf(path);
  writeWhole(path, saveModel(model, options));
}

/** Loads a model. @throws FileError if it cannot be read; FormatError if it is cut short, altered or not a model */
export async function readModel(path: string, options: TokenizerOptions = {}): Promise<RecurrentModel> {
  checkTokenizerOptions(options);
  return named(pathOf(path), () => loadModel(readBytes(path), options));
}

/**
 * Saves an n-gram model, completely or not at all: in binary form if the name ends in .ngram, otherwise as an ARPA
 * file, compressed if the name ends in .gz.
 * @param quantize for the binary form only: see saveNgram()
 * @throws FileError if it cannot be saved; an existing file is then unchanged
 * @throws RangeError if the file is an ARPA file and a token contains white space
 */
export async function writeNgram(path: string, model: NgramModel, options: { quantize?: boolean } = {}): Promise<void> {
  const { quantize = false } = checkOptions("options", options, { quantize: 1 });
  const binary = /\.ngram$/i.test(pathOf(path));
  if (boolean("quantize", quantize) && !binary) {
    throw new RangeError(
      `"quantize" expected a path that ends in .ngram, got ${show(path)}: ARPA files are not quantized`,
    );
  }
  checkNgramModel(model);
  if (binary) await writePieces(path, ngramPieces(model, options));
  else if (!/\.gz$/i.test(path)) await writePieces(path, saveArpa(model));
  else await writePieces(path, pipeline(Readable.from(saveArpa(model)), createGzip(), thrown));
}

/** Does nothing: reading from a pipeline throws its errors. */
const thrown = () => {};

/**
 * Loads an n-gram model in any form, whatever its name.
 * @throws FileError if it cannot be read; FormatError if it is cut short, altered or not an n-gram model
 */
export async function readNgram(path: string, options: TokenizerOptions = {}): Promise<NgramModel> {
  checkTokenizerOptions(options);
  return named(pathOf(path), () => loadNgram(modelPieces(path), options));
}

/** Saves a checkpoint of a training run, completely or not at all. @throws FileError if it cannot be saved */
export function writeCheckpoint<M extends Trainable>(path: string, training: Training<M>): void {
  pathOf(path);
  writeWhole(path, saveCheckpoint(training));
}
