// The binary format for n-gram models: small enough for a web page, and read in one pass.
//
//   "rivulet\n"   8 bytes
//   version, checksum (CRC-32 of all that follows), length of the description   3 × uint32, little-endian
//   description   JSON: tokenizer, vocabulary, smoothing, levels of the trie, bytes of the trie, quantized or not
//   trie          varints; for each node above the last level its number of children, and for each child its word minus the
//                 previous sibling's (−1 before the first); from the trigrams on also its suffix minus the previous sibling's
//                 (one before the first possible suffix, for the first); 0 if the trie does not contain w2 … wn
//   logP          float32, level by level; if quantized, from the bigrams on 256 float32 and one byte per node
//   logB          in the format of logP
//
// A varint is a number in groups of seven bits, lowest first; the eighth bit of a byte means that another byte follows.

import { concat, grown } from "../arrays.js";
import { boolean, checkOptions, integer, show } from "../check.js";
import { FormatError } from "../errors.js";
import { checkNgramModel, checkNumbers, checkSmoothing, NgramModel, type Smoothing } from "../ngram/model.js";
import { countOf, MAX_ORDER, shorterSuffix, type Trie } from "../ngram/trie.js";
import { idsFor } from "../text/ids.js";
import type { TokenizerSpec } from "../text/tokenizers.js";
import { Vocabulary } from "../text/vocabulary.js";
import { crc32, hex } from "./crc32.js";
import { checkVersion, described, parseObject } from "./format.js";
import { type TokenizerOptions, tokenizerOf } from "./tokenizer.js";

export const MAGIC = "rivulet\n";
const VERSION = 1;
const HEAD = 20;
/** Number of words converted to strings at a time. */
const WORDS = 4096;
/** Number of values that a byte can encode. */
const CODES = 256;

interface Description {
  tokenizer: TokenizerSpec;
  vocabulary: readonly string[];
  smoothing?: Smoothing;
  levels: readonly number[];
  trieBytes: number;
  quantized: boolean;
}

/**
 * Returns a model in the binary format.
 * @param quantize stores each value of the bigrams and longer n-grams in a byte, as one of 256 values per length (Federico
 * and Bertoldi 2006): half the size, at a slight cost in perplexity
 * @throws TypeError if an argument is of the wrong kind
 * @throws RangeError if one of the model's numbers is NaN
 */
export function saveNgram(model: NgramModel, options: { quantize?: boolean } = {}): Uint8Array {
  return concat([...ngramPieces(model, options)]);
}

/** Yields the bytes in pieces, which are never all in memory at once. */
export function* ngramPieces(
  model: NgramModel,
  options: { quantize?: boolean } = {},
): Generator<Uint8Array, void, undefined> {
  const { quantize = false } = checkOptions("options", options, { quantize: 1 });
  boolean("quantize", quantize);
  const { tokenizer, vocabulary, trie, smoothing, logP, logB } = checkNumbers(checkNgramModel(model));
  const structure = trieBytes(trie);
  const rest: Omit<Description, "tokenizer" | "vocabulary"> = {
    ...(smoothing && { smoothing }),
    levels: trie.levels,
    trieBytes: structure.length,
    quantized: quantize,
  };
  const json = [...descriptionBytes(tokenizer.spec, vocabulary, JSON.stringify(rest))];
  function* values() {
    yield* tableBytes(trie, logP, trie.order, quantize);
    yield* tableBytes(trie, logB, trie.order - 1, quantize);
  }
  // Kept for both passes (checksum, then output): quantizing twice costs more time than the memory is worth.
  const tables = quantize ? [...values()] : undefined;
  const head = new Uint8Array(HEAD);
  for (let i = 0; i < MAGIC.length; i++) head[i] = MAGIC.charCodeAt(i);
  const view = new DataView(head.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(
    16,
    json.reduce((sum, { length }) => sum + length, 0),
    true,
  );
  let checksum = crc32(head.subarray(16));
  for (const piece of [...json, structure]) checksum = crc32(piece, checksum);
  for (const piece of tables ?? values()) checksum = crc32(piece, checksum);
  view.setUint32(12, checksum, true);
  yield head;
  yield* json;
  yield structure;
  yield* tables ?? values();
}

/** Yields a description's JSON, converting the vocabulary to strings in parts. @param rest the other fields, as JSON */
function* descriptionBytes(tokenizer: TokenizerSpec, { words }: Vocabulary, rest: string): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  yield encoder.encode(`{"tokenizer":${JSON.stringify(tokenizer)},"vocabulary":[`);
  for (let from = 0; from < words.size; from += WORDS) {
    const part = Array.from({ length: Math.min(WORDS, words.size - from) }, (_, i) => words.string(from + i));
    yield encoder.encode((from > 0 ? "," : "") + JSON.stringify(part).slice(1, -1));
  }
  yield encoder.encode(`],${rest.slice(1)}`);
}

