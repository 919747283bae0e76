// Tokens and their ids.

import { checkOptions, integer, iterable, kindOf, type Names, number, show, string } from "../check.js";
import { Numbering } from "./numbering.js";

export const UNKNOWN = "<unk>";
export const PADDING = "<pad>";
export const START = "<bos>";
export const END = "<eos>";
/** The names of START and END in n-gram models. */
export const SENTENCE_START = "<s>";
export const SENTENCE_END = "</s>";

export interface VocabularyOptions {
  /** Leaves out tokens that occur less often than this (default 1). */
  minCount?: number;
  /** Keeps at most this many tokens, the most frequent ones, special tokens included (default: no limit). */
  maxSize?: number;
  /** Special tokens, such as <unk>, <pad>, <bos> and <eos>; they get the first ids (default: none). */
  specials?: readonly string[];
}

/** The names of these options, for functions that also take others. */
export const VOCABULARY_OPTIONS: Names<VocabularyOptions> = { minCount: 1, maxSize: 1, specials: 1 };

/** The tokens that a model knows, numbered from 0: a token's id is its position. Immutable. */
export class Vocabulary {
  /** Ids of the special tokens, if the vocabulary has them; <s> and </s> also serve as start and end. */
  readonly unknown: number | undefined;
  readonly padding: number | undefined;
  readonly start: number | undefined;
  readonly end: number | undefined;
  /** The tokens and their ids. */
  readonly words: Numbering;
  /** The strings requested so far: making a million of them takes time and memory that counting does not need. */
  #made: (string | undefined)[] | undefined;
  /** All tokens as strings, once requested. */
  #tokens: readonly string[] | undefined;

  /**
   * @param tokens each token once, in the order of their ids
   * @throws TypeError if they are not strings; RangeError if there are none or one occurs twice
   */
  constructor(tokens: readonly string[] | Numbering) {
    if (tokens instanceof Numbering) {
      this.words = tokens;
    } else {
      // A copy: the network's number of rows must not depend on what happens to the caller's array.
      this.#tokens = Object.freeze([...strings("tokens", tokens)]);
      if (tokens.length === 0) throw new RangeError("a vocabulary expected at least one token, got none");
      this.words = new Numbering();
      this.#tokens.forEach((token, id) => {
        if (this.words.add(token) < id) {
          throw new RangeError(`a vocabulary expected each token once, got ${show(token)} twice`);
        }
      });
    }
    Object.freeze(this.words);
    const idOf = (...tokens: string[]) => tokens.map((token) => this.words.find(token)).find((id) => id >= 0);
    this.unknown = idOf(UNKNOWN);
    this.padding = idOf(PADDING);
    // <s> first: an n-gram model marks sentences by <s> even if its text has <bos> as a word.
    this.start = idOf(SENTENCE_START, START);
    this.end = idOf(SENTENCE_END, END);
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "Vocabulary";
  }

  /** Builds a vocabulary: special tokens first, then by descending count, ties in order of their code units. */
  static fromCounts(counts: ReadonlyMap<string, number>, options: VocabularyOptions = {}): Vocabulary {
    const { minCount = 1, maxSize, specials = [] } = checkOptions("options", options, VOCABULARY_OPTIONS);
    if (kindOf(counts) !== "Map")
      throw new TypeError(`"counts" expected a Map of tokens to counts, got ${show(counts)}`);
    for (const [token, count] of counts) number(`counts.get(${show(token)})`, count, "a number", () => true);
    integer("minCount", minCount);
    strings("specials", specials);
    const most = maxSize === undefined ? Infinity : integer("maxSize", maxSize, specials.length + 1);
    const rest = [...counts].filter(([token, count]) => count >= minCount && !specials.includes(token));
    rest.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return new Vocabulary([...specials, ...rest.slice(0, most - specials.length).map(([token]) => token)]);
  }

  /** Builds a vocabulary from the tokens of a text, which it counts. */
  static from(tokens: Iterable<string>, options: VocabularyOptions = {}): Vocabulary {
    const counts = new Map<string, number>();
    for (const token of iterable("tokens", tokens, "strings to iterate over"))
      counts.set(string("tokens", token), (counts.get(token) ?? 0) + 1);
    return Vocabulary.fromCounts(counts, options);
  }

  /** The tokens, in order of their ids. */
  get tokens(): readonly string[] {
    this.#tokens ??= Object.freeze(this.words.strings);
    return this.#tokens;
  }

  get size(): number {
    return this.words.size;
  }

  has(token: string): boolean {
    return this.words.find(string("token", token)) >= 0;
  }

  /** Returns a token's id, or <unk>'s if it is not in the vocabulary. @throws RangeError naming it if there is no <unk> */
  id(token: string): number {
    const id = this.words.find(string("token", token));
    if (id >= 0) return id;
    if (this.unknown !== undefined) return this.unknown;
    throw new RangeError(
      `${name(token)} is not among the ${this.size} tokens of the vocabulary, which has no ${UNKNOWN}: ` +
        "remove it, or train on a text that contains it",
    );
  }

  /** Returns the token of an id. @throws RangeError if there is none */
  token(id: number): string {
    integer("id", id, 0, this.size - 1);
    if (this.#tokens) return this.#tokens[id]!;
    this.#made ??= new Array(this.size);
    this.#made[id] ??= this.words.string(id);
    return this.#made[id];
  }

  /** Returns one-hot rows (n × size), for illustration: the network gathers rows by id instead. */
  oneHot(ids: ArrayLike<number>): Float32Array {
    const isArray = Array.isArray(ids) || (ArrayBuffer.isView(ids) && kindOf(ids) !== "DataView");
    if (!isArray) throw new TypeError(`"ids" expected an array of token ids, got ${show(ids)}`);
    const rows = new Float32Array(ids.length * this.size);
    for (let i = 0; i < ids.length; i++) rows[i * this.size + integer("id", ids[i], 0, this.size - 1)] = 1;
    return rows;
  }
}

export function strings(name: string, value: readonly string[]): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`"${name}" expected an array of strings, got ${show(value)}`);
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] !== "string") throw new TypeError(`"${name}" expected strings, got ${show(value[i])} at ${i}`);
  }
  return value;
}

/** @throws TypeError */
export function checkVocabulary(vocabulary: unknown, name = "vocabulary"): asserts vocabulary is Vocabulary {
  if (vocabulary instanceof Vocabulary) return;
  throw new TypeError(`"${name}" expected a Vocabulary, such as prepare() makes, got ${show(vocabulary)}`);
}

/** Shows a token; a single character, which may be invisible, with its code point: "é" (U+00E9). */
export function name(token: string): string {
  const point = token.codePointAt(0);
  const single = point !== undefined && token.length === (point > 0xffff ? 2 : 1);
  return single ? `${show(token)} (U+${point.toString(16).toUpperCase().padStart(4, "0")})` : show(token);
}
