// Loading an n-gram model from any source of bytes, in any supported format.

import { checkBytes, kindOf } from "../check.js";
import type { NgramModel } from "../ngram/model.js";
import type { ByteStream } from "./gzip.js";
import { MAGIC, readBinary } from "./ngram-binary.js";
import { checkTokenizerOptions, type TokenizerOptions } from "./tokenizer.js";

/** Bytes, whole or in pieces: an ArrayBuffer, the body of a fetch() response, a file, a Node stream. */
export type Bytes = Uint8Array | ArrayBuffer | ByteStream | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Loads an n-gram model: an ARPA file as written by KenLM, SRILM, IRSTLM and the CMU toolkit, or the binary format of
 * saveNgram(); either may be gzipped. An ARPA file is read in pieces and never held in memory as a whole.
 * @param tokenizer splits texts into tokens: for an ARPA file, which does not specify one (default: lines(), or whitespace()
 * if the model has no </s>), and for a binary file whose tokenizer was made by pattern() or custom
 * @param allowPattern uses the regular expression in a binary file that you trust
 * @throws TypeError if `source` is not bytes
 * @throws FormatError if the file is cut short, altered or of another kind
 */
export async function loadNgram(source: Bytes, options: TokenizerOptions = {}): Promise<NgramModel> {
  checkTokenizerOptions(options);
  const whole = wholeOf(source);
  if (whole && isBinary(whole)) return readBinary(whole, options);
  // Imported on demand, so that a page with a whole binary model does not load the readers of other formats.
  const { readPieces } = await import("./ngram-pieces.js");
  return readPieces(whole ?? source, options);
}

function wholeOf(source: Bytes): Uint8Array | undefined {
  return ["Uint8Array", "ArrayBuffer"].includes(kindOf(source)) ? checkBytes("source", source) : undefined;
}

export const isBinary = (first: Uint8Array): boolean => Array.from(MAGIC).every((c, i) => first[i] === c.charCodeAt(0));
