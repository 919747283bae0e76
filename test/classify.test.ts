// Labels of texts: data, figures, the bag's kernels, and classifiers.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Classifier, type Example, loadModel, readLabels, resume } from "../src/entries/classify.js";
import { evaluate, loadModel as loadLanguage, saveCheckpoint, saveModel, train } from "../src/entries/index.js";
import { packed, packedIds } from "../src/nn/steps.js";
import { LabelCounts } from "../src/tasks/label-figures.js";
import { featuresOf, wordsOf } from "../src/text/features.js";
import { Harness, variants } from "./kernel-harness.js";

describe("labeled texts are read", () => {
  const both = [
    { labels: ["ham"], text: "see you\tthen" },
    { labels: ["spam"], text: "win" },
  ];
  it.each([
    ["with tabs", "ham\tsee you\tthen\nspam\twin\n", both],
    ["with CRLF, a byte order mark and empty lines", "\ufeffham\tsee you\tthen\r\n\r\nspam\twin", both],
    ["as fastText's", "__label__ham see you\tthen\n__label__spam  win\n", both],
    ["with several labels", "__label__a __label__b x y\n", [{ labels: ["a", "b"], text: "x y" }]],
    ["as JSON", '{"label":"ham","text":"see you\\tthen"}\n{"text":"win","labels":["spam"]}\n', both],
    ["with an empty text", "ham\t\n", [{ labels: ["ham"], text: "" }]],
  ])("%s", (_, text, examples) => {
    expect(readLabels(text)).toEqual(examples);
    // In pieces of any length.
    expect(readLabels([...text])).toEqual(examples);
  });

  it.each([
    ["ham\tone\nno label\n", 'line 2 expected a label, a tab and a text, got no tab in "no label"'],
    ["ham\tone\n\ttwo\n", "line 2 expected a label, a tab and a text, got nothing before the tab (column 1)"],
    ["__label__a x\nham\ttwo\n", "line 2 expected __label__ and a label, then a text, as the lines before"],
    [
      '{"label":"a","text":"x"}\n{"label":"a"}\n',
      'line 2 expected JSON such as {"label": "spam", "text": "…"}, got undefined as "text"',
    ],
    ['{"label":"a","text":"x"}\n{"label":3,"text":"y"}\n', 'got [3] as "label" or "labels"'],
    ["\n\n", "expected labeled texts, one a line, got none"],
  ])("%j is refused", (text, message) => {
    expect(() => readLabels(text)).toThrow(message);
  });
});

it("figures are scikit-learn's", () => {
  const fixture = JSON.parse(readFileSync(new URL("fixtures/labels.json", import.meta.url), "utf8"));
  const counts = new LabelCounts(false);
  for (const { truth, p } of fixture.rows) counts.count([truth], fixture.labels, Float32Array.from(p));
  const figures = counts.figures();
  expect(figures.accuracy).toBeCloseTo(fixture.accuracy, 12);
  expect(figures.macroF1).toBeCloseTo(fixture.macroF1, 12);
  expect(figures.calibrationError).toBeCloseTo(fixture.calibrationError, 6);
  for (const [label, expected] of Object.entries(fixture.perLabel as Record<string, Record<string, number>>)) {
    for (const [name, value] of Object.entries(expected)) {
      expect((figures.perLabel[label] as Record<string, number>)[name]).toBeCloseTo(value, 12);
    }
  }
  const table = fixture.labels.map((a: string) => fixture.labels.map((b: string) => figures.confusion?.[a]?.[b] ?? 0));
  expect(table).toEqual(fixture.confusion);
});

it("labels may have the names of what objects inherit", async () => {
  const labels = ["__proto__", "constructor", "toString"];
  const counts = new LabelCounts(false);
  counts.count(["__proto__"], labels, Float32Array.of(0.1, 0.8, 0.1));
  counts.count(["toString"], labels, Float32Array.of(0.1, 0.1, 0.8));
  const { perLabel, confusion } = counts.figures();
  expect(Object.keys(perLabel)).toEqual(labels);
  expect(JSON.parse(JSON.stringify(confusion)).toString).toEqual({ toString: 1 });
  expect(Object.entries(confusion!)).toEqual([
    ["__proto__", { constructor: 1 }],
    ["toString", { toString: 1 }],
  ]);
  expect(confusion!.constructor).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Object.hasOwn(Object, "toString")).toBe(false);

  const named = examples.map(({ text }, i) => ({ text, labels: [labels[i % 3]!] }));
  const model = await Classifier.create({ examples: named, classWeights: { toString: 2 } });
  expect(model.config.classWeights).toEqual([1, 1, 2]);
});

