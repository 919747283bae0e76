// Sentences of words. Where one ends follows the Unicode Standard Annex #29 (rules SB3 to SB11), with these differences:
//
// - No mark ends a sentence before a lower-case letter, as in “Where?” he asked. In the annex only a period does not.
// - A period does not end one after a title (Mr.), an initial (J.) or letters with periods inside (U.S., e.g.).
// - White space has to follow the mark, but for the wide marks of East Asia.

import { boolean, checkOptions } from "../check.js";
import type { Tokenizer } from "./tokenizers.js";
import { SENTENCE_END } from "./vocabulary.js";
import { eachWord, isBetweenUnspaced, isLetterOrDigit, isSpace, pieceOfWord, words } from "./words.js";

export { words };

/** Marks that end a sentence; the wide ones do without white space behind them. */
const WIDE = /^[。．！？｡]/u;
const FINAL = /^[.!?…‽؟۔।॥։።፧။។。．！？｡]/u;
/** Quotation marks and brackets, which still belong to the sentence that ended. */
const CLOSER = /^["'”’»)\]}」』）］｝】〉》]/u;
/** Marks before which a sentence has not ended. */
const CONTINUES = /^[,;:\-–—،؛、，：；]/u;
const ABBREVIATION = /^(?:mr|mrs|ms|mx|messrs|dr|prof|rev|hon|capt|col|gen|lt|sgt|st|mt|mme|mlle|\D(?:\.\D)+)$/iu;
const LINE_FEED = 10;

/**
 * The tokens of words(), with </s> behind each sentence: at the end of a line, and where a mark such as . ! or ? is followed
 * by what can begin another sentence. There are no empty sentences.
 * @param lowercase see words()
 * @param wrapped for prose broken into lines of equal width, as Project Gutenberg's books are: a sentence goes on at the end
 * of a line, and ends at a blank one
 * @throws TypeError
 */
export function sentences(options: { lowercase?: boolean; wrapped?: boolean } = {}): Tokenizer {
  const { lowercase = false, wrapped = false } = checkOptions("options", options, { lowercase: 1, wrapped: 1 });
  boolean("lowercase", lowercase);
  boolean("wrapped", wrapped);
  /** How many line feeds end a sentence. */
  const feeds = wrapped ? 2 : 1;
  return {
    spec: Object.freeze({ kind: "sentence", lowercase, wrapped }),
    close: SENTENCE_END,
    each(text, emit) {
      let open = false;
      /** The mark that ends the sentence, if what follows can begin another one. */
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
        // Between two words the sentence goes on, whatever comes before and after.
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

/** Whether what begins there can begin a sentence: its first letter is no small one. */
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

/** Whether a period belongs to the word before it. A sentence may well end in the word I. */
const isAbbreviation = (word: string): boolean =>
  ABBREVIATION.test(word) || (word.length === 1 && word !== "I" && word !== word.toLowerCase());
