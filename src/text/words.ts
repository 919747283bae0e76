// Words by Unicode Standard Annex #29 (version 17). Names in parentheses are its rules.
//
// Deliberate differences from the annex, and in the last point from Intl.Segmenter:
//
// - White space is never a token or part of one. In the annex the narrow no-break space, which French puts before ? and !,
//   is part of the word before it.
// - The zero width space is white space. Invisible characters that follow white space are dropped with it; visible marks are
//   tokens of their own.
// - After a zero width joiner any symbol continues an emoji, not only those that are emoji today.
// - Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces between words. As in the annex, a token is a
//   character with its marks, or a run of katakana; Intl.Segmenter uses dictionaries. Joining adds no spaces.
//
// Intl and \p{…} are not used: their tables change with the engine's version, and a model's tokens must not.

import { boolean, checkOptions } from "../check.js";
import type { Tokenizer } from "./tokenizers.js";
import { RUNS } from "./word-classes.js";

// The classes of characters, in the order of scripts/word-classes.mjs. Words consist of LETTER to CONNECTOR.
const OTHER = 0;
const LETTER = 1;
const NUMERIC = 2;
const HEBREW = 3;
const CONNECTOR = 4;
const KATAKANA = 5;
const EXTEND = 6;
const FORMAT = 7;
const JOINER = 8;
const MID_LETTER = 9;
const MID_NUMBER = 10;
const MID_EITHER = 11;
const SINGLE_QUOTE = 12;
const DOUBLE_QUOTE = 13;
const REGIONAL = 14;
const SPACE = 15;
const UNSPACED = 16;
const WIDE = 17;
/** The first half of a code point above U+FFFF. */
const HALF = 18;

/** (131,072) The class of each code point of planes 0 and 1, decoded at the first use. */
let table: Uint8Array | undefined;

function classes(): Uint8Array {
  if (table !== undefined) return table;
  table = new Uint8Array(0x20000);
  let at = 0;
  for (const [, kind, more] of RUNS.matchAll(/([A-Z])([0-9a-z]*)/g)) {
    const end = at + 1 + (more === "" ? 0 : Number.parseInt(more!, 36));
    table.fill(kind!.charCodeAt(0) - 65, at, end);
    at = end;
  }
  return table.fill(HALF, 0xd800, 0xdc00);
}

/** Returns the class of the character at index i. */
export function classAt(text: string, i: number): number {
  const kind = classes()[text.charCodeAt(i)]!;
  if (kind !== HALF) return kind;
  const point = text.codePointAt(i)!;
  if (point < 0x10000) return OTHER; // a lone surrogate
  if (point < 0x20000) return classes()[point]!;
  if (point < 0x40000) return UNSPACED; // ideographs
  return point >= 0xe0000 && point < 0xe1000 ? FORMAT : OTHER; // tags and variation selectors
}

const widthAt = (text: string, i: number): number => (text.codePointAt(i)! > 0xffff ? 2 : 1);
const isWord = (kind: number): boolean => kind >= LETTER && kind <= CONNECTOR;
const isLetter = (kind: number): boolean => kind === LETTER || kind === HEBREW;
const isExtender = (kind: number): boolean => kind >= EXTEND && kind <= JOINER;

/** Returns true in the blocks that contain the parts of emoji. The other symbols there do not follow joiners. */
const isSymbol = (point: number): boolean => (point >= 0x2190 && point < 0x2c00) || point >= 0x1f000;

/** Returns true if there is no boundary between two characters (WB5, 8–10, 13–13b). */
function joins(before: number, after: number): boolean {
  if (isWord(before)) return isWord(after) || (before === CONNECTOR && after === KATAKANA);
  return before === KATAKANA && (after === KATAKANA || after === CONNECTOR);
}

/** Returns true if a mark between two characters is part of their word (WB6–7c, 11–12). */
function holds(before: number, mark: number, after: number): boolean {
  const either = mark === MID_EITHER || mark === SINGLE_QUOTE;
  if (before === NUMERIC) return after === NUMERIC && (either || mark === MID_NUMBER);
  if (!isLetter(before) || !isLetter(after)) return false;
  return either || mark === MID_LETTER || (mark === DOUBLE_QUOTE && before === HEBREW && after === HEBREW);
}

