// Loading an n-gram model from wherever its bytes come, in whichever form they are.

import { kindOf, object, show } from "../check.js";
import { ArpaReader } from "../ngram/arpa-read.js";
import { concat, MAGIC, readBinary } from "../ngram/binary.js";
import type { NgramModel } from "../ngram/model.js";
import type { Tokenizer } from "../text/tokenizers.js";
import { FormatError } from "./format.js";

/** Bytes whole, or in pieces: an ArrayBuffer or the body of what fetch() gives, a file, a stream of Node's. */
export type Bytes =
  | Uint8Array
  | ArrayBuffer
  | ReadableStream<Uint8Array>
  | Iterable<Uint8Array>
  | AsyncIterable<Uint8Array>;

/**
 * Loads an n-gram model: an ARPA file as KenLM, SRILM and IRSTLM write it, or what saveNgram() wrote; either compressed by
 * gzip or not. An ARPA file is never held as a whole.
 * @param tokenizer what makes tokens of a text, for an ARPA file, which does not say (default: lines(); whitespace() where
 * the model has no </s>)
 * @throws TypeError where `source` has no bytes
 * @throws FormatError where they are cut short, altered or something else
 */
export async function loadNgram(source: Bytes, options: { tokenizer?: Tokenizer } = {}): Promise<NgramModel> {
  const { tokenizer } = object("options", options);
  const whole = wholeOf(source);
  if (whole && startsWith(whole, MAGIC)) return readBinary(whole);
  const [first, pieces] = await peek(whole ? slices(whole) : piecesOf(source));
  if (first[0] === 0x1f && first[1] === 0x8b) return loadNgram(unzipped(pieces), options);
  if (startsWith(first, MAGIC)) return readBinary(await joined(pieces));
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
  return reader.done(tokenizer);
}

function wholeOf(source: Bytes): Uint8Array | undefined {
  const kind = kindOf(source);
  if (kind === "Uint8Array") return source as Uint8Array;
  return kind === "ArrayBuffer" ? new Uint8Array(source as ArrayBuffer) : undefined;
}

function piecesOf(source: Bytes): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (kindOf(source) === "ReadableStream") return readAll(source as ReadableStream<Uint8Array>);
  const pieces = source as Partial<AsyncIterable<Uint8Array> & Iterable<Uint8Array>> | null | undefined;
  if (typeof source !== "string" && (pieces?.[Symbol.asyncIterator] ?? pieces?.[Symbol.iterator])) {
    return source as Iterable<Uint8Array>;
  }
  throw new TypeError(`"source" expected bytes, whole or in pieces, got ${show(source)}`);
}

/** In pieces that a decoder makes strings of without taking much memory. */
function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += PIECE) yield bytes.subarray(i, i + PIECE);
}
const PIECE = 1 << 18;

/** Not every browser can iterate over a stream. */
async function* readAll(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value!;
  } finally {
    // Where the reading ended early, what is left is not wanted; nor is it waited for, which can take for ever.
    reader.cancel().catch(() => {});
  }
}

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

function unzipped(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  const feed = async () => {
    for await (const piece of pieces) await writer.write(piece as BufferSource);
    await writer.close();
  };
  // What goes wrong there, the reader sees.
  feed().catch((error) => writer.abort(error).catch(() => {}));
  return (async function* () {
    try {
      yield* readAll(readable);
    } catch (cause) {
      throw new FormatError("expected a gzip file, got one that is cut short or altered", { cause });
    }
  })();
}

const startsWith = (bytes: Uint8Array, text: string) => Array.from(text).every((c, i) => bytes[i] === c.charCodeAt(0));

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return concat(all);
}