describe.each(variants)("the kernels of bags, %s", (variant) => {
  it("sum the rows of each text's features, divided by √n, within 1e-6; and back", async () => {
    for (const [features, width, lengths] of [
      [5, 3, [2, 0, 7]],
      [33, 16, [1]],
      [70, 37, [4, 31, 5, 33, 0]],
      [9, 64, [0]],
    ] as const) {
      const m = await Harness.create(variant);
      const value = (i: number) => Math.fround(Math.sin(1 + 7.3 * i));
      const W = Array.from({ length: features }, (_, i) =>
        Array.from({ length: width }, (_, j) => value(i * width + j)),
      );
      const rows = lengths.map((n, i) => Array.from({ length: n }, (_, k) => (5 * k + 3 * i + k * k) % features));
      const starts = [0];
      for (const row of rows) starts.push(starts.at(-1)! + row.length);
      const [w, ids, at] = [m.matrix(W), m.integers(rows.flat()), m.integers(starts)];
      const y = m.room(rows.length * Math.ceil(width / 4) * 4);
      m.kernels.bagForward(y, w, ids, at, rows.length, width);
      const found = m.read(y, rows.length, width);
      const scale = (n: number) => (n > 0 ? 1 / Math.sqrt(n) : 0);
      rows.forEach((row, i) => {
        for (let j = 0; j < width; j++) {
          const sum = row.reduce((total, f) => total + W[f]![j]!, 0);
          expect(Math.abs(found[i]![j]! - scale(row.length) * sum)).toBeLessThan(1e-6 * (1 + Math.abs(sum)));
        }
      });
      const dy = rows.map((_, i) => Array.from({ length: width }, (_, j) => value(1000 + i * width + j)));
      const dW = m.matrix(W);
      m.kernels.bagBackward(dW, m.matrix(dy), ids, at, rows.length, width);
      const expected = W.map((row) => [...row]);
      rows.forEach((row, i) => {
        for (const f of row) for (let j = 0; j < width; j++) expected[f]![j]! += scale(row.length) * dy[i]![j]!;
      });
      m.read(dW, features, width).forEach((row, f) => {
        row.forEach((x, j) => {
          expect(Math.abs(x - expected[f]![j]!)).toBeLessThan(1e-5);
        });
      });
      m.checkGuards();
    }
  });
});

it("sequences are packed time-major, the longest first", () => {
  const four = packed([2, 3, 1, 3]);
  expect([...four.order]).toEqual([1, 3, 0, 2]);
  expect(four.counts).toEqual([4, 3, 2]);
  expect([...packedIds(four, [[20, 21], [30, 31, 32], [10], [40, 41, 42]])]).toEqual([
    30, 40, 20, 10, 31, 41, 21, 32, 42,
  ]);
});

it("words are runs between white space and punctuation, and their features do not depend on what follows", () => {
  expect(wordsOf("Win a FREE prize!  (now)")).toEqual(["Win", "a", "FREE", "prize", "!", "(", "now", ")"]);
  expect(wordsOf("naïve—Straße, 東京")).toEqual(["naïve", "—", "Straße", ",", "東京"]);
  expect(wordsOf(" \t\n")).toEqual([]);
  const one = new Set(featuresOf("free prize", false).features);
  const two = new Set(featuresOf("free prize now", false).features);
  expect([...one].filter((feature) => !two.has(feature)).length).toBe(0);
  expect(featuresOf("ab", true).features.length).toBe(featuresOf("ab", false).features.length + 3);
});

/** Short texts about two things. */
const examples: Example[] = Array.from({ length: 120 }, (_, i) => {
  const thing = ["cat", "dog"][i % 2]!;
  const said = ["The {} sat", "a {} ran home", "my {}!", "{} and {}", "see the old {} there"][i % 5]!;
  return { text: said.replaceAll("{}", thing), labels: [thing === "cat" ? "feline" : "canine"] };
});

