// Counts in Parquet files: however a text is divided, the sum of the counts equals, bit for bit, the count of the whole; and
// files made to break their readers are refused.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from "hyparquet";
import { type BasicType, ByteWriter, parquetWrite } from "hyparquet-writer";
import { afterAll, describe, expect, it } from "vitest";
import { FormatError } from "../src/errors.js";
import { FileError } from "../src/io/file-error.js";
import { readCounts, writeCounts } from "../src/io/parquet.js";
import { load } from "../src/io/parquet-file.js";
import { checkPages, checkStruct } from "../src/io/parquet-pages.js";
import { countNgrams } from "../src/ngram/count.js";
import type { NgramCounts } from "../src/ngram/counts.js";
import { Random } from "../src/random.js";
import { words } from "../src/text/sentences.js";
import { characters, pattern } from "../src/text/tokenizers.js";

const directory = mkdtempSync(join(tmpdir(), "rivulet-parquet-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const random = new Random(7);
const below = (n: number) => random.below(n);

/** Lines of words, of which a few are frequent; some lines are empty, and some words odd. */
function sentences(n: number, vocabulary: number): string[] {
  const odd = ["é", "\ufeffbom", "a\u00a0b", "😀", "<s", "0", "__proto__", "\\n", '"'];
  const word = () => {
    const id = Math.floor(vocabulary ** random.float());
    return odd[id] ?? `w${id}`;
  };
  return Array.from({ length: n }, () => Array.from({ length: below(12) }, word).join(" "));
}
const LINES = sentences(3000, 800);
const TEXT = `${LINES.join("\n")}\n`;

function expectSame(found: NgramCounts, expected: NgramCounts): void {
  expect(found.vocabulary.tokens).toEqual(expected.vocabulary.tokens);
  expect(found.trie.order).toBe(expected.trie.order);
  expect(found.trie.levels).toEqual(expected.trie.levels);
  const arrays = ({ trie: { word, first, suffix }, occurrences }: NgramCounts) => [word, first, suffix, occurrences];
  arrays(found).forEach((array, i) => {
    const other = arrays(expected)[i]!;
    expect(array.constructor).toBe(other.constructor);
    expect(Buffer.compare(bytesOf(array), bytesOf(other))).toBe(0);
  });
}
const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => Buffer.from(buffer, byteOffset, byteLength);

/** Counts the text in parts, each in a file of its own. */
async function writeShards(name: string, parts: number, order: number): Promise<string[]> {
  const shards: string[][] = Array.from({ length: parts }, () => []);
  for (const line of LINES) shards[below(parts)]!.push(line);
  const paths: string[] = [];
  for (const [i, shard] of shards.entries()) {
    paths.push(at(`${name}-${i}.parquet`));
    await writeCounts(paths[i]!, countNgrams(`${shard.join("\n")}\n`, { order }));
  }
  return paths;
}

const duckdb = await import("@duckdb/node-api").catch((error: Error) => {
  console.warn(`DuckDB cannot be loaded, what it reads and writes is not tested: ${error.message}`);
});

async function run(...statements: string[]): Promise<void> {
  const connection = await (await duckdb!.DuckDBInstance.create()).connect();
  for (const sql of statements) await connection.run(sql);
  connection.closeSync();
}

type Row = [ngram: unknown, count: unknown];

/** A file with these rows, as another program would write it. */
function file(name: string, rows: readonly Row[], types: [BasicType, BasicType] = ["STRING", "INT64"]): string {
  const writer = new ByteWriter();
  const columnData = ["ngram", "count"].map((name, i) => ({ name, data: rows.map((row) => row[i]), type: types[i]! }));
  parquetWrite({ writer, columnData });
  writeFileSync(at(name), writer.getBytes());
  return at(name);
}

async function rowsOf(path: string): Promise<Row[]> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const parsers = { stringFromBytes: (bytes: Uint8Array) => decoder.decode(bytes) };
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), parsers });
  return rows.map(({ ngram, count }) => [ngram, count]);
}

const fixture = (name: string) => new URL(`fixtures/parquet/${name}`, import.meta.url).pathname;

/** Returns the message of a reader's error, which must be one short line, or undefined. */
async function refusal(path: string): Promise<string | undefined> {
  const error = await readCounts(path, { order: 2 }).then(
    () => undefined,
    (error: Error) => error,
  );
  if (error === undefined) return undefined;
  expect(error instanceof FormatError || error instanceof RangeError, error.stack).toBe(true);
  expect(error.message.length).toBeLessThan(300);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal
  expect(error.message).not.toMatch(/[\x00-\x1f]/);
  return error.message;
}

function shuffle<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}

