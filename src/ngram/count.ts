// Counting n-grams, in one pass over a text.
//
// At each token the n-gram of N tokens that begins there is counted, or the rest of the sentence if that is shorter. The counts
// of all shorter n-grams follow: c(w1 … wn) is the sum over the counted n-grams that begin with w1 … wn.

import { checkOptions, integer, string } from "../check.js";
import { eachToken, type Text } from "../text/corpus.js";
import { BATCH, Numbering } from "../text/numbering.js";
import { renumberByCount } from "../text/renumber.js";
import { checkTokenizer, lines, symbolError, type Tokenizer } from "../text/tokenizers.js";
import { SENTENCE_END, SENTENCE_START, strings, UNKNOWN, Vocabulary } from "../text/vocabulary.js";
import { checkComplete } from "./complete.js";
import { END, NgramCounts, START } from "./counts.js";
import { mergeRows, type Rows, renumberRows, rowsAt, sum } from "./rows.js";
import { MAX_ORDER, ROOT, type Trie, TrieBuilder } from "./trie.js";

/** The first words of every counted vocabulary. */
const SYMBOLS = [UNKNOWN, SENTENCE_START, SENTENCE_END];
const LESS = "<".charCodeAt(0);

export interface CountOptions {
  /** Length of the longest n-grams, 1 to 10. */
  order: number;
  /** Splits the text into tokens and sentences (default: lines()). If it has no sentences, the whole text is one. */
  tokenizer?: Tokenizer;
}

/**
 * Counts a text's n-grams, with <s> before and </s> after each sentence.
 * @param text a string, or pieces of any length
 * @throws TypeError, RangeError naming the invalid option
 * @throws RangeError if the text has fewer than two words, or contains <s>, </s> or <unk> as a word (names the line)
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

/** Number of ids sorted at a time: few enough for a processor's cache. */
const BLOCK = 1 << 21;

/** Number of distinct words whose hash table outgrows the processor's cache: beyond it words are looked up in batches. */
const MANY = 1 << 16;

/** Counts either the words of sentences or n-grams that already have counts. */
export class NgramCounter {
  sentences = 0;
  private words = 0;
  private readonly ids = new Numbering();
  /** Sentences or n-grams, each followed by a 0. */
  private readonly block = new Uint32Array(BLOCK);
  private length = 0;
  /** For n-grams: the count of each, at the position of its first word. */
  private countAt: Uint32Array | undefined;
  /** Sorted and merged blocks. Each has less than half the rows of the one before, so that each row is merged few times. */
  private readonly runs: Rows[] = [];
  /** Words without an id yet, and ends of sentences. */
  private readonly waiting: string[] = [];
  private waits = 0;
  private readonly numbers = new Uint32Array(BATCH);
  private inSentence = false;

  /** @throws TypeError, RangeError */
  constructor(readonly order: number) {
    integer("order", order, 1, MAX_ORDER);
    for (const symbol of SYMBOLS) this.ids.add(symbol);
  }

  /** Adds the next word of a sentence. @throws RangeError if it is <s>, </s> or <unk> */
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
    if (this.waits === 0 && this.ids.size < MANY) {
      this.place(this.ids.add(token));
      return;
    }
    this.waiting[this.waits++] = token;
    if (this.waits === BATCH) this.number();
  }

  /** Assigns ids to the waiting words. */
  private number(): void {
    this.ids.addAll(this.waiting, this.waits, this.numbers);
    for (let i = 0; i < this.waits; i++) this.place(this.numbers[i]!);
    this.waits = 0;
  }

  private place(id: number): void {
    if (!this.inSentence) this.push(START);
    this.push(id);
    this.inSentence = id !== END;
    if (id === END) this.push(0);
  }

  /**
   * Adds an n-gram of at least N words, or one that ends its sentence; words beyond the first N are ignored.
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

  /** @throws RangeError if there were fewer than two words, or if n-grams lack their prefixes or suffixes */
  done(tokenizer: Tokenizer): NgramCounts {
    checkTokenizer(tokenizer);
    if (this.words < 2) {
      throw new RangeError(
        `a text to count n-grams in expected at least 2 words, got ${this.words}: is it the right one?`,
      );
    }
    this.number();
    this.sort(this.length);
    this.merge(() => true);
    const { vocabulary, rows } = this.renumber(this.runs.pop()!);
    const { trie, occurrences } = trieOf(this.order, rows, vocabulary.size);
    const counts = new NgramCounts(tokenizer, vocabulary, trie, occurrences);
    if (this.countAt) checkComplete(counts);
    return counts;
  }

  private push(id: number): void {
    // The block ends with room for N zeros.
    if (this.length + this.order === this.block.length) this.sort(this.length - this.order + 1);
    this.block[this.length++] = id;
  }

  /** Removes the first `complete` ids from the block and makes a row of each n-gram that begins there. */
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

  /** Merges the last two runs while `wanted` returns true for them. */
  private merge(wanted: (longer: Rows, shorter: Rows) => boolean): void {
    const { runs } = this;
    while (runs.length > 1 && wanted(runs.at(-2)!, runs.at(-1)!)) {
      const last = runs.pop()!;
      runs.push(mergeRows(this.order, runs.pop()!, last));
    }
  }

  /** Renumbers the words by count, so that ids do not depend on the order of the text. */
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
 * Builds the trie of sorted rows; each node's count is the sum over the rows that begin with its n-gram. Overwrites the rows:
 * each word becomes the node of the n-gram that ends there.
 */
function trieOf(
  order: number,
  { words, counts }: Rows,
  vocabularySize: number,
): { trie: Trie; occurrences: Uint32Array } {
  const [above, nodes] = sizesOf(order, words, vocabularySize);
  const builder = new TrieBuilder(vocabularySize, nodes, above);
  const occurrences = new Uint32Array(nodes);
  for (let depth = 1; depth <= order; depth++) {
    let node = ROOT;
    let parent = ROOT;
    let word = 0;
    for (let row = 0; row < counts.length; row++) {
      const at = row * order + depth - 1;
      const w = words[at]!;
      if (w === 0) continue; // its sentence has ended
      if (depth === 1) {
        node = w + 1;
      } else if (w !== word || words[at - 1] !== parent) {
        word = w;
        parent = words[at - 1]!;
        node = builder.append(parent, word);
      }
      words[at] = node;
      occurrences[node] = sum(occurrences[node]!, counts[row]!);
    }
    if (depth > 1) builder.endLevel();
  }
  occurrences[START + 1] = 0;
  return { trie: builder.done(true), occurrences };
}

/** Returns how many nodes the sorted rows make: above the last level, and in total. */
function sizesOf(order: number, words: Uint32Array, vocabularySize: number): [above: number, all: number] {
  let above = order === 1 ? 1 : 1 + vocabularySize;
  let last = order === 1 ? vocabularySize : 0;
  for (let row = 0; row < words.length; row += order) {
    // One node per word, from the first word that differs from the previous row's.
    let k = 0;
    if (row > 0) while (k < order && words[row + k] === words[row - order + k]) k++;
    for (k = Math.max(k, 1); k < order && words[row + k] !== 0; k++) {
      if (k < order - 1) above++;
      else last++;
    }
  }
  return [above, above + last];
}
