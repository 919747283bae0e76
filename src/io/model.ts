// A model as a safetensors file: its weights under PyTorch's names and in PyTorch's shapes, and in the metadata "rivulet"
// (JSON: the kind of model, unless it is a language model, and what the model describes itself by) and "crc32" (of that and
// of the weights).

import { checkBytes, checkOptions, oneOf, show } from "../check.js";
import { FormatError } from "../errors.js";
import { checkRecurrent, RecurrentModel } from "../lm/recurrent.js";
import { TokenNetwork } from "../lm/token-network.js";
import { type NetworkConfig, networkConfig } from "../nn/config.js";
import { Network } from "../nn/network.js";
import { Vocabulary } from "../text/vocabulary.js";
import { bytesOf, crc32, hex } from "./crc32.js";
import { described, parseObject, record } from "./format.js";
import { quantize, scaleOf } from "./quantize.js";
import { flaw, readSafetensors, type SafeTensors, type Tensor, valuesOf, writeSafetensors } from "./safetensors.js";
import { checkTokenizerOptions, type TokenizerOptions, tokenizerOf } from "./tokenizer.js";

const VERSION = 1;

/** A model that can be saved. */
export interface Saved {
  /** Undefined for language models. */
  readonly kind?: string;
  readonly network: Network;
  describe(): object;
}

/** How models of one kind are read. */
export interface Kind<M> {
  /** As in Task.kind; "language model" for recurrent models. */
  readonly name: string;
  /**
   * Makes the model that a description describes.
   * @param weights takes the tensors of the parameters, before memory for them is allocated
   */
  read(description: Record<string, unknown>, weights: Weights, options: TokenizerOptions): Promise<M>;
}

/** Takes the values of each parameter out of a file. @throws FormatError if the file does not have them in these shapes */
export type Weights = (
  parameters: readonly { name: string; shape: readonly number[] }[],
) => readonly (readonly [name: string, values: Float32Array])[];

/** The entries that read each kind, for messages. */
const ENTRIES: Record<string, string> = {
  "language model": "rivulet",
  classifier: "rivulet/classify",
};

export interface SaveOptions {
  /**
   * "int8" stores each matrix as 8-bit integers with one scale per row: a quarter of the size. loadModel() converts them back
   * to float32, so that the loaded model is like any other and can be trained further.
   */
  quantize?: "int8";
}

/** Returns a whole model as the bytes of a safetensors file. @throws TypeError, RangeError naming the invalid argument */
export function saveModel(model: Saved, options: SaveOptions = {}): Uint8Array {
  const { quantize } = checkOptions("options", options, { quantize: 1 });
  if (quantize !== undefined) oneOf("quantize", quantize, ["int8"]);
  return writeModel(checkSaved(model), new Map(), {}, quantize);
}

function checkSaved(model: Saved): Saved {
  if (typeof model?.describe === "function" && model.network instanceof Network) return model;
  throw new TypeError(`"model" expected a model, such as from RecurrentModel.create(), got ${show(model)}`);
}

/** Writes a model with additional tensors and metadata. */
export function writeModel(
  model: Saved,
  extra: ReadonlyMap<string, Tensor>,
  metadata: Record<string, string>,
  quantized?: "int8",
): Uint8Array {
  const { network, kind } = model;
  const description = { version: VERSION, ...(kind !== undefined && { kind }), ...model.describe() };
  const tensors = new Map<string, Tensor>();
  for (const { name, shape } of network.parameters) {
    const tensor = { shape, values: network.read(name) };
    if (!quantized || shape.length < 2) {
      tensors.set(name, tensor);
      continue;
    }
    const { integers, scales } = quantize(tensor);
    tensors.set(name, integers).set(scaleOf(name), scales);
  }
  for (const [name, tensor] of extra) tensors.set(name, tensor);
  const all = { rivulet: JSON.stringify(description), ...metadata };
  return writeSafetensors(tensors, { ...all, crc32: checksum(tensors, all) });
}

/**
 * Reads a language model written by saveModel(), or the one in a checkpoint.
 * @param file its bytes
 * @param tokenizer the tokenizer that it was trained with, if made by pattern() or custom
 * @param allowPattern uses the regular expression in a file that you trust
 * @throws TypeError if `file` is not bytes, or an option is invalid; RangeError if the model has another tokenizer
 * @throws FormatError if the file is cut short, altered or not a model, with what was expected and found; or if its tokenizer
 * is a regular expression, and is neither given nor allowed
 * @throws RangeError if the model does not fit into 4 GiB
 */
export function loadModel(file: Uint8Array | ArrayBuffer, options: TokenizerOptions = {}): Promise<RecurrentModel> {
  return loadKinds([languageModel], file, options);
}

/** loadModel() for models of other kinds. */
export async function loadKinds<M>(
  kinds: readonly Kind<M>[],
  file: Uint8Array | ArrayBuffer,
  options: TokenizerOptions,
): Promise<M> {
  checkTokenizerOptions(options);
  return modelFrom(readSafetensors(checkBytes("file", file)), options, kinds);
}

/**
 * Loads the tensors of another program's safetensors file, such as a PyTorch state_dict, into a model. The file must have all
 * of the model's parameters under their names, and no others except a tied output.weight.
 * @param file its bytes
 * @throws TypeError if `file` is not bytes
 * @throws FormatError naming each tensor that does not fit; the model is then unchanged
 */
