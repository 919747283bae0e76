// A loaded model runs in little more memory than its weights until it is trained, and with the same bits throughout.

import { describe, expect, it } from "vitest";
import {
  carriedWindows,
  characters,
  evaluate,
  generate,
  gradientFlow,
  loadModel,
  loadWeights,
  prepare,
  RecurrentModel,
  type RecurrentOptions,
  saveModel,
  train,
  Vocabulary,
  whitespace,
} from "../src/entries/index.js";

const TEXT = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about. ".repeat(
  30,
);
const tokenizer = characters();
const { vocabulary, train: all } = prepare(TEXT, tokenizer);
const ids = all.subarray(0, 400);
const windows = carriedWindows({ window: 16, batch: 3 });

// Widths of one vector and of several panels, with every kind of remainder, and more rows than one packed block has.
const SHAPES: Partial<RecurrentOptions>[] = [
  { cell: "rnn", hiddenSize: 7 },
  { cell: "rnn", activation: "relu", hiddenSize: 20, embeddingSize: 5, layers: 2, dropout: 0.3 },
  { cell: "gru", hiddenSize: 33, embeddingSize: 13, layers: 3 },
  { cell: "gru", hiddenSize: 260 },
  { cell: "lstm", hiddenSize: 18, layers: 2 },
  { cell: "lstm", hiddenSize: 12, embeddingSize: 12, tied: true },
  { cell: "rnn", hiddenSize: 37, embeddingSize: 37, tied: true, layers: 2 },
  { cell: "lstm", hiddenSize: 270, embeddingSize: 270, tied: true },
];

async function trained(shape: Partial<RecurrentOptions>): Promise<RecurrentModel> {
  const model = await RecurrentModel.create({ ...shape, tokenizer, vocabulary });
  for await (const _ of train(model, ids, { windows, steps: 2 }));
  return model;
}

const write = (model: RecurrentModel) => [...generate(model, { prompt: "Call", length: 30 })].join("");

describe.each(SHAPES)("a loaded model, %o", (shape) => {
  it("predicts, writes and is saved with the bits of the model that was saved", async () => {
    const model = await trained(shape);
    const bytes = saveModel(model);
    const loaded = await loadModel(bytes);
    expect(loaded.network.layout.trained).toBe(false);
    expect(evaluate(loaded, ids)).toEqual(evaluate(model, ids));
    expect(write(loaded)).toBe(write(model));
    expect(loaded.logProbs(loaded.start())).toEqual(model.logProbs(model.start()));
    expect(Buffer.compare(saveModel(loaded), bytes)).toBe(0);
    expect(loaded.network.layout.trained).toBe(false);
  });

  it("is trained on with the bits of the model that was saved", async () => {
    const model = await trained(shape);
    const loaded = await loadModel(saveModel(model));
    write(loaded);
    for (const each of [model, loaded])
      for await (const _ of train(each, ids, { windows, steps: 2, valid: ids.subarray(0, 99) }));
    expect(Buffer.compare(saveModel(loaded), saveModel(model))).toBe(0);
    expect(write(loaded)).toBe(write(model));
    expect(gradientFlow(loaded, ids, { steps: 9 })).toEqual(gradientFlow(model, ids, { steps: 9 }));
  });

  it("takes weights of another model", async () => {
    const model = await trained(shape);
    const loaded = await loadModel(
      saveModel(await RecurrentModel.create({ ...shape, tokenizer, vocabulary, seed: 5 })),
    );
    write(loaded);
    loadWeights(loaded, saveModel(model));
    expect(write(loaded)).toBe(write(model));
  });
});

describe("memory", () => {
  const words = Array.from({ length: 10_000 }, (_, i) => `w${i}`);
  it.each([
    { cell: "lstm", hiddenSize: 512, embeddingSize: 64, size: 65 },
    { cell: "lstm", hiddenSize: 200, embeddingSize: 200, layers: 2, size: 10_000 },
    { cell: "lstm", hiddenSize: 200, embeddingSize: 200, tied: true, size: 10_000 },
    { cell: "gru", hiddenSize: 300, size: 2000 },
    { cell: "rnn", hiddenSize: 512, size: 300 },
  ] as const)(
    "of a loaded model is at most 1.3 times its weights, $cell of $hiddenSize",
    async ({ size, ...shape }) => {
      const vocabulary = new Vocabulary(words.slice(0, size));
      const model = await RecurrentModel.create({ ...shape, tokenizer: whitespace(), vocabulary });
      const loaded = await loadModel(saveModel(model));
      const text = words
        .slice(0, 300)
        .map((_, i) => words[i % size])
        .join(" ");
      evaluate(loaded, text);
      [...generate(loaded, { length: 3 })];
      saveModel(loaded);
      const { memory, parameterCount } = loaded.network;
      expect(memory.bytes).toBeLessThan(1.3 * 4 * parameterCount);
    },
  );
});
