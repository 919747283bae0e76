// The network against PyTorch: fixtures/networks.py made the numbers.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TokenNetwork } from "../src/lm/token-network.js";
import { networkConfig } from "../src/nn/config.js";
import { adamw, clip, gradientNorm, type Optimizer, sgd, update } from "../src/train/optimizer.js";

interface Case {
  name: string;
  V: number;
  E: number;
  H: number;
  L: number;
  T: number;
  B: number;
  cell: "rnn" | "gru" | "lstm";
  activation: "tanh" | "relu";
  bidirectional: boolean;
  tied: boolean;
  optimizer: "sgd" | "momentum" | "adamw";
  lr: number;
  /** (10·T + 1, B) */
  tokens: number[][];
  weights: Record<string, { shape: number[]; values: number[] }>;
  gradients: Record<string, number[]>;
  state: number[];
  losses: number[];
  norms: number[];
  finalState: number[];
}

const { cases } = JSON.parse(readFileSync(new URL("fixtures/networks.json", import.meta.url), "utf8")) as {
  cases: Case[];
};

const optimizers: Record<Case["optimizer"], (learningRate: number) => Optimizer> = {
  sgd: (learningRate) => sgd({ learningRate }),
  momentum: (learningRate) => sgd({ learningRate, momentum: 0.9 }),
  adamw: (learningRate) => adamw({ learningRate }),
};

async function networkOf({ V, E, H, L, cell, activation, bidirectional, tied, weights }: Case): Promise<TokenNetwork> {
  const sizes = { vocabularySize: V, embeddingSize: E, hiddenSize: H, layers: L };
  const network = await TokenNetwork.create(networkConfig({ ...sizes, cell, activation, bidirectional, tied }));
  for (const [name, { values }] of Object.entries(weights)) network.network.write(name, Float32Array.from(values));
  return network;
}

function batch({ tokens, T, B }: Case, i: number) {
  const rows = (from: number) => Int32Array.from(tokens.slice(from, from + T).flat());
  return { T, B, inputs: rows(i * T), targets: rows(i * T + 1) };
}

const distance = (a: ArrayLike<number>, b: number[]) => Math.hypot(...b.map((x, i) => x - a[i]!));

describe.each(cases)("PyTorch: $name", (c) => {
  it("has the parameters of the state_dict, by name and shape", async () => {
    const network = await networkOf(c);
    const named = network.network.parameters.map(({ name, shape }) => [name, shape]);
    expect(named).toEqual(Object.entries(c.weights).map(([name, { shape }]) => [name, shape]));
    for (const [name, { values }] of Object.entries(c.weights)) {
      expect(Array.from(network.network.read(name))).toEqual(Array.from(Float32Array.from(values)));
    }
  });

  it("gives the first step's loss, state and norm within 1e-6, every gradient within 1e-5 relative", async () => {
    const network = await networkOf(c);
    const state = network.initialState(c.B);
    const loss = network.gradients(batch(c, 0), state);
    expect(Math.abs(loss - c.losses[0]!)).toBeLessThan(1e-6);
    expect(distance(state, c.state) / Math.sqrt(c.state.length)).toBeLessThan(1e-6);
    expect(gradientNorm(network.network) / c.norms[0]!).toBeCloseTo(1, 6);
    for (const [name, gradient] of Object.entries(c.gradients)) {
      const relative = distance(network.network.read(name, "gradients"), gradient) / Math.hypot(...gradient);
      expect(relative, name).toBeLessThan(1e-5);
    }
  });

  it("gives ten steps' losses and norms, state carried, within 1e-5", async () => {
    const network = await networkOf(c);
    const state = network.initialState(c.B);
    const optimizer = optimizers[c.optimizer](c.lr);
    for (let i = 0; i < 10; i++) {
      const loss = network.gradients(batch(c, i), state);
      const norm = gradientNorm(network.network);
      clip(network.network, norm, 1);
      update(network.network, optimizer, c.lr, i + 1);
      expect(Math.abs(loss - c.losses[i]!), `loss ${i}`).toBeLessThan(1e-5);
      expect(Math.abs(norm / c.norms[i]! - 1), `norm ${i}`).toBeLessThan(1e-4);
    }
    expect(distance(state, c.finalState) / Math.sqrt(state.length)).toBeLessThan(1e-4);
  });
});
