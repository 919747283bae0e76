import { describe, expect, it } from "vitest";
import { type Batch, TokenNetwork } from "../src/lm/token-network.js";
import { networkConfig } from "../src/nn/config.js";
import { initialize } from "../src/nn/initialize.js";
import { Random } from "../src/random.js";
import { adamw, gradientNorm, sgd, update } from "../src/train/optimizer.js";

const V = 7;
async function make(options: Partial<Parameters<typeof networkConfig>[0]> = {}, seed = 3): Promise<TokenNetwork> {
  const network = await TokenNetwork.create(networkConfig({ vocabularySize: V, hiddenSize: 5, ...options }));
  initialize(network.network, seed);
  return network;
}

function randomBatch(T: number, B: number, seed = 1): Batch {
  const random = new Random(seed);
  const ids = () => Int32Array.from({ length: T * B }, () => random.below(V));
  return { T, B, inputs: ids(), targets: ids() };
}

/** Steps `from` to `to` of a batch. */
const part = ({ B, inputs, targets }: Batch, from: number, to: number): Batch => ({
  T: to - from,
  B,
  inputs: inputs.slice(from * B, to * B),
  targets: targets.slice(from * B, to * B),
});

describe("a network", () => {
  it.each([
    ["one-hot", {}],
    ["embedded", { embeddingSize: 3 }],
    ["of three layers", { layers: 3 }],
    ["of ReLU", { activation: "relu" as const }],
    ["of LSTMs", { cell: "lstm" as const, layers: 2 }],
    ["of GRUs", { cell: "gru" as const, layers: 2, embeddingSize: 6 }],
  ])("%s: chunks with the state carried have the states, losses and scores of the whole", async (_, options) => {
    const network = await make(options);
    const whole = randomBatch(9, 3);
    const state = network.initialState(3);
    const loss = network.gradients(whole, state);
    const carried = network.initialState(3);
    const losses = [part(whole, 0, 4), part(whole, 4, 9)].map((chunk) => network.gradients(chunk, carried) * chunk.T);
    expect([...carried]).toEqual([...state]);
    expect((losses[0]! + losses[1]!) / 9).toBeCloseTo(loss, 6);

    const text = Uint8Array.from({ length: 600 }, (_, i) => (i * i) % V); // more than one chunk of score()
    const [a, b] = [network.initialState(1), network.initialState(1)];
    const scores = network.score(text, a);
    expect([...network.score(text.subarray(0, 100), b), ...network.score(text.subarray(100), b)]).toEqual([...scores]);
    expect([...b]).toEqual([...a]);
  });

  it("scores what logProbs says, token by token, and probabilities sum to 1", async () => {
    const network = await make({ layers: 2, embeddingSize: 3 });
    const text = Uint8Array.of(3, 1, 4, 1, 5, 2, 6);
    const state = network.initialState(1);
    const oneByOne = Array.from(text, (token) => {
      const logProbs = network.logProbs(state);
      expect(logProbs.reduce((sum, x) => sum + Math.exp(x), 0)).toBeCloseTo(1, 6);
      network.step(token, state);
      return logProbs[token]!;
    });
    network.score(text, network.initialState(1)).forEach((score, i) => {
      expect(score).toBeCloseTo(oneByOne[i]!, 5);
    });
  });

  it("leaves out targets of −1", async () => {
    const network = await make();
    const batch = randomBatch(4, 2);
    const first = { ...batch, targets: batch.targets.map((target, i) => (i < 4 ? target : -1)) };
    const loss = network.gradients(first, network.initialState(2));
    const gradient = [...network.network.block("gradients")];
    expect(network.gradients(part(batch, 0, 2), network.initialState(2))).toBe(loss);
    expect(
      network.network.block("gradients").reduce((d, g, i) => Math.max(d, Math.abs(g - gradient[i]!)), 0),
    ).toBeLessThan(1e-7);
  });

  it("its gradient is the slope of its loss: along itself, within 1 %", async () => {
    for (const options of [
      {},
      { embeddingSize: 3, layers: 2 },
      { layers: 3, dropout: 0.4 },
      { cell: "lstm" as const, layers: 2, dropout: 0.4, bidirectional: true },
      { cell: "gru" as const, layers: 2, dropout: 0.4, embeddingSize: 5, tied: true },
    ]) {
      const network = await make(options);
      const batch = randomBatch(6, 4);
      const before = network.gradients(batch, network.initialState(4), 5);
      const norm = gradientNorm(network.network);
      const step = 2e-3 / norm;
      const parameters = network.network.block("parameters");
      network.network.block("gradients").forEach((g, i) => {
        parameters[i]! += step * g;
      });
      network.network.parametersChanged();
      const after = network.gradients(batch, network.initialState(4), 5);
      expect((after - before) / (step * norm * norm)).toBeCloseTo(1, 2);
    }
  });

  it.each(["rnn", "gru", "lstm"] as const)(
    "%s: the slope of the loss along δWh, for every H to 40, is ‖δWh‖",
    async (cell) => {
      for (let hiddenSize = 1; hiddenSize <= 40; hiddenSize++) {
        const network = await make({ cell, hiddenSize });
        const batch = randomBatch(5, 4);
        const name = "rnn.weight_hh_l0";
        network.gradients(batch, network.initialState(4));
        const [weights, gradient] = [network.network.read(name), network.network.read(name, "gradients")];
        const norm = Math.hypot(...gradient);
        const loss = (step: number) => {
          network.network.write(
            name,
            weights.map((w, i) => w + (step * gradient[i]!) / norm),
          );
          return network.gradients(batch, network.initialState(4));
        };
        const step = 0.05;
        expect((loss(step) - loss(-step)) / (2 * step * norm), `H = ${hiddenSize}`).toBeCloseTo(1, 1.5);
      }
    },
  );

  it.each([
    { cell: "rnn" as const, hiddenSize: 21 },
    { cell: "gru" as const, hiddenSize: 30, embeddingSize: 30, tied: true },
    { cell: "lstm" as const, hiddenSize: 33, embeddingSize: 33, tied: true },
    { cell: "lstm" as const, hiddenSize: 18, layers: 2, bidirectional: true },
  ])("what other batches left behind makes no difference: %o", async (options) => {
    const fresh = await make(options);
    const used = await make(options);
    for (const [T, B] of [
      [40, 24],
      [7, 5],
      [100, 3],
    ] as const) {
      const batch = randomBatch(T, B);
      used.gradients({ ...batch, targets: batch.targets.map((y, i) => (i % 3 === 0 ? y : -1)) }, used.initialState(B));
    }
    const batch = randomBatch(9, 8);
    const losses = [fresh, used].map((network) => network.gradients(batch, network.initialState(8)));
    expect(losses[1]).toBe(losses[0]);
    expect(gradientNorm(used.network)).toBe(gradientNorm(fresh.network));
    expect([...used.network.block("gradients")]).toEqual([...fresh.network.block("gradients")]);
  });

  it("dropout: the seed fixes the mask; none is left out when scoring", async () => {
    const network = await make({ layers: 2, dropout: 0.5 });
    const loss = (seed: number) => network.gradients(randomBatch(5, 3), network.initialState(3), seed);
    expect(loss(1)).toBe(loss(1));
    expect(loss(1)).not.toBe(loss(2));
    const dry = await make({ layers: 2 });
    const text = Uint8Array.of(1, 2, 3, 4);
    expect([...network.score(text, network.initialState(1))]).toEqual([...dry.score(text, dry.initialState(1))]);
  });

  it("keeps the padding of its blocks zero while it trains", async () => {
    const network = await make({ cell: "lstm", embeddingSize: 3, layers: 2, bidirectional: true });
    for (let t = 1; t <= 5; t++) {
      network.gradients(randomBatch(3, 2, t), network.initialState(2));
      update(network.network, adamw(), 0.01, t);
    }
    for (const block of ["parameters", "gradients", "moment1", "moment2"] as const) {
      const all = network.network.block(block).slice();
      for (const { name } of network.network.parameters)
        network.network.write(name, network.network.read(name, block).fill(0), block);
      expect(
        network.network.block(block).every((x) => x === 0),
        block,
      ).toBe(true);
      expect(
        all.some((x) => x !== 0),
        block,
      ).toBe(true);
    }
  });

  it("touches only the rows of an embedding that are in the batch, and forgets those of the batch before", async () => {
    const network = await make({ vocabularySize: 40, embeddingSize: 3 });
    const batchOf = (...ids: number[]): Batch => {
      const inputs = Int32Array.from(ids);
      return { T: ids.length, B: 1, inputs, targets: inputs };
    };
    const rows = (block: "gradients" | "parameters") => {
      const values = network.network.read("embedding.weight", block);
      return Array.from({ length: 40 }, (_, i) => [...values.subarray(3 * i, 3 * i + 3)]);
    };
    network.gradients(batchOf(1, 2, 39, 7), network.initialState(1));
    const dense = network.network.block("gradients").reduce((sum, g) => sum + g * g, 0);
    expect(gradientNorm(network.network)).toBeCloseTo(Math.sqrt(dense), 6);
    const before = rows("parameters");
    update(network.network, sgd({ learningRate: 0.5 }), 0.5, 1);
    const gradient = rows("gradients");
    rows("parameters").forEach((row, i) => {
      const moved = row.some((x, j) => x !== before[i]![j]);
      expect(moved, `row ${i}`).toBe([1, 2, 7, 39].includes(i));
      row.forEach((x, j) => {
        expect(x).toBeCloseTo(before[i]![j]! - 0.5 * gradient[i]![j]!, 6);
      });
    });
    network.gradients(batchOf(0, 0, 3), network.initialState(1));
    rows("gradients").forEach((row, i) => {
      expect(
        row.some((x) => x !== 0),
        `row ${i}`,
      ).toBe(i === 0 || i === 3);
    });
    expect(network.network.touched.reduce((sum, x, i) => (i % 2 === 1 ? sum + x : sum), 0)).toBe(
      network.network.layout.blockSize - 38 * 4,
    );
  });

  it("reads what was written, in PyTorch's layout", async () => {
    const network = await make({ embeddingSize: 2 });
    for (const { name, shape } of network.network.parameters) {
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i + 1);
      network.network.write(name, values);
      expect([...network.network.read(name)]).toEqual([...values]);
    }
    expect(() => network.network.read("rnn.weight_ih_l1")).toThrow(
      'there is no parameter "rnn.weight_ih_l1": this network has',
    );
    expect(() => network.network.write("output.bias", new Float32Array(3))).toThrow(
      '"output.bias" expected 7 values (7), got 3',
    );
  });

  it("initializes as PyTorch: uniform in ±1/√H, an embedding of variance 1, another seed another network", async () => {
    const network = await make({ hiddenSize: 64, embeddingSize: 40 });
    const bound = 1 / Math.sqrt(64);
    for (const name of ["rnn.weight_hh_l0", "output.weight", "rnn.bias_ih_l0"]) {
      const values = network.network.read(name);
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
      const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
      expect(Math.abs(variance / (bound ** 2 / 3) - 1)).toBeLessThan(5 / Math.sqrt(values.length));
    }
    const embedding = network.network.read("embedding.weight");
    const variance = embedding.reduce((sum, x) => sum + x * x, 0) / embedding.length;
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / embedding.length));
    const other = await make({ hiddenSize: 64, embeddingSize: 40 }, 4);
    expect([...other.network.read("output.bias")]).not.toEqual([...network.network.read("output.bias")]);
  });
});