describe("counts in a file", () => {
  it.each([1, 2, 3, 5, 10])("are those that were written: order %d", async (order) => {
    const counts = countNgrams(TEXT, { order });
    await writeCounts(at("whole.parquet"), counts);
    expectSame(await readCounts(at("whole.parquet"), { order }), counts);
  });

  it("can be counted with another tokenizer, which the file does not keep", async () => {
    const text = "Whether a text has sentences, or is one: it is all the same. ".repeat(20);
    for (const tokenizer of [words(), pattern(/\w/g)]) {
      const counts = countNgrams(text, { order: 4, tokenizer });
      await writeCounts(at("other.parquet"), counts);
      const read = await readCounts(at("other.parquet"), { order: 4, tokenizer });
      expectSame(read, counts);
      expect(read.tokenizer).toBe(tokenizer);
    }
  });

  it("have as many row groups as it takes", async () => {
    const counts = countNgrams(sentences(40_000, 20_000).join("\n"), { order: 3 });
    await writeCounts(at("large.parquet"), counts);
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(at("large.parquet")));
    expect(metadata.row_groups.map(({ num_rows }) => num_rows).slice(0, 2)).toEqual([100_000n, 100_000n]);
    expectSame(await readCounts(at("large.parquet"), { order: 3 }), counts);
  });

  it("are two columns, and a description", async () => {
    await writeCounts(at("small.parquet"), countNgrams("a b\na b\n\na\n", { order: 3 }));
    const metadata = await parquetMetadataAsync(await asyncBufferFromFile(at("small.parquet")));
    const columns = parquetSchema(metadata).children.map(({ element }) => element);
    expect(columns).toMatchObject([
      { name: "ngram", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
      { name: "count", type: "INT64", repetition_type: "REQUIRED" },
    ]);
    expect(metadata.key_value_metadata).toEqual([{ key: "rivulet", value: '{"version":1,"order":3}' }]);
    expect(Object.fromEntries(await rowsOf(at("small.parquet")))).toEqual({
      "</s>": 4n,
      "<s> </s>": 1n,
      "a </s>": 1n,
      "b </s>": 2n,
      "<s> a </s>": 1n,
      "<s> a b": 2n,
      "a b </s>": 2n,
    });
  });

  it("cannot have words that are not read again", async () => {
    const what = "a Parquet file of counts expected words of whole characters without white space, got ";
    const advice = ": count with a tokenizer that splits there, such as lines()";
    const write = (text: string, tokenizer = characters()) =>
      writeCounts(at("none.parquet"), countNgrams(text, { order: 2, tokenizer }));
    await expect(write("a b")).rejects.toThrow(new RangeError(`${what}" " (U+0020)${advice}`));
    await expect(write("one\n")).rejects.toThrow(new RangeError(`${what}"\\n" (U+000A)${advice}`));
    await expect(write("a ba b", pattern(/a b/g))).rejects.toThrow(new RangeError(`${what}"a b"${advice}`));
    await expect(write("a\ud83d", characters())).rejects.toThrow(/got "\\ud83d" \(U\+D83D\)/);
    expect(readdirSync(directory)).not.toContain("none.parquet");
    const unwritable = writeCounts(at("no/such.parquet"), countNgrams("a b", { order: 2 }));
    await expect(unwritable).rejects.toThrow(
      /^cannot save ".*such\.parquet": the directory ".*no" does not exist: create it/,
    );
  });
});

describe("counts of parts", () => {
  it.each([
    [1, 3],
    [2, 3],
    [8, 3],
    [8, 5],
    [3, 1],
    [40, 2],
  ])("of %d files, at order %d, make those of the whole", async (parts, order) => {
    const paths = await writeShards("shard", parts, order);
    for (let asked = 1; asked <= order; asked++) {
      expectSame(await readCounts(shuffle(paths), { order: asked }), countNgrams(TEXT, { order: asked }));
    }
  });

  it("may come in any order of rows, and one row twice", async () => {
    const rows = (await Promise.all((await writeShards("part", 4, 4)).map(rowsOf))).flat();
    const path = file("shuffled.parquet", shuffle(rows));
    expectSame(await readCounts(path, { order: 4 }), countNgrams(TEXT, { order: 4 }));
  });

  it("may lie in a directory, as Spark leaves them", async () => {
    mkdirSync(at("spark.parquet"));
    const paths = await writeShards("spark.parquet/part-0000", 3, 3);
    for (const name of ["_SUCCESS", ".part-0000-1.parquet.crc", "_temporary.parquet", ".x.parquet", "notes.txt"]) {
      writeFileSync(at(`spark.parquet/${name}`), "");
    }
    expectSame(await readCounts(at("spark.parquet"), { order: 3 }), countNgrams(TEXT, { order: 3 }));
    expectSame(await readCounts([at("spark.parquet")], { order: 2 }), await readCounts(paths, { order: 2 }));
  });

  it("may be partitioned, as Spark's partitionBy leaves them", async () => {
    const { text, order } = JSON.parse(readFileSync(fixture("counts.json"), "utf8"));
    const whole = countNgrams(text, { order });
    // Git keeps no empty directories, and leftovers of a writer are ignored.
    expect(readdirSync(fixture("spark"))).toEqual(["._SUCCESS.crc", "_SUCCESS", "_temporary", "n=1", "n=2", "n=3"]);
    expectSame(await readCounts(fixture("spark"), { order }), whole);
    expectSame(
      await readCounts(
        [1, 2, 3].map((n) => fixture(`spark/n=${n}`)),
        { order },
      ),
      whole,
    );
  });

  it("of short sentences have all there is to count, whatever the order", async () => {
    await writeCounts(at("short.parquet"), countNgrams("a b\nb\n", { order: 4 }));
    for (const order of [1, 4, 7]) {
      expectSame(await readCounts(at("short.parquet"), { order }), countNgrams("a b\nb\n", { order }));
    }
  });
});

