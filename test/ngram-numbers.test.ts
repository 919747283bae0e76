// Estimates write only finite numbers and log 0, whatever rows the counts lack; they refuse counts exactly when KenLM's lmplz
// does; and every float32 reads back as it was written.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  countNgrams,
  kneserNey,
  laplace,
  lines,
  loadNgram,
  maximumLikelihood,
  NgramCounter,
  type NgramCounts,
  NgramModel,
  saveArpa,
  saveNgram,
  stupidBackoff,
} from "../src/entries/ngram.js";
import { writeDecimal } from "../src/io/arpa-write.js";
import { IncompleteCounts } from "../src/ngram/complete.js";
import { Random } from "../src/random.js";

const arpaOf = (model: NgramModel) => Buffer.concat([...saveArpa(model)]).toString();

type Row = [ngram: string, count: number];

function counted(rows: readonly Row[], order: number): NgramCounts {
  const counter = new NgramCounter(order);
  for (const [ngram, count] of rows) counter.ngram(ngram.split(" "), count);
  return counter.done(lines());
}

/** The rows of a text: its n-grams of N words, and the shorter ones that end a sentence. */
function rowsOf(sentences: readonly (readonly string[])[], order: number): Map<string, number> {
  const rows = new Map<string, number>();
  for (const sentence of sentences) {
    const tokens = ["<s>", ...sentence, "</s>"];
    for (let i = 0; i < tokens.length; i++) {
      const row = tokens.slice(i, i + order);
      if (row.length === order || row.at(-1) === "</s>") rows.set(row.join(" "), (rows.get(row.join(" ")) ?? 0) + 1);
    }
  }
  // Nothing predicts <s>.
  rows.delete("<s>");
  return rows;
}

const ESTIMATES: [string, (counts: NgramCounts) => NgramModel][] = [
  ["Kneser–Ney", (counts) => kneserNey(counts, { discountFallback: true })],
  [
    "pruned Kneser–Ney",
    (counts) => kneserNey(counts, { discountFallback: true, prune: [0, 1].slice(0, counts.trie.order) }),
  ],
  ["Kneser–Ney, all pruned", (counts) => kneserNey(counts, { discountFallback: true, prune: [2 ** 40] })],
  ["Kneser–Ney without fallback", (counts) => kneserNey(counts)],
  ["Laplace", (counts) => laplace(counts)],
  ["add-1e-20", (counts) => laplace(counts, { k: 1e-20 })],
  ["add-1e20", (counts) => laplace(counts, { k: 1e20 })],
  ["stupid backoff", (counts) => stupidBackoff(counts)],
  ["stupid backoff by 1e-20", (counts) => stupidBackoff(counts, { alpha: 1e-20 })],
  ["maximum likelihood", (counts) => maximumLikelihood(counts)],
];

/** Every number is finite or the log 0 that the file format has; only some estimates have it. */
function expectFinite(model: NgramModel, name: string): void {
  const lines = arpaOf(model).split("\n");
  const odd = lines.filter((line) => {
    const [p, ngram, b = "0"] = line.split("\t");
    if (ngram === undefined) return false;
    const isNumber = [p!, b].every((x) => /^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(x) && Number.isFinite(Number(x)));
    return !isNumber || (/add|Laplace/.test(name) && (p === "-99" || b === "-99"));
  });
  expect(odd).toEqual([]);
  expect(saveNgram(model).length).toBeGreaterThan(0);
  expect(saveNgram(model, { quantize: true }).length).toBeGreaterThan(0);
}

