// Counting n-grams, in one pass over a text.
//
// What is counted is, at each token, the n-gram of N tokens that begins there, or what is left of its sentence. The counts of
// all shorter n-grams follow: c(w1 … wn) is the sum over what begins with w1 … wn.

import { checkOptions, integer, show, string } from "../check.js";
import { eachToken, type Text } from "../text/corpus.js";
import { BATCH, Numbering } from "../text/numbering.js";
import { renumberByCount } from "../text/renumber.js";
import { checkTokenizer, lines, symbolError, type Tokenizer } from "../text/tokenizers.js";
import { SENTENCE_END, SENTENCE_START, strings, UNKNOWN, Vocabulary } from "../text/vocabulary.js";
import { checkComplete } from "./complete.js";
import { mergeRows, type Rows, renumberRows, rowsAt, sum } from "./rows.js";
import { MAX_ORDER, ROOT, type Trie, TrieBuilder } from "./trie.js";

/** The first words of every vocabulary that is counted, and their ids. */
const SYMBOLS = [UNKNOWN, SENTENCE_START, SENTENCE_END];
export const START = 1;
export const END = 2;
const LESS = "<".charCodeAt(0);

/** How often each n-gram stands in a text. */
export interface NgramCounts {
  readonly tokenizer: Tokenizer;
  /** <unk>, <s> and </s>, then the words by falling count, equals in the order of their code units. */
  readonly vocabulary: Vocabulary;
  /** The n-grams of all lengths up to the order that was counted. */
  readonly trie: Trie;
  /** (nodes) c(w1 … wn). That of <s> by itself is 0, since nothing predicts it. */
  readonly count: Uint32Array;
}

/** @throws TypeError where it is something else, or lost its tables: an array that was transferred has length 0 */
export function checkCounts(counts: NgramCounts): NgramCounts {
  const { tokenizer, vocabulary, trie, count } = counts ?? ({} as Partial<NgramCounts>);
  const tables = [count, trie?.word, trie?.suffix];
  const nodes = trie?.levels?.at(-1);
  const whole = nodes && trie?.first?.length && tables.every((table) => table?.length === nodes);
  if (whole && tokenizer && vocabulary instanceof Vocabulary) return counts;
  throw new TypeError(`"counts" expected what countNgrams() makes, got ${show(counts)}`);
}

export interface CountOptions {
  /** Length of the longest n-grams, 1 to 10. */
  order: number;
  /** What a token is, and where a sentence ends (default: lines()). With a tokenizer that knows no sentences, the text is one. */
  tokenizer?: Tokenizer;
}

/**
 * Counts a text's n-grams, with <s> before and </s> behind each sentence.
 * @param text a string, or pieces of any length
 * @throws TypeError, RangeError naming the option that is wrong
 * @throws RangeError where the text has fewer than two words, or has <s>, </s> or <unk> as a word, and on which line
 */
export function countNgrams(text: Text, options: CountOptions): NgramCounts {
  const { order, tokenizer = lines() } = checkOptions("options", options, { order: 1, tokenizer: 1 });
  checkTokenizer(tokenizer);
  const counter = new NgramCounter(order);
  const { close } = tokenizer;
  try {
    eachToken(text, tokenizer, (token) => {
      if (token === close) counter.endSentence();
      else counter.token(token);
    });
  } catch (error) {
    if (close !== undefined && error instanceof RangeError) {
      error.message = `line ${counter.sentences + 1}: ${error.message}`;
    }
    throw error;
  }
  if (close === undefined) counter.endSentence();
  return counter.done(tokenizer);
}

/** Ids that are sorted at a time: few enough for a processor's cache. */
const BLOCK = 1 << 21;

/** Takes either the words of sentences, or n-grams that were counted before. */
export class NgramCounter {
  sentences = 0;
  private words = 0;
  private readonly ids = new Numbering();
  /** Sentences, or n-grams, with a 0 behind each. */
  private readonly block = new Uint32Array(BLOCK);
  private length = 0;
  /** For n-grams: at the first word of each its count. */
  private countAt: Uint32Array | undefined;
  /** Sorted blocks, merged; each has less than half the rows of the one before, so that no row is merged often. */
  private readonly runs: Rows[] = [];
  /** Words whose ids are not known yet, and ends of sentences. */
  private readonly waiting: string[] = [];
  private waits = 0;
  private readonly numbers = new Uint32Array(BATCH);
  private inSentence = false;

  /** @throws TypeError, RangeError */
  constructor(readonly order: number) {
    integer("order", order, 1, MAX_ORDER);
    for (const symbol of SYMBOLS) this.ids.add(symbol);
  }

  /** The next word of a sentence. @throws RangeError where it is <s>, </s> or <unk> */
  token(token: string): void {
    string("token", token);
    if (token.charCodeAt(0) === LESS && SYMBOLS.includes(token)) throw symbolError(token);
    this.words++;
    this.later(token);
  }

  endSentence(): void {
    this.sentences++;
    this.later(SENTENCE_END);
  }

  private later(token: string): void {
    this.waiting[this.waits++] = token;
    if (this.waits === BATCH) this.number();
  }

  /** Gives ids to the words that wait for them. */
  private number(): void {
    this.ids.addAll(this.waiting, this.waits, this.numbers);
    for (let i = 0; i < this.waits; i++) {
      const id = this.numbers[i]!;
      if (!this.inSentence) this.push(START);
      this.push(id);
      this.inSentence = id !== END;
      if (id === END) this.push(0);
    }
    this.waits = 0;
  }

