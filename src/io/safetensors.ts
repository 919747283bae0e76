// safetensors (huggingface/safetensors): 8 bytes with the length of a JSON header, the header, the tensors' bytes.
//
//   {"__metadata__": {string: string}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}

import { size } from "../check.js";

export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface SafeTensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** The format's own limit on its header. */
const MAX_HEADER = 100_000_000;

/** What is wrong with a file, and what to do about it. */
export class FormatError extends Error {
  override name = "FormatError";
}

/** The bytes of a file with float32 tensors. */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>, metadata: Record<string, string>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + 4 * values.length] };
    end += 4 * values.length;
  }
  let json = new TextEncoder().encode(JSON.stringify(header));
  // Spaces up to a multiple of eight, so that the tensors are aligned.
  const length = Math.ceil(json.length / 8) * 8;
  json = Uint8Array.from({ length }, (_, i) => json[i] ?? 0x20);
  const bytes = new Uint8Array(8 + length + end);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  let at = 8 + length;
  for (const { values } of tensors.values()) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return bytes;
}

/**
 * Reads a file of float32 tensors. Nothing is allocated that the file does not have the bytes for.
 * @throws FormatError saying what was expected and what was found
 */
export function readSafetensors(bytes: Uint8Array): SafeTensors {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) throw new FormatError(`expected a safetensors file, got only ${bytes.length} bytes`);
  const length = view.getBigUint64(0, true);
  if (length > MAX_HEADER || length > bytes.length - 8) {
    throw new FormatError(
      `expected a safetensors header within the file's ${size(bytes.length)}, got one that claims ${length} bytes: ` +
        "the file is cut short, or of another kind",
    );
  }
  const start = 8 + Number(length);
  const header = parseHeader(bytes.subarray(8, start));
  const available = bytes.length - start;

  const tensors = new Map<string, Tensor>();
  const spans: [number, number][] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { shape, from, to } = checkEntry(name, entry, available);
    spans.push([from, to]);
    const values = Float32Array.from({ length: (to - from) / 4 }, (_, i) =>
      view.getFloat32(start + from + 4 * i, true),
    );
    tensors.set(name, { shape, values });
  }
  let end = 0;
  for (const [from, to] of spans.sort(([a, b], [c, d]) => a - c || b - d)) {
    if (from !== end)
      throw new FormatError(`expected tensors without gap or overlap, got one at byte ${from} after ${end}`);
    end = to;
  }
  if (end !== available) {
    throw new FormatError(`expected ${end} bytes of tensors, got ${available}: the file is cut short or was added to`);
  }
  return { metadata: checkMetadata(header.__metadata__ ?? {}), tensors };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FormatError("expected a safetensors header in JSON, got something else", { cause });
  }
  if (!isRecord(header)) throw new FormatError("expected a safetensors header that is a JSON object");
  return header;
}

function checkMetadata(metadata: unknown): Record<string, string> {
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    throw new FormatError('expected "__metadata__" to be an object of strings');
  }
  return metadata as Record<string, string>;
}

function checkEntry(name: string, entry: unknown, available: number): { shape: number[]; from: number; to: number } {
  const wrong = (what: string) => new FormatError(`tensor ${JSON.stringify(name)}: expected ${what}`);
  if (!isRecord(entry)) throw wrong("an object with dtype, shape and data_offsets");
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype !== "F32") throw wrong(`dtype F32, got ${JSON.stringify(dtype)}: convert it to float32`);
  if (!isCounts(shape)) throw wrong(`a shape of integers >= 0, got ${JSON.stringify(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2) throw wrong(`two data_offsets, got ${JSON.stringify(offsets)}`);
  const [from, to] = offsets as [number, number];
  const bytes = shape.reduce((product, n) => product * n, 4);
  if (to - from !== bytes) throw wrong(`${bytes} bytes for shape [${shape.join(", ")}], got ${to - from}`);
  if (to > available) throw wrong(`its end within the ${available} bytes of tensors, got ${to}: the file is cut short`);
  return { shape, from, to };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
