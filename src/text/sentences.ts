// Sentences of words. Their boundaries follow Unicode Standard Annex #29 (rules SB3 to SB11), with these differences:
//
// - No mark ends a sentence before a lowercase letter, as in “Where?” he asked. In the annex this holds only for periods.
// - A period does not end a sentence after a title (Mr.), an initial (J.) or letters with periods between them (U.S., e.g.).
// - White space has to follow the mark, except for the wide marks of East Asia.

import { boolean, checkOptions } from "../check.js";
import type { Tokenizer } from "./tokenizers.js";
import { SENTENCE_END } from "./vocabulary.js";
import { eachWord, isBetweenUnspaced, isLetterOrDigit, isSpace, pieceOfWord, words } from "./words.js";

export { words };

/** Marks that end a sentence; the wide ones need no white space after them. */
const WIDE = /^[。．！？｡]/u;
const FINAL = /^[.!?…‽؟۔।॥։።፧။។。．！？｡]/u;
/** Closing quotation marks and brackets, which belong to the sentence that ended. */
const CLOSER = /^["'”’»)\]}」』）］｝】〉》]/u;
/** Marks that continue a sentence if they come next. */
const CONTINUES = /^[,;:\-–—،؛、，：；]/u;
const ABBREVIATION = /^(?:mr|mrs|ms|mx|messrs|dr|prof|rev|hon|capt|col|gen|lt|sgt|st|mt|mme|mlle|\D(?:\.\D)+)$/iu;
const LINE_FEED = 10;

/**
 * Splits a text into the tokens of words(), with </s> after each sentence. A sentence ends at the end of a line, and at a mark
 * such as . ! or ? if the next token can begin a sentence. There are no empty sentences.
 * @param lowercase see words()
 * @param wrapped for prose broken into lines of equal width, such as Project Gutenberg's books: a sentence continues past the
 * end of a line and ends at a blank line
 * @throws TypeError naming the invalid option
 */
export function sentences(options: { lowercase?: boolean; wrapped?: boolean } = {}): Tokenizer {
  const { lowercase = false, wrapped = false } = checkOptions("options", options, { lowercase: 1, wrapped: 1 });
  boolean("lowercase", lowercase);
  boolean("wrapped", wrapped);
  /** Number of line feeds that end a sentence. */
  const feeds = wrapped ? 2 : 1;
  return {
    spec: Object.freeze({ kind: "sentence", lowercase, wrapped }),
    close: SENTENCE_END,
    each(text, emit) {
      let open = false;
      /** The mark that ends the sentence if the next token can begin another. */
      let mark = "";
      let before = "";
      let last = 0;
      eachWord(text, (start, end) => {
        const word = text.slice(start, end);
        const adjacent = start === last;
        if (!(mark !== "" && adjacent && (CLOSER.test(word) || FINAL.test(word)))) {
          const ended = mark !== "" && (!adjacent || WIDE.test(mark)) && canBegin(text, start, feeds);
          if (open && (ended || countFeeds(text, last, start) >= feeds)) emit(SENTENCE_END);
          mark = FINAL.test(word) && !(adjacent && word === "." && isAbbreviation(before)) ? word : "";
        }
        emit(lowercase ? word.toLowerCase() : word);
        open = true;
        before = word;
        last = end;
      });
      if (open && countFeeds(text, last, text.length) >= feeds) emit(SENTENCE_END);
    },
    cut(text) {
      for (let i = text.length; i > 0; i--) {
        let end = i;
        while (end > 0 && isSpace(text, end - 1)) end--;
        if (countFeeds(text, end, i) >= feeds) return i;
        // Between two words the sentence always continues, so it is safe to cut there.
        const spaced = end < i && end > 0 && isLetterOrDigit(text, end - 1) && isLetterOrDigit(text, i);
        if (spaced || isBetweenUnspaced(text, i)) return i;
        if (end < i) i = end + 1;
      }
      return 0;
    },
    piece(token, previous) {
      if (token === SENTENCE_END) return "\n";
      return previous === SENTENCE_END ? token : pieceOfWord(token, previous);
    },
  };
}

function countFeeds(text: string, from: number, to: number): number {
  let feeds = 0;
  for (let i = from; i < to; i++) if (text.charCodeAt(i) === LINE_FEED) feeds++;
  return feeds;
}

/** Returns true if a sentence can begin at `start`: the first letter from there on is not lowercase. */
function canBegin(text: string, start: number, feeds: number): boolean {
  if (FINAL.test(text[start]!) || CONTINUES.test(text[start]!)) return false;
  let passed = 0;
  for (let i = start; i < text.length; i++) {
    if (isLetterOrDigit(text, i)) return text[i] === text[i]!.toUpperCase();
    if (text.charCodeAt(i) === LINE_FEED) passed++;
    else if (!isSpace(text, i)) passed = 0;
    if (passed === feeds) return false;
  }
  return false;
}

/** Returns true if a period belongs to the word before it. I is a word, not an initial: it can end a sentence. */
const isAbbreviation = (word: string): boolean =>
  ABBREVIATION.test(word) || (word.length === 1 && word !== "I" && word !== word.toLowerCase());