  /**
   * An n-gram of at least N words, or one that ends with its sentence; what it has beyond N words does not count.
   * @param count 1 to 2³² − 1
   * @throws TypeError, RangeError
   */
  ngram(tokens: readonly string[], count: number): void {
    strings("tokens", tokens);
    integer("count", count, 1, 2 ** 32 - 1);
    this.countAt ??= new Uint32Array(BLOCK);
    if (this.length + this.order + 1 > BLOCK - this.order) this.sort(this.length);
    this.countAt[this.length] = count;
    if (tokens[0] !== SENTENCE_START && tokens[0] !== SENTENCE_END) this.words += count;
    for (const token of tokens.slice(0, this.order)) this.push(this.ids.add(token));
    this.push(0);
  }

  /** @throws RangeError where there were fewer than two words, or n-grams lack those that complete them */
  done(tokenizer: Tokenizer): NgramCounts {
    checkTokenizer(tokenizer);
    if (this.words < 2) {
      throw new RangeError(
        `a text to count n-grams of expected at least 2 words, got ${this.words}: is it the right one?`,
      );
    }
    this.number();
    this.sort(this.length);
    this.merge(() => true);
    const { vocabulary, rows } = this.renumber(this.runs.pop()!);
    const counts = { tokenizer, vocabulary, ...trieOf(this.order, rows, vocabulary.size) };
    if (this.countAt) checkComplete(counts);
    return counts;
  }

  private push(id: number): void {
    // N zeros have to fit in behind.
    if (this.length + this.order === this.block.length) this.sort(this.length - this.order + 1);
    this.block[this.length++] = id;
  }

  /** Takes the first ids out of the block, and makes rows of what begins with each of them. */
  private sort(complete: number): void {
    const { order, block, length, countAt } = this;
    block.fill(0, length, length + order);
    const begins = countAt ?? block;
    const places = new Uint32Array(complete);
    let n = 0;
    for (let i = 0; i < complete; i++) if (begins[i] !== 0) places[n++] = i;
    this.runs.push(rowsAt(order, block.subarray(0, length + order), places.subarray(0, n), countAt));
    countAt?.fill(0);
    this.merge((longer, shorter) => longer.counts.length < 2 * shorter.counts.length);
    block.copyWithin(0, complete, length);
    this.length = length - complete;
  }

  /** Merges the last two runs for as long as `wanted`. */
  private merge(wanted: (longer: Rows, shorter: Rows) => boolean): void {
    const { runs } = this;
    while (runs.length > 1 && wanted(runs.at(-2)!, runs.at(-1)!)) {
      const last = runs.pop()!;
      runs.push(mergeRows(this.order, runs.pop()!, last));
    }
  }

  /** Gives the words ids that depend on nothing but how often they were counted. */
  private renumber(rows: Rows): { vocabulary: Vocabulary; rows: Rows } {
    const { order, ids } = this;
    const count = new Uint32Array(ids.size);
    for (let row = 0; row < rows.counts.length; row++) {
      const word = rows.words[row * order]!;
      count[word] = sum(count[word]!, rows.counts[row]!);
    }
    const renumbered = renumberByCount(ids, count, SYMBOLS.length);
    const vocabulary = new Vocabulary(ids);
    return { vocabulary, rows: renumberRows(order, rows, renumbered) };
  }
}

/**
 * The trie of sorted rows, and for each node the sum of the counts of what begins with its n-gram. The rows are used up:
 * their words become the nodes of the n-grams that end there.
 */
function trieOf(order: number, { words, counts }: Rows, vocabularySize: number): { trie: Trie; count: Uint32Array } {
  const [above, nodes] = sizesOf(order, words, vocabularySize);
  const builder = new TrieBuilder(vocabularySize, nodes, above);
  const count = new Uint32Array(nodes);
  for (let depth = 1; depth <= order; depth++) {
    let node = ROOT;
    let parent = ROOT;
    let word = 0;
    for (let row = 0; row < counts.length; row++) {
      const at = row * order + depth - 1;
      const w = words[at]!;
      if (w === 0) continue; // its sentence ended before
      if (depth === 1) {
        node = w + 1;
      } else if (w !== word || words[at - 1] !== parent) {
        word = w;
        parent = words[at - 1]!;
        node = builder.append(parent, word);
      }
      words[at] = node;
      count[node] = sum(count[node]!, counts[row]!);
    }
    if (depth > 1) builder.endLevel();
  }
  count[START + 1] = 0;
  return { trie: builder.done(true), count };
}

/** How many nodes sorted rows make: above the last level, and in all. */
function sizesOf(order: number, words: Uint32Array, vocabularySize: number): [above: number, all: number] {
  let above = order === 1 ? 1 : 1 + vocabularySize;
  let last = order === 1 ? vocabularySize : 0;
  for (let row = 0; row < words.length; row += order) {
    // A node for each word from the first one on that is not as in the row before.
    let k = 0;
    if (row > 0) while (k < order && words[row + k] === words[row - order + k]) k++;
    for (k = Math.max(k, 1); k < order && words[row + k] !== 0; k++) {
      if (k < order - 1) above++;
      else last++;
    }
  }
  return [above, above + last];
}
