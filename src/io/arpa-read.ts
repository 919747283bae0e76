// Reading ARPA files, as KenLM, SRILM and IRSTLM write them (ngram-format(5) of SRILM):
//
//   \data\
//   ngram 1=3
//   ngram 2=1
//
//   \1-grams:
//   -0.4<tab>word<tab>-0.3          log10 p(w | h), the words of h w, log10 b(h w) if h w is a context
//   …
//   \2-grams:
//   …
//   \end\
//
// The n-grams of a section may come in any order. A word's id is its position among the unigrams. Blank lines are allowed
// anywhere, as in KenLM, and so is free text before \data\, which the CMU toolkit and pocketsphinx's tools write.

import { exactly, roomFor } from "../arrays.js";
import { show } from "../check.js";
import { FormatError } from "../errors.js";
import { NgramModel } from "../ngram/model.js";
import { sortPlaces } from "../ngram/rows.js";
import { child, MAX_ORDER, ROOT, TrieBuilder } from "../ngram/trie.js";
import { Numbering } from "../text/numbering.js";
import { lines, type Tokenizer, whitespace } from "../text/tokenizers.js";
import { SENTENCE_END, SENTENCE_START, UNKNOWN, Vocabulary } from "../text/vocabulary.js";

/** Longest line in characters: more than ten words of any language take. */
const LONGEST = 1 << 20;
/** Most lines of free text before \data\: the CMU toolkit writes 20. */
const MOST_PREAMBLE = 1000;
/** A positive log10 probability up to this is a rounding error and is read as 0. */
const ROUNDED = 1e-6;
/** Represents log10 0 in the file. */
const ZERO = -99;
/** The log10 probability of an unknown word if the file has no <unk>, as in KenLM. */
const MISSING = -100;

/** Reads the text of a file, given in pieces of any length. */
export class ArpaReader {
  private rest = "";
  /** Number of lines read. */
  line = 0;
  /** The first line of free text before \data\: quoted in the error if \data\ never comes. */
  private preamble: { line: number; found: string } | undefined;
  /** Handles the next line that is not blank. */
  private next: (text: string, from: number, to: number) => void = this.data;
  /** The numbers of n-grams that the header claims for n = 1, 2, … */
  private readonly claimed: number[] = [];
  /** The length of the current section's n-grams. */
  private n = 0;
  private sectionStart = 0;

  /** The current section: (parent, word) pairs from the bigrams on, then log10 p and log10 b of each n-gram. */
  private pairs: Uint32Array = new Uint32Array(2 * 1024);
  private p: Float32Array = new Float32Array(1024);
  private b: Float32Array = new Float32Array(1024);
  private rows = 0;

  private readonly words = new Numbering();
  private builder: TrieBuilder | undefined;
  private logP: Float32Array = new Float32Array(1024);
  private logB: Float32Array = new Float32Array(1024);
  /** Number of trie nodes. */
  private nodes = 1;
  /** Start and end of each field of a line, with room for one more field than any line should have. */
  private readonly fields = new Uint32Array(2 * (MAX_ORDER + 3));

