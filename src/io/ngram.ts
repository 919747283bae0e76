// Loading an n-gram model from wherever its bytes come, in whichever form they are.

import { checkBytes, kindOf } from "../check.js";
import { MAGIC, readBinary } from "../ngram/binary.js";
import type { NgramModel } from "../ngram/model.js";
import type { ByteStream } from "./gzip.js";
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
  if (whole && isBinary(whole)) return readBinary(whole, options);
  // A page that has its model whole and in binary form loads nothing of what reads other forms.
  const { readPieces } = await import("./ngram-pieces.js");
  return readPieces(whole ?? source, options);
}

function wholeOf(source: Bytes): Uint8Array | undefined {
  return ["Uint8Array", "ArrayBuffer"].includes(kindOf(source)) ? checkBytes("source", source) : undefined;
}

export const isBinary = (first: Uint8Array): boolean => Array.from(MAGIC).every((c, i) => first[i] === c.charCodeAt(0));
