// nextTokens() compared with sorting all of logProbs().

import { beforeAll, describe, expect, it } from "vitest";
import { type LanguageModel, RecurrentModel, words } from "../src/entries/index.js";
import {
  countNgrams,
  kneserNey,
  maximumLikelihood,
  type NextToken,
  nextTokens,
  stateAfter,
  stupidBackoff,
  Vocabulary,
} from "../src/entries/ngram.js";

const TEXT = `the cat sat on the mat
the dog sat on the cat
a cat ran
the dog ran off

`;
const counts = (order: number) => countNgrams(TEXT, { order });
const WORDS = new Set(TEXT.split(/\s+/).filter(Boolean)).size;

/** All tokens that can come next, by sorting. */
function sorted<S>(model: LanguageModel<S>, state: S): NextToken[] {
  const left = ["<unk>", "<s>", "<bos>", "<pad>"];
  return Array.from(model.logProbs(state), (logProb, id) => ({ token: model.vocabulary.token(id), logProb, id }))
    .filter(({ token, logProb }) => !left.includes(token) && logProb > -Infinity)
    .sort((a, b) => b.logProb - a.logProb || a.id - b.id)
    .map(({ token, logProb }) => ({ token, probability: Math.exp(logProb) }));
}

function same(found: NextToken[], expected: NextToken[]): void {
  expect(found.map(({ token }) => token)).toEqual(expected.map(({ token }) => token));
  found.forEach(({ probability }, i) => {
    expect(Math.abs(probability / expected[i]!.probability - 1)).toBeLessThan(1e-6);
  });
}

/** A model of any kind, and texts to continue. */
function behaves<S>(model: LanguageModel<S>, texts: string[]): void {
  for (const text of texts) {
    const state = stateAfter(model, text);
    const bytes = model.saveState(state);
    const all = sorted(model, state);
    for (const k of [1, 2, 3, 5, 8, all.length, all.length + 1, model.vocabulary.size, 1000]) {
      same(nextTokens(model, state, k), all.slice(0, k));
    }
    same(nextTokens(model, state), all.slice(0, 10));
    expect(model.saveState(state)).toEqual(bytes);
  }
}

describe("an n-gram model", () => {
  it.each([1, 2, 3])("of order %d: the k likeliest, whatever the context", (order) => {
    for (const model of [
      kneserNey(counts(order), { discountFallback: true }),
      stupidBackoff(counts(order)),
      maximumLikelihood(counts(order)),
    ]) {
      behaves<number>(model, [
        "",
        "the",
        "the cat",
        "the dog sat",
        "off\n",
        "the zebra",
        "the cat sat\na",
        "sat on the ",
      ]);
    }
  });

  it("what has probability 0 is left out, and so is what nobody writes", () => {
    const model = maximumLikelihood(counts(3));
    expect(nextTokens(model, stateAfter(model, "the dog"), 100)).toEqual([
      { token: "ran", probability: expect.closeTo(0.5, 6) },
      { token: "sat", probability: expect.closeTo(0.5, 6) },
    ]);
    expect(nextTokens(model, stateAfter(model, "the dog ran off"), 100)).toEqual([
      { token: "</s>", probability: expect.closeTo(1, 6) },
    ]);
    expect(nextTokens(model, model.start()).map(({ token }) => token)).toEqual(["the", "</s>", "a"]);
  });

  it("k may be more than all there are: all words and </s>, which add up to what <unk> leaves", () => {
    const model = kneserNey(counts(2), { discountFallback: true });
    const all = nextTokens(model, stateAfter(model, "the"), 1e9);
    expect(all.length).toBe(WORDS + 1);
    const sum = all.reduce((total, { probability }) => total + probability, 0);
    const unknown = Math.exp(model.logProb(stateAfter(model, "the"), model.vocabulary.unknown!));
    expect(unknown).toBeGreaterThan(0);
    expect(sum + unknown).toBeCloseTo(1, 5);
  });

  it("a text goes on from a state, which stays as it was; a line feed closes the sentence", () => {
    const model = maximumLikelihood(counts(3));
    const the = stateAfter(model, "the");
    expect(stateAfter(model, "dog", the)).toBe(stateAfter(model, "the dog"));
    expect(stateAfter(model, "cat", the)).toBe(stateAfter(model, "the cat"));
    expect(stateAfter(model, "", the)).toBe(the);
    expect(stateAfter(model, "")).toBe(model.start());
    expect(stateAfter(model, "the cat\n")).toBe(model.start());
  });
});

describe("a recurrent model", () => {
  let model: RecurrentModel;
  beforeAll(async () => {
    const tokenizer = words();
    const vocabulary = Vocabulary.from(TEXT.split(/\s+/).filter(Boolean), {
      specials: ["<unk>", "<pad>", "<bos>", "<eos>"],
    });
    model = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 6, layers: 2, seed: 4 });
  });

  it("the k likeliest, without <unk>, <pad> and <bos>", () => {
    behaves(model, ["", "the", "the cat sat on a zebra"]);
    const all = nextTokens(model, model.start(), 100).map(({ token }) => token);
    expect(all.length).toBe(WORDS + 1);
    expect(all).toContain("<eos>");
  });

  it("a state that is gone on from stays as it was", () => {
    const state = stateAfter(model, "the cat");
    const before = nextTokens(model, state, 5);
    const bytes = model.saveState(state);
    const after = stateAfter(model, "sat on", state);
    expect(model.saveState(state)).toEqual(bytes);
    expect(nextTokens(model, state, 5)).toEqual(before);
    expect(model.saveState(after)).toEqual(model.saveState(stateAfter(model, "the cat sat on")));
    expect(model.saveState(after)).not.toEqual(bytes);
  });
});

describe("refuses", () => {
  const model = maximumLikelihood(counts(2));

  it.each([
    [0, RangeError, '"k" expected an integer >= 1, got 0'],
    [-1, RangeError, '"k" expected an integer >= 1, got -1'],
    [1.5, RangeError, '"k" expected an integer >= 1, got 1.5'],
    [Number.NaN, RangeError, '"k" expected an integer >= 1, got NaN'],
    ["3", TypeError, '"k" expected an integer >= 1, got "3"'],
  ] as const)("k %s", (k, Type, message) => {
    const next = () => nextTokens(model, model.start(), k as number);
    expect(next).toThrow(Type);
    expect(next).toThrow(message);
  });

  it.each([
    [3, '"text" expected a string, got 3'],
    [undefined, '"text" expected a string, got undefined'],
    [["the"], '"text" expected a string, got an Array'],
  ])("text %s", (text, message) => {
    const after = () => stateAfter(model, text as unknown as string);
    expect(after).toThrow(TypeError);
    expect(after).toThrow(message);
  });

  it("a state that is none", () => {
    for (const state of [-1, 0.5, 1e9]) {
      expect(() => nextTokens(model, state)).toThrow(RangeError);
      expect(() => stateAfter(model, "the", state)).toThrow(RangeError);
    }
  });

  it("a token that has no id, by its name", async () => {
    const vocabulary = new Vocabulary(["a", "b"]);
    const small = await RecurrentModel.create({ tokenizer: words(), vocabulary, hiddenSize: 2 });
    expect(() => stateAfter(small, "a c")).toThrow(/"c"/);
  });
});
