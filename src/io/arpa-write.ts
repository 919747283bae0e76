// Writing ARPA files, the text format for n-gram models that all toolkits read (described in SRILM's ngram-format(5)).

import { checkOptions, type NoOptions } from "../check.js";
import { checkNgramModel, checkNumbers, type NgramModel } from "../ngram/model.js";
import { countOf, ngrams } from "../ngram/trie.js";
import { findOdd, lengthOfLongest, writeString } from "../text/renumber.js";
import { isBlank } from "../text/tokenizers.js";
import { name, SENTENCE_START } from "../text/vocabulary.js";

/** Bytes per piece. */
const PIECE = 1 << 16;
const [TAB, LINE_FEED, SPACE, MINUS, POINT, ZERO] = [9, 10, 32, 45, 46, 48];

/**
 * Yields an ARPA file as pieces of UTF-8. Numbers have enough digits to be read back as the same float32; the logarithm of 0
 * is written as −99, as in SRILM, and that of <s> as 0, as in KenLM.
 * @throws RangeError naming a token that contains white space, which separates words in an ARPA file
 * @throws RangeError if one of the model's numbers is NaN
 */
export function* saveArpa(model: NgramModel, options: NoOptions = {}): Generator<Uint8Array, void, undefined> {
  checkOptions("options", options, {});
  const { vocabulary, trie, logP, logB } = checkNumbers(checkNgramModel(model));
  const { order } = trie;
  const { words } = vocabulary;
  const odd = findOdd(words, isBlank);
  if (odd >= 0) {
    throw new RangeError(
      `an ARPA file expected words without white space, got ${name(words.string(odd))}: save the model in binary form`,
    );
  }
  const start = words.find(SENTENCE_START);
  const encoder = new TextEncoder();
  const room = PIECE + order * (3 * lengthOfLongest(words) + 1) + 64;
  let piece = new Uint8Array(room);
  let at = 0;
  const write = (text: string) => {
    at += encoder.encodeInto(text, piece.subarray(at)).written;
  };

  write("\\data\\\n");
  for (let n = 1; n <= order; n++) write(`ngram ${n}=${countOf(trie, n)}\n`);
  for (let n = 1; n <= order; n++) {
    write(`\n\\${n}-grams:\n`);
    const ids = new Uint32Array(n);
    for (const node of ngrams(trie, n, ids)) {
      at = writeDecimal(piece, at, n === 1 && ids[0] === start ? 0 : logP[node]!);
      for (let i = 0; i < n; i++) {
        piece[at++] = i === 0 ? TAB : SPACE;
        at = writeString(words, ids[i]!, piece, at);
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

/** Writes a float32 so that it reads back as the same value, and returns the offset after it. */
export function writeDecimal(bytes: Uint8Array, at: number, x: number): number {
  const size = Math.abs(x);
  if (!(size < 99) || size < 1 / 64) {
    const text = shortest(x);
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    return at;
  }
  // One unit of the last digit is less than the distance to the next float32.
  let digits = size >= 1 ? 7 : size >= 1 / 8 ? 8 : 9;
  const whole = Math.floor(size);
  // An int32, since integer division is several times as fast.
  let fraction = Math.round((size - whole) * (digits === 7 ? 1e7 : digits === 8 ? 1e8 : 1e9)) | 0;
  if (x < 0) bytes[at++] = MINUS;
  if (whole >= 10) bytes[at++] = ZERO + Math.floor(whole / 10);
  bytes[at++] = ZERO + (whole % 10);
  if (fraction === 0) return at;
  for (; fraction % 10 === 0; digits--) fraction = (fraction / 10) | 0;
  bytes[at++] = POINT;
  for (let place = at + digits - 1; place >= at; place--) {
    const tenth = (fraction / 10) | 0;
    bytes[place] = ZERO + fraction - 10 * tenth;
    fraction = tenth;
  }
  return at + digits;
}

/** Formats a number outside the usual range of logarithms. −99 means log 0, so −99 itself gets more digits. */
function shortest(x: number): string {
  if (x === -Infinity) return "-99";
  if (x === -99) return "-99.000001";
  return x === 0 ? (Object.is(x, -0) ? "-0" : "0") : x.toPrecision(9);
}
