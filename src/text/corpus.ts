// Turns a text into one array of token ids, in one pass over a stream of any length.

import { checkOptions, FRACTION, iterable, number, show } from "../check.js";
import { IdArray, idsFor, type TokenIds } from "./ids.js";
import { Numbering } from "./numbering.js";
import { checkTokenizer, type Tokenizer, tokenize } from "./tokenizers.js";
import { checkVocabulary, UNKNOWN, VOCABULARY_OPTIONS, Vocabulary, type VocabularyOptions } from "./vocabulary.js";

/** A text, whole or in pieces. */
export type Text = string | Iterable<string>;

export interface Corpus {
  vocabulary: Vocabulary;
  /** The ids to train on. */
  train: TokenIds;
  /** The held-out ids: the last part of the text. */
  valid: TokenIds;
}

export interface CorpusOptions extends VocabularyOptions {
  /** The share of the text to hold out, in [0, 1), taken from its end (default 0.1). */
  valid?: number;
}

/**
 * Reads a text: builds a vocabulary from its training part and encodes all of it.
 * Unless `specials` says otherwise, the vocabulary has <unk>, which replaces tokens that only the held-out part has.
 * @throws TypeError if `text`, `tokenizer` or an option is of the wrong kind
 * @throws RangeError if the training part is empty, or if a held-out token has no id and there is no <unk>
 */
export function prepare(text: Text, tokenizer: Tokenizer, options: CorpusOptions = {}): Corpus {
  const { valid = 0.1, ...kept } = checkOptions("options", options, { ...VOCABULARY_OPTIONS, valid: 1 });
  number("valid", valid, ...FRACTION);
  // Ids are assigned in order of first occurrence, then renumbered.
  const seen = new Numbering();
  const ids = new IdArray(typeof text === "string" ? text.length : 0);
  eachToken(text, tokenizer, (token) => ids.push(seen.add(token)));

  const all = ids.done();
  const trained = all.length - Math.floor(all.length * valid);
  if (trained === 0) throw new RangeError("a text to train on expected at least one token, got none: is it empty?");
  const counts = new Float64Array(seen.size);
  for (let i = 0; i < trained; i++) counts[all[i]!]!++;
  const { strings } = seen;
  const counted = new Map(strings.map((token, id) => [token, counts[id]!] as const).filter(([, n]) => n > 0));
  const vocabulary = Vocabulary.fromCounts(counted, { specials: [UNKNOWN], ...kept });

  const renumbered = strings.map((token) => vocabulary.id(token));
  const final = idsFor(vocabulary.size, all);
  for (let i = 0; i < all.length; i++) final[i] = renumbered[all[i]!]!;
  return { vocabulary, train: final.subarray(0, trained), valid: final.subarray(trained) };
}

/** Returns the ids of a text. @throws RangeError naming a token that has no id, if the vocabulary has no <unk> */
export function encode(text: Text, tokenizer: Tokenizer, vocabulary: Vocabulary): TokenIds {
  checkVocabulary(vocabulary);
  const ids = new IdArray(typeof text === "string" ? text.length : 0);
  eachToken(text, tokenizer, (token) => ids.push(vocabulary.id(token)));
  return ids.done();
}

/** Returns the ids of a prompt, whose last sentence stays open. @throws RangeError as encode does */
export function encodePrompt(prompt: string, tokenizer: Tokenizer, vocabulary: Vocabulary): number[] {
  return tokenize(tokenizer, prompt).map((token) => vocabulary.id(token));
}

/** Returns the text of ids. @throws RangeError if there is no such id */
export function decode(ids: Iterable<number>, tokenizer: Tokenizer, vocabulary: Vocabulary): string {
  checkTokenizer(tokenizer);
  checkVocabulary(vocabulary);
  iterable("ids", ids, "token ids to iterate over");
  let text = "";
  let previous: string | undefined;
  for (const id of ids) {
    const token = vocabulary.token(id);
    text += tokenizer.piece(token, previous);
    previous = token;
  }
  return text;
}

/**
 * Tokenizes a stream piece by piece; the end of a piece is held back if its tokens may continue in the next.
 * @throws TypeError if `text` or `tokenizer` is of the wrong kind
 */
export function eachToken(text: Text, tokenizer: Tokenizer, emit: (token: string) => void): void {
  checkTokenizer(tokenizer);
  iterable("text", text, "a string, or strings to iterate over");
  let rest = "";
  let open = false;
  const each = (part: string) =>
    tokenizer.each(part, (token) => {
      open = token !== tokenizer.close;
      emit(token);
    });
  for (const piece of typeof text === "string" ? [text] : text) {
    if (typeof piece !== "string") throw new TypeError(`"text" expected pieces that are strings, got ${show(piece)}`);
    const known = tokenizer.cut(piece);
    if (known === 0) {
      rest += piece;
      continue;
    }
    each(rest + piece.slice(0, known));
    rest = piece.slice(known);
  }
  if (rest !== "") each(rest);
  if (open && tokenizer.close !== undefined) emit(tokenizer.close);
}
