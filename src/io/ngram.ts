// Loading an n-gram model from wherever its bytes come, in whichever form they are.

import { checkBytes, kindOf, show } from "../check.js";
import { ArpaReader } from "../ngram/arpa-read.js";
import { concat, MAGIC, readBinary } from "../ngram/binary.js";
import type { NgramModel } from "../ngram/model.js";
import { FormatError } from "./format.js";
import { type ByteStream, bounded, isGzip, readAll, unpack } from "./gzip.js";
import { checkTokenizerOptions, type TokenizerOptions } from "./tokenizer.js";

/** Bytes whole, or in pieces: an ArrayBuffer or the body of what fetch() gives, a file, a stream of Node's. */
export type Bytes = Uint8Array | ArrayBuffer | ByteStream | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Loads an n-gram model: an ARPA file as KenLM, SRILM, IRSTLM and the CMU toolkit write it, or what saveNgram() wrote; either
 * compressed by gzip or not. An ARPA file is never held as a whole.
 * @param tokenizer what makes tokens of a text, for an ARPA file, which does not say (default: lines(); whitespace() where
 * the model has no </s>); for the binary form, which does, only pattern() or one of your own
 * @param allowPattern uses the regular expression of a binary file that you trust
 * @throws TypeError where `source` has no bytes
 * @throws FormatError where they are cut short, altered or something else
 */
export async function loadNgram(source: Bytes, options: TokenizerOptions = {}): Promise<NgramModel> {
  checkTokenizerOptions(options);
  const whole = wholeOf(source);
  if (whole && startsWith(whole, MAGIC)) return readBinary(whole, options);
  let [first, pieces] = await peek(whole ? slices(whole) : piecesOf(source));
  if (isGzip(first)) {
    const unpacked = unpack(pieces);
    [first, unpacked.pieces] = await peek(unpacked.pieces);
    if (isGzip(first)) throw new FormatError("expected a model in gzip, got gzip in gzip: unpack it with gunzip");
    pieces = bounded(unpacked, startsWith(first, MAGIC) ? BINARY_RATIO : ARPA_RATIO);
  }
  if (startsWith(first, MAGIC)) return readBinary(await joined(pieces), options);
  const other = OTHER_FORMS.find(([bytes]) => bytes.test(String.fromCharCode(...first.subarray(0, 8))));
  if (other) throw new FormatError(`expected an ARPA file, got ${other[1]}: ${other[2]}`);
  const reader = new ArpaReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes: Uint8Array | undefined) => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      throw new FormatError(`line ${reader.line + 1} or later: expected UTF-8, got something else`, { cause });
    }
  };
  for await (const bytes of pieces) reader.push(decode(bytes));
  reader.push(decode(undefined));
  return reader.done(options.tokenizer);
}

/** N-gram models that are not read: their first bytes as characters, what they are, and what to do. */
export const OTHER_FORMS: readonly (readonly [bytes: RegExp, what: string, remedy: string])[] = [
  [/^mmap lm /, "KenLM's binary form, which depends on the machine", "load the ARPA file that it was made from"],
  [/^(Q?blmtI? |[iq]ARPA)/, "IRSTLM's own form", "compile-lm FILE --text=yes model.arpa makes an ARPA file of it"],
  [/^SRILM_BI/, "SRILM's binary form", "ngram -lm FILE -write-lm model.arpa makes an ARPA file of it"],
];

function wholeOf(source: Bytes): Uint8Array | undefined {
  return ["Uint8Array", "ArrayBuffer"].includes(kindOf(source)) ? checkBytes("source", source) : undefined;
}

function piecesOf(source: Bytes): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (kindOf(source) === "ReadableStream") return readAll(source as ByteStream);
  const pieces = source as Partial<AsyncIterable<Uint8Array> & Iterable<Uint8Array>> | null | undefined;
  if (
    typeof source !== "string" &&
    !ArrayBuffer.isView(source) &&
    (pieces?.[Symbol.asyncIterator] ?? pieces?.[Symbol.iterator])
  ) {
    return source as Iterable<Uint8Array>;
  }
  throw new TypeError(`"source" expected bytes, whole or in pieces, got ${show(source)}`);
}

/** ARPA files of real texts unpack to 2 to 5 times their size, the most regular ones to 12; binary ones to 2 to 4, and 8. */
const ARPA_RATIO = 16;
const BINARY_RATIO = 8;

/** In pieces that a decoder makes strings of without taking much memory. */
function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += PIECE) yield bytes.subarray(i, i + PIECE);
}
const PIECE = 1 << 18;

/** The first bytes, as many as a magic has or all there are, and all of them again. */
async function peek(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<[Uint8Array, AsyncIterable<Uint8Array>]> {
  const all = (async function* () {
    for await (const piece of pieces) {
      if (kindOf(piece) !== "Uint8Array")
        throw new TypeError(`"source" expected pieces that are bytes, got ${show(piece)}`);
      yield piece as Uint8Array;
    }
  })();
  const taken: Uint8Array[] = [];
  let length = 0;
  while (length < MAGIC.length) {
    const { done, value } = await all.next();
    if (done) break;
    taken.push(value);
    length += value.length;
  }
  return [
    concat(taken),
    (async function* () {
      yield* taken;
      yield* all;
    })(),
  ];
}

const startsWith = (bytes: Uint8Array, text: string) => Array.from(text).every((c, i) => bytes[i] === c.charCodeAt(0));

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return concat(all);
}