describe("what is asked for", () => {
  it("has to be there", async () => {
    const path = file("three.parquet", await rowsOf((await writeShards("three", 1, 3))[0]!));
    await expect(readCounts(path, { order: 5 })).rejects.toThrow(
      new RangeError('"order" expected an integer from 1 to 3, the longest n-grams in the counts, got 5'),
    );
    await expect(readCounts(path, { order: 0 })).rejects.toThrow(/"order" expected an integer from 1 to 10, got 0/);
    await expect(readCounts(path, undefined as never)).rejects.toThrow(TypeError);
    await expect(readCounts(path, { order: 2, tokenizer: "lines" as never })).rejects.toThrow(/"tokenizer" expected/);
    await expect(readCounts([], { order: 2 })).rejects.toThrow('"paths" expected at least one path, got none');
    await expect(readCounts([3 as never], { order: 2 })).rejects.toThrow('"paths" expected strings, got 3');
    await expect(readCounts({} as never, { order: 2 })).rejects.toThrow('"paths" expected strings, got an Object');
    const few = file("few.parquet", [
      ["<s> a", 1n],
      ["a </s>", 1n],
      ["</s>", 1n],
    ]);
    await expect(readCounts(few, { order: 2 })).rejects.toThrow(
      new RangeError("a text to count n-grams in expected at least 2 words, got 1: is it the right one?"),
    );
  });

  it("has to be a file", async () => {
    await expect(readCounts(at("nothing"), { order: 2 })).rejects.toThrow(
      new FileError(`cannot read ${JSON.stringify(at("nothing"))}: there is no such file or directory`),
    );
    mkdirSync(at("empty"));
    await expect(readCounts(at("empty"), { order: 2 })).rejects.toThrow(/empty": it has no files named \*\.parquet$/);
    await expect(readCounts("/dev/zero", { order: 2 })).rejects.toThrow(/^cannot read "\/dev\/zero": expected a file/);
    writeFileSync(at("text.parquet"), TEXT);
    writeFileSync(at("zero.parquet"), "");
    writeFileSync(at("magic.parquet"), "PAR1PAR1");
    for (const name of ["text", "zero", "magic"]) {
      const path = at(`${name}.parquet`);
      await expect(readCounts(path, { order: 2 })).rejects.toThrow(
        new FormatError(
          `${JSON.stringify(path)}: expected a Parquet file, got one that is cut short, or something else`,
        ),
      );
    }
  });

  it("takes packages, which may be missing", async () => {
    const missing = load("hyparquet-not-there" as never, ["reading counts", "hyparquet hyparquet-compressors"]);
    await expect(missing).rejects.toThrow(
      new FileError(
        "reading counts expected the package hyparquet-not-there, which is not installed: " +
          "npm install hyparquet hyparquet-compressors",
      ),
    );
  });
});

describe("a row", () => {
  const rows = (...wrong: Row[]): Row[] => [["<s> a b", 2n], ["b </s>", 2n], ["</s>", 2n], ["a b </s>", 2n], ...wrong];

  it.each<[string, Row[], string]>([
    ["with a count of 0", rows(["a b c", 0n]), 'row 5: "count" expected an integer from 1 to 4294967295, got 0'],
    ["with a negative count", rows(["a b c", -7n]), 'row 5: "count" expected an integer from 1 to 4294967295, got -7'],
    ["with a count of 2^32", rows(["a b c", 2n ** 32n]), '"count" expected an integer from 1 to 4294967295, got 429'],
    ["of two blanks", rows(["a  c", 1n]), 'row 5: "ngram" expected words with one space between them, got "a  c"'],
    ["with a blank before", rows([" a b", 1n]), '"ngram" expected words with one space between them, got " a b"'],
    ["of nothing", rows(["", 1n]), '"ngram" expected words with one space between them, got ""'],
    ["with <unk>", rows(["a <unk> b", 1n]), '"ngram" expected words of a text, which <unk> is not, got "a <unk> b"'],
    ["with <s> within", rows(["a <s> b", 1n]), '"ngram" expected <s> only as its first word, got "a <s> b"'],
    ["with </s> within", rows(["a </s> b", 1n]), '"ngram" expected </s> only as its last word, got "a </s> b"'],
    ["of many words", rows(["a b c d e f g h i j k", 1n]), '"ngram" expected at most 10 words, got "a b c d e f'],
    ["that is too short", rows(["a b", 1n]), 'row 5: "ngram" expected 3 words, or fewer that end in </s>, got "a b"'],
    [
      "shorter than later ones",
      rows(["a b c d", 1n]),
      'row 1: "ngram" expected 4 words, or fewer that end in </s>, got',
    ],
  ])("%s is refused", async (_, rows, message) => {
    const path = file("row.parquet", rows);
    const error = await readCounts(path, { order: 3 }).catch((error) => error);
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(`${JSON.stringify(path)}: row `);
    expect(error.message).toContain(message);
  });

  it("is named with the file that has it", async () => {
    const [three, two] = [file("r3.parquet", rows()), file("r2.parquet", rows(["a b", 1n]).slice(-1))];
    for (const paths of [
      [three, two],
      [two, three],
    ]) {
      await expect(readCounts(paths, { order: 2 })).rejects.toThrow(
        `${JSON.stringify(two)}: row 1: "ngram" expected 3 words, or fewer that end in </s>, got "a b"`,
      );
    }
  });

  it("counts up to 2^32 - 1 in all", async () => {
    const most = file("most.parquet", [
      ["a b", 2n ** 32n - 2n],
      ["a b", 1n],
      ["b a", 2n ** 32n - 1n],
    ]);
    expect((await readCounts(most, { order: 2 })).occurrences).toContain(2 ** 32 - 1);
    const more = file("more.parquet", [
      ["a b", 2n ** 32n - 2n],
      ["a b", 2n],
    ]);
    await expect(readCounts(more, { order: 2 })).rejects.toThrow(
      /^counts expected sums up to 4294967295, got 4294967296/,
    );
  });

  it.each<[string, [BasicType, BasicType], unknown]>([
    ["a floating-point number", ["STRING", "DOUBLE"], 1.5],
    ["infinity", ["STRING", "DOUBLE"], Infinity],
    ["not a number", ["STRING", "DOUBLE"], Number.NaN],
  ])("whose count is %s is refused", async (_, types, count) => {
    const path = file(
      "double.parquet",
      [
        ["a b", 12],
        ["b </s>", count],
      ],
      types,
    );
    await expect(readCounts(path, { order: 2 })).rejects.toThrow(
      `row 2: "count" expected an integer from 1 to 4294967295, got ${count}`,
    );
  });
});

const example = (name: string) => readFileSync(new URL(`../examples/shards/${name}`, import.meta.url), "utf8");
const MERGE = example("merge.sql");

it("examples/shards quotes its query as it is", () => {
  const query = MERGE.replace(/^--.*\n/gm, "");
  expect(query).toBe("SELECT ngram, CAST(SUM(count) AS BIGINT) AS count FROM counts GROUP BY ngram\n");
  expect(example("README.md").match(/```sql\n(.*?)```/s)?.[1]).toBe(query);
});

describe("pyarrow", () => {
  const { text, order } = JSON.parse(readFileSync(fixture("counts.json"), "utf8"));
  const names = ["delta-byte-array", "delta-length", "stream-split", "stream-split-int", "dictionary"];

  it.each(names.flatMap((name) => [`${name}.v1`, `${name}.v2`]))("writes %s, too", async (name) => {
    expectSame(await readCounts(fixture(`${name}.parquet`), { order }), countNgrams(text, { order }));
  });
});

describe("counts that lack rows", () => {
  const advice = ": keep every row, including those counted once, and prune the model instead (prune, --prune)";

  it("are refused, naming a row, what it lacks, and the file", async () => {
    const path = file("lacking.parquet", [
      ["a b c", 1n],
      ["c a b", 1n],
    ]);
    const message = 'counts expected a row that begins with "b c", as "a b c" (count 1) ends in it, got none';
    // Also where shorter n-grams are asked for, which all are there.
    for (const order of [3, 2, 1]) {
      await expect(readCounts(path, { order })).rejects.toThrow(
        new FormatError(`${JSON.stringify(path)}: ${message}${advice}`),
      );
    }
    const empty = file("empty.parquet", []);
    await expect(readCounts([path, empty], { order: 3 })).rejects.toThrow(
      new FormatError(`${JSON.stringify(path)} and 1 more: ${message}${advice}`),
    );
  });

  it("are refused where a query left out what was counted once, at any order", async () => {
    for (const order of [2, 3, 4]) {
      const rows = (await rowsOf((await writeShards("rare", 1, order))[0]!)).filter(
        ([, count]) => (count as bigint) > 1n,
      );
      const path = file("frequent.parquet", rows);
      for (let asked = 1; asked <= order; asked++) {
        const read = readCounts(path, { order: asked });
        await expect(read, `order ${asked} of ${order}`).rejects.toThrow(/^".*": counts expected .*--prune\)$/);
      }
    }
  });
});