/** Returns the end of the word, punctuation mark or emoji that begins at `start`. */
function endOf(text: string, start: number): number {
  const table = classes();
  let kind = classAt(text, start);
  let i = start + widthAt(text, start);
  let joiner = kind === JOINER;
  let paired = false;
  for (;;) {
    // The fast path: most words end here.
    while (isWord(kind) && i < text.length) {
      const next = table[text.charCodeAt(i)]!;
      if (!isWord(next)) break;
      kind = next;
      i++;
    }
    if (i >= text.length) return i;
    let next = classAt(text, i);
    // Extenders belong to the character before them (WB4).
    for (; isExtender(next); next = classAt(text, i)) {
      joiner = next === JOINER;
      i += widthAt(text, i);
      if (i >= text.length) return i;
    }
    if (joins(kind, next) || (joiner && next === OTHER && isSymbol(text.codePointAt(i)!))) {
      // Joined symbols are one emoji (WB3c).
    } else if (kind === REGIONAL && next === REGIONAL && !paired) {
      paired = true; // a flag is two regional indicators (WB15, 16)
    } else if (next >= MID_LETTER && next <= DOUBLE_QUOTE) {
      let after = i + 1;
      while (after < text.length && isExtender(classAt(text, after))) after += widthAt(text, after);
      const beyond = after < text.length ? classAt(text, after) : OTHER;
      if (holds(kind, next, beyond)) {
        next = beyond;
        i = after;
      } else if (kind !== HEBREW || next !== SINGLE_QUOTE) {
        return i; // a geresh stays with its letter (WB7a)
      }
    } else {
      return i;
    }
    kind = next;
    joiner = false;
    i += widthAt(text, i);
  }
}

/** Returns true if a part of a text has only invisible characters. */
function isInvisible(text: string, from: number, to: number): boolean {
  for (; from < to; from += widthAt(text, from)) {
    const kind = classAt(text, from);
    if (kind !== FORMAT && kind !== JOINER) return false;
  }
  return true;
}

/** Calls `visit` with the start and end of each token of a text. */
export function eachWord(text: string, visit: (start: number, end: number) => void): void {
  const table = classes();
  for (let i = 0; i < text.length; ) {
    const kind = table[text.charCodeAt(i)]!;
    if (kind === SPACE) {
      i++;
      continue;
    }
    const end = endOf(text, i);
    if (!(isExtender(kind) && isInvisible(text, i, end))) visit(i, end);
    i = end;
  }
}

/**
 * Splits a text into words, punctuation marks and emoji: 3.14, don't and a flag are one token each. White space is dropped;
 * joining inserts single spaces where English has them, and none between the characters of a script without spaces.
 * @param lowercase makes tokens lowercase (default false). Unicode guarantees that the lowercase form of a character never
 * changes; only characters newer than the engine's Unicode version stay unchanged.
 */
export function words(options: { lowercase?: boolean } = {}): Tokenizer {
  const { lowercase = false } = checkOptions("options", options, { lowercase: 1 });
  boolean("lowercase", lowercase);
  return {
    spec: Object.freeze({ kind: "word", lowercase }),
    each(text, emit) {
      // Lowercased word by word, so that the form of a final sigma does not depend on the neighboring words.
      eachWord(text, (start, end) => {
        const word = text.slice(start, end);
        emit(lowercase ? word.toLowerCase() : word);
      });
    },
    cut(text) {
      for (let i = text.length; i > 0; i--) if (isSpace(text, i - 1) || isBetweenUnspaced(text, i)) return i;
      return 0;
    },
    piece: pieceOfWord,
  };
}

export const isSpace = (text: string, i: number): boolean => classes()[text.charCodeAt(i)] === SPACE;

/** Returns true for a letter, a digit or an ideograph. */
export function isLetterOrDigit(text: string, i: number): boolean {
  const kind = classes()[text.charCodeAt(i)]!;
  return isWord(kind) || kind === KATAKANA || kind === UNSPACED;
}

/** Returns true between two characters that are always separate tokens, whatever surrounds them. */
export const isBetweenUnspaced = (text: string, i: number): boolean =>
  classes()[text.charCodeAt(i)] === UNSPACED && classes()[text.charCodeAt(i - 1)] === UNSPACED;

const CLOSING = /^[.,;:!?%)\]}’”»…،؛؟۔।॥、。，．！？：；）］｝」』】〉》]$/u;
const OPENING = /^[([{“‘«（［｛「『【〈《]$/u;

/** Returns the text that a token adds after the token `previous`. */
export function pieceOfWord(token: string, previous: string | undefined): string {
  if (previous === undefined || CLOSING.test(token) || OPENING.test(previous)) return token;
  return isUnspaced(token) && isUnspaced(previous) ? token : ` ${token}`;
}

function isUnspaced(token: string): boolean {
  const kind = classAt(token, 0);
  return kind === UNSPACED || kind === KATAKANA || kind === WIDE;
}
