// Checks untrusted Parquet files before hyparquet reads them. hyparquet trusts their contents: one wrong bit can make it loop
// forever (a page without a size) or fill all memory (a run of 2^31 values in five bytes). Allocations here are bounded by the
// size of the file, of a page, and of a row group.
//
// A file ends in its description, in Thrift's compact protocol. A column of a row group is a sequence of pages, each with a
// header in the same protocol: an optional dictionary page, then pages of values or of indices into the dictionary.

import { FormatError } from "../errors.js";

export type Decompress = (bytes: Uint8Array, length: number) => Uint8Array;

/** A limit above what other programs write: DuckDB's pages have up to 100 MiB, Spark's row groups 128 MiB. */
const MOST_IN_PAGE = 2 ** 28;
/** A page may unpack to PAGE_RATIO times its size plus FREE_PAGE bytes: sorted n-grams unpack to 10 times their size. */
const PAGE_RATIO = 32;
const FREE_PAGE = 2 ** 24;
export const MOST_ROWS = 2 ** 24;

const [DATA, DICTIONARY, DATA_V2] = [0, 2, 3];
const [PLAIN, PLAIN_DICTIONARY, DELTA_BINARY, DELTA_LENGTH, DELTA_TEXT, RLE_DICTIONARY, STREAM_SPLIT] = [
  0, 2, 5, 6, 7, 8, 9,
];

export const DAMAGED = "expected a Parquet file, got one that is cut short or altered: write it anew";
export const damaged = () => new FormatError(DAMAGED);

/** Checks that a description can be read. @throws FormatError if it cannot */
export const checkStruct = (bytes: Uint8Array) => void new Compact(bytes).struct();

/**
 * Checks the pages of a column of a row group.
 * @param optional true if values can be null
 * @throws FormatError if they are damaged, too large or in an unsupported encoding
 */
export function checkPages(bytes: Uint8Array, rows: number, optional: boolean, decompress: Decompress): void {
  const reader = new Compact(bytes);
  let dictionary = false;
  let texts = 0;
  for (let seen = 0; seen < rows; ) {
    const header = reader.struct();
    const [type, length, compressed] = [whole(header[1]), whole(header[2], MOST_IN_PAGE), whole(header[3])];
    if (length > FREE_PAGE + PAGE_RATIO * compressed) {
      throw new FormatError(
        `expected pages that unpack to at most ${PAGE_RATIO} times their size, got ${length} bytes out of ${compressed}: ` +
          "write distinct n-grams, or compress less",
      );
    }
    const body = reader.take(compressed);
    const about = header[type === DATA ? 5 : type === DICTIONARY ? 7 : type === DATA_V2 ? 8 : 0];
    if (!Array.isArray(about)) throw damaged();
    if (type === DICTIONARY) {
      whole(about[1], decompress(body, length).length); // each value takes at least one byte
      if (dictionary) throw damaged();
      dictionary = true;
      continue;
    }
    const values = whole(about[1], rows - seen);
    seen += values;
    const [levels, page] = type === DATA ? pageV1(body, length) : pageV2(body, length, values, about);
    if (optional) checkRuns(levels, 1, values);
    const encoding = whole(about[type === DATA ? 2 : 4]);
    if (encoding === DELTA_TEXT) {
      const nulls = optional && (type === DATA ? countOnes(levels, values) < values : whole(about[2], values) > 0);
      texts += textBytes(page, values, nulls);
      if (texts > MOST_IN_PAGE) {
        throw new FormatError(
          `expected at most ${MOST_IN_PAGE} bytes of text in a row group, got more: write smaller ones`,
        );
      }
    } else checkValues(page, values, encoding, dictionary);
  }

  function pageV1(body: Uint8Array, length: number): [levels: Uint8Array, values: Uint8Array] {
    const reader = new Compact(decompress(body, length));
    return [optional ? reader.take(reader.uint32()) : reader.take(0), reader.rest()];
  }

  /** In version 2 the levels are not compressed and have no length prefix. */
  function pageV2(body: Uint8Array, length: number, values: number, about: Fields): [Uint8Array, Uint8Array] {
    const reader = new Compact(body);
    whole(about[2], values); // nulls
    const levels = reader.take(whole(about[5], optional ? length : 0));
    whole(about[6], 0); // no repetition levels: the columns are flat
    return [levels, about[7] === false ? reader.rest() : decompress(reader.rest(), length - levels.length)];
  }
}

function checkValues(page: Uint8Array, values: number, encoding: number, dictionary: boolean): void {
  switch (encoding) {
    case PLAIN:
    case STREAM_SPLIT:
      return;
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY:
      if (!dictionary) throw damaged();
      checkRuns(page.subarray(1), whole(page[0], 32), values);
      return;
    case DELTA_BINARY:
    case DELTA_LENGTH:
      checkDelta(page);
      return;
    default:
      throw new FormatError(
        `expected values that are plain, in a dictionary or deltas, got encoding ${encoding}: write the file with one of these`,
      );
  }
}

/** Checks runs of equal values and of bit-packed values in groups of eight. */
function checkRuns(bytes: Uint8Array, width: number, values: number): void {
  const reader = new Compact(bytes);
  // There may be fewer than `values`, since nulls have no value.
  for (let seen = 0; seen < values && !reader.ended; ) {
    const run = reader.varint();
    const groups = run >>> 1;
    seen += run & 1 ? 8 * groups : groups;
    // The last group may be padded, and some writers pad to 64 groups of eight.
    if (seen > values + (run & 1 ? 511 : 0)) throw damaged();
    reader.skip(run & 1 ? groups * width : (width + 7) >> 3);
  }
}

