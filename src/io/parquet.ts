// N-gram counts in Parquet files, which DuckDB, Spark and BigQuery read and write: the parts of a text can be counted where
// they are stored and the counts added up by a query (examples/shards).
//
//   ngram   string   the words, separated by single spaces
//   count   int64    how often it was counted
//
// Each n-gram of N words has a row, and so does each shorter one that ends its sentence with </s>. All other counts are sums of
// these, so no row may be left out. Rows can be in any order; other columns are ignored.

import type { SchemaElement } from "hyparquet";
import { checkOptions, integer, quote, show } from "../check.js";
import { FormatError } from "../errors.js";
import { IncompleteCounts } from "../ngram/complete.js";
import { NgramCounter } from "../ngram/count.js";
import { checkCounts, END, NgramCounts } from "../ngram/counts.js";
import { MAX_ORDER, ngrams, type Trie } from "../ngram/trie.js";
import { checkTokenizer, isWord, lines, type Tokenizer } from "../text/tokenizers.js";
import { name, SENTENCE_END, SENTENCE_START, UNKNOWN } from "../text/vocabulary.js";
import { pathOf } from "./file-error.js";
import { columnsOf, filesAt, load, type Packages, readers, VERSION } from "./parquet-file.js";
import { writePieces } from "./save.js";

const SCHEMA: SchemaElement[] = [
  { name: "counts", num_children: 2 },
  { name: "ngram", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "count", type: "INT64", repetition_type: "REQUIRED" },
];
const ROWS_IN_GROUP = 100_000;

/** @internal Loads the package that writes Parquet files. @throws FileError if it is not installed */
export const parquetWriter = () => load("hyparquet-writer", ["writing counts", "hyparquet-writer"]);

/**
 * Writes counts as a Parquet file, completely or not at all. Requires the package hyparquet-writer.
 * @throws RangeError naming a word that contains white space or half a surrogate pair
 * @throws FileError if the file cannot be written, or the package is not installed
 */
export async function writeCounts(path: string, counts: NgramCounts): Promise<void> {
  pathOf(path);
  const odd = checkCounts(counts).vocabulary.tokens.find((token) => !isWord(token) || /\p{Cs}/u.test(token));
  if (odd !== undefined) {
    throw new RangeError(
      `a Parquet file of counts expected words of whole characters without white space, got ${name(odd)}: ` +
        "count with a tokenizer that splits there, such as lines()",
    );
  }
  await writePieces(path, parquet(counts, await parquetWriter()));
}

function* parquet(counts: NgramCounts, { ByteWriter, ParquetWriter }: Packages["hyparquet-writer"]) {
  const writer = new ByteWriter();
  const description = JSON.stringify({ version: VERSION, order: counts.trie.order });
  const kvMetadata = [{ key: "rivulet", value: description }];
  // No statistics: they speed up queries for a range of n-grams, which are unusual.
  const file = new ParquetWriter({ writer, schema: SCHEMA, kvMetadata, statistics: false });
  for (const [ngram, count] of rowGroups(counts)) {
    const columnData = [
      { name: "ngram", data: ngram },
      { name: "count", data: count },
    ];
    file.write({ columnData, rowGroupSize: ROWS_IN_GROUP });
    yield written();
  }
  file.finish();
  yield written();

  /** Returns the bytes in the writer's buffer and empties it. */
  function written(): Uint8Array {
    const bytes = writer.getBytes().slice();
    writer.index = 0;
    return bytes;
  }
}

function* rowGroups({
  vocabulary: { tokens },
  trie,
  occurrences: count,
}: NgramCounts): Generator<[string[], bigint[]]> {
  let group: [string[], bigint[]] = [[], []];
  for (let n = 1; n <= trie.order; n++) {
    const words = new Uint32Array(n);
    for (const node of ngrams(trie, n, words)) {
      if (count[node] === 0 || (n < trie.order && words[n - 1] !== END)) continue;
      let ngram = tokens[words[0]!]!;
      for (let i = 1; i < n; i++) ngram += ` ${tokens[words[i]!]}`;
      group[0].push(ngram);
      group[1].push(BigInt(count[node]!));
      if (group[0].length < ROWS_IN_GROUP) continue;
      yield group;
      group = [[], []];
    }
  }
  if (group[0].length > 0) yield group;
}

export interface ReadCountsOptions {
  /** Length of the longest n-grams, from 1 to the length of the longest counted ones. */
  order: number;
  /** The tokenizer used for counting (default: lines()). */
  tokenizer?: Tokenizer;
}

/**
 * Reads counts from Parquet files and adds up those of equal n-grams. The result equals, bit for bit, that of countNgrams() on
 * all texts in one piece. Requires the packages hyparquet and hyparquet-compressors.
 * @param paths files, or directories with *.parquet files at any depth; columns other than "ngram" and "count" are ignored
 * @throws TypeError, RangeError naming the invalid option
 * @throws RangeError if there are fewer than two words, or if a count exceeds 2^32 − 1
 * @throws FormatError naming the file, and the row of an invalid value
 * @throws FormatError naming a row whose suffix has no row: counts must be complete
 * @throws FileError if a file cannot be read, or a package is not installed
 */
