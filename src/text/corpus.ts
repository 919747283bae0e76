// A text as one array of token ids, made in one pass over a stream of any length.

import { checkOptions, FRACTION, iterable, number, show } from "../check.js";
import { IdArray, idsFor, type TokenIds } from "./ids.js";
import { Numbering } from "./numbering.js";
import { checkTokenizer, type Tokenizer, tokenize } from "./tokenizers.js";
import { checkVocabulary, UNKNOWN, VOCABULARY_OPTIONS, Vocabulary, type VocabularyOptions } from "./vocabulary.js";

/** A text whole, or in pieces. */
export type Text = string | Iterable<string>;

export interface Corpus {
  vocabulary: Vocabulary;
  /** The ids to train on. */
  train: TokenIds;
  /** The ids held out: the last part of the text. */
  valid: TokenIds;
}

export interface CorpusOptions extends VocabularyOptions {
  /** The last part of the text, in [0, 1), that is held out (default 0.1). */
  valid?: number;
}

/**
 * Reads a text: builds the vocabulary of its training part and gives ids to all of it.
 * Unless `specials` says otherwise the vocabulary has <unk>, which stands for what only the held-out part has.
 * @throws TypeError where `text` or `tokenizer` is none
 * @throws RangeError where the training part is empty, or the held-out part has a token that has no id
 */
export function prepare(text: Text, tokenizer: Tokenizer, options: CorpusOptions = {}): Corpus {
  const { valid = 0.1, ...kept } = checkOptions("options", options, { ...VOCABULARY_OPTIONS, valid: 1 });
  number("valid", valid, ...FRACTION);
  // Ids in the order in which tokens are first seen, then renumbered.
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

/** The ids of a text. @throws RangeError naming a token that has none, where the vocabulary has no <unk> */
export function encode(text: Text, tokenizer: Tokenizer, vocabulary: Vocabulary): TokenIds {
  checkVocabulary(vocabulary);
  const ids = new IdArray(typeof text === "string" ? text.length : 0);
  eachToken(text, tokenizer, (token) => ids.push(vocabulary.id(token)));
  return ids.done();
}

/** The ids of the beginning of a text: its last sentence stays open. @throws RangeError as encode does */
export function encodePrompt(prompt: string, tokenizer: Tokenizer, vocabulary: Vocabulary): number[] {
  return tokenize(tokenizer, prompt).map((token) => vocabulary.id(token));
}

/** The text of ids. @throws RangeError where there is no such id */
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
 * Tokenizes a stream piece by piece: what may go on in the next piece waits for it.
 * @throws TypeError where `text` or `tokenizer` is none
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