/** Counts the ones among levels in runs of width 1. */
function countOnes(bytes: Uint8Array, values: number): number {
  const reader = new Compact(bytes);
  let ones = 0;
  for (let seen = 0; seen < values && !reader.ended; ) {
    const run = reader.varint();
    const length = (run >>> 1) * (run & 1 ? 8 : 1);
    const level = run & 1 ? 0 : reader.byte();
    for (let i = 0; i < length && seen < values; i += 8) {
      let eight = run & 1 ? reader.byte() : level & 1 && 255;
      for (let k = i; k < Math.min(i + 8, length) && seen < values; k++, seen++, eight >>= 1) ones += eight & 1;
    }
  }
  return ones;
}

/**
 * Returns the total length of a page's texts. Each is stored as the length of the prefix it shares with the previous text,
 * and the rest (DELTA_BYTE_ARRAY), so a few bytes can expand to many.
 */
function textBytes(page: Uint8Array, values: number, nulls: boolean): number {
  if (nulls) throw new FormatError('"ngram" expected a string in each row, got null');
  if (values === 0) return 0;
  const reader = new Compact(page);
  const prefixes = readDeltas(reader, values);
  const suffixes = readDeltas(reader, values);
  let before = 0;
  let all = 0;
  for (let i = 0; i < values; i++) {
    if (prefixes[i]! > before) throw damaged();
    before = prefixes[i]! + suffixes[i]!;
    all += before;
  }
  return all;
}

/** Reads lengths stored as differences modulo 2³² (DELTA_BINARY_PACKED): the first, then blocks of a minimum and parts. */
function readDeltas(reader: Compact, values: number): Uint32Array {
  const { parts, perPart } = deltaHeader(reader);
  if (reader.varint() !== values) throw damaged();
  const lengths = new Uint32Array(values);
  let length = whole(reader.zigzag(), MOST_IN_PAGE);
  lengths[0] = length;
  for (let i = 1; i < values; ) {
    const least = reader.zigzag();
    const widths = reader.take(parts);
    for (let part = 0; part < parts && i < values; part++) {
      const width = whole(widths[part], 32);
      const body = reader.take(Math.ceil((perPart * width) / 8));
      for (let k = 0; k < perPart && i < values; k++, i++) {
        let difference = 0;
        for (let bit = 0; bit < width; bit++) {
          const at = k * width + bit;
          if ((body[at >> 3]! >> (at & 7)) & 1) difference += 2 ** bit;
        }
        length = whole((length + least + difference) | 0, MOST_IN_PAGE);
        lengths[i] = length;
      }
    }
  }
  return lengths;
}

/** Checks the header of delta-encoded numbers, with which texts in DELTA_LENGTH_BYTE_ARRAY also begin. */
const checkDelta = (bytes: Uint8Array) => void deltaHeader(new Compact(bytes));

/** Returns the number of parts per block, and of differences per part. */
function deltaHeader(reader: Compact): { parts: number; perPart: number } {
  const perBlock = reader.varint();
  const parts = reader.varint();
  if (parts === 0 || parts > 1024 || perBlock === 0 || perBlock > MOST_ROWS || perBlock % parts !== 0) throw damaged();
  return { parts, perPart: perBlock / parts };
}

function whole(value: unknown, most = 2 ** 31): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw damaged();
}

/** The fields of a struct by number; lists are checked but not kept. */
type Fields = unknown[];

/** Reads Thrift's compact protocol. Numbers are groups of seven bits, lowest first; the eighth bit means that more follow. */
class Compact {
  private at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  get ended(): boolean {
    return this.at >= this.bytes.length;
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw damaged();
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  skip(length: number): void {
    this.at += length;
  }

  rest(): Uint8Array {
    return this.bytes.subarray(this.at);
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  uint32(): number {
    return this.take(4).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** @param most 5 bytes for 32 bits, 10 for 64 */
  varint(most = 5): number {
    let value = 0;
    for (let i = 0; i < most; i++) {
      const byte = this.byte();
      value += (byte & 127) * 128 ** i;
      if (byte < 128 && (most > 5 || value < 2 ** 32)) return value;
    }
    throw damaged();
  }

  zigzag(): number {
    const value = this.varint();
    return (value >>> 1) ^ -(value & 1);
  }

  struct(depth = 0): Fields {
    const fields: Fields = [];
    for (let id = 0; ; ) {
      const head = this.byte();
      if ((head & 15) === 0) return fields;
      id = head >> 4 > 0 ? id + (head >> 4) : this.zigzag();
      const value = this.value(head & 15, depth);
      if (id >= 0 && id < 32) fields[id] = value;
    }
  }

  private value(type: number, depth: number): unknown {
    if (depth > 32) throw damaged();
    switch (type) {
      case 1:
      case 2:
        return type === 1;
      case 3:
        return void this.byte();
      case 4:
      case 5:
        return this.zigzag();
      case 6:
        return void this.varint(10);
      case 7:
        return void this.take(8);
      case 8:
        return void this.take(this.text(depth));
      case 9:
        return this.list(depth);
      case 12:
        return this.struct(depth + 1);
      default:
        throw damaged();
    }
  }

  /** Limits the length of nested values (minima and maxima), which hyparquet converts to numbers in quadratic time. */
  private text(depth: number): number {
    const length = this.varint();
    if (depth > 5 && length > 2 ** 14) throw damaged();
    return length;
  }

  private list(depth: number): void {
    const head = this.byte();
    const length = head >> 4 === 15 ? this.varint() : head >> 4;
    if (length > this.bytes.length - this.at) throw damaged();
    const type = Math.max(head & 15, 3); // in lists, booleans take a byte each
    for (let i = 0; i < length; i++) this.value(type, depth + 1);
  }
}
