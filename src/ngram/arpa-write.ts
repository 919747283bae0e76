// Writing ARPA files, the text form of n-gram models that all toolkits read (ngram-format(5) of SRILM describes it).

import { isWord } from "../text/tokenizers.js";
import { name } from "../text/vocabulary.js";
import type { NgramModel } from "./model.js";
import { countOf, ngrams } from "./trie.js";

/** Bytes in a piece. */
const PIECE = 1 << 16;
const [TAB, LINE_FEED, SPACE, MINUS, POINT, ZERO] = [9, 10, 32, 45, 46, 48];

/**
 * The bytes of an ARPA file, in pieces: UTF-8. Numbers have as many digits as it takes to read the same float32 again; the
 * logarithm of 0 is −99, as with SRILM, and that of <s> 0, as with KenLM.
 * @throws RangeError naming a token that has white space in it: an ARPA file separates words by it
 */
export function* saveArpa({ vocabulary, trie, logP, logB }: NgramModel): Generator<Uint8Array, void, undefined> {
  const { order } = trie;
  const odd = vocabulary.tokens.find((token) => !isWord(token));
  if (odd !== undefined) {
    throw new RangeError(
      `an ARPA file expected words without white space, got ${name(odd)}: save the model in binary form`,
    );
  }
  const encoder = new TextEncoder();
  const tokens = vocabulary.tokens.map((token) => encoder.encode(token));
  const longest = tokens.reduce((most, { length }) => Math.max(most, length), 0);
  const room = PIECE + order * (longest + 1) + 64;
  let piece = new Uint8Array(room);
  let at = 0;
  const write = (text: string) => {
    at += encoder.encodeInto(text, piece.subarray(at)).written;
  };

  write("\\data\\\n");
  for (let n = 1; n <= order; n++) write(`ngram ${n}=${countOf(trie, n)}\n`);
  for (let n = 1; n <= order; n++) {
    write(`\n\\${n}-grams:\n`);
    const words = new Uint32Array(n);
    for (const node of ngrams(trie, n, words)) {
      at = writeDecimal(piece, at, n === 1 && words[0] === vocabulary.start ? 0 : logP[node]!);
      for (let i = 0; i < n; i++) {
        piece[at++] = i === 0 ? TAB : SPACE;
        const token = tokens[words[i]!]!;
        for (let k = 0; k < token.length; k++) piece[at++] = token[k]!;
      }
      if (n < order) {
        piece[at++] = TAB;
        at = writeDecimal(piece, at, logB[node]!);
      }
      piece[at++] = LINE_FEED;
      if (at < PIECE) continue;
      yield piece.subarray(0, at);
      piece = new Uint8Array(room);
      at = 0;
    }
  }
  write("\n\\end\\\n");
  yield piece.subarray(0, at);
}

/** Writes a float32, of the size that logarithms have, and returns the place behind it. */
function writeDecimal(bytes: Uint8Array, at: number, x: number): number {
  const size = Math.abs(x);
  if (x === -Infinity || size >= 99 || (size < 1 / 64 && size > 0)) {
    for (const character of x === -Infinity ? "-99" : x.toPrecision(9)) bytes[at++] = character.charCodeAt(0);
    return at;
  }
  // A unit of the last digit is less than the distance to the next float32.
  let digits = size >= 1 ? 7 : size >= 1 / 8 ? 8 : 9;
  const whole = Math.floor(size);
  let fraction = Math.round((size - whole) * 10 ** digits);
  if (x < 0) bytes[at++] = MINUS;
  if (whole >= 10) bytes[at++] = ZERO + Math.floor(whole / 10);
  bytes[at++] = ZERO + (whole % 10);
  if (fraction === 0) return at;
  for (; fraction % 10 === 0; digits--) fraction /= 10;
  bytes[at++] = POINT;
  for (let place = at + digits - 1; place >= at; place--) {
    bytes[place] = ZERO + (fraction % 10);
    fraction = Math.floor(fraction / 10);
  }
  return at + digits;
}