describe("counts that lack rows", () => {
  it.each<[string, Row[], number, string]>([
    [
      "suffixes",
      [
        ["a b c", 1],
        ["c a b", 1],
      ],
      3,
      'counts expected a row that begins with "b c", as "a b c" (count 1) ends in it, got none',
    ],
    [
      "the ends of sentences",
      [
        ["<s> a b", 2],
        ["a b </s>", 2],
        ["b </s>", 2],
      ],
      3,
      'counts expected a row that begins with "</s>", as "b </s>" (count 2) ends in it, got none',
    ],
    [
      "some of the count",
      [
        ["a b", 5],
        ["b a", 4],
      ],
      2,
      'counts expected "b" at least 5 times, as often as the n-grams that end in it, such as "a b" (count 5), got 4',
    ],
    [
      "some of the count, of two n-grams together",
      [
        ["a b", 2],
        ["b b", 1],
        ["b a", 1],
      ],
      2,
      'counts expected "b" at least 3 times, as often as the n-grams that end in it, such as "b b" (count 1), got 2',
    ],
    [
      "a word that begins nothing",
      [
        ["a b", 1],
        ["a a", 1],
      ],
      2,
      'counts expected a row that begins with "b", as "a b" (count 1) ends in it, got none',
    ],
  ])("%s are refused, naming a row and what it lacks", (_, rows, order, message) => {
    const advice = ": keep every row, including those counted once, and prune the model instead (prune, --prune)";
    expect(() => counted(rows, order)).toThrow(new IncompleteCounts(message + advice));
    expect(() => counted(rows, order)).toThrow(RangeError);
  });

  it("and all others make models whose numbers are finite or log 0: 300 random tables, each within a second", () => {
    const random = new Random(3);
    const below = (n: number) => random.below(n);
    let refused = 0;
    let models = 0;
    for (let i = 0; i < 300; i++) {
      const order = 1 + (i % 4);
      const words = 1 + below(6);
      const sentences = Array.from({ length: 1 + below(6) }, () =>
        Array.from({ length: below(7) }, () => "abcdef"[below(words)]!),
      );
      const rows = [...rowsOf(sentences, order)];
      // Rows are removed, given other counts, or invented; some tables are left unchanged.
      for (let n = below(4); n > 0 && rows.length > 0; n--) {
        const at = below(rows.length);
        const word = () => "abcdef"[below(6)]!;
        const kind = below(5);
        if (kind === 0) rows.splice(at, 1);
        else if (kind === 1) rows[at]![1] = [1, 2, 7, 2 ** 31, 2 ** 32 - 1][below(5)]!;
        else if (kind === 2) rows.splice(0, rows.length, ...rows.filter(([, count]) => count > 1));
        else if (kind === 3) rows.push([Array.from({ length: order }, word).join(" "), 1 + below(3)]);
        else rows.splice(0, rows.length, ...rows.filter(([ngram]) => !ngram.startsWith(["<s>", "a"][below(2)]!)));
      }
      const start = performance.now();
      let counts: NgramCounts;
      try {
        counts = counted(rows, order);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        refused++;
        continue;
      }
      for (const [name, estimate] of ESTIMATES) {
        try {
          expectFinite(estimate(counts), name);
          models++;
        } catch (error) {
          expect(error, `${name} of ${JSON.stringify(rows)}, order ${order}`).toBeInstanceOf(RangeError);
          expect(name).toMatch(/without fallback/);
        }
      }
      expect(performance.now() - start).toBeLessThan(1000);
    }
    expect(refused).toBeGreaterThan(80);
    expect(models).toBeGreaterThan(500);
  });

  it("which were altered after they were counted make no model either", () => {
    const counts = countNgrams("a b c\nb c a\n", { order: 2 });
    counts.occurrences.fill(0);
    expect(() => maximumLikelihood(counts)).toThrow(
      new RangeError(
        "an n-gram model expected log10 probabilities of at most 0 and backoff weights below infinity, got NaN for " +
          '"<unk>": were its counts or its numbers altered?',
      ),
    );
  });
});

