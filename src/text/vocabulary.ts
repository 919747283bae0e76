// The numbers of the tokens.

import { checkOptions, integer, iterable, kindOf, type Names, number, show, string } from "../check.js";
import { Numbering } from "./numbering.js";

export const UNKNOWN = "<unk>";
export const PADDING = "<pad>";
export const START = "<bos>";
export const END = "<eos>";
/** What n-gram models call them. */
export const SENTENCE_START = "<s>";
export const SENTENCE_END = "</s>";

export interface VocabularyOptions {
  /** Tokens seen less often are left out (default 1). */
  minCount?: number;
  /** At most so many tokens, the special ones included: the most frequent stay. */
  maxSize?: number;
  /** Which of <unk>, <pad>, <bos> and <eos> there are; they come first (default: none). */
  specials?: readonly string[];
}

/** Their names, for functions that take them and others. */
export const VOCABULARY_OPTIONS: Names<VocabularyOptions> = { minCount: 1, maxSize: 1, specials: 1 };

/** The tokens that a model knows, numbered from 0: a token's id is its place among them. It never changes. */
export class Vocabulary {
  /** Ids of the special tokens, where the vocabulary has them; start and end may be called <s> and </s>, too. */
  readonly unknown: number | undefined;
  readonly padding: number | undefined;
  readonly start: number | undefined;
  readonly end: number | undefined;
  /** The tokens and their ids. */
  readonly words: Numbering;
  /** Those that were asked for, as strings: a million of them take time and memory that counting does not need. */
  #made: (string | undefined)[] | undefined;
  /** All of them. */
  #tokens: readonly string[] | undefined;

  /**
   * @param tokens each token once, in the order of their ids
   * @throws TypeError where they are no strings; RangeError where there are none or one stands twice
   */
  constructor(tokens: readonly string[] | Numbering) {
    if (tokens instanceof Numbering) {
      this.words = tokens;
    } else {
      // A copy: a network has as many rows, whatever happens to the caller's array.
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
    // Where a text has <bos> as a word, an n-gram model knows its sentences by <s>.
    this.start = idOf(SENTENCE_START, START);
    this.end = idOf(SENTENCE_END, END);
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "Vocabulary";
  }

  /** Builds a vocabulary: special tokens first, then by falling count, equals in order of their code units. */
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

  /** Builds a vocabulary from tokens as they come. */
  static from(tokens: Iterable<string>, options: VocabularyOptions = {}): Vocabulary {
    const counts = new Map<string, number>();
    for (const token of iterable("tokens", tokens, "strings to iterate over"))
      counts.set(string("tokens", token), (counts.get(token) ?? 0) + 1);
    return Vocabulary.fromCounts(counts, options);
  }

  /** The tokens, by their ids. */
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

  /** A token's id; that of <unk> for one that is not in the vocabulary. @throws RangeError naming it where there is no <unk> */
  id(token: string): number {
    const id = this.words.find(string("token", token));
    if (id >= 0) return id;
    if (this.unknown !== undefined) return this.unknown;
    throw new RangeError(
      `${name(token)} is not among the ${this.size} tokens of the vocabulary, which has no ${UNKNOWN}: ` +
        "leave it out, or train on a text that has it",
    );
  }

  /** The token of an id. @throws RangeError where there is none */
  token(id: number): string {
    integer("id", id, 0, this.size - 1);
    if (this.#tokens) return this.#tokens[id]!;
    this.#made ??= new Array(this.size);
    this.#made[id] ??= this.words.string(id);
    return this.#made[id];
  }

  /** One-hot rows (n × size) for those who want to see them; the network gathers instead. */
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

/** A token with the code point of a single character, which may not be visible: "é" (U+00E9). */
export function name(token: string): string {
  const point = token.codePointAt(0);
  const single = point !== undefined && token.length === (point > 0xffff ? 2 : 1);
  return single ? `${show(token)} (U+${point.toString(16).toUpperCase().padStart(4, "0")})` : show(token);
}