export async function readCounts(paths: string | readonly string[], options: ReadCountsOptions): Promise<NgramCounts> {
  const { order, tokenizer = lines() } = checkOptions("options", options, { order: 1, tokenizer: 1 });
  integer("order", order, 1, MAX_ORDER);
  checkTokenizer(tokenizer);
  const rows = new RowCounter(order);
  const packages = await readers();
  const files = await filesAt(paths);
  for (const path of files) {
    let row = 0;
    for await (const { ngram, count } of columnsOf(path, packages)) {
      for (let i = 0; i < ngram.length; i++) rows.add(path, ++row, ngram[i], count[i]);
    }
  }
  try {
    return rows.done(tokenizer);
  } catch (cause) {
    if (!(cause instanceof IncompleteCounts)) throw cause;
    const others = files.length > 1 ? ` and ${files.length - 1} more` : "";
    throw new FormatError(`${quote(files[0]!)}${others}: ${cause.message}`, { cause });
  }
}

/**
 * Checks and counts rows, which must all have the same length. They are counted at their full length, regardless of the
 * requested order, because missing rows can be detected only there.
 */
class RowCounter {
  private counter: NgramCounter | undefined;
  /** Rows read before the length is known: all end in </s>. */
  private held: [words: string[], times: number][] = [];
  /** The first n-gram that does not end its sentence, which determines the length. */
  private open: { path: string; row: number; ngram: string; length: number } | undefined;

  constructor(readonly order: number) {}

  add(path: string, row: number, ngram: unknown, count: unknown): void {
    const times = wholeNumber(count);
    if (times === undefined) throw wrong(path, row, "count", "an integer from 1 to 4294967295", count);
    if (typeof ngram !== "string") throw wrong(path, row, "ngram", "a string", ngram);
    const words = ngram.split(" ");
    const expected = expectation(words);
    if (expected !== undefined) throw wrong(path, row, "ngram", expected, ngram);
    if (words.at(-1) !== SENTENCE_END) this.checkLength({ path, row, ngram, length: words.length });
    if (this.open) this.countedAt(this.open.length).ngram(words, times);
    else this.held.push([words, times]);
  }

  private countedAt(length: number): NgramCounter {
    if (this.counter === undefined) {
      this.counter = new NgramCounter(Math.max(this.order, length));
      for (const [words, times] of this.held) this.counter.ngram(words, times);
      this.held = [];
    }
    return this.counter;
  }

  private checkLength(found: NonNullable<typeof this.open>): void {
    this.open ??= found;
    if (found.length === this.open.length) return;
    const [short, long] = found.length < this.open.length ? [found, this.open] : [this.open, found];
    const expected = `${long.length} words, or fewer that end in ${SENTENCE_END}`;
    throw wrong(short.path, short.row, "ngram", expected, short.ngram);
  }

  done(tokenizer: Tokenizer): NgramCounts {
    const { open, order } = this;
    if (open && order > open.length) {
      const range = `an integer from 1 to ${open.length}, the longest n-grams in the counts`;
      throw new RangeError(`"order" expected ${range}, got ${order}`);
    }
    const longest = this.held.reduce((most, [words]) => Math.max(most, words.length), 1);
    return upTo(order, this.countedAt(open?.length ?? longest).done(tokenizer));
  }
}

/** Returns the counts of the n-grams of up to `order` words. */
function upTo(order: number, counts: NgramCounts): NgramCounts {
  const { levels, word, first, suffix } = counts.trie;
  if (order === counts.trie.order) return counts;
  const nodes = levels[order + 1]!;
  const trie: Trie = {
    order,
    levels: levels.slice(0, order + 2),
    word: word.slice(0, nodes),
    first: first.slice(0, levels[order]! + 1),
    suffix: suffix.slice(0, nodes),
  };
  return new NgramCounts(counts.tokenizer, counts.vocabulary, trie, counts.occurrences.slice(0, nodes));
}

/** Returns what was expected if an n-gram is invalid, otherwise undefined. */
function expectation(words: readonly string[]): string | undefined {
  if (words.length > MAX_ORDER) return `at most ${MAX_ORDER} words`;
  for (let i = 0; i < words.length; i++) {
    if (words[i] === "") return "words with one space between them";
    if (words[i] === UNKNOWN) return `words of a text, which ${UNKNOWN} is not`;
    if (words[i] === SENTENCE_START && i > 0) return `${SENTENCE_START} only as its first word`;
    if (words[i] === SENTENCE_END && i < words.length - 1) return `${SENTENCE_END} only as its last word`;
  }
  return undefined;
}

/** Returns a count as a number, or undefined if it is none. Sums may be decimals or doubles that are close to an integer. */
function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number") return undefined;
  const whole = Math.round(number);
  return whole >= 1 && whole < 2 ** 32 && Math.abs(number - whole) <= 1e-12 * whole ? whole : undefined;
}

const wrong = (path: string, row: number, column: string, expected: string, found: unknown) =>
  new FormatError(`${quote(path)}: row ${row}: "${column}" expected ${expected}, got ${show(found)}`);