function trieBytes({ order, levels, first, word, suffix }: Trie): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(1024);
  let at = 0;
  const write = (value: number) => {
    if (at + 5 > bytes.length) bytes = grown(bytes);
    for (; value >= 0x80; value >>>= 7) bytes[at++] = (value & 0x7f) | 0x80;
    bytes[at++] = value;
  };
  for (let parent = 1; parent < levels[order]!; parent++) {
    write(first[parent + 1]! - first[parent]!);
    let wordBefore = -1;
    let suffixBefore = first[suffix[parent]!]! - 1;
    const end = first[suffix[parent]! + 1]!;
    for (let node = first[parent]!; node < first[parent + 1]!; node++) {
      write(word[node]! - wordBefore);
      wordBefore = word[node]!;
      if (parent < levels[2]!) continue; // a bigram's suffix is its second word
      const isThere = suffix[node]! > suffixBefore && suffix[node]! < end;
      write(isThere ? suffix[node]! - suffixBefore : 0);
      if (isThere) suffixBefore = suffix[node]!;
    }
  }
  return bytes.subarray(0, at);
}

/** Yields the bytes of the values of all nodes up to level `last`. */
function* tableBytes(trie: Trie, values: Float32Array, last: number, quantize: boolean): Generator<Uint8Array> {
  for (let n = 1; n <= last; n++) {
    const level = values.subarray(trie.levels[n]!, trie.levels[n + 1]!);
    if (!quantize || n === 1) {
      yield float32Bytes(level);
    } else {
      const { book, codes } = quantized(level);
      yield float32Bytes(book);
      yield codes;
    }
  }
}

function float32Bytes(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i]!, true);
  return new Uint8Array(view.buffer);
}

/** Gives each code an equal share of the values and stores their mean; a value that fills a whole share gets its own code. */
function quantized(values: Float32Array): { book: Float32Array; codes: Uint8Array } {
  const sorted = values.slice().sort();
  const book = new Float32Array(CODES);
  /** (CODES) The largest value of each code. */
  const most = new Float32Array(CODES).fill(Infinity);
  for (let code = 0, from = 0; from < sorted.length; code++) {
    const to = from + binAt(sorted.subarray(from), CODES - code);
    let sum = 0;
    for (let i = from; i < to; i++) sum += sorted[i]!;
    book[code] = sorted[from] === sorted[to - 1] ? sorted[from]! : sum / (to - from);
    most[code] = sorted[to - 1]!;
    from = to;
  }
  const codes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) codes[i] = placeOf(most, values[i]!);
  return { book, codes };
}

/** Returns how many of the smallest values share one code if `codes` codes cover all of them. */
function binAt(sorted: Float32Array, codes: number): number {
  if (codes === 1) return sorted.length;
  const fair = Math.ceil(sorted.length / codes);
  // The run of values equal to the last one: it is not split, and a frequent value does not share its code with smaller ones.
  const begin = placeOf(sorted, sorted[fair - 1]!);
  let end = fair;
  while (end < sorted.length && sorted[end] === sorted[begin]) end++;
  const isFrequent = end - begin > fair || sorted[begin] === -Infinity;
  return isFrequent && begin > 0 ? begin : end;
}

/** Returns the first index whose value is not less than `value`. */
function placeOf(ascending: Float32Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Reads a model from the binary format. Allocations are bounded by the size of the file.
 * @throws FormatError if the file is cut short, altered or of another kind
 */
export async function readBinary(bytes: Uint8Array, options: TokenizerOptions = {}): Promise<NgramModel> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD) throw new FormatError(`expected an n-gram model, got only ${bytes.length} bytes`);
  checkVersion("an n-gram model", view.getUint32(8, true), VERSION);
  const [expected, found] = [view.getUint32(12, true), crc32(bytes.subarray(16))];
  if (found !== expected) {
    throw new FormatError(
      `expected the checksum ${hex(expected)}, got ${hex(found)}: the file is cut short or was altered`,
    );
  }
  const begin = HEAD + view.getUint32(16, true);
  // Each word has a probability of four bytes in the file.
  const most = Math.max(0, bytes.length - begin) / 4;
  const json = parseObject(DESCRIPTION, bytes.subarray(HEAD, begin), most);
  const { vocabulary, smoothing, levels, trieEnd, quantized } = described(DESCRIPTION, () =>
    descriptionOf(json, begin, bytes.length),
  );
  const tokenizer = await tokenizerOf(json.tokenizer, DESCRIPTION, options);
  const order = levels.length - 2;
  const trie = readTrie(levels, bytes.subarray(begin, trieEnd));
  const tables = new TableReader(view, trieEnd, quantized);
  const logP = tables.read(trie, order, 0);
  const logB = tables.read(trie, order - 1, Number.MAX_VALUE);
  if (tables.at !== bytes.length) throw new FormatError(`expected ${tables.at} bytes, got ${bytes.length}`);
  return new NgramModel(tokenizer, vocabulary, trie, logP, logB, smoothing);
}

const DESCRIPTION = "an n-gram model's description";

