// Weights from and to PyTorch. fixtures/exchange.mjs and exchange.py made the files, with the code of the examples, and
// the figures: log p of the tokens of a text as PyTorch has it.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { characters, loadModel, loadWeights, RecurrentModel, saveModel, Vocabulary } from "../src/entries/index.js";

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url));
interface Text {
  ids: number[];
  logProbs: number[];
}
const { toPyTorch, fromPyTorch } = JSON.parse(fixture("exchange.json").toString()) as Record<string, Text>;

function expectScores(model: RecurrentModel, { ids, logProbs }: Text): void {
  // PyTorch's figures do not include the first token.
  const state = model.advance(model.start(), ids[0]!);
  const { logProbs: found } = model.score(Uint8Array.from(ids.slice(1)), state);
  expect(found.length).toBe(logProbs.length);
  found.forEach((x, i) => {
    expect(Math.abs(x - logProbs[i]!), `token ${i + 1}`).toBeLessThan(2e-6);
  });
}

describe("weights between rivulet and PyTorch", () => {
  it("a model file that PyTorch's load_state_dict took is what is saved today, and scores as it does there", async () => {
    const file = fixture("to-pytorch.safetensors");
    const model = await loadModel(file);
    expectScores(model, toPyTorch!);
    expect(Buffer.from(saveModel(model)).equals(file)).toBe(true);
  });

  it("a PyTorch state_dict comes in, and scores as it does there", async () => {
    const model = await RecurrentModel.create({
      tokenizer: characters(),
      vocabulary: new Vocabulary([..."abcdefghijk"]),
      cell: "lstm",
      embeddingSize: 5,
      hiddenSize: 6,
      layers: 2,
    });
    // As an ArrayBuffer, which is what fetch() gives.
    loadWeights(model, Uint8Array.from(fixture("from-pytorch.safetensors")).buffer);
    expectScores(model, fromPyTorch!);
  });
});
