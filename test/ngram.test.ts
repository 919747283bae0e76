// N-grams are counted, estimated and used as a language model, and compared with KenLM's own files and with
// ngram-reference.ts, which computes the formulas with Maps of strings and doubles.

import { existsSync, readFileSync } from "node:fs";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { generate } from "../src/lm/generate.js";
import type { LanguageModel } from "../src/lm/language-model.js";
import { evaluate, evaluateAsync, perplexity } from "../src/lm/perplexity.js";
import { countNgrams, NgramCounter } from "../src/ngram/count.js";
import type { NgramCounts } from "../src/ngram/counts.js";
import { type KneserNeyOptions, kneserNey } from "../src/ngram/kneser-ney.js";
import { laplace } from "../src/ngram/laplace.js";
import { maximumLikelihood } from "../src/ngram/maximum-likelihood.js";
import type { NgramModel } from "../src/ngram/model.js";
import { stupidBackoff } from "../src/ngram/stupid-backoff.js";
import { countOf, ngrams, ROOT, type Trie } from "../src/ngram/trie.js";
import { decode, encode } from "../src/text/corpus.js";
import { words } from "../src/text/sentences.js";
import { characters, join, lines, tokenize, tokenizerFrom, whitespace } from "../src/text/tokenizers.js";
import type { Vocabulary } from "../src/text/vocabulary.js";
import * as reference from "./ngram-reference.js";
import { type Gram, Seen } from "./ngram-reference.js";
import { randomNumbers } from "./reference.js";

const SYMBOLS = ["<unk>", "<s>", "</s>"];

/** Every n-gram of length n as words, with its node. */
function* spelled(of: { trie: Trie; vocabulary: Vocabulary }, n: number): Generator<[gram: string[], node: number]> {
  const ids = new Uint32Array(n);
  for (const node of ngrams(of.trie, n, ids)) yield [Array.from(ids, (id) => of.vocabulary.token(id)), node];
}

/** The state after these words and no others. */
const stateAfter = (model: NgramModel, h: Gram) =>
  h.reduce((state, word) => model.advance(state, model.vocabulary.id(word)), ROOT);

/** Sentences as lines(). */
const textOf = (sentences: readonly Gram[]) => sentences.map((sentence) => `${sentence.join(" ")}\n`).join("");

/** Sentences of up to `longest` words out of so many, some of them rare; one is empty and one has one word. */
function randomSentences(seed: number, sentences: number, vocabulary: number, longest: number): string[][] {
  const random = randomNumbers(seed);
  // a, b, … , z, 10, 11, …
  const word = () => Math.floor(10 + random() ** 2 * vocabulary).toString(36);
  const made = Array.from({ length: sentences }, () =>
    Array.from({ length: Math.floor(random() * (longest + 1)) }, word),
  );
  return [...made, [], ["a"]];
}