describe("what does not fit", () => {
  it("is refused with its size, before anything is allocated", async () => {
    await expect(make({ hiddenSize: 20_000 })).rejects.toThrow(
      /a network of 400,\d{3},\d{3} parameters needs 9.0 GiB of memory, and WebAssembly has 4 GiB: use a smaller/,
    );
    const network = await make({ hiddenSize: 512 });
    const [T, B] = [4000, 1000];
    const batch = { T, B, inputs: new Int32Array(T * B), targets: new Int32Array(T * B) };
    expect(() => network.gradients(batch, network.initialState(B))).toThrow(
      /over 4000 steps of 1000 sequences needs .* GiB/,
    );
    expect(network.gradients(randomBatch(2, 2), network.initialState(2))).toBeGreaterThan(0);
  });

  it.each([
    [{ hiddenSize: 0 }, '"hiddenSize" expected an integer >= 1, got 0'],
    [{ hiddenSize: 1.5 }, '"hiddenSize" expected an integer >= 1, got 1.5'],
    [{ hiddenSize: "8" as never }, '"hiddenSize" expected an integer >= 1, got "8"'],
    [{ cell: "lru" as never }, '"cell" expected "rnn" or "gru" or "lstm", got "lru"'],
    [{ activation: "selu" as never }, '"activation" expected "tanh" or "relu", got "selu"'],
    [{ dropout: 1 }, '"dropout" expected a number in [0, 1), got 1'],
    [{ layers: -1 }, '"layers" expected an integer from 1 to 1000, got -1'],
    [{ bidirectional: 1 as never }, '"bidirectional" expected true or false, got 1'],
    [{ tied: true, embeddingSize: 4 }, '"tied" weights expected an embeddingSize equal to the hiddenSize, 5, got 4'],
    [
      { tied: true, embeddingSize: 5, bidirectional: true },
      '"tied" weights expected a network that reads in one direction',
    ],
    [
      { cell: "gru" as const, activation: "relu" as const },
      '"activation" expected "tanh", the only one of the gru cell, got "relu"',
    ],
  ])("%o", async (options, message) => {
    await expect(make(options)).rejects.toThrow(message);
  });
});