function descriptionOf(json: Record<string, unknown>, begin: number, available: number) {
  const vocabulary = new Vocabulary(json.vocabulary as string[]);
  const { levels } = json;
  if (!Array.isArray(levels)) throw new TypeError(`"levels" expected an array, got ${show(levels)}`);
  integer("levels.length", levels.length, 3, MAX_ORDER + 2);
  // Each node takes at least one byte.
  const least = [0, 1, vocabulary.size + 1];
  levels.forEach((node: unknown, n) => {
    integer(`levels[${n}]`, node, least[n] ?? levels[n - 1], n < 3 ? least[n] : vocabulary.size + available);
  });
  return {
    vocabulary,
    smoothing: json.smoothing === undefined ? undefined : checkSmoothing(json.smoothing),
    levels: levels as number[],
    trieEnd: begin + integer("trieBytes", json.trieBytes, 0, available - begin),
    quantized: boolean("quantized", json.quantized),
  };
}

function readTrie(levels: readonly number[], bytes: Uint8Array): Trie {
  const order = levels.length - 2;
  const V = levels[2]! - 1;
  const word = idsFor(V, new Uint8Array(levels[order + 1]!));
  const first = new Uint32Array(levels[order]! + 1);
  const suffix = new Uint32Array(word.length);
  first[0] = 1;
  first[1] = levels[2]!;
  for (let id = 0; id < V; id++) word[id + 1] = id;
  const numbers = new Varints(bytes);
  let node = levels[2]!;
  for (let n = 1; n < order; n++) {
    for (let parent = levels[n]!; parent < levels[n + 1]!; parent++) {
      const end = node + numbers.next();
      if (!(end <= levels[n + 2]!)) throw inconsistent(`more than ${countOf({ levels }, n + 1)} ${n + 1}-grams`);
      first[parent] = node;
      const start = suffix[parent]!;
      const endOfPlaces = first[start + 1]!;
      let place = first[start]! - 1;
      let w = -1;
      for (; node < end; node++) {
        const more = numbers.next();
        w += more;
        if (!(more > 0 && w < V)) throw inconsistent(`the word ${w} of ${V}`);
        word[node] = w;
        if (n === 1) {
          suffix[node] = w + 1;
          continue;
        }
        const step = numbers.next();
        if (step === 0) {
          suffix[node] = shorterSuffix({ word, first }, suffix, start, w);
          continue;
        }
        place += step;
        if (!(place < endOfPlaces)) throw inconsistent(`a suffix at ${place}`);
        suffix[node] = place;
      }
    }
    first[levels[n + 1]!] = node;
    if (node < levels[n + 2]!) throw inconsistent(`only ${node - levels[n + 1]!} ${n + 1}-grams`);
  }
  if (numbers.at !== bytes.length) throw inconsistent(`${bytes.length} bytes of them instead of ${numbers.at}`);
  return { order, levels, word, first, suffix };
}

class Varints {
  at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  /** Returns the next number, or NaN past the end, which fails every comparison. */
  next(): number {
    const byte = this.at < this.bytes.length ? this.bytes[this.at++]! : Number.NaN;
    return byte >= 0x80 ? this.rest(byte & 0x7f) : byte;
  }

  private rest(number: number): number {
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.bytes[this.at++]!;
      number |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return number >>> 0;
  }
}

const inconsistent = (found: string) =>
  new FormatError(`expected the n-grams that the description claims, got ${found}`);

class TableReader {
  constructor(
    private readonly view: DataView,
    public at: number,
    private readonly quantized: boolean,
  ) {}

  /** Reads the values, all at most `most`, of the nodes up to level `last`; the root's is 0. */
  read({ levels }: Trie, last: number, most: number): Float32Array {
    const values = new Float32Array(levels[last + 1]!);
    for (let n = 1; n <= last; n++) {
      const level = values.subarray(levels[n]!, levels[n + 1]!);
      if (!this.quantized || n === 1) {
        this.readFloats(level, most);
        continue;
      }
      const book = new Float32Array(CODES);
      this.readFloats(book, most);
      const at = this.take(level.length);
      for (let i = 0; i < level.length; i++) level[i] = book[this.view.getUint8(at + i)]!;
    }
    return values;
  }

  private readFloats(values: Float32Array, most: number): void {
    const at = this.take(4 * values.length);
    let odd = 0;
    for (let i = 0; i < values.length; i++) {
      const value = this.view.getFloat32(at + 4 * i, true);
      values[i] = value;
      if (!(value <= most)) odd++;
    }
    if (odd > 0)
      throw new FormatError("expected log10 probabilities of at most 0 and finite backoff weights, got others");
  }

  /** Returns the offset of the next bytes and moves past them. */
  private take(bytes: number): number {
    this.at += bytes;
    if (this.at <= this.view.byteLength) return this.at - bytes;
    throw new FormatError(`expected at least ${this.at} bytes, got ${this.view.byteLength}`);
  }
}
