// Counts as a student asks for them, against counting by hand.

import { describe, expect, it } from "vitest";
import { characters } from "../src/entries/index.js";
import { countNgrams, maximumLikelihood, NgramCounts, probability } from "../src/entries/ngram.js";

const TEXT = "The cat sits\nThe cat runs\nThe dog sits\nThe cat sits\n";

/** All n-grams of sentences between <s> and </s>. */
function byHand(n: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of TEXT.trim().split("\n")) {
    const words = ["<s>", ...line.split(" "), "</s>"];
    for (let i = 0; i + n <= words.length; i++) {
      const gram = words.slice(i, i + n).join(" ");
      found.set(gram, (found.get(gram) ?? 0) + 1);
    }
  }
  return found;
}

describe("counts", () => {
  const counts = countNgrams(TEXT, { order: 3 });

  it("count() is the number of occurrences, 0 for what never occurs", () => {
    for (let n = 1; n <= 3; n++) {
      for (const [gram, count] of byHand(n)) expect([gram, counts.count(gram.split(" "))]).toEqual([gram, count]);
    }
    expect(counts.count("The cat")).toBe(3);
    expect(counts.count("The cat sits")).toBe(2);
    expect(["The mouse", "cat The", "sits </s> The"].map((gram) => counts.count(gram.split(" ")))).toEqual([0, 0, 0]);
  });

  it("entries() are all n-grams, the most frequent first", () => {
    for (let n = 1; n <= 3; n++) {
      const expected = byHand(n);
      expected.delete("<s>");
      const entries = counts.entries(n);
      expect(new Map(entries.map(({ ngram, count }) => [ngram.join(" "), count]))).toEqual(expected);
      expect(entries.map(({ count }) => count)).toEqual([...expected.values()].sort((a, b) => b - a));
      expect(counts.entries(n, 2)).toEqual(entries.slice(0, 2));
    }
    expect(counts.entries(2, 1)).toEqual([{ ngram: ["<s>", "The"], count: 4 }]);
  });

  it("of characters are counts of text", () => {
    const letters = countNgrams("abracadabra", { order: 2, tokenizer: characters() });
    expect([letters.count("a"), letters.count("ab"), letters.count("x")]).toEqual([5, 2, 0]);
  });

  it("refuse what was not counted", () => {
    expect(() => counts.count("The cat sits down")).toThrow('"ngram" expected 1 to 3 tokens, as many as were counted');
    expect(() => counts.count("")).toThrow("got 0");
    expect(() => counts.entries(4)).toThrow('"n" expected an integer from 1 to 3, got 4');
    expect(() => new (NgramCounts as never as new () => unknown)()).toThrow("expected countNgrams(text, { order })");
  });

  it("give the probabilities of a maximum-likelihood model", () => {
    const model = maximumLikelihood(counts);
    expect(probability(model, "sits", { after: "The cat" })).toBeCloseTo(
      counts.count("The cat sits") / counts.count("The cat"),
      6,
    );
    expect(probability(model, "The cat")).toBeCloseTo(3 / 4, 6);
    // Without a context the total has the ends of sentences; a share of the words alone is larger.
    const unigrams = maximumLikelihood(countNgrams(TEXT, { order: 1 }));
    expect(probability(unigrams, "cat")).toBeCloseTo(3 / (12 + 4), 6);
    expect(() => probability(model, " ")).toThrow('"text" expected at least one token, got none in " "');
  });
});