  /** @throws FormatError naming the line */
  push(piece: string): void {
    const text = this.rest + piece;
    let from = 0;
    for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
      this.read(text, from, to);
      from = to + 1;
    }
    this.rest = text.slice(from);
    if (this.rest.length > LONGEST) {
      this.line++;
      throw this.wrong(`a line of up to ${LONGEST} characters`, `a longer one: is it an ARPA file?`);
    }
  }

  /**
   * Returns the model, once the whole file has been pushed.
   * @param tokenizer splits texts into tokens (default: lines(), or whitespace() if the model has no </s>)
   * @throws FormatError if something is missing
   */
  done(tokenizer?: Tokenizer): NgramModel {
    // Any other last line without a line feed is cut short.
    const last = this.rest.trim();
    if (last.toLowerCase() === "\\end\\" || (last !== "" && (this.next === this.after || this.next === this.data))) {
      this.read(this.rest, 0, this.rest.length);
    }
    if (this.next !== this.after) {
      if (this.next === this.data && this.preamble) throw this.notArpa(this.preamble);
      this.line++;
      throw this.wrong(
        this.next === this.data ? 'an ARPA file, which begins with "\\data\\"' : "\\end\\",
        "the end of the file: it is cut short",
      );
    }
    const vocabulary = new Vocabulary(this.words);
    const trie = this.builder!.done(false);
    const logB = exactly(this.logB, trie.levels[trie.order]!);
    if (vocabulary.has(SENTENCE_START)) this.logP[vocabulary.id(SENTENCE_START) + 1] = -Infinity; // nothing predicts it
    const reads = tokenizer ?? (vocabulary.has(SENTENCE_END) ? lines() : whitespace());
    return new NgramModel(reads, vocabulary, trie, exactly(this.logP, this.nodes), logB);
  }

  private read(text: string, from: number, to: number): void {
    this.line++;
    while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
    while (from < to && isBlank(text.charCodeAt(from))) from++;
    if (from < to) this.next(text, from, to);
  }

  private data(text: string, from: number, to: number): void {
    const found = text.slice(from, to);
    if (found.toLowerCase() === "\\data\\") {
      this.next = this.count;
    } else if (!found.startsWith("#")) {
      const { line } = this;
      this.preamble ??= { line, found };
      if (line - this.preamble.line >= MOST_PREAMBLE) throw this.notArpa(this.preamble);
    }
  }

  private notArpa({ line, found }: { line: number; found: string }): FormatError {
    this.line = line;
    return this.wrong("\\data\\", `${show(found)}: is it an ARPA file?`);
  }

  private count(text: string, from: number, to: number): void {
    const found = text.slice(from, to);
    const { claimed } = this;
    const match = /^ngram\s+(\d+)\s*=\s*(\d{1,15})$/i.exec(found);
    if (match === null) {
      if (claimed.length === 0) throw this.wrong("ngram 1=…", show(found));
      this.section(text, from, to);
      return;
    }
    if (Number(match[1]) !== claimed.length + 1) throw this.wrong(`ngram ${claimed.length + 1}=…`, show(found));
    if (claimed.push(Number(match[2])) > MAX_ORDER) {
      throw this.wrong(`n-grams of up to ${MAX_ORDER} words`, `${show(found)}: use a lower order`);
    }
  }

  /** Handles the line after the header or after a section. */
  private section(text: string, from: number, to: number): void {
    const found = text.slice(from, to);
    if (this.n > 0) this.endSection(found);
    for (;;) {
      const expected = this.n < this.claimed.length ? `\\${this.n + 1}-grams:` : "\\end\\";
      if (found.toLowerCase() === expected) break;
      // A section with a claimed count of 0 may be missing.
      if (this.claimed[this.n] !== 0) throw this.wrong(expected, show(found));
      this.n++;
      this.rows = 0;
      this.endSection(found);
    }
    this.next = this.n++ < this.claimed.length ? this.ngram : this.after;
    this.sectionStart = this.line + 1;
    this.rows = 0;
  }

  private after(text: string, from: number, to: number): void {
    throw this.wrong("nothing after \\end\\", show(text.slice(from, to)));
  }

  private ngram(text: string, from: number, to: number): void {
    if (text.charCodeAt(from) === BACKSLASH) {
      this.section(text, from, to);
      return;
    }
    const { n, claimed } = this;
    if (this.rows === claimed[n - 1]) throw this.wrong(`${claimed[n - 1]} ${n}-grams, as the header says`, "more");
    const length = this.split(text, from, to);
    if (length !== n + 1 && length !== n + 2) {
      const words = `a number, ${n} word${n > 1 ? "s" : ""}${n < claimed.length ? " and optionally a backoff weight" : ""}`;
      throw this.wrong(words, show(text.slice(from, to)));
    }
    this.p = roomFor(this.p, this.rows + 1);
    this.b = roomFor(this.b, this.rows + 1);
    this.p[this.rows] = this.logProb(text);
    this.b[this.rows] = length === n + 2 ? this.backoff(text) : 0;
    if (n === 1) this.addWord(normal(this.field(text, 1)));
    else this.addPair(text);
    this.rows++;
  }

  private logProb(text: string): number {
    const p = this.number(text, 0);
    if (p > ROUNDED) throw this.wrong("a log10 probability of at most 0", `${p}`);
    return Math.min(p, 0);
  }

  private backoff(text: string): number {
    const { n, claimed } = this;
    const b = this.number(text, n + 1);
    if (b !== 0 && n === claimed.length) throw this.wrong("no backoff weight for the longest n-grams", `${b}`);
    if (b === Infinity) throw this.wrong("a finite backoff weight", `${b}`);
    return b;
  }

  private addWord(word: string): void {
    if (this.words.add(word) < this.rows) throw this.wrong("each word once among the unigrams", `${show(word)} again`);
  }

  private addPair(text: string): void {
    const { n, fields } = this;
    let node = ROOT;
    for (let i = 1; i < n; i++) {
      node = child(this.builder!, node, this.wordAt(text, i));
      if (node !== ROOT) continue;
      const context = show(text.slice(fields[2], fields[2 * n - 1]));
      throw this.wrong(`the context of each n-gram among the ${n - 1}-grams`, `${context}, which is not`);
    }
    this.pairs = roomFor(this.pairs, 2 * this.rows + 2);
    this.pairs[2 * this.rows] = node;
    this.pairs[2 * this.rows + 1] = this.wordAt(text, n);
  }

  private wordAt(text: string, i: number): number {
    const word = this.words.find(normal(this.field(text, i)));
    if (word >= 0) return word;
    throw this.wrong("words that are among the unigrams", `${show(this.field(text, i))}, which is not`);
  }

  private field(text: string, i: number): string {
    return text.slice(this.fields[2 * i], this.fields[2 * i + 1]);
  }

  /** Records where the fields of a line are and returns their number; stops counting at one more than is valid. */
  private split(text: string, from: number, to: number): number {
    const { fields, n } = this;
    let length = 0;
    for (let i = from; i < to && length < n + 3; length++) {
      while (isBlank(text.charCodeAt(i))) i++;
      fields[2 * length] = i;
      while (i < to && !isBlank(text.charCodeAt(i))) i++;
      fields[2 * length + 1] = i;
    }
    return length;
  }

  private number(text: string, i: number): number {
    const from = this.fields[2 * i]!;
    const negative = text.charCodeAt(from) === MINUS;
    const size = decimal(text, negative ? from + 1 : from, this.fields[2 * i + 1]!);
    const value = size >= 0 ? (negative ? -size : size) : unusual(this.field(text, i));
    if (Number.isNaN(value)) throw this.wrong("a number", show(this.field(text, i)));
    return value === ZERO ? -Infinity : value;
  }

  private endSection(found: string): void {
    const { n, rows, claimed } = this;
    if (rows < claimed[n - 1]!) {
      throw this.wrong(`${claimed[n - 1]} ${n}-grams, as the header says`, `${show(found)} after ${rows}`);
    }
    if (n === 1) this.endUnigrams();
    else this.endNgrams();
  }

  private endUnigrams(): void {
    if (this.words.find(UNKNOWN) < 0) {
      this.words.add(UNKNOWN);
      this.p = roomFor(this.p, this.rows + 1);
      this.b = roomFor(this.b, this.rows + 1);
      this.p[this.rows] = MISSING;
      this.b[this.rows++] = 0;
    }
    this.builder = new TrieBuilder(this.rows);
    this.keep(this.p.subarray(0, this.rows), this.b);
  }

  /** Appends the n-grams to the trie in the trie's order. */
  private endNgrams(): void {
    const { n, pairs, rows } = this;
    let places: Uint32Array = Uint32Array.from({ length: rows }, (_, row) => 2 * row);
    if (!areAscending(pairs, rows)) places = sortPlaces(2, pairs.subarray(0, 2 * rows), places);
    const p = new Float32Array(rows);
    const b = new Float32Array(rows);
    for (let k = 0; k < rows; k++) {
      const place = places[k]!;
      const [parent, word] = [pairs[place]!, pairs[place + 1]!];
      if (k > 0 && pairs[places[k - 1]!] === parent && pairs[places[k - 1]! + 1] === word) {
        this.line = this.sectionStart + Math.max(place, places[k - 1]!) / 2;
        throw this.wrong(`each of the ${n}-grams once`, "one again");
      }
      this.builder!.append(parent, word);
      p[k] = this.p[place / 2]!;
      b[k] = this.b[place / 2]!;
    }
    this.builder!.endLevel();
    this.keep(p, b);
  }

  private keep(p: Float32Array, b: Float32Array): void {
    this.logP = roomFor(this.logP, this.nodes + p.length);
    this.logB = roomFor(this.logB, this.nodes + p.length);
    this.logP.set(p, this.nodes);
    this.logB.set(b.subarray(0, p.length), this.nodes);
    this.nodes += p.length;
  }

  private wrong(expected: string, found: string): FormatError {
    return new FormatError(`line ${this.line}: expected ${expected}, got ${found}`);
  }
}