export function loadWeights(model: RecurrentModel, file: Uint8Array | ArrayBuffer): void {
  const { network, config } = checkRecurrent(model);
  const { parameters } = network;
  const refused = new Map<string, string>();
  const read = readSafetensors(checkBytes("file", file), (name, what) => refused.set(name, what));
  const { tensors } = read;
  const extra = new Set([...tensors.keys(), ...refused.keys()]);
  const problems: string[] = [];
  const check = (name: string, what: string | undefined) => what && problems.push(`${show(name)} ${what}`);
  for (const { name, shape } of parameters) {
    check(name, refused.get(name) ?? flaw(tensors.get(name), shape));
    extra.delete(name);
    if (tensors.get(name)?.values instanceof Int8Array) extra.delete(scaleOf(name));
  }
  for (const name of extra) {
    if (!config.tied || name !== "output.weight") check(name, "expected no such tensor, got one");
    else if (!sameValues(tensors.get(name), tensors.get("embedding.weight"))) {
      check(name, 'expected the values of "embedding.weight", which are tied to it, got others');
    }
  }
  const more = problems.splice(MOST_PROBLEMS).length;
  if (more > 0) problems.push(`and ${more} more`);
  if (problems.length > 0) throw new FormatError(`the tensors do not fit the model: ${problems.join("; ")}`);
  const values = parameters.map(({ name, shape }) => valuesOf(read, name, shape));
  parameters.forEach(({ name }, i) => {
    network.write(name, values[i]!);
  });
}

/** Most problems listed in a message: more than a typical model has tensors, fewer than a hostile file may. */
const MOST_PROBLEMS = 100;

const sameValues = (a: Tensor | undefined, b: Tensor | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.shape.join() === b.shape.join() &&
  a.values.every((v, i) => v === b.values[i]);

/** Makes the model in a file, of one of `kinds`. @throws FormatError if it is of another, naming the entry that reads it */
export async function modelFrom<M>(
  file: SafeTensors,
  options: TokenizerOptions,
  kinds: readonly Kind<M>[],
): Promise<M> {
  const { rivulet, crc32: expected, ...rest } = file.metadata;
  if (rivulet === undefined) {
    throw new FormatError(
      'expected a model saved by rivulet, got a safetensors file without "rivulet" in its metadata',
    );
  }
  const found = checksum(file.tensors, { rivulet, ...rest });
  if (expected !== undefined && found !== expected) {
    throw new FormatError(
      `expected the checksum ${show(expected)}, got ${show(found)}: the file was altered since it was saved`,
    );
  }
  // Each token has an output bias of four bytes in the file.
  let most = 0;
  for (const { values } of file.tensors.values()) most += values.length;
  const {
    version,
    kind = "language model",
    ...description
  } = described(DESCRIPTION, () => {
    const description = parseObject("it", rivulet, most);
    const { version } = description;
    if (version === VERSION) return description;
    const advice = typeof version === "number" && version > VERSION ? ": use a newer rivulet" : "";
    throw new RangeError(`"version" expected ${VERSION}, got ${show(version)}${advice}`);
  });
  const reader = kinds.find(({ name }) => name === kind);
  if (!reader) {
    const wanted = kinds.map(({ name }) => `a ${name}`).join(" or ");
    const entry = typeof kind === "string" && Object.hasOwn(ENTRIES, kind) ? ENTRIES[kind] : undefined;
    const advice = entry ? `load it with loadModel from "${entry}"` : "a newer rivulet may know it";
    throw new FormatError(`expected ${wanted}, got ${entry ? `a ${kind}` : show(kind)}: ${advice}`);
  }
  const weights: Weights = (parameters) =>
    parameters.map(({ name, shape }) => [name, valuesOf(file, name, shape)] as const);
  return reader.read(description, weights, options);
}

/** The name of a description in messages. */
export const DESCRIPTION = "a model's description";

/** How language models are read. */
export const languageModel: Kind<RecurrentModel> = {
  name: "language model",
  async read(description, weights, options) {
    const { network: given, tokenizer: spec, vocabulary: known } = description;
    const { config, vocabulary } = described(DESCRIPTION, () => {
      const config = networkConfig(record('"network"', given) as unknown as NetworkConfig);
      const vocabulary = new Vocabulary(known as string[]);
      if (vocabulary.size !== config.vocabularySize) {
        throw new RangeError(`"vocabulary" expected ${config.vocabularySize} tokens, got ${vocabulary.size}`);
      }
      return { config, vocabulary };
    });
    const tokenizer = await tokenizerOf(spec, DESCRIPTION, options);
    // Before anything is allocated, checks that the file has the tensors that the description claims.
    const tokens = new TokenNetwork(config);
    const values = weights(tokens.network.parameters);
    await tokens.build();
    for (const [name, value] of values) tokens.network.write(name, value);
    return RecurrentModel.from(tokens, tokenizer, vocabulary);
  },
};

/** Characters encoded at a time. */
const PIECE = 1 << 16;

function checksum(tensors: ReadonlyMap<string, Tensor>, metadata: Record<string, string>): string {
  const encoder = new TextEncoder();
  let crc = 0;
  const add = (text: string) => {
    for (let from = 0; from < text.length; ) {
      let to = Math.min(from + PIECE, text.length);
      // Keeps surrogate pairs together.
      if (to < text.length && /[\ud800-\udbff]/.test(text[to - 1]!)) to--;
      crc = crc32(encoder.encode(text.slice(from, to)), crc);
      from = to;
    }
  };
  for (const key of Object.keys(metadata).sort()) for (const text of [key, "\0", metadata[key]!, "\0"]) add(text);
  for (const name of [...tensors.keys()].sort()) crc = crc32(bytesOf(tensors.get(name)!.values), crc);
  return hex(crc);
}