function refused(run: () => unknown, Type: typeof TypeError | typeof RangeError, message: string): void {
  let error: unknown;
  try {
    run();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(Type);
  expect((error as Error).message).toBe(message);
}

describe("KenLM", () => {
  const fixtures = new URL("./fixtures/kenlm/", import.meta.url);
  const shared = new URL("../../shared/golden/kenlm/", import.meta.url);

  /** A file of one of those folders, packed or not, or undefined. */
  function find(folder: URL, name: string): string | undefined {
    for (const [ending, unpack] of [
      ["", (bytes: Buffer) => bytes],
      [".gz", gunzipSync],
      [".br", brotliDecompressSync],
    ] as const) {
      const file = new URL(name + ending, folder);
      if (existsSync(file)) return unpack(readFileSync(file)).toString();
    }
    return undefined;
  }
  const fixture = (name: string) => find(fixtures, name)!;

  /** Probability and backoff weight of each n-gram of an ARPA file, by its words with single blanks between them. */
  function readArpa(text: string): Map<string, { p: number; b: number | undefined }> {
    const entries = new Map<string, { p: number; b: number | undefined }>();
    for (const line of text.split("\n")) {
      const [p, gram, b] = line.split("\t");
      if (gram !== undefined) entries.set(gram, { p: Number(p), b: b === undefined ? b : Number(b) });
    }
    return entries;
  }

  function sameAsArpa(model: NgramModel, text: string, bound: number): void {
    const arpa = readArpa(text);
    const { order } = model.trie;
    const wrong: string[] = [];
    let found = 0;
    for (let n = 1; n <= order; n++) {
      const declared = new RegExp(`^ngram ${n}=(\\d+)$`, "m").exec(text)![1];
      expect(countOf(model.trie, n), `${n}-grams`).toBe(Number(declared));
      for (const [words, node] of spelled(model, n)) {
        const gram = words.join(" ");
        const expected = arpa.get(gram);
        if (expected) found++;
        // KenLM writes 0 for <s>, which nothing predicts.
        const p = gram === "<s>" ? -Infinity : expected?.p;
        const isSame = model.logP[node] === p || Math.abs(model.logP[node]! - p!) < bound;
        const b = n < order ? model.logB[node]! : undefined;
        const isSameWeight = expected?.b === undefined ? b === undefined : Math.abs(b! - expected.b) < bound;
        if (!isSame || !isSameWeight) wrong.push(`${gram}: ${model.logP[node]} ${b}, not ${p} ${expected?.b}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(found).toBe(arpa.size);
  }

  // The largest difference is about 6e-7: KenLM adds in float32.
  const BOUND = 2e-6;
  const train = fixture("train.txt");
  const test = fixture("test.txt");
  const summary = fixture("summary.txt");
  const inShared = ["o1", "o2", "o4", "o5"].filter((name) => find(shared, `${name}.arpa`) !== undefined);
  if (inShared.length < 4) {
    console.warn(`KenLM: ${4 - inShared.length} of 4 golden files are not in ../shared/golden/kenlm: skipped`);
  }

  describe.each(["o3", "o4.prune001", ...inShared])("%s", (name) => {
    const order = Number(name[1]);
    const folder = inShared.includes(name) ? shared : fixtures;
    const prune = name.endsWith("prune001") ? [0, 0, 1] : [0];
    const model = kneserNey(countNgrams(train, { order }), { prune });
    const summed = new RegExp(
      `^${name} Perplexity including OOVs:\t(\\S+) .*OOVs:\t(\\S+) OOVs:\t(\\d+) Tokens:\t(\\d+)`,
      "m",
    );

    it("has the same n-grams; each log10 p and b differs by less than 2e-6", () => {
      sameAsArpa(model, find(folder, `${name}.arpa`)!, BOUND);
    });

    if (!["o1", "o2", "o4"].includes(name))
      it("every word has the same log10 p, to 2e-6, by an n-gram of the same length", () => {
        // word=id length log10-probability; a word may have a = in it.
        const expected = find(folder, `${name}.query.txt`)!
          .split("\t")
          .filter(Boolean)
          .map((query) => /^(.*)=(\d+) (\d) (\S+)$/.exec(query)!.slice(1));
        const ids = encode(test, lines(), model.vocabulary);
        expect(tokenize(lines(), test)).toEqual(expected.map(([word]) => word));
        const { logProbs, orders } = model.score(ids, model.start());
        expect([...orders]).toEqual(expected.map(([, , n]) => Number(n)));
        expect(Array.from(ids, (id) => id === 0)).toEqual(expected.map(([, id]) => id === "0"));
        const wrong = expected.filter(([, , , p], i) => !(Math.abs(logProbs[i]! / Math.LN10 - Number(p)) < BOUND));
        expect(wrong).toEqual([]);
      });

    if (name !== "o1")
      it("has the same perplexity to five digits, with and without unknown words", () => {
        const [including, excluding, unknown, tokens] = summed.exec(summary)!.slice(1).map(Number);
        const result = evaluate(model, test);
        expect([result.unknown, result.tokens]).toEqual([unknown, tokens]);
        expect(Math.abs(result.perplexity / including! - 1)).toBeLessThan(5e-6);
        expect(Math.abs(result.perplexityExcludingUnknown! / excluding! - 1)).toBeLessThan(5e-6);
      });
  });

  it.each([
    ["small.o4", { discountFallback: true }],
    ["small.o3.prune112", { discountFallback: true, prune: [1, 1, 2] }],
  ])("%s: odd blanks, empty lines, discounts that are not defined, pruned words", (name, options) => {
    const counts = countNgrams(fixture("small.txt"), { order: Number(name[7]) });
    sameAsArpa(kneserNey(counts, options), fixture(`${name}.arpa`), BOUND);
  });
});

/** Each estimate beside the reference's. */
const ESTIMATES: [
  name: string,
  ours: (counts: NgramCounts) => NgramModel,
  theirs: (seen: Seen) => reference.Estimate,
][] = [
  ["maximum likelihood", (counts) => maximumLikelihood(counts), (seen) => reference.maximumLikelihood(seen)],
  ["Laplace", (counts) => laplace(counts), (seen) => reference.laplace(seen, 1)],
  ["add-0.1", (counts) => laplace(counts, { k: 0.1 }), (seen) => reference.laplace(seen, 0.1)],
  ["stupid backoff", (counts) => stupidBackoff(counts), (seen) => reference.stupidBackoff(seen, 0.4)],
  [
    "stupid backoff, alpha 0.7",
    (counts) => stupidBackoff(counts, { alpha: 0.7 }),
    (seen) => reference.stupidBackoff(seen, 0.7),
  ],
  ...[[0], [0, 0, 1], [0, 1], [1], [1, 1, 2]].map((prune): (typeof ESTIMATES)[number] => {
    const upTo = (order: number) => prune.slice(0, order);
    return [
      `Kneser–Ney, pruned by ${prune.join(" ")}`,
      (counts) => kneserNey(counts, { prune: upTo(counts.trie.order), discountFallback: true }),
      (seen) => reference.kneserNey(seen, upTo(seen.order)).p,
    ];
  }),
];

/** Small texts: the last ones are large enough for most discounts. */
const CORPORA = [
  [["a", "b"]],
  randomSentences(1, 8, 3, 4),
  randomSentences(2, 15, 6, 5),
  randomSentences(3, 15, 9, 6),
  randomSentences(4, 120, 14, 7),
  randomSentences(5, 40, 60, 6),
];

describe.each([1, 2, 3, 4, 5])("order %d", (order) => {
  const texts = CORPORA.map((sentences) => ({
    seen: new Seen(sentences, order),
    counts: countNgrams(textOf(sentences), { order }),
  }));

  /** Contexts, each with its state: followed by a word in the text, never followed by one, and reached by reading a text. */
  function contexts(seen: Seen, model: NgramModel): { h: Gram; state: number }[] {
    const random = randomNumbers(order);
    const word = () =>
      random() < 0.1 ? "never" : [...seen.vocabulary].slice(3)[Math.floor(random() * (seen.vocabulary.size - 3))]!;
    const made: Gram[] = Array.from({ length: 60 }, () => Array.from({ length: Math.floor(random() * order) }, word));
    for (const h of made.slice(0, 20)) if (h.length > 0) made.push(["<s>", ...h.slice(1)]);
    const all = [...seen.contexts(), ...made].map((h) => ({ h, state: stateAfter(model, h) }));
    let text = ["<s>"];
    let state = model.start();
    for (let i = 0; i < 100; i++) {
      all.push({ h: text.slice(Math.max(0, text.length - order + 1)), state });
      const token = random() < 0.15 ? "</s>" : word();
      state = model.advance(state, model.vocabulary.id(token));
      text = token === "</s>" ? ["<s>"] : [...text, token];
    }
    return all;
  }

  it.each(ESTIMATES)("%s has the formula's ln p after every context, to 1e-6", (name, ours, theirs) => {
    const wrong: string[] = [];
    let compared = 0;
    for (const { seen, counts } of texts) {
      const model = ours(counts);
      const p = theirs(seen);
      for (const { h, state } of contexts(seen, model)) {
        // Additive smoothing is defined only for the whole context.
        if (/Laplace|add/.test(name) && h.length < order - 1 && h[0] !== "<s>") continue;
        model.vocabulary.tokens.forEach((w, id) => {
          const expected = Math.log(p(h, w));
          const found = model.logProb(state, id);
          compared++;
          if (found !== expected && !(Math.abs(found - expected) < 1e-6)) {
            wrong.push(`p(${w} | ${h.join(" ")}) = e^${found}, not e^${expected}`);
          }
        });
      }
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(5000);
  });

  it.each(ESTIMATES.filter(([name]) => !name.startsWith("stupid")))(
    "%s: the probabilities of every context sum to 1, to 1e-5; <s> is never predicted",
    (_, ours) => {
      for (const { counts } of texts) {
        const model = ours(counts);
        for (let state = 0; state < model.trie.levels[order]!; state++) {
          const logProbs = model.logProbs(state);
          expect(logProbs.length).toBe(model.vocabulary.size);
          expect(Math.abs(logProbs.reduce((sum, x) => sum + Math.exp(x), 0) - 1)).toBeLessThan(1e-5);
          expect(logProbs[model.vocabulary.id("<s>")]).toBe(-Infinity);
        }
      }
    },
  );

  it.each(ESTIMATES)("%s: logProbs has logProb of every token, in float32", (_, ours) => {
    for (const { counts } of texts) {
      const model = ours(counts);
      for (let state = 0; state < model.trie.levels[order]!; state++) {
        const expected = model.vocabulary.tokens.map((_, id) => Math.fround(model.logProb(state, id)));
        expect([...model.logProbs(state)]).toEqual(expected);
      }
    }
  });

  it("Kneser–Ney says how it was made: its discounts are those of Chen and Goodman's eq. 26", () => {
    let undefinedOnes = 0;
    let definedOnes = 0;
    for (const { seen, counts } of texts) {
      const prune = Array(order).fill(0);
      const { discounts, undefinedDiscounts } = reference.kneserNey(seen);
      const made = kneserNey(counts, { discountFallback: true }).smoothing!;
      if (made.kind !== "kneser-ney") throw new Error(made.kind);
      expect(made.prune).toEqual(prune);
      expect(made.discounts.length).toBe(order);
      discounts.forEach((D, n) => {
        D.forEach((d, k) => {
          expect(made.discounts[n]![k]).toBeCloseTo(d, 12);
        });
      });
      undefinedOnes += undefinedDiscounts.filter(Boolean).length;
      definedOnes += undefinedDiscounts.filter((x) => !x).length;
      const withoutFallback = () => kneserNey(counts);
      if (undefinedDiscounts.includes(true)) expect(withoutFallback).toThrow(RangeError);
      else expect(withoutFallback().smoothing).toEqual(made);
    }
    expect(undefinedOnes).toBeGreaterThan(0);
    expect(definedOnes).toBeGreaterThan(0);
  });

  it.each([[[0, 0, 1]], [[0, 1]], [[1]], [[1, 1, 2]]])(
    "pruned by %j it has the n-grams that are left",
    (thresholds) => {
      const prune = thresholds.slice(0, order);
      let pruned = 0;
      for (const { seen, counts } of texts) {
        const model = kneserNey(counts, { prune, discountFallback: true });
        const { isKept } = reference.kneserNey(seen, prune);
        expect(model.vocabulary.tokens).toEqual(counts.vocabulary.tokens.filter((word) => isKept([word])));
        for (let n = 1; n <= order; n++) {
          const all = n === 1 ? [...seen.vocabulary].map((word) => [word]) : seen.grams[n]!;
          const left = all.filter(isKept).map((gram) => gram.join(" "));
          expect([...spelled(model, n)].map(([gram]) => gram.join(" ")).sort()).toEqual(left.sort());
          pruned += all.length - left.length;
        }
        expectTrie(model);
      }
      // 0 0 1 of order 2 is 0 0.
      if (prune.some((threshold) => threshold > 0)) expect(pruned).toBeGreaterThan(0);
      else expect(pruned).toBe(0);
    },
  );
});

it("the probabilities of a large model's contexts sum to 1, to 1e-5, and logProbs agrees with logProb", () => {
  const packed = readFileSync(new URL("./fixtures/kenlm/train.txt.gz", import.meta.url));
  const counts = countNgrams(gunzipSync(packed).toString(), { order: 3 });
  for (const model of [
    kneserNey(counts),
    kneserNey(counts, { prune: [0, 1, 1] }),
    laplace(counts),
    maximumLikelihood(counts),
  ]) {
    const { levels } = model.trie;
    expect(levels[3]).toBeGreaterThan(5000);
    for (let state = 0; state < levels[3]!; state += 299) {
      const logProbs = model.logProbs(state);
      let sum = 0;
      let differing = 0;
      for (let id = 0; id < logProbs.length; id++) {
        sum += Math.exp(logProbs[id]!);
        if (logProbs[id] !== Math.fround(model.logProb(state, id))) differing++;
      }
      expect(Math.abs(sum - 1)).toBeLessThan(1e-5);
      expect(differing).toBe(0);
    }
  }
});

/** Checks that n-grams are distinct, in lexicographic order, and linked to their longest suffix in the trie. */
function expectTrie(of: { trie: Trie; vocabulary: Vocabulary }): void {
  const { order, levels, suffix, word, first } = of.trie;
  expect(levels.length).toBe(order + 2);
  expect([levels[0], levels[1]]).toEqual([0, 1]);
  expect([word.length, suffix.length, first.length]).toEqual([
    levels[order + 1],
    levels[order + 1],
    levels[order]! + 1,
  ]);
  const nodes = new Map([["", ROOT]]);
  for (let n = 1; n <= order; n++) {
    const ids = new Uint32Array(n);
    let before: number[] | undefined;
    for (const node of ngrams(of.trie, n, ids)) {
      const gram = [...ids];
      if (before) {
        const place = gram.findIndex((id, i) => id !== before![i]);
        expect(gram[place]).toBeGreaterThan(before[place]!);
      }
      nodes.set(gram.join(), node);
      let begin = 1;
      while (!nodes.has(gram.slice(begin).join())) begin++;
      expect(suffix[node]).toBe(nodes.get(gram.slice(begin).join()));
      before = gram;
    }
  }
  expect(nodes.size).toBe(levels[order + 1]);
}

/** Exactly what a naive count finds in these sentences. */
function expectCounts(counts: NgramCounts, sentences: readonly Gram[], order: number): void {
  const seen = new Seen(sentences, order);
  const byCount = [...seen.vocabulary].slice(3);
  byCount.sort((a, b) => seen.count([b]) - seen.count([a]) || (a < b ? -1 : 1));
  expect(counts.vocabulary.tokens).toEqual([...SYMBOLS, ...byCount]);
  expect(counts.trie.order).toBe(order);
  expect(counts.occurrences.length).toBe(counts.trie.levels[order + 1]);
  for (let n = 1; n <= order; n++) {
    const found = [...spelled(counts, n)].map(([gram, node]) => [gram.join("\0"), counts.occurrences[node]!] as const);
    const expected = seen.grams[n]!.map((gram) => [gram.join("\0"), seen.count(gram)] as const);
    // These two are in every model and are never counted on their own.
    if (n === 1) expected.push(["<unk>", 0], ["<s>", 0]);
    expect(new Map(found)).toEqual(new Map(expected));
    expect(found.length).toBe(expected.length);
  }
  expectTrie(counts);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint8Array | Trie["word"]) =>
  Buffer.from(buffer, byteOffset, byteLength);

/** Checks that two results are equal bit for bit. */
function expectSame(a: NgramCounts, b: NgramCounts): void {
  expect(a.vocabulary.tokens).toEqual(b.vocabulary.tokens);
  expect(a.trie.levels).toEqual(b.trie.levels);
  for (const [one, other] of [
    [a.trie.word, b.trie.word],
    [a.trie.first, b.trie.first],
    [a.trie.suffix, b.trie.suffix],
    [a.occurrences, b.occurrences],
  ] as const) {
    expect(one.constructor).toBe(other.constructor);
    expect(bytesOf(one).equals(bytesOf(other))).toBe(true);
  }
}

describe("counting", () => {
  it.each([1, 2, 3, 4, 5, 10])("order %d finds what a naive count finds", (order) => {
    for (const sentences of [...CORPORA, randomSentences(5, 30, 3, 20)]) {
      expectCounts(countNgrams(textOf(sentences), { order }), sentences, order);
    }
  });

  it.each([254, 255, 256, 257, 65_534, 65_536])("%d words have ids that are wide enough", (n) => {
    const random = randomNumbers(n);
    const all = Array.from({ length: n }, (_, i) => `w${i}`);
    const sentences = Array.from({ length: Math.ceil(n / 8) }, (_, i) => [
      ...all.slice(8 * i, 8 * i + 8),
      all[Math.floor(random() * n)]!,
    ]);
    const counts = countNgrams(textOf(sentences), { order: 2 });
    expect(counts.vocabulary.size).toBe(n + 3);
    const seen = new Seen(sentences, 2);
    const wrong = [...spelled(counts, 2)].filter(([gram, node]) => counts.occurrences[node] !== seen.count(gram));
    expect(wrong).toEqual([]);
    expect(countOf(counts.trie, 2)).toBe(seen.grams[2]!.length);
  });

  it("ids: <unk>, <s>, </s>, then by falling count, equals by code units", () => {
    const { vocabulary } = countNgrams("\uffe6 é B c\nc a 😀 b\na a b", { order: 1 });
    // 😀 begins with U+D83D, though its code point is the largest.
    expect(vocabulary.tokens).toEqual(["<unk>", "<s>", "</s>", "a", "b", "c", "B", "é", "😀", "\uffe6"]);
    expect([vocabulary.unknown, vocabulary.start, vocabulary.end]).toEqual([0, 1, 2]);
  });

  const plain = "a b c\n\nb\nc a a\n";
  const layouts: [string, string][] = [
    ["CR and LF", "a b c\r\n\r\nb\r\nc a a\r\n"],
    ["no LF at the end", "a b c\n\nb\nc a a"],
    ["blanks behind the last LF", "a b c\n\nb\nc a a\n \t"],
    ["tabs", "a\tb\tc\n\nb\nc\ta\ta\n"],
    ["several blanks", "a   b \t c\n   \nb\nc a\t\t a\n"],
    ["blanks at both ends", " a b c \n\t\n  b\t\n c a a \n"],
    ["CR and NUL between words", "a\rb\0c\n\0\nb\nc\r\ra\0a\n"],
  ];

  it.each([["LF", plain], ...layouts])("%s: the same sentences, whole or in pieces of any length", (_, text) => {
    const sentences = [["a", "b", "c"], [], ["b"], ["c", "a", "a"]];
    const counts = countNgrams(text, { order: 3 });
    expectCounts(counts, sentences, 3);
    expectSame(countNgrams([...text], { order: 3 }), counts);
    const random = randomNumbers(1);
    for (let i = 0; i < 20; i++) {
      const pieces: string[] = [];
      for (let at = 0; at < text.length; at += pieces.at(-1)!.length)
        pieces.push(text.slice(at, at + 1 + Math.floor(random() * 5)));
      pieces.splice(i, 0, "");
      expectSame(countNgrams(pieces.values(), { order: 3 }), counts);
    }
  });

  it("empty lines are sentences, also at both ends", () => {
    expectCounts(countNgrams("\n\na b\n\n", { order: 2 }), [[], [], ["a", "b"], []], 2);
  });

  it("other white space is part of a word", () => {
    const { vocabulary } = countNgrams("a\u00a0b c\u2028d e\vf g\fh i\u0085j", { order: 1 });
    expect(vocabulary.tokens.slice(3)).toEqual(["a\u00a0b", "c\u2028d", "e\vf", "g\fh", "i\u0085j"]);
  });

  it("a word that is cut into pieces anywhere stays whole", () => {
    const text = "alpha 😀beta\ngamma delta\r\n";
    for (let cut = 0; cut <= text.length; cut++) {
      const counts = countNgrams([text.slice(0, cut), text.slice(cut)], { order: 2 });
      expectSame(counts, countNgrams(text, { order: 2 }));
    }
  });

  it("with a tokenizer that knows no sentences the text is one", () => {
    for (const [tokenizer, text] of [
      [characters(), "the cat\nsat 😀\n"],
      [words({ lowercase: true }), "The cat, the CAT.\n\nDon't sit!\n"],
      [whitespace(), " the cat\n\nthe\tcat sat"],
    ] as const) {
      for (const order of [1, 3, 10]) {
        const counts = countNgrams(text, { order, tokenizer });
        expect(counts.tokenizer).toBe(tokenizer);
        expectCounts(counts, [tokenize(tokenizer, text)], order);
      }
      expectSame(
        countNgrams(text.split(/(?<=[\s])/), { order: 3, tokenizer }),
        countNgrams(text, { order: 3, tokenizer }),
      );
    }
  });
});

describe("counting more than a block", () => {
  /** Compares all n-grams of the greatest length with counts by the digits of their ids. */
  function expectLongest(counts: NgramCounts, expected: Map<number, number>, base: number): void {
    const { trie, occurrences } = counts;
    const ids = new Uint32Array(trie.order);
    let wrong = 0;
    for (const node of ngrams(trie, trie.order, ids)) {
      if (expected.get(ids.reduce((key, id) => key * base + id, 0)) !== occurrences[node]) wrong++;
    }
    expect(wrong).toBe(0);
    expect(countOf(trie, trie.order)).toBe(expected.size);
  }

  /** Sequences of ids, counted by their digits. */
  function digits(ids: Uint32Array, order: number, base: number, END = 2): Map<number, number> {
    const expected = new Map<number, number>();
    for (let i = 0; i + order <= ids.length; i++) {
      let key = 0;
      let inside = true;
      for (let k = 0; k < order; k++) {
        key = key * base + ids[i + k]!;
        if (ids[i + k] === END && k < order - 1) inside = false;
      }
      if (inside) expected.set(key, (expected.get(key) ?? 0) + 1);
    }
    return expected;
  }

  it("three million words: every trigram, as often as a naive count finds it", () => {
    const random = randomNumbers(9);
    const all = Array.from({ length: 400 }, (_, i) => `w${i}`);
    const tokens: string[] = [];
    for (let n = 0; n < 3_000_000; n++) {
      if (n % 4 === 0) tokens.push(n === 0 ? "" : "\n");
      // Each word comes for the first time long after the one before it.
      tokens.push(all[Math.floor(random() ** 3 * (20 + (380 * n) / 3_000_000))]!);
    }
    const counts = countNgrams(tokens.join(" "), { order: 3 });
    const ids: number[] = [];
    for (const token of tokens) {
      if (token === "\n") ids.push(2);
      if (token === "\n" || token === "") ids.push(1);
      else ids.push(counts.vocabulary.id(token));
    }
    ids.push(2);
    // More than two blocks, of 2²¹ ids.
    expect(ids.length).toBeGreaterThan(2 ** 22);
    expectLongest(counts, digits(Uint32Array.from(ids), 3, 512), 512);
  });

  it.each([1, 2])(
    "a hundred thousand distinct words, of order %d: every n-gram, as often as a Map finds it",
    (order) => {
      const random = randomNumbers(11);
      const sentences = Array.from({ length: 30_000 }, () =>
        Array.from({ length: Math.floor(12 * random()) }, () => `w${Math.floor(130_000 * random() ** 1.5)}`),
      );
      const counts = countNgrams(sentences.map((words) => `${words.join(" ")}\n`).join(""), { order });
      expect(counts.vocabulary.size).toBeGreaterThan(2 ** 16);
      const expected = new Map<string, number>();
      for (const words of sentences) {
        const padded = ["<s>", ...words, "</s>"];
        for (let i = order === 1 ? 1 : 0; i + order <= padded.length; i++) {
          const ngram = padded.slice(i, i + order).join(" ");
          expected.set(ngram, (expected.get(ngram) ?? 0) + 1);
        }
      }
      const ids = new Uint32Array(order);
      let wrong = 0;
      let found = 0;
      for (const node of ngrams(counts.trie, order, ids)) {
        if (counts.occurrences[node] === 0) continue; // <unk>, and <s> by itself
        const ngram = Array.from(ids, (id) => counts.vocabulary.token(id)).join(" ");
        if (expected.get(ngram) !== counts.occurrences[node]) wrong++;
        found++;
      }
      expect([wrong, found]).toEqual([0, expected.size]);
      // By falling count, equals in the order of their code units.
      const words = counts.vocabulary.tokens.slice(3);
      const count = (id: number) => counts.occurrences[id + 4]!;
      const sorted = words.every(
        (_, i) => i === 0 || count(i - 1) > count(i) || (count(i - 1) === count(i) && words[i - 1]! < words[i]!),
      );
      expect(sorted).toBe(true);
    },
  );

  it("one sentence of 2.5 million words: every 10-gram", () => {
    const random = randomNumbers(10);
    const text = new Uint8Array(5_000_000).fill(32);
    for (let i = 0; i < text.length; i += 2) text[i] = 97 + Math.floor(random() ** 2 * 3);
    const counts = countNgrams(Buffer.from(text).toString(), { order: 10, tokenizer: whitespace() });
    expect(counts.vocabulary.tokens.slice(3)).toEqual(["a", "b", "c"]);
    const ids = Uint32Array.from([1, ...text.filter((_, i) => i % 2 === 0).map((code) => code - 97 + 3), 2]);
    expectLongest(counts, digits(ids, 10, 6), 6);
  });

  it("half a million n-grams that were counted before, some shorter than N and some longer", () => {
    const random = randomNumbers(11);
    const all = Array.from({ length: 60 }, (_, i) => `w${i}`);
    const counter = new NgramCounter(4);
    const expected = new Map(["<unk>", "<s>"].map((word) => [word, 0]));
    for (let n = 0; n < 500_000; ) {
      const words = Array.from({ length: Math.floor(random() * 9) }, () => all[Math.floor(random() ** 2 * 60)]!);
      const sentence = ["<s>", ...words, "</s>"];
      const count = 1 + Math.floor(random() * 3);
      for (let i = 0; i < sentence.length; i++, n++) {
        const gram = sentence.slice(i, i + 4);
        counter.ngram(n % 2 === 0 ? sentence.slice(i, i + 7) : gram, count);
        for (let n = 1; n <= gram.length; n++) {
          const beginning = gram.slice(0, n).join(" ");
          if (beginning !== "<s>") expected.set(beginning, (expected.get(beginning) ?? 0) + count);
        }
      }
    }
    const { trie, vocabulary, occurrences } = counter.done(lines());
    expect(vocabulary.size).toBe(3 + all.length);
    let wrong = 0;
    for (let n = 1; n <= 4; n++) {
      for (const [gram, node] of spelled({ trie, vocabulary }, n)) {
        if (occurrences[node] !== expected.get(gram.join(" "))) wrong++;
      }
    }
    expect(wrong).toBe(0);
    expect(trie.levels[5]).toBe(1 + expected.size);
  });
});

describe("n-grams that were counted before", () => {
  /** The n-grams of full length, and those that end with their sentence. */
  function* longest(counts: NgramCounts): Generator<[string[], number]> {
    for (let n = 1; n <= counts.trie.order; n++) {
      for (const [gram, node] of spelled(counts, n)) {
        const isLongest = n === counts.trie.order || gram.at(-1) === "</s>";
        if (isLongest && counts.occurrences[node]! > 0) yield [gram, counts.occurrences[node]!];
      }
    }
  }

  /** Deals sentences out to three shards, counts each, and adds up the counts in random order. */
  function shards(sentences: readonly Gram[], order: number, random: () => number, counted = order): NgramCounts {
    const dealt: Gram[][] = [[["a", "b"]], [["b", "a"]], [["a", "a"]]];
    for (const sentence of sentences) dealt[Math.floor(random() * 3)]!.push(sentence);
    const all = dealt.flatMap((shard) => [...longest(countNgrams(textOf(shard), { order: counted }))]);
    for (let i = all.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [all[i], all[j]] = [all[j]!, all[i]!];
    }
    const counter = new NgramCounter(order);
    for (const [gram, count] of all) counter.ngram(gram, count);
    return counter.done(lines());
  }
  const extra = [
    ["a", "b"],
    ["b", "a"],
    ["a", "a"],
  ]; // no shard is without a word

  it.each([1, 2, 3, 4, 5])(
    "order %d: those of shards, in any order, make the trie of the whole, bit for bit",
    (order) => {
      const random = randomNumbers(order);
      for (const sentences of CORPORA) {
        const whole = countNgrams(textOf([...sentences, ...extra]), { order });
        for (let i = 0; i < 4; i++) expectSame(shards(sentences, order, random), whole);
      }
    },
  );

  it("what they have beyond N words does not count", () => {
    const sentences = CORPORA[4]!;
    const whole = countNgrams(textOf([...sentences, ...extra]), { order: 2 });
    expectSame(shards(sentences, 2, randomNumbers(1), 5), whole);
  });

  it("a sum beyond 32 bits is an error", () => {
    const counter = new NgramCounter(2);
    counter.ngram(["a", "b"], 2 ** 32 - 1);
    counter.ngram(["a", "</s>"], 1);
    refused(
      () => counter.done(lines()),
      RangeError,
      "counts expected sums up to 4294967295, got 4294967296: count less text at a time",
    );
  });
});

describe("lines()", () => {
  it("each line is closed by </s>; the last one needs no line feed", () => {
    expect(tokenize(lines(), "a b\n\nc")).toEqual(["a", "b", "</s>", "</s>", "c"]);
    const { vocabulary } = countNgrams("a b c", { order: 1 });
    const ids = (text: string) => Array.from(encode(text, lines(), vocabulary), (id) => vocabulary.token(id));
    expect(ids("a b\n\nc")).toEqual(["a", "b", "</s>", "</s>", "c", "</s>"]);
    expect(ids("a\n")).toEqual(["a", "</s>"]);
    expect(ids("a d")).toEqual(["a", "<unk>", "</s>"]);
    expect(ids("")).toEqual([]);
  });

  it.each(["a b c\n", "\n\na\n\nb c\n", "a\n\n\n"])("decoding what was encoded gives %j again", (text) => {
    const { vocabulary } = countNgrams("a b c", { order: 1 });
    expect(decode(encode(text, lines(), vocabulary), lines(), vocabulary)).toBe(text);
    expect(join(lines(), tokenize(lines(), text))).toBe(text);
  });

  const advice = "remove it from the text, or skip such symbols (skipSymbols, --skip-symbols)";

  it.each(SYMBOLS)("%s in a text to count is an error that names the line", (symbol) => {
    const message = `line 3: the text has the word "${symbol}", which has a special meaning in a model: ${advice}`;
    const text = `a b\n\nc ${symbol} d\ne\n`;
    refused(() => countNgrams(text, { order: 2 }), RangeError, message);
    refused(() => countNgrams([...text], { order: 2 }), RangeError, message);
    refused(() => countNgrams(`${symbol}\n`, { order: 2 }), RangeError, message.replace("line 3", "line 1"));
  });

  it("<s> and </s> in another text are errors; <unk> is what it is", () => {
    const { vocabulary } = countNgrams("a b c", { order: 1 });
    for (const symbol of ["<s>", "</s>"]) {
      const message = `the text has the word "${symbol}", which has a special meaning in a model: ${advice}`;
      refused(() => encode(`a ${symbol}`, lines(), vocabulary), RangeError, message);
    }
    expect([...encode("a <unk>", lines(), vocabulary)]).toEqual([vocabulary.id("a"), 0, 2]);
  });

  it("with skipSymbols a text is as it would be without them", () => {
    const tokenizer = lines({ skipSymbols: true });
    const text = "<s> a b </s>\n<unk>\na <unk> <s>c <unk>d <UNK> <s\n</s><s>\n";
    const without = "a b\n\na <s>c <unk>d <UNK> <s\n</s><s>\n";
    expectSame(countNgrams(text, { order: 3, tokenizer }), countNgrams(without, { order: 3 }));
    expectSame(countNgrams([...text], { order: 3, tokenizer }), countNgrams(without, { order: 3 }));
  });

  it.each([true, false])("its data makes it again: skipSymbols %s", (skipSymbols) => {
    const again = tokenizerFrom(JSON.parse(JSON.stringify(lines({ skipSymbols }).spec)));
    expect(again.spec).toEqual({ kind: "lines", skipSymbols });
    expect(again.close).toBe("</s>");
    if (skipSymbols) expect(tokenize(again, "a <s> b\n")).toEqual(["a", "b", "</s>"]);
    else expect(() => tokenize(again, "a <s> b\n")).toThrow(RangeError);
    expect(join(again, ["a", "b", "</s>", "c"])).toBe("a b\nc");
  });

  it("refuses other data", () => {
    const message = '"skipSymbols" expected true or false, got undefined';
    refused(() => tokenizerFrom({ kind: "lines" } as never), TypeError, message);
    refused(() => lines({ skipSymbols: 1 as never }), TypeError, message.replace("undefined", "1"));
  });
});

describe("as a language model", () => {
  const text = textOf(randomSentences(20, 300, 20, 9));
  const unseen = "a b c zz d\n\nt s r zz zz\ne e e e e\nz\n";
  const counts = countNgrams(text, { order: 3 });
  const models: [string, NgramModel][] = [
    ["maximum likelihood", maximumLikelihood(counts)],
    ["Laplace", laplace(counts)],
    ["stupid backoff", stupidBackoff(counts)],
    ["Kneser–Ney", kneserNey(counts, { discountFallback: true })],
    ["pruned Kneser–Ney", kneserNey(counts, { discountFallback: true, prune: [1, 1, 3] })],
    ["order 1", kneserNey(countNgrams(text, { order: 1 }), { discountFallback: true })],
  ];

  it.each(models)("%s: the first token is predicted from <s>, and after </s> comes <s>", (_, model) => {
    const { vocabulary } = model;
    const end = vocabulary.id("</s>");
    expect(model.start()).toBe(stateAfter(model, ["<s>"]));
    let state = model.start();
    for (const word of ["a", "b", "a"]) {
      state = model.advance(state, vocabulary.id(word));
      expect(model.advance(state, end)).toBe(model.start());
    }
    expect(model.advance(model.start(), end)).toBe(model.start());
  });

  it.each(models)("%s: a text scored whole is as token by token, or in chunks that carry the state", (_, model) => {
    const ids = encode(text + unseen, lines(), model.vocabulary);
    const whole = model.score(ids, model.start());
    let state = model.start();
    const stepwise = Array.from(ids, (id) => {
      const logProb = model.logProb(state, id);
      state = model.advance(state, id);
      return logProb;
    });
    expect([...whole.logProbs]).toEqual(stepwise);
    expect(whole.state).toBe(state);
    for (const size of [1, 7, 1000]) {
      const chunked: number[] = [];
      let carried = model.start();
      for (let at = 0; at < ids.length; at += size) {
        const scored = model.score(ids.subarray(at, at + size), carried);
        chunked.push(...scored.logProbs);
        carried = scored.state;
      }
      expect(chunked).toEqual(stepwise);
      expect(carried).toBe(state);
    }
    expect(model.score(new Uint8Array(0), state)).toEqual({
      logProbs: new Float64Array(0),
      orders: new Uint8Array(0),
      state,
    });
  });

  it.each(models)("%s: evaluating is the same with score() and without it", async (_, model) => {
    const slow: LanguageModel<number> = Object.assign(Object.create(model), { score: undefined });
    for (const some of [text, unseen]) {
      const result = evaluate(model, some);
      expect(evaluate(slow, some)).toEqual(result);
      expect(await evaluateAsync(model, some)).toEqual(result);
      expect(evaluate(model, encode(some, lines(), model.vocabulary))).toEqual(result);
    }
  });

  it("a text of more than one chunk is evaluated as one", () => {
    const model = laplace(counts);
    const long = text.repeat(30);
    const ids = encode(long, lines(), model.vocabulary);
    expect(ids.length).toBeGreaterThan(1 << 15);
    const sum = model.score(ids, model.start()).logProbs.reduce((total, x) => total + x, 0);
    expect(evaluate(model, long).nats).toBeCloseTo(-sum / ids.length, 12);
    expect(perplexity(model, long)).toBeCloseTo(perplexity(model, text), 9);
  });

  it("the perplexity of maximum likelihood is infinite for what was never seen, and by hand for what was", () => {
    const model = maximumLikelihood(countNgrams("a b\na c\na b\n", { order: 2 }));
    // p(a | <s>) = 1, p(b | a) = 2/3, p(</s> | b) = 1
    expect(evaluate(model, "a b").perplexity).toBeCloseTo((2 / 3) ** (-1 / 3), 6);
    expect(evaluate(model, "b a")).toMatchObject({ perplexity: Infinity, nats: Infinity, bits: Infinity, unknown: 0 });
    // After an unknown word the unigrams apply: p(</s>) = 3/9. Otherwise p(a | <s>) = 1.
    const result = evaluate(model, "a x");
    expect(result).toMatchObject({ perplexity: Infinity, unknown: 1, tokens: 3 });
    expect(result.perplexityExcludingUnknown).toBeCloseTo(Math.sqrt(3), 6);
    expect(Object.keys(evaluate(model, Uint8Array.of(0)))).not.toContain("perplexityExcludingUnknown");
  });

  it("every other perplexity is finite for known words in any order", () => {
    for (const [name, model] of models.slice(1)) {
      expect(Number.isFinite(perplexity(model, "t t t s\n\na\n")), name).toBe(true);
      // Stupid backoff gives unknown words probability 0.
      expect(Number.isFinite(perplexity(model, unseen)), name).toBe(name !== "stupid backoff");
    }
  });

  it.each(models)("%s: a state is four bytes, and back", (_, model) => {
    let state = model.start();
    for (const id of encode("a b c\nt s zz a", lines(), model.vocabulary)) {
      const bytes = model.saveState(state);
      expect(bytes.length).toBe(4);
      expect(model.restoreState(bytes)).toBe(state);
      // Also as a part of something else.
      expect(model.restoreState(Uint8Array.of(7, ...bytes, 7).subarray(1, 5))).toBe(state);
      state = model.advance(state, id);
    }
  });

  it.each(models)("%s: refuses states and tokens that there are not", (_, model) => {
    const states = model.trie.levels[model.trie.order]!;
    const size = model.vocabulary.size;
    for (const state of [-1, 0.5, states, Number.NaN]) {
      const message = `"state" expected an integer from 0 to ${states - 1}, got ${state}`;
      refused(() => model.logProbs(state), RangeError, message);
      refused(() => model.logProb(state, 2), RangeError, message);
      refused(() => model.advance(state, 2), RangeError, message);
      refused(() => model.score(Uint8Array.of(2), state), RangeError, message);
      refused(() => model.saveState(state), RangeError, message);
    }
    for (const token of [-1, 1.5, size]) {
      const message = `"token" expected an integer from 0 to ${size - 1}, got ${token}`;
      refused(() => model.logProb(0, token), RangeError, message);
      refused(() => model.advance(0, token), RangeError, message);
    }
    for (const token of [-1, size]) {
      const message = `"tokens[1]" expected an integer from 0 to ${size - 1}, got ${token}`;
      refused(() => model.score(Int32Array.of(2, token), 0), RangeError, message);
    }
    expect(() => model.score([2] as never, 0)).toThrow(TypeError);
    expect(() => model.logProbs("0" as never)).toThrow(TypeError);
    for (const length of [0, 3, 5]) {
      refused(() => model.restoreState(new Uint8Array(length)), RangeError, `a state expected 4 bytes, got ${length}`);
    }
    const bytes = Uint8Array.of(255, 255, 255, 255);
    const message = `"state" expected an integer from 0 to ${states - 1}, got 4294967295`;
    refused(() => model.restoreState(bytes), RangeError, message);
  });

  it("<bos>, <eos> and <pad> are words like any other", () => {
    const odd = "<bos> a <eos>\n<pad> <eos> b <bos>\na <bos> <pad>\n";
    const renamed = odd.replaceAll("<bos>", "x").replaceAll("<eos>", "y").replaceAll("<pad>", "z");
    const make = (of: string) => kneserNey(countNgrams(of, { order: 2 }), { discountFallback: true });
    const model = make(odd);
    expect(model.start()).toBe(stateAfter(model, ["<s>"]));
    expect(model.vocabulary.token(model.vocabulary.end!)).toBe("</s>");
    expect(perplexity(model, odd)).toBeCloseTo(perplexity(make(renamed), renamed), 9);
  });
});

describe("generation", () => {
  const text = textOf(randomSentences(30, 200, 15, 8));
  const of = (order: number, some = text) => maximumLikelihood(countNgrams(some, { order }));
  const written = (model: NgramModel, options: Parameters<typeof generate>[1]) =>
    [...generate(model, options)].join("");

  it("a maximum likelihood bigram model only ever writes bigrams that were seen, and ends where a sentence may", () => {
    const seen = new Seen(
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => line.split(" ").filter(Boolean)),
      2,
    );
    const model = of(2);
    const bigrams = new Set<string>();
    for (let seed = 0; seed < 300; seed++) {
      const sentence = written(model, { seed, length: 1000 });
      const tokens = ["<s>", ...sentence.split(" ").filter(Boolean), "</s>"];
      expect(tokens.length).toBeLessThan(1000);
      for (let i = 1; i < tokens.length; i++) {
        expect(seen.count(tokens.slice(i - 1, i + 1))).toBeGreaterThan(0);
        bigrams.add(tokens.slice(i - 1, i + 1).join(" "));
      }
    }
    // Most of the bigrams are generated.
    expect(bigrams.size).toBeGreaterThan(0.8 * seen.grams[2]!.length);
  });

  it.each([1, 2, 3, 5])("order %d: is fixed by its seed", (order) => {
    const model = kneserNey(countNgrams(text, { order }), { discountFallback: true });
    const all = (from: number) => Array.from({ length: 20 }, (_, i) => written(model, { seed: from + i }));
    expect(all(0)).toEqual(all(0));
    expect(all(0)).not.toEqual(all(1));
  });

  it("stops at </s>, which it does not write", () => {
    const model = of(3, "the cat sat\nthe cat sat\n");
    expect([...generate(model, { length: 50 })]).toEqual(["the", " cat", " sat"]);
    expect([...generate(model, { length: 2 })]).toEqual(["the", " cat"]);
  });

  it("goes on with the prompt's last sentence, which is open until its line ends", () => {
    const model = of(3, "the cat sat down\nthe dog ran off\n");
    expect(written(model, { prompt: "the dog" })).toBe(" ran off");
    expect(written(model, { prompt: "the dog ran off\nthe cat" })).toBe(" sat down");
    expect(written(model, { prompt: "the dog ran off" })).toBe("");
    // Trailing blanks do not end it.
    expect(written(model, { prompt: "the dog ran " })).toBe(" off");
    expect(["the cat sat down", "the dog ran off"]).toContain(written(model, { prompt: "the dog ran off\n" }));
    refused(
      () => generate(model, { prompt: "the <s>" }),
      RangeError,
      'the text has the word "<s>", which has a special meaning in a model: ' +
        "remove it from the text, or skip such symbols (skipSymbols, --skip-symbols)",
    );
  });

  it("never writes <unk> or <s>, however likely <unk> is", () => {
    const model = laplace(countNgrams("a b\nb a\n", { order: 2 }), { k: 100 });
    for (let seed = 0; seed < 50; seed++) expect(written(model, { seed })).toMatch(/^([ab]( [ab])*)?$/);
  });

  it("saved between two words it goes on as if it had not been", () => {
    const model = laplace(countNgrams(text, { order: 3 }));
    const whole = [...generate(model, { seed: 3 })];
    expect(whole.length).toBeGreaterThan(2);
    const generation = generate(model, { seed: 3 });
    const first: string[] = [];
    for (const piece of generation) if (first.push(piece) === 2) break;
    expect([...first, ...generate(model, { from: generation.save() })]).toEqual(whole);
  });
});

describe("refuses", () => {
  const counts = countNgrams("a b c\nb c a\n", { order: 3 });

  it.each([
    [0, RangeError, "0"],
    [11, RangeError, "11"],
    [12, RangeError, "12"],
    [1.5, RangeError, "1.5"],
    [Number.NaN, RangeError, "NaN"],
    ["3", TypeError, '"3"'],
    [undefined, TypeError, "undefined"],
  ])("an order of %s", (order, Type, got) => {
    const message = `"order" expected an integer from 1 to 10, got ${got}`;
    refused(() => countNgrams("a b", { order: order as number }), Type, message);
    refused(() => new NgramCounter(order as number), Type, message);
  });

  it.each([
    ["", 0],
    ["\n \n", 0],
    ["word\n\n", 1],
  ])("to count %j: %d words are too few", (text, n) => {
    const message = `a text to count n-grams in expected at least 2 words, got ${n}: is it the right one?`;
    refused(() => countNgrams(text, { order: 1 }), RangeError, message);
    refused(() => countNgrams(text, { order: 2, tokenizer: whitespace() }), RangeError, message);
  });

  it("to count what is no text, with what is no tokenizer or are no options", () => {
    const text = '"text" expected a string, or strings to iterate over, got 5';
    refused(() => countNgrams(5 as never, { order: 2 }), TypeError, text);
    const tokenizer = '"tokenizer" expected a tokenizer, such as characters(), got ';
    refused(() => countNgrams("a b", { order: 2, tokenizer: 5 as never }), TypeError, `${tokenizer}5`);
    refused(() => countNgrams("a b", { order: 2, tokenizer: null as never }), TypeError, `${tokenizer}null`);
    const options = '"options" expected an object, got ';
    refused(() => countNgrams("a b", undefined as never), TypeError, `${options}undefined`);
    refused(() => kneserNey(counts, null as never), TypeError, `${options}null`);
    refused(() => laplace(counts, 1 as never), TypeError, `${options}1`);
    refused(() => stupidBackoff(counts, "0.4" as never), TypeError, `${options}"0.4"`);
  });

  it.each([
    [[1, 0], RangeError, '"prune[1]" expected an integer >= 1, got 0'],
    [[0, 2, 1], RangeError, '"prune[2]" expected an integer >= 2, got 1'],
    [[-1], RangeError, '"prune[0]" expected an integer >= 0, got -1'],
    [[0, 0.5], RangeError, '"prune[1]" expected an integer >= 0, got 0.5'],
    [[0, "1"], TypeError, '"prune[1]" expected an integer >= 0, got "1"'],
    [[0, 0, 0, 1], RangeError, '"prune" expected 1 to 3 thresholds, got 4'],
    [[], RangeError, '"prune" expected 1 to 3 thresholds, got 0'],
    [1, TypeError, '"prune" expected 1 to 3 thresholds, got 1'],
    ["0 0 1", TypeError, '"prune" expected 1 to 3 thresholds, got "0 0 1"'],
    [null, TypeError, '"prune" expected 1 to 3 thresholds, got null'],
  ])("to prune by %j", (prune, Type, message) => {
    refused(() => kneserNey(counts, { prune, discountFallback: true } as KneserNeyOptions), Type, message);
  });

  it.each([
    [0, RangeError, "0"],
    [2, RangeError, "2"],
    [-0.4, RangeError, "-0.4"],
    [Number.NaN, RangeError, "NaN"],
    ["0.4", TypeError, '"0.4"'],
  ])("an alpha of %s", (alpha, Type, got) => {
    refused(() => stupidBackoff(counts, { alpha } as never), Type, `"alpha" expected a number in (0, 1], got ${got}`);
  });

  it.each([
    [0, RangeError, "0"],
    [-1, RangeError, "-1"],
    [Number.NaN, RangeError, "NaN"],
    [Infinity, RangeError, "Infinity"],
    [null, TypeError, "null"],
  ])("a k of %s", (k, Type, got) => {
    refused(() => laplace(counts, { k } as never), Type, `"k" expected a number > 0, got ${got}`);
  });

  it("a discountFallback that is neither true nor false", () => {
    const message = '"discountFallback" expected true or false, got 1';
    refused(() => kneserNey(counts, { discountFallback: 1 as never }), TypeError, message);
  });

  const advice =
    "the text is too small for that order, or repeats itself; remove its repetitions, choose a lower order, or use fixed " +
    "discounts (discountFallback, --discount-fallback)";

  it.each([
    // a, b, c and </s>: each comes behind one word.
    [
      "a b c\n",
      2,
      "1-grams whose adjusted counts give a discount of 0 to 2 for the count 2, got no 1-gram with that count",
    ],
    // t(1) to t(4) are 2, 1, 4, 0, with </s>: D(2) = 2 − 3 · ½ · 4.
    [
      "a b b c c c d d d e e e f f f",
      1,
      "1-grams whose adjusted counts give a discount of 0 to 2 for the count 2, got -4.000",
    ],
    // a, b and </s> occur nine times each.
    [
      "a b\n".repeat(9),
      1,
      "1-grams whose adjusted counts give a discount of 0 to 1 for the count 1, got no 1-gram with that count",
    ],
  ])("Kneser–Ney smoothing of %j", (text, order, what) => {
    const made = countNgrams(text, { order });
    refused(() => kneserNey(made), RangeError, `Kneser–Ney smoothing expected ${what}: ${advice}`);
    expect(kneserNey(made, { discountFallback: true }).smoothing).toMatchObject({
      discounts: Array(order).fill([0.5, 1, 1.5]),
    });
  });
});