const BACKSLASH = 92;
const MINUS = 45;
const POINT = 46;
const DIGIT = 48;

/** True for tab, line feed, carriage return and space; vertical tabs and no-break spaces are parts of words. */
const isBlank = (code: number): boolean => code === 32 || code === 9 || code === 13 || code === 10;

/** KenLM also accepts <UNK> in capitals. */
const normal = (word: string): string => (word === "<UNK>" ? UNKNOWN : word);

/** Parses up to 15 digits with an optional decimal point; returns −1 for anything else. */
function decimal(text: string, from: number, to: number): number {
  if (to - from > 16 || to === from) return -1;
  let digits = 0;
  let point = to;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - DIGIT;
    if (digit >= 0 && digit <= 9) digits = 10 * digits + digit;
    else if (digit === POINT - DIGIT && point === to) point = i + 1;
    else return -1;
  }
  return digits / POWERS_OF_TEN[to - point]!;
}

/** Powers of ten that a double represents exactly. */
const POWERS_OF_TEN = /* @__PURE__ */ Array.from({ length: 17 }, (_, i) => 10 ** i);

/** Parses a number that has an exponent or more digits, or is infinite. */
function unusual(text: string): number {
  if (/^[-+]?inf(inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

/** Returns true if the (parent, word) pairs are in the trie's order. */
function areAscending(pairs: Uint32Array, rows: number): boolean {
  for (let i = 2; i < 2 * rows; i += 2) {
    if (pairs[i]! < pairs[i - 2]! || (pairs[i] === pairs[i - 2] && pairs[i + 1]! <= pairs[i - 1]!)) return false;
  }
  return true;
}
