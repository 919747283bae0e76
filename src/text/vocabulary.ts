// The numbers of the tokens.

import { integer, show } from "../check.js";
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

/** The tokens that a model knows, numbered from 0: a token's id is its place among them. */
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
      this.#tokens = Object.freeze([...strings("a vocabulary", tokens)]);
      if (tokens.length === 0) throw new RangeError("a vocabulary expected at least one token, got none");
      this.words = new Numbering();
      this.#tokens.forEach((token, id) => {
        if (this.words.add(token) < id) {
          throw new RangeError(`a vocabulary expected each token once, got ${show(token)} twice`);
        }
      });
    }
    const idOf = (...tokens: string[]) => tokens.map((token) => this.words.find(token)).find((id) => id >= 0);
    this.unknown = idOf(UNKNOWN);
    this.padding = idOf(PADDING);
    // Where a text has <bos> as a word, an n-gram model knows its sentences by <s>.
    this.start = idOf(SENTENCE_START, START);
    this.end = idOf(SENTENCE_END, END);
  }

  /** Builds a vocabulary: special tokens first, then by falling count, equals in order of their code units. */
  static fromCounts(counts: ReadonlyMap<string, number>, options: VocabularyOptions = {}): Vocabulary {
    const minCount = integer("minCount", options.minCount ?? 1);
    const specials = strings('"specials"', options.specials ?? []);
    const maxSize = integer("maxSize", options.maxSize ?? Number.MAX_SAFE_INTEGER, specials.length + 1);
    const rest = [...counts].filter(([token, count]) => count >= minCount && !specials.includes(token));
    rest.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return new Vocabulary([...specials, ...rest.slice(0, maxSize - specials.length).map(([token]) => token)]);
  }

  /** Builds a vocabulary from tokens as they come. */
  static from(tokens: Iterable<string>, options: VocabularyOptions = {}): Vocabulary {
    const counts = new Map<string, number>();
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
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
    return this.words.find(token) >= 0;
  }

  /** A token's id; that of <unk> for one that is not in the vocabulary. @throws RangeError naming it where there is no <unk> */
  id(token: string): number {
    const id = this.words.find(token);
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
    const rows = new Float32Array(ids.length * this.size);
    for (let i = 0; i < ids.length; i++) rows[i * this.size + integer("id", ids[i], 0, this.size - 1)] = 1;
    return rows;
  }
}

function strings(what: string, value: readonly string[]): readonly string[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} expected an array of strings, got ${show(value)}`);
  value.forEach((token: unknown, i) => {
    if (typeof token !== "string") throw new TypeError(`${what} expected strings, got ${show(token)} at ${i}`);
  });
  return value;
}

/** A token with the code point of a single character, which may not be visible: "é" (U+00E9). */
export function name(token: string): string {
  const point = token.codePointAt(0);
  const single = point !== undefined && token.length === (point > 0xffff ? 2 : 1);
  return single ? `${show(token)} (U+${point.toString(16).toUpperCase().padStart(4, "0")})` : show(token);
}
