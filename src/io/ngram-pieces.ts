// Reads an n-gram model in any format from pieces of bytes.

import { concat } from "../arrays.js";
import { kindOf, show } from "../check.js";
import { FormatError } from "../errors.js";
import type { NgramModel } from "../ngram/model.js";
import { readArpa } from "./arpa.js";
import { type ByteStream, bounded, isGzip, readAll, unpack } from "./gzip.js";
import { type Bytes, isBinary } from "./ngram.js";
import { MAGIC, readBinary } from "./ngram-binary.js";
import type { TokenizerOptions } from "./tokenizer.js";

/** @throws TypeError if `source` is not bytes; FormatError if they are cut short, altered or of another kind */
export async function readPieces(source: Bytes, options: TokenizerOptions): Promise<NgramModel> {
  let [first, pieces] = await peek(kindOf(source) === "Uint8Array" ? slices(source as Uint8Array) : piecesOf(source));
  if (isGzip(first)) {
    const unpacked = unpack(pieces);
    [first, unpacked.pieces] = await peek(unpacked.pieces);
    if (isGzip(first)) throw new FormatError("expected a model in gzip, got gzip in gzip: unpack it with gunzip");
    pieces = bounded(unpacked, isBinary(first) ? BINARY_RATIO : ARPA_RATIO);
  }
  return isBinary(first) ? readBinary(await joined(pieces), options) : readArpa(first, pieces, options);
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

/** ARPA files of real texts unpack to 2–5 times their size, of the most regular ones to 12; binary files to 2–4 and 8. */
const ARPA_RATIO = 16;
const BINARY_RATIO = 8;

/** Cuts bytes into pieces, so that decoding them takes little memory. */
function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += PIECE) yield bytes.subarray(i, i + PIECE);
}
const PIECE = 1 << 18;

/** Returns the first bytes, at least as many as MAGIC if there are, and an iterator over all pieces. */
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

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return concat(all);
}