describe("a classifier", () => {
  it.each([
    ["bag", {}],
    ["lstm", { encoder: "lstm", hiddenSize: 12, embeddingSize: 9, dimension: 10 }],
    [
      "gru alone, one direction, the last state",
      { encoder: "gru", bag: false, bidirectional: false, pooling: "last", hiddenSize: 16, embeddingSize: 12 },
    ],
    ["rnn, mean", { encoder: "rnn", bag: false, pooling: "mean", hiddenSize: 10, dropout: 0.1 }],
  ] as const)("learns: %s", async (_, options) => {
    const model = await Classifier.create({ examples, ...options });
    const last = await train(model, examples, { epochs: 20, valid: examples.slice(0, 40) });
    expect(last!.valid!.accuracy).toBeGreaterThan(0.97);
    const [best] = model.predict("we saw one dog today");
    expect(best!.label).toBe("canine");
    const again = await loadModel(saveModel(model));
    expect(again.predict("the cat of my dog", { top: 2 })).toEqual(model.predict("the cat of my dog", { top: 2 }));
    expect(evaluate(again, examples)).toEqual(evaluate(model, examples));
    // One at a time or together, in any order.
    const texts = ["", "cat", "a much longer text about a dog than all others", "?"];
    expect(model.predictAll(texts)).toEqual(texts.map((text) => model.predict(text)));
  });

  it("resumes with the same bits, and stops by its accuracy", async () => {
    const classWeights = { feline: 3 };
    const run = () => Classifier.create({ examples, encoder: "gru", hiddenSize: 8, dropout: 0.2, classWeights });
    const options = { epochs: 4, batch: 16, valid: examples, patience: 9 };
    const whole = await run();
    await train(whole, examples, options);
    const half = train(await run(), examples, options);
    for await (const { step } of half) if (step === 11) break;
    const { model, training } = await resume(saveCheckpoint(half), examples, { valid: examples });
    await training;
    expect([...model.network.block("parameters")]).toEqual([...whole.network.block("parameters")]);
  });

  it("gives several labels, or none", async () => {
    const several = examples.map(({ text, labels }) => ({
      text,
      labels: text.includes("old") ? [...labels, "old"] : labels,
    }));
    several.push(...Array.from({ length: 30 }, () => ({ text: "nothing here", labels: [] as string[] })));
    const model = await Classifier.create({ examples: several, several: true });
    await train(model, several, { epochs: 30 });
    expect(
      model
        .predict("see the old cat there")
        .map(({ label }) => label)
        .sort(),
    ).toEqual(["feline", "old"]);
    expect(model.predict("nothing here")).toEqual([]);
    expect(model.predict("nothing here", { top: 1 }).length).toBe(1);
    expect(evaluate(model, several).accuracy).toBeGreaterThan(0.95);
  });

  it("says none of these below a threshold, and is calibrated", async () => {
    const model = await Classifier.create({ examples });
    await train(model, examples, { epochs: 3 });
    expect(model.predict("cat", { threshold: 1 })).toEqual([]);
    const before = evaluate(model, examples);
    const temperature = model.calibrate(examples);
    expect(temperature).toBeLessThan(1); // trained with smoothed labels, it was too cautious
    const after = evaluate(model, examples);
    expect(after.nats).toBeLessThan(before.nats);
    expect(after.accuracy).toBe(before.accuracy);
    expect((await loadModel(saveModel(model))).predict("cat")).toEqual(model.predict("cat"));
  });

  it("refuses what it cannot learn from, by name", async () => {
    const create = (options: object) => Classifier.create(options as never);
    await expect(create({ examples: [] })).rejects.toThrow('"examples" expected at least one example, got none');
    await expect(create({ examples: [examples[0]] })).rejects.toThrow('"examples" expected at least 2 labels, got 1');
    await expect(create({ examples, hidden: 3 })).rejects.toThrow('"options" has no "hidden"');
    await expect(create({ examples, encoder: "cnn" })).rejects.toThrow(
      '"encoder" expected "bag" or "rnn" or "gru" or "lstm"',
    );
    await expect(create({ examples: [{ text: 3, labels: ["a"] }] })).rejects.toThrow('"examples[0]" expected { text');
    await expect(create({ examples, classWeights: { ham: 2 } })).rejects.toThrow(
      '"classWeights" expected labels of the examples, got "ham"',
    );
    const model = await Classifier.create({ examples });
    expect(() => train(model, [...examples, { text: "moo", labels: ["bovine"] }])).toThrow(
      '"data[120]" expected labels that the classifier was created with, got "bovine"',
    );
    expect(() => train(model, [{ text: "both", labels: ["feline", "canine"] }])).toThrow(
      '"data[0]" expected one label, got 2',
    );
    expect(() => model.predict(3 as never)).toThrow('"text" expected a string, got 3');
    expect(evaluate(model, [{ text: "moo", labels: ["bovine"] }, ...examples]).unknown).toBe(1);
    await expect(loadLanguage(saveModel(model))).rejects.toThrow(
      'expected a language model, got a classifier: load it with loadModel from "rivulet/classify"',
    );
  });
});
