// trace() and tokenGradients() against the equations in float64 and against differences of log p.

import { beforeAll, describe, expect, it } from "vitest";
import * as rivulet from "../src/entries/with-kernels.js";

const TEXT = "the cat sat on the mat";
const tokenizer = rivulet.characters();
const vocabulary = rivulet.Vocabulary.from(TEXT);
const create = (options = {}) =>
  rivulet.RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 5, embeddingSize: 3, seed: 2, ...options });
beforeAll(() => rivulet.selectKernels("strict"));

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe.each(["rnn", "gru", "lstm"] as const)("%s", (cell) => {
  it.each([1, 2])("trace: %i layers have the states of advance() after each token", async (layers) => {
    const model = await create({ cell, layers });
    const { tokens, layers: traced } = rivulet.trace(model, TEXT);
    expect(tokens.join("")).toBe(TEXT);
    expect(traced).toHaveLength(layers);
    let state = model.start();
    tokens.forEach((token, t) => {
      state = model.advance(state, vocabulary.id(token));
      const shown = [...traced.map(({ h }) => h[t]!), ...(cell === "lstm" ? traced.map(({ c }) => c![t]!) : [])];
      expect(Float32Array.from(shown.flatMap((row) => [...row]))).toEqual(state);
    });
  });

  it("trace: the gates make the states, as in the equations", async () => {
    const model = await create({ cell });
    const [{ h, c, gates }] = rivulet.trace(model, TEXT).layers as [rivulet.LayerTrace];
    const names = { rnn: [], gru: ["r", "z", "n"], lstm: ["i", "f", "g", "o"] }[cell];
    expect(Object.keys(gates)).toEqual(names);
    const read = (name: string) => model.network.read(name);
    const [E, Wx, Wh, bx, bh] = [
      "embedding.weight",
      ...["weight_ih", "weight_hh", "bias_ih", "bias_hh"].map((n) => `rnn.${n}_l0`),
    ].map(read);
    const rows = (W: Float32Array, x: ArrayLike<number>, gate: number, i: number) => {
      let sum = 0;
      for (let k = 0; k < x.length; k++) sum += W[(gate * 5 + i) * x.length + k]! * x[k]!;
      return sum;
    };
    for (let t = 0; t < h.length; t++) {
      const id = vocabulary.id([...TEXT][t]!);
      const x = E!.subarray(3 * id, 3 * id + 3);
      const before = h[t - 1] ?? new Float32Array(5);
      for (let i = 0; i < 5; i++) {
        const z = (gate: number) => rows(Wx!, x, gate, i) + bx![gate * 5 + i]!;
        const u = (gate: number) => rows(Wh!, before, gate, i) + bh![gate * 5 + i]!;
        const g = (name: string) => gates[name]![t]![i]!;
        if (cell === "rnn") expect(h[t]![i]).toBeCloseTo(Math.tanh(z(0) + u(0)), 5);
        if (cell === "gru") {
          expect(g("r")).toBeCloseTo(sigmoid(z(0) + u(0)), 5);
          expect(g("z")).toBeCloseTo(sigmoid(z(1) + u(1)), 5);
          expect(g("n")).toBeCloseTo(Math.tanh(z(2) + g("r") * u(2)), 5);
          expect(h[t]![i]).toBeCloseTo((1 - g("z")) * g("n") + g("z") * before[i]!, 5);
        }
        if (cell === "lstm") {
          [sigmoid, sigmoid, Math.tanh, sigmoid].forEach((f, gate) => {
            expect(g("ifgo"[gate]!)).toBeCloseTo(f(z(gate) + u(gate)), 5);
          });
          expect(c![t]![i]).toBeCloseTo(g("f") * (c![t - 1]?.[i] ?? 0) + g("i") * g("g"), 5);
          expect(h[t]![i]).toBeCloseTo(g("o") * Math.tanh(c![t]![i]!), 5);
        }
      }
    }
  });

  it.each([1, 2])("tokenGradients: %i layers, as log p changes when an embedding does", async (layers) => {
    const model = await create({ cell, layers });
    const text = "abcd"; // distinct, so that each embedding is read once
    const own = rivulet.Vocabulary.from("abcde");
    const network = await create({ cell, layers, vocabulary: own });
    const { logProb, e } = rivulet.tokenGradients(network, text, "e");
    expect(logProb).toBeCloseTo(Math.log(rivulet.probability(network, "e", { after: text })), 5);
    const E = network.network.read("embedding.weight");
    [...text].forEach((letter, s) => {
      for (let k = 0; k < 3; k++) {
        const at = 3 * own.id(letter) + k;
        const turned = (by: number) => {
          network.network.write(
            "embedding.weight",
            E.map((x, i) => (i === at ? x + by : x)),
          );
          return Math.log(rivulet.probability(network, "e", { after: text }));
        };
        const difference = (turned(1e-2) - turned(-1e-2)) / 2e-2;
        expect(Math.abs(e[s]![k]! - difference)).toBeLessThan(2e-4);
      }
    });
    network.network.write("embedding.weight", E);
    expect(rivulet.tokenGradients(network, text, "e").e).toEqual(e);
    expect(() => rivulet.tokenGradients(model, "", "t")).toThrow('"text" expected at least one token');
  });
});

it("tokenGradients refuses one-hot inputs", async () => {
  const model = await create({ embeddingSize: 0 });
  expect(() => rivulet.tokenGradients(model, "the", "t")).toThrow('"model" expected an embedding, got one-hot inputs');
});

it("a learning rate that changes while training gives the same bits as a run with the new one from there, resumed or not", async () => {
  const run = async (change: boolean, stop?: number) => {
    const model = await create({ cell: "gru" });
    const ids = rivulet.encode(TEXT.repeat(9), tokenizer, vocabulary);
    let training = rivulet.train(model, ids, { windows: rivulet.carriedWindows({ window: 5, batch: 3 }), steps: 8 });
    const rates: number[] = [];
    for await (const { step, learningRate } of training) {
      rates.push(learningRate);
      if (step === 3 && change) training.setLearningRate(0.05);
      if (step === stop) break;
    }
    let last = model;
    if (stop !== undefined) {
      ({ model: last, training } = await rivulet.resume(rivulet.saveCheckpoint(training), ids));
      for await (const { learningRate } of training) rates.push(learningRate);
    }
    return { rates, weights: last.network.read("output.weight") };
  };
  const [plain, changed, resumed] = [await run(false), await run(true), await run(true, 5)];
  expect(changed.rates).toEqual([0.002, 0.002, 0.002, 0.05, 0.05, 0.05, 0.05, 0.05]);
  expect(resumed).toEqual(changed);
  expect(changed.weights).not.toEqual(plain.weights);
});
