// Language models compute the same bits, and write the same files, as before: SHA-256 hashes, taken before
// networks became lists of layers. After a change that is meant to alter results:
//
//   UPDATE=1 npx vitest run test/bits.test.ts

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, it, vi } from "vitest";
import {
  adamw,
  carriedWindows,
  characters,
  cosine,
  evaluate,
  generate,
  gradientFlow,
  loadModel,
  overlappingWindows,
  prepare,
  RecurrentModel,
  type RecurrentOptions,
  resume,
  saveCheckpoint,
  saveModel,
  selectKernels,
  sgd,
  type TrainOptions,
  train,
} from "../src/entries/index.js";
import { TokenNetwork } from "../src/lm/token-network.js";
import { networkConfig } from "../src/nn/config.js";
import { initialize } from "../src/nn/initialize.js";

selectKernels("strict");
// Checkpoints store the seconds spent.
vi.spyOn(performance, "now").mockReturnValue(0);

const file = new URL("fixtures/bits.json", import.meta.url);
const update = Boolean(process.env.UPDATE);
const expected: Record<string, Record<string, string>> = update ? {} : JSON.parse(readFileSync(file, "utf8"));
afterAll(() => {
  if (update) writeFileSync(file, `${JSON.stringify(expected, null, 1)}\n`);
});

function compare(name: string, found: Record<string, Uint8Array | Float32Array | Float64Array[] | string>): void {
  const hashes: Record<string, string> = {};
  for (const [what, data] of Object.entries(found)) {
    const hash = createHash("sha256");
    for (const part of Array.isArray(data) ? data : [data]) {
      hash.update(typeof part === "string" ? part : new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    }
    hashes[what] = hash.digest("base64").slice(0, 20);
  }
  if (update) expected[name] = hashes;
  else expect(hashes).toEqual(expected[name]);
}

const TEXT = Array.from(
  { length: 60 },
  (_, i) => `It was ${i * i} o'clock; ${i % 7} whales said "${i * 31}!" to `,
).join("");
const tokenizer = characters();
const { vocabulary, train: ids, valid } = prepare(TEXT, tokenizer, { valid: 0.1 });

/** Every cell; one to three layers; dropout; tied, embedded and one-hot inputs; widths with and without padding. */
const MODELS: Record<string, [Partial<RecurrentOptions>, TrainOptions?]> = {
  rnn: [{ cell: "rnn", hiddenSize: 21 }],
  "rnn, sgd, momentum": [
    { cell: "rnn", hiddenSize: 32, layers: 2 },
    { optimizer: sgd({ learningRate: 0.1, momentum: 0.9 }) },
  ],
  relu: [{ cell: "rnn", activation: "relu", hiddenSize: 18, embeddingSize: 7, layers: 3, dropout: 0.3 }],
  gru: [{ cell: "gru", hiddenSize: 24, initialization: "orthogonal" }, { schedule: cosine() }],
  "gru, embedded": [
    { cell: "gru", hiddenSize: 33, embeddingSize: 13, layers: 2, dropout: 0.2 },
    { optimizer: sgd(), windows: overlappingWindows({ window: 9, batch: 7 }) },
  ],
  "gru, tied": [{ cell: "gru", hiddenSize: 19, embeddingSize: 19, layers: 3, tied: true, dropout: 0.1 }],
  lstm: [{ cell: "lstm", hiddenSize: 22, initialization: "xavier", forgetBias: 1 }, { optimizer: adamw() }],
  "lstm, dropout": [{ cell: "lstm", hiddenSize: 17, layers: 3, dropout: 0.5 }],
  "lstm, embedded": [{ cell: "lstm", hiddenSize: 40, embeddingSize: 50, layers: 2 }, { patience: 9 }],
  "lstm, tied": [
    { cell: "lstm", hiddenSize: 36, embeddingSize: 36, layers: 2, tied: true, initialization: "orthogonal" },
  ],
};

describe("to the last bit", () => {
  it.each(Object.entries(MODELS))("%s", async (name, [options, settings]) => {
    const all = { windows: carriedWindows({ window: 13, batch: 6 }), steps: 40, valid, seed: 3, ...settings };
    const model = await RecurrentModel.create({ ...options, tokenizer, vocabulary, seed: 2 });
    const first = saveModel(model);
    const run = train(model, ids, all);
    const losses: string[] = [];
    let checkpoint = new Uint8Array();
    for await (const { step, loss, gradNorm, valid } of run) {
      losses.push(`${loss} ${gradNorm} ${valid?.nats}`);
      if (step === 25) checkpoint = saveCheckpoint(run).slice();
    }
    const model2 = saveModel(model);
    const { training: resumed } = await resume(checkpoint, ids, { valid });
    for await (const _ of resumed);
    expect(Buffer.compare(saveModel(resumed.model), model2), "resumed").toBe(0);
    const loaded = await loadModel(model2);
    compare(name, {
      first,
      losses: losses.join("\n"),
      model: model2,
      checkpoint,
      evaluate: JSON.stringify([evaluate(model, valid), evaluate(loaded, ids)]),
      generate: [...generate(loaded, { prompt: "It was ", length: 60, seed: 4 })].join(""),
      scores: loaded.score(ids.subarray(0, 700), loaded.start()).logProbs,
      flow: gradientFlow(model, ids, { steps: 11, sequences: 3 }),
    });
  });

  it.each(["rnn", "gru", "lstm"] as const)("bidirectional %s", async (cell) => {
    for (const [embeddingSize, layers, hiddenSize] of [
      [0, 1, 13],
      [7, 3, 8],
    ] as const) {
      const config = { cell, vocabularySize: 11, hiddenSize, embeddingSize, layers, dropout: 0.3, bidirectional: true };
      const tokens = await TokenNetwork.create(networkConfig(config));
      const { network } = tokens;
      initialize(network, 5);
      const [T, B] = [9, 5];
      const sequence = (k: number) => Int32Array.from({ length: T * B }, (_, i) => (i * i * k + 3 * i) % 11);
      const state = tokens.initialState(B);
      for (let i = 0; i < state.length; i++) state[i] = ((i * 7) % 13) / 13 - 0.5;
      const batch = { T, B, inputs: sequence(1), targets: sequence(2).map((y, i) => (i % 5 ? y : -1)) };
      const loss = tokens.gradients(batch, state, 77);
      const norms = tokens.stateGradientNorms(batch, tokens.initialState(B));
      compare(`bidirectional ${cell}, ${layers}`, {
        loss: `${loss}`,
        gradients: network.block("gradients").slice(),
        state,
        norms,
      });
    }
  });
});