describe.skipIf(!duckdb)("DuckDB", () => {
  /** The counts of three files, merged as examples/shards does. */
  async function merged(name: string, options = "", merge = MERGE): Promise<string> {
    await writeShards("duck", 3, 3);
    await run(
      `CREATE VIEW counts AS SELECT * FROM read_parquet('${at("duck-*.parquet")}')`,
      `COPY (${merge}) TO '${at(name)}' (FORMAT parquet${options})`,
    );
    return at(name);
  }
  it.each([
    ["rows", "'a b' AS ngram, 1 AS count FROM range(3000000)", "expected distinct n-grams, got 3000000 rows in"],
    [
      "a row group",
      "'a b' AS ngram, 1 AS count, CASE WHEN i >= 2000000 THEN md5(i::VARCHAR) END AS more FROM range(2050000) t(i)",
      "expected a row group of at most",
    ],
    [
      "pages",
      "repeat('a', 2000) || ' ' || i AS ngram, 1 AS count FROM range(20000) t(i)",
      "expected pages that unpack to at most 32 times their size",
    ],
  ])("a small file that claims much is refused: %s", async (_, select, expected) => {
    const options = "FORMAT parquet, ROW_GROUP_SIZE 2000000, COMPRESSION zstd";
    await run(`COPY (SELECT ${select}) TO '${at("small.parquet")}' (${options})`);
    await expect(readCounts(at("small.parquet"), { order: 1 })).rejects.toThrow(expected);
  });

  /** A file of what a query finds in the rows (ngram, count) of a small text. */
  async function selected(query: string): Promise<string> {
    const rows = "('<s> a', 1), ('a b', 1), ('b </s>', 1), ('</s>', 1)";
    await run(
      `CREATE TABLE counts AS SELECT * FROM (VALUES ${rows}) AS t(ngram, count)`,
      `COPY (${query}) TO '${at("selected.parquet")}' (FORMAT parquet)`,
    );
    return at("selected.parquet");
  }
  const whole = countNgrams(TEXT, { order: 3 });

  it("adds up the counts of parts, as examples/shards/merge.sql says", async () => {
    expectSame(await readCounts(await merged("merged.parquet"), { order: 3 }), whole);
  });

  it.each([
    "COMPRESSION uncompressed",
    "COMPRESSION gzip",
    "COMPRESSION zstd",
    "COMPRESSION brotli",
    "COMPRESSION lz4",
    "COMPRESSION lz4_raw",
    "PARQUET_VERSION v2",
    "PARQUET_VERSION v2, COMPRESSION zstd",
    "ROW_GROUP_SIZE 2048",
    "DICTIONARY_SIZE_LIMIT 1000000",
  ])("writes files with %s, too", async (options) => {
    expectSame(await readCounts(await merged("options.parquet", `, ${options}`), { order: 3 }), whole);
  });

  it.each([
    ["HUGEINT (a sum's)", MERGE.replace("CAST(SUM(count) AS BIGINT)", "SUM(count)")],
    ["DECIMAL(38, 0)", MERGE.replace("BIGINT", "DECIMAL(38, 0)")],
    ["DECIMAL(18, 3)", MERGE.replace("BIGINT", "DECIMAL(18, 3)")],
    ["DECIMAL(9, 2)", MERGE.replace("BIGINT", "DECIMAL(9, 2)")],
    ["UINTEGER", MERGE.replace("BIGINT", "UINTEGER")],
    ["UBIGINT", MERGE.replace("BIGINT", "UBIGINT")],
    ["SMALLINT", MERGE.replace("BIGINT", "SMALLINT")],
    ["FLOAT", MERGE.replace("BIGINT", "FLOAT")],
    ["an enumeration beside them", MERGE.replace("ngram,", "ngram, {'a': 1} AS s, [1, 2] AS l, 'x' AS day,")],
    ["columns the other way", "SELECT count, 1.5 AS weight, ngram FROM counts"],
  ])("writes %s, too", async (_, query) => {
    expectSame(await readCounts(await merged("types.parquet", "", query), { order: 3 }), whole);
  });

  it.each([
    ["SELECT ngram AS n, count AS c FROM counts", '"n" (string), "c" (int32)'],
    ["SELECT ngram FROM counts", '"ngram" (string)'],
    ["SELECT ngram, CAST(count AS VARCHAR) AS count FROM counts", '"ngram" (string), "count" (string)'],
    ["SELECT 5 AS ngram, count FROM counts", '"ngram" (int32), "count" (int32)'],
    ["SELECT ngram, DATE '2024-01-01' AS count FROM counts", '"ngram" (string), "count" (date)'],
    ["SELECT ngram, TIMESTAMP '2024-01-01' AS count FROM counts", '"ngram" (string), "count" (timestamp)'],
    ["SELECT ngram, count > 0 AS count FROM counts", '"ngram" (string), "count" (boolean)'],
    ["SELECT [ngram] AS ngram, count FROM counts", '"ngram" (list), "count" (int32)'],
    ["SELECT ngram, {'count': count} AS count FROM counts", '"ngram" (string), "count" (group)'],
  ])("may be asked for %s, which are not the columns", async (query, found) => {
    const path = await selected(query);
    await expect(readCounts(path, { order: 2 })).rejects.toThrow(
      new FormatError(`${JSON.stringify(path)}: expected columns "ngram" (string) and "count" (integer), got ${found}`),
    );
  });

  it.each([
    ["count - 1 AS count", '"count" expected an integer from 1 to 4294967295, got 0'],
    ["NULL::BIGINT AS count", '"count" expected an integer from 1 to 4294967295, got null'],
    ["nullif(count, 1) AS count", '"count" expected an integer from 1 to 4294967295, got null'],
    ["count / 2 AS count", '"count" expected an integer from 1 to 4294967295, got 0.5'],
    ["count * 1.25 AS count", '"count" expected an integer from 1 to 4294967295, got 1.25'],
    ["4294967296 AS count", '"count" expected an integer from 1 to 4294967295, got 4294967296'],
    ["(2::HUGEINT ** 100)::HUGEINT AS count", '"count" expected an integer from 1 to 4294967295, got 1.26'],
  ])("may make %s, which are not counts", async (expression, message) => {
    const path = await selected(`SELECT ngram, ${expression} FROM counts`);
    const error = await readCounts(path, { order: 2 }).catch((error) => error);
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(`${JSON.stringify(path)}: row 1: ${message}`);
  });

  it("may leave an n-gram out", async () => {
    const path = await selected("SELECT nullif(ngram, 'b </s>') AS ngram, count FROM counts");
    await expect(readCounts(path, { order: 2 })).rejects.toThrow('row 3: "ngram" expected a string, got null');
    const none = await selected("SELECT * FROM counts LIMIT 0");
    await expect(readCounts(none, { order: 2 })).rejects.toThrow(/expected at least 2 words, got 0/);
  });
});