describe("a model", () => {
  const model = maximumLikelihood(countNgrams("a b\na c\n", { order: 2 }));

  it.each([
    ["logP", 4, Number.NaN],
    ["logP", 4, Infinity],
    ["logP", 4, 0.5],
    ["logB", 4, Number.NaN],
    ["logB", 4, Infinity],
  ] as const)("whose %s[%d] is %s is not saved", (table, node, value) => {
    const { tokenizer, vocabulary, trie, logP, logB } = model;
    const tables = { logP: logP.slice(), logB: logB.slice() };
    tables[table][node] = value;
    const altered = new NgramModel(tokenizer, vocabulary, trie, tables.logP, tables.logB);
    const message = `backoff weights below infinity, got ${value} for "a": were its counts`;
    expect(() => arpaOf(altered)).toThrow(message);
    expect(() => saveNgram(altered)).toThrow(message);
  });

  it.each([1e-21, 5e-324, 1e21, Number.MAX_VALUE])("is not made with %s added to each count, or as a weight", (x) => {
    const counts = countNgrams("a b\na c\n", { order: 2 });
    expect(() => laplace(counts, { k: x })).toThrow(
      new RangeError(`"k" expected a number from 1e-20 to 1e20, got ${x}`),
    );
    expect(() => stupidBackoff(counts, { alpha: x })).toThrow(RangeError);
  });

  it("has every float32 in its ARPA file as it is: −0, the smallest, the largest, −99, and 200,000 random ones", async () => {
    const bits = new DataView(new ArrayBuffer(4));
    const random = new Random(5);
    const bytes = new Uint8Array(64);
    const wrong: string[] = [];
    const check = (x: number) => {
      const text = Buffer.from(bytes.subarray(0, writeDecimal(bytes, 0, x))).toString();
      const isRight = /^-?\d+(\.\d+)?(e[+-]\d+)?$/.test(text) && Object.is(Math.fround(Number(text)), x);
      if (!isRight || Number(text) === -99) wrong.push(`${x}: ${text}`);
    };
    for (let i = 0; i < 200_000; i++) {
      // Any bits, or one of the size that logarithms have.
      bits.setUint32(0, i % 2 ? Math.floor(random.float() * 2 ** 32) : 0x3c000000 + random.below(0x6ff0000));
      const x = bits.getFloat32(0);
      if (!Number.isFinite(x)) continue;
      check(x);
      check(-x);
    }
    const edges = [
      0,
      1 / 64,
      1 / 8,
      1,
      9.999999,
      10,
      64,
      98.99999,
      99,
      99.00001,
      100,
      2 ** -149,
      2 ** -126,
      3.4028234e38,
    ];
    for (const x of edges.map(Math.fround)) {
      for (const near of [x, 1 - 2 ** -24, 1 + 2 ** -23].map((scale, i) => Math.fround(i === 0 ? x : x * scale))) {
        if (!Number.isFinite(near)) continue;
        check(near);
        check(-near);
      }
    }
    expect(wrong).toEqual([]);

    // A weight of -99 is an ordinary number, while -99 in a file means -Infinity.
    const { tokenizer, vocabulary, trie, logP, logB } = model;
    const weights = logB.map((_, h) => [-99, -Infinity, -98.99999, -1e38, 2 ** -149][h % 5]!);
    const again = await loadNgram(Buffer.from(arpaOf(new NgramModel(tokenizer, vocabulary, trie, logP, weights))));
    expect(again.logB.slice(1)).toEqual(weights.slice(1));
  });
});

describe("KenLM's lmplz", () => {
  interface Case {
    order: number;
    fallback: boolean;
    text: string;
    refused?: true;
    ngrams?: string[];
  }
  const packed = readFileSync(new URL("fixtures/lmplz/texts.json.gz", import.meta.url));
  const cases: Case[] = JSON.parse(gunzipSync(packed).toString());
  const numbersOf = (lines: readonly string[]) =>
    new Map(
      lines.map((line) => {
        const [p, ngram, b = "0"] = line.split("\t");
        return [ngram!, [p!, b].map((number) => Math.max(Number(number), -99))];
      }),
    );

  it("refuses the tiny texts that Kneser–Ney smoothing refuses here, and makes the same numbers of the others, to 2e-6", () => {
    const wrong: string[] = [];
    let refused = 0;
    let zeros = 0;
    for (const { order, fallback, text, ngrams } of cases) {
      const counts = countNgrams(text, { order });
      const make = () => kneserNey(counts, { discountFallback: fallback });
      const name = `order ${order}${fallback ? ", fallback" : ""}: ${JSON.stringify(text)}`;
      if (ngrams === undefined) {
        refused++;
        expect(make, name).toThrow(RangeError);
        continue;
      }
      const model = make();
      if (model.smoothing?.kind === "kneser-ney" && model.smoothing.discounts.flat().includes(0)) zeros++;
      const found = numbersOf(
        arpaOf(model)
          .split("\n")
          .filter((line) => line.includes("\t")),
      );
      const expected = numbersOf(ngrams);
      expect(found.size, name).toBe(expected.size);
      for (const [ngram, numbers] of expected) {
        numbers.forEach((number, i) => {
          if (!(Math.abs(found.get(ngram)![i]! - number) < 2e-6)) wrong.push(`${name}: ${ngram} ${number}`);
        });
      }
    }
    expect(wrong).toEqual([]);
    expect(cases.length - refused).toBeGreaterThan(250);
    expect(refused).toBeGreaterThan(150);
    expect(zeros).toBeGreaterThan(5);
  });

  it("takes a discount of exactly 0, which floating point makes −4e-16", () => {
    const counts = countNgrams("a b c d d e e f f g g g h h h i i i j j j k k k", { order: 1 });
    expect(kneserNey(counts).smoothing).toMatchObject({ discounts: [[expect.any(Number), 0, expect.any(Number)]] });
  });
});
