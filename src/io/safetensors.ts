// The safetensors format (huggingface/safetensors): 8 bytes with the length of a JSON header, the header, the tensors' bytes.
//
//   {"__metadata__": {string: string}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}

import { concat, firstNotFinite } from "../arrays.js";
import { show, size } from "../check.js";
import { FormatError } from "../errors.js";
import { bytesOf } from "./crc32.js";
import { parseObject, record } from "./format.js";
import { scaleOf, widen } from "./quantize.js";

/** A tensor in memory: float32 for every floating-point type in the file, or 8-bit integers. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int8Array;
}

export interface SafeTensors {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** The format's own limit on its header. */
const MAX_HEADER = 100_000_000;

interface Dtype {
  bytes: number;
  /** Absent if the bytes are kept as they are: files are little-endian, like WebAssembly. */
  read?(view: DataView, at: number): number;
  Values: Float32ArrayConstructor | Int8ArrayConstructor;
}

/** The supported number types: size in bytes, how to read one, and the array type in memory. */
const DTYPES = /* @__PURE__ */ new Map<unknown, Dtype>([
  ["F32", { bytes: 4, Values: Float32Array }],
  ["F16", { bytes: 2, read: (view, at) => half(view.getUint16(at, true)), Values: Float32Array }],
  ["BF16", { bytes: 2, read: (view, at) => brain(view.getUint16(at, true)), Values: Float32Array }],
  ["I8", { bytes: 1, Values: Int8Array }],
]);

/** IEEE 754 binary16: 1 bit of sign, 5 of exponent (bias 15), 10 of fraction. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  let magnitude = fraction === 0 ? Infinity : Number.NaN;
  // Subnormal numbers have no implicit leading one and the exponent of the smallest normal one. 2^25 = 2^15 · 2^10.
  if (exponent < 31) magnitude = ((exponent && 1024) + fraction) * ((1 << (exponent || 1)) / 2 ** 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** bfloat16: the upper half of a float32. */
function brain(bits: number): number {
  scratch.setUint16(0, bits);
  return scratch.getFloat32(0);
}
const scratch = /* @__PURE__ */ new DataView(new ArrayBuffer(4));

/** Returns the bytes of a file with float32 and 8-bit integer tensors; float32 comes first, so that it is aligned. */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>, metadata: Record<string, string>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  const ordered = [...tensors].sort(([, a], [, b]) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT);
  let end = 0;
  for (const [name, { shape, values }] of ordered) {
    const dtype = values instanceof Int8Array ? "I8" : "F32";
    header[name] = { dtype, shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // Padded with spaces to a multiple of 8, so that the tensors are aligned.
  const length = Math.ceil(json.length / 8) * 8;
  const head = new Uint8Array(8 + length).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, 8);
  return concat([head, ...ordered.map(([, { values }]) => bytesOf(values))]);
}

/**
 * Reads a file of tensors. Allocations are bounded by the size of the file.
 * @param refuse called for a tensor of an unsupported number type, which is then left out (default: throws)
 * @throws FormatError with what was expected and what was found
 */
export function readSafetensors(
  bytes: Uint8Array,
  refuse = (name: string, what: string): void => {
    throw wrong(name, what);
  },
): SafeTensors {
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
  const header = parseObject("a safetensors header", bytes.subarray(8, start));
  const available = bytes.length - start;

  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  const claims = entries.map(([name, entry]) => checkEntry(name, entry, available));
  let end = 0;
  for (const { from, to } of [...claims].sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (from !== end)
      throw new FormatError(`expected tensors without gaps or overlaps, got one at byte ${from} after ${end}`);
    end = to;
  }
  if (end !== available) {
    throw new FormatError(
      `expected ${end} bytes of tensors, got ${available}: the file is cut short or has extra bytes`,
    );
  }

  // Allocates only now: overlapping claims could exceed the file many times over.
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, type, shape, from, to } of claims) {
    if (!type) {
      refuse(name, `expected dtype ${[...DTYPES.keys()].join(" or ")}, got ${show(dtype)}: convert it to float32`);
      continue;
    }
    const values = new type.Values((to - from) / type.bytes);
    const { bytes: width, read } = type;
    if (!read) bytesOf(values).set(bytes.subarray(start + from, start + to));
    else for (let i = 0; i < values.length; i++) values[i] = read(view, start + from + width * i);
    tensors.set(name, { shape, values });
  }
  const metadata = record('"__metadata__"', header.__metadata__ ?? {});
  const odd = Object.entries(metadata).find(([, value]) => typeof value !== "string");
  if (odd) throw new FormatError(`"__metadata__" expected strings, got ${show(odd[1])} for ${show(odd[0])}`);
  return { metadata: metadata as Record<string, string>, tensors };
}

/** Returns why a tensor cannot be used with a shape, or undefined if it can. */
export function flaw(tensor: Tensor | undefined, shape: readonly number[]): string | undefined {
  const fits = tensor?.shape.length === shape.length && shape.every((n, i) => n === tensor.shape[i]);
  if (!fits) return `expected shape ${list(shape)}, got ${tensor ? list(tensor.shape) : "none"}`;
  const odd = firstNotFinite(tensor.values);
  return odd === undefined ? undefined : `expected finite numbers, got ${odd}`;
}

/** Returns the values of a tensor. @throws FormatError if it is missing, has another shape or values that are not finite */
export function valuesOf({ tensors }: SafeTensors, name: string, shape: readonly number[]): Float32Array {
  const tensor = tensors.get(name);
  const what = flaw(tensor, shape);
  if (what !== undefined) throw wrong(name, what);
  if (tensor!.values instanceof Float32Array) return tensor!.values;
  if (shape.length !== 2) throw wrong(name, "expected float32 values, got int8, which only matrices can have");
  const values = widen(tensor!, valuesOf({ tensors, metadata: {} }, scaleOf(name), [shape[0]!]));
  if (firstNotFinite(values) !== undefined)
    throw wrong(scaleOf(name), "expected scales of finite weights, got larger ones");
  return values;
}

function checkEntry(name: string, entry: unknown, available: number) {
  const { dtype, shape, data_offsets: offsets } = record(`tensor ${show(name)}:`, entry);
  if (!isCounts(shape)) throw wrong(name, `expected a shape of integers >= 0, got ${list(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2) throw wrong(name, `expected two data_offsets, got ${list(offsets)}`);
  const [from, to] = offsets as [number, number];
  const type = DTYPES.get(dtype);
  // The length of an unsupported number type is known only from its offsets.
  const expected = type ? shape.reduce((product, n) => product * n, type.bytes) : Math.max(0, to - from);
  if (to - from !== expected) {
    throw wrong(name, `expected ${expected} bytes for shape ${list(shape)}, got ${to - from}`);
  }
  if (to > available) {
    throw wrong(name, `expected its end within the ${available} bytes of tensors, got ${to}: the file is cut short`);
  }
  return { name, dtype, type, shape, from, to };
}

const wrong = (name: string, what: string) => new FormatError(`tensor ${show(name)}: ${what}`);

/** Formats an array for an error message: only its first values, since a file may have any number. */
function list(values: unknown): string {
  if (!Array.isArray(values)) return show(values);
  return `[${values.slice(0, 4).map(show).join(", ")}${values.length > 4 ? ", …" : ""}]`;
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