describe("a page", () => {
  const number = (value: number): number[] => {
    const bytes: number[] = [];
    for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
    return [...bytes, value];
  };
  const field = (value: number) => [0x15, ...number(2 * value)]; // the next one, an int32; of those doubled, odd ones are negative
  const page = (encoding: number, body: number[], { values = 3, length = body.length, sizes = field(length) } = {}) =>
    Uint8Array.from([
      ...field(0),
      ...field(length),
      ...sizes,
      0x2c,
      ...field(values),
      ...field(encoding),
      0,
      0,
      ...body,
    ]);
  const dictionary = [...field(2), ...field(8), ...field(8), 0x4c, ...field(1), ...field(0), 0, 0, ...Array(8).fill(1)];
  const check = (bytes: ArrayLike<number>, optional = false) =>
    checkPages(Uint8Array.from(bytes), 3, optional, (bytes, length) => {
      if (bytes.length !== length) throw new Error("another length");
      return bytes;
    });
  const RUN = [...number(2 ** 32 - 2), 1]; // 2^31 − 1 times 1
  const PACKED = [...number(2 ** 32 - 1), 1]; // 2^34 − 8 values

  it("is read where it is right", () => {
    check(page(0, Array(24).fill(0)));
    check(page(0, [2, 0, 0, 0, 6, 1, ...Array(24).fill(0)]), true);
    check([...dictionary, ...page(8, [1, 6, 1])]);
    check([...dictionary, ...page(8, [1, 3, 255])]);
    check(page(5, [...number(128), 4, 3, 0, 0, 0, 0, 0, 0]));
  });

  it.each<[string, ArrayLike<number>, boolean?]>([
    ["has no size", page(0, Array(24).fill(0), { sizes: [] })],
    ["has a negative size", page(0, Array(24).fill(0), { sizes: [0x15, 31] })],
    ["has a size of another type", page(0, Array(24).fill(0), { sizes: [0x16, 48] })],
    ["is larger than the column", page(0, Array(24).fill(0), { sizes: field(25) })],
    ["is larger than any", page(0, Array(24).fill(0), { length: 2 ** 29 })],
    ["has more values than rows", page(0, Array(24).fill(0), { values: 4 })],
    ["has no dictionary", page(8, [1, 6, 1])],
    ["has a run of 2^31 places in the dictionary", [...dictionary, ...page(8, [1, ...RUN])]],
    ["has 2^34 packed places in the dictionary", [...dictionary, ...page(8, [1, ...PACKED])]],
    ["has 2^34 packed places of no bits", [...dictionary, ...page(8, [0, ...PACKED])]],
    ["has places of 33 bits", [...dictionary, ...page(8, [33, 6, 1])]],
    ["has a run of 2^31 nulls", page(0, [RUN.length, 0, 0, 0, ...RUN, ...Array(24).fill(0)]), true],
    ["has a run of nulls that goes on behind it", page(0, [99, 0, 0, 0, 6, 1, ...Array(24).fill(0)]), true],
    ["has differences in blocks of no parts", page(5, [...number(128), 0, 3, 0, 0, 0])],
    ["has differences in blocks of -1 parts", page(5, [...number(128), ...number(2 ** 32 - 1), 3, 0, 0, 0])],
    ["has two dictionaries", [...dictionary, ...dictionary, ...page(8, [1, 6, 1])]],
    ["is missing", []],
    ["has a number without end", Array(1000).fill(255)],
  ])("that %s is refused", (_, bytes, optional) => {
    const error = new FormatError("expected a Parquet file, got one that is cut short or altered: write it anew");
    expect(() => check(bytes, optional)).toThrow(error);
  });

  it("with values in an encoding that is not known is refused", () => {
    expect(() => check(page(4, [1, 2, 3]))).toThrow(
      "expected values that are plain, in a dictionary or deltas, got encoding 4: write the file with one of these",
    );
  });

  describe("of texts that share their beginnings (DELTA_BYTE_ARRAY)", () => {
    /** Lengths in one block of 128, in four parts of 32, each in 32 bits. */
    const deltas = (lengths: number[], count = lengths.length) => {
      const bits = Array.from({ length: 32 }, (_, i) => (i < lengths.length - 1 ? lengths[i + 1]! - lengths[i]! : 0));
      const body = bits.flatMap((x) => [x & 255, (x >> 8) & 255, (x >> 16) & 255, (x >> 24) & 255]);
      const header = [...number(128), 4, ...number(count), ...number(2 * lengths[0]!), 0];
      return lengths.length > 1 ? [...header, 32, 0, 0, 0, ...body] : header.slice(0, -1);
    };

    it("is read where it is right", () => {
      check(page(7, [...deltas([0, 2, 3]), ...deltas([2, 3, 4]), ...Array(9).fill(97)]));
      check(page(7, [2, 0, 0, 0, 6, 1, ...deltas([0, 0, 1]), ...deltas([1, 1, 1]), 97, 98, 99]), true);
      check(page(7, [2, 0, 0, 0, 3, 7, ...deltas([0, 0, 1]), ...deltas([1, 1, 1]), 97, 98, 99]), true);
    });

    it.each<[string, number[], boolean?]>([
      ["has a longer beginning than the text before", [...deltas([0, 2, 3]), ...deltas([1, 1, 1]), 97, 98, 99]],
      ["has more lengths than values", [...deltas([0, 0, 0], 4), ...deltas([1, 1, 1]), 97, 98, 99]],
      ["has fewer lengths than values", [...deltas([0, 0, 0], 2), ...deltas([1, 1, 1]), 97, 98, 99]],
      ["has no second lengths", deltas([0, 0, 0])],
      ["has lengths beyond all pages", [...deltas([0, 0, 0]), ...deltas([2 ** 29, 2 ** 29, 2 ** 29])]],
      ["has blocks of nothing", [0, 4, 3, 0, 0, 0]],
    ])("that %s is refused", (_, body, optional) => {
      expect(() => check(page(7, body), optional)).toThrow(
        "expected a Parquet file, got one that is cut short or altered",
      );
    });

    it("with nulls, or with more text than memory is to hold, is refused", () => {
      const nulls = page(7, [2, 0, 0, 0, 3, 3, ...deltas([0, 0]), ...deltas([1, 1]), 97, 98]);
      expect(() => check(nulls, true)).toThrow('"ngram" expected a string in each row, got null');
      const large = page(7, [...deltas([0, 2 ** 27, 2 ** 27]), ...deltas([2 ** 27, 1, 1])]);
      expect(() => check(large)).toThrow("expected at most 268435456 bytes of text in a row group, got more");
    });
  });

  it("and a description may claim lists, which are not made", () => {
    const lists = [
      0x19,
      ...Array(20)
        .fill([0xf9, ...number(30_000_000)])
        .flat(),
    ];
    for (const bytes of [lists, Array(100_000).fill(0x1c), [0x18, ...number(2 ** 32 - 1)], [0x1d], [0x15]]) {
      expect(() => checkStruct(Uint8Array.from(bytes))).toThrow(FormatError);
    }
    checkStruct(
      Uint8Array.from([0x15, 2, 0x19, 0x15, 2, 0x19, 0x31, 1, 2, 1, 0x1c, 0x11, 0x12, 0, 0x17, ...Array(8), 0]),
    );
  });
});

describe("a damaged file", () => {
  /** Bits, bytes or sizes are changed anywhere, most in the description and at the beginning; or bytes are left out. */
  function damaged(file: Uint8Array): Uint8Array {
    const bytes = Uint8Array.from(file);
    const description = new DataView(bytes.buffer).getUint32(bytes.length - 8, true);
    for (let times = 1 + below(3); times > 0; times--) {
      const from = [0, bytes.length - 8 - description, 4][below(3)]!;
      const at = from + below(from === 4 ? 60 : bytes.length - from);
      switch (below(4)) {
        case 0:
          bytes[at]! ^= 1 << below(8);
          break;
        case 1:
          bytes[at] = below(256);
          break;
        case 2:
          bytes.subarray(at, at + 1 + below(5)).fill(255);
          break;
        default:
          if (below(8) === 0) return bytes.subarray(0, at);
          bytes.copyWithin(at, at + 1 + below(3));
      }
    }
    return bytes;
  }

  it("is read or refused, in time and memory that it does not choose", async () => {
    const original = at("original.parquet");
    await writeCounts(original, countNgrams(LINES.slice(0, 150).join("\n"), { order: 3 }));
    const files = [original];
    const options = [
      "v1, COMPRESSION snappy",
      "v1, COMPRESSION uncompressed",
      "v2, COMPRESSION uncompressed",
      "v1, COMPRESSION gzip",
    ];
    for (const [i, option] of duckdb ? options.entries() : []) {
      files.push(at(`original-${i}.parquet`));
      await run(`COPY (FROM '${original}') TO '${files.at(-1)}' (FORMAT parquet, PARQUET_VERSION ${option})`);
    }
    const said = new Map<string | undefined, number>();
    for (let i = 0; i < 1000; i++) {
      writeFileSync(at("damaged.parquet"), damaged(readFileSync(files[i % files.length]!)));
      const start = performance.now();
      const message = (await refusal(at("damaged.parquet")))?.replace(/^".*?": /, "");
      expect(performance.now() - start, `damaged file ${i}`).toBeLessThan(5000);
      said.set(message, (said.get(message) ?? 0) + 1);
    }
    expect(process.memoryUsage().rss).toBeLessThan(2 ** 31);
    expect(said.get("expected a Parquet file, got one that is cut short or altered: write it anew")).toBeGreaterThan(
      300,
    );
    expect(said.get(undefined)).toBeGreaterThan(10);
    expect(said.size).toBeGreaterThan(10);
  });

  it("that another version wrote is not guessed at", async () => {
    const writer = new ByteWriter();
    const columnData = [
      { name: "ngram", data: ["a b"] },
      { name: "count", data: [7n] },
    ];
    for (const [value, message] of [
      ['{"version":2}', "expected version 1 of counts, got 2: use a newer rivulet"],
      ['{"version":"\\n"}', 'expected version 1 of counts, got "\\n"'],
      ["{", "rivulet's description of counts expected JSON, got something else"],
    ]) {
      writer.index = writer.offset = 0;
      parquetWrite({ writer, columnData, kvMetadata: [{ key: "rivulet", value }] });
      writeFileSync(at("version.parquet"), writer.getBytes());
      expect(await refusal(at("version.parquet"))).toBe(`${JSON.stringify(at("version.parquet"))}: ${message}`);
    }
  });
});
