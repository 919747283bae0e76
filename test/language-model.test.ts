// Perplexity and generation, which know a model only by the LanguageModel interface: tested on a model that is not a
// network, and on one that is.

import { beforeAll, describe, expect, it } from "vitest";
import {
  carriedWindows,
  characters,
  evaluate,
  evaluateAsync,
  generate,
  type LanguageModel,
  loadModel,
  perplexity,
  prepare,
  RecurrentModel,
  type RecurrentOptions,
  resume,
  saveCheckpoint,
  saveModel,
  stateAfter,
  train,
  Vocabulary,
  whitespace,
} from "../src/entries/index.js";
import { TokenNetwork } from "../src/lm/token-network.js";
import { networkConfig } from "../src/nn/config.js";

/** P(next | last) from a table of probabilities; the state is the last token, −1 at the start. */
function bigram(
  vocabulary: Vocabulary,
  table: number[][],
  first: number[],
  tokenizer = characters(),
): LanguageModel<number> {
  const row = (state: number) => (state < 0 ? first : table[state]!);
  return {
    tokenizer,
    vocabulary,
    start: () => vocabulary.start ?? -1,
    logProbs: (state) => Float32Array.from(row(state), Math.log),
    logProb: (state, token) => Math.log(row(state)[token]!),
    advance: (_, token) => token,
    saveState: (state) => Uint8Array.of(state + 1),
    restoreState: (bytes) => bytes[0]! - 1,
  };
}

const abc = new Vocabulary(["a", "b", "c"]);
const table = [
  [0.1, 0.6, 0.3],
  [0.5, 0.25, 0.25],
  [0.2, 0.3, 0.5],
];
const model = bigram(abc, table, [1 / 3, 1 / 3, 1 / 3]);

describe("perplexity", () => {
  it("is the geometric mean of 1/p over all tokens but the first", () => {
    const { nats, bits, tokens, unknown, ...result } = evaluate(model, "abac");
    const expected = -(Math.log(0.6) + Math.log(0.5) + Math.log(0.3)) / 3;
    expect(nats).toBeCloseTo(expected, 12);
    expect(bits).toBeCloseTo(expected / Math.LN2, 12);
    expect(result.perplexity).toBeCloseTo((0.6 * 0.5 * 0.3) ** (-1 / 3), 12);
    expect([tokens, unknown]).toEqual([3, 0]);
    expect(result.perplexityExcludingUnknown).toBe(result.perplexity);
    expect(perplexity(model, ["ab", "ac"])).toBe(result.perplexity);
    expect(perplexity(model, Uint8Array.of(0, 1, 0, 2))).toBe(result.perplexity);
  });

  it("counts the first token where there is <bos>, and tells unknown tokens apart", async () => {
    const vocabulary = new Vocabulary(["<unk>", "<bos>", "a"]);
    const rows = [
      [0.2, 0, 0.8],
      [0.5, 0, 0.5],
      [0.1, 0, 0.9],
    ];
    const withStart = bigram(vocabulary, rows, []);
    const result = evaluate(withStart, "aza");
    expect(result.tokens).toBe(3);
    expect(result.unknown).toBe(1);
    expect(result.nats).toBeCloseTo(-(Math.log(0.5) + Math.log(0.1) + Math.log(0.8)) / 3, 12);
    expect(result.perplexityExcludingUnknown).toBeCloseTo((0.5 * 0.8) ** (-1 / 2), 12);
    expect(await evaluateAsync(withStart, "aza")).toEqual(result);
  });

  it("refuses a text that it cannot predict anything of, or has no id for", () => {
    expect(() => evaluate(model, "a")).toThrow("a text to evaluate expected at least 2 tokens, got 1");
    expect(() => evaluate(model, "")).toThrow("got 0");
    expect(() => evaluate(model, "abd")).toThrow('"d" (U+0064) is not among the 3 tokens');
  });
});

describe("generation", () => {
  const text = (options: Parameters<typeof generate>[1]) => [...generate(model, options)].join("");

  it("draws each token as often as its probability, at any temperature", () => {
    for (const [temperature, exponent] of [
      [1, 1],
      [0.5, 2],
      [2, 0.5],
    ] as const) {
      const n = 30_000;
      const drawn = text({ prompt: "a", length: n, temperature, seed: 4 });
      const after: Record<string, number> = {};
      let total = 0;
      for (let i = 1; i < n; i++) {
        if (drawn[i - 1] !== "a") continue;
        total++;
        after[drawn[i]!] = (after[drawn[i]!] ?? 0) + 1;
      }
      const weights = table[0]!.map((p) => p ** exponent);
      const sum = weights.reduce((a, b) => a + b);
      weights.forEach((weight, i) => {
        const p = weight / sum;
        const found = (after["abc"[i]!] ?? 0) / total;
        expect(Math.abs(found - p), `${"abc"[i]} at ${temperature}`).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / total));
      });
    }
  });

  it("greedy takes the likeliest, top-k the k likeliest, top-p those that make up p", () => {
    expect(text({ prompt: "a", length: 6, temperature: 0 })).toBe("bababa");
    expect(text({ prompt: "a", length: 6, topK: 1, seed: 9 })).toBe("bababa");
    const pairs = (drawn: string) => new Set(Array.from({ length: drawn.length - 1 }, (_, i) => drawn.slice(i, i + 2)));
    const k2 = pairs(text({ length: 3000, topK: 2 }));
    // After b, a is likeliest; of b and c, which are equal, the one with the lower id.
    expect([...k2].sort()).toEqual(["ab", "ac", "ba", "bb", "cb", "cc"]);
    expect([...pairs(text({ length: 3000, topP: 0.6 }))].sort()).toEqual(["ab", "ba", "bb"]);
    expect([...pairs(text({ length: 3000, topP: 1e-9 }))].sort()).toEqual(["ab", "ba"]);
    expect(pairs(text({ length: 5000, topP: 1 })).size).toBe(9);
    // Top-p counts among what top-k has left: 0.6 of (0.6 + 0.3).
    expect([...pairs(text({ length: 3000, topK: 2, topP: 0.66 }))].sort()).toEqual(["ab", "ba"]);
  });

  it("is fixed by its seed", () => {
    expect(text({ length: 50, seed: 7 })).toBe(text({ length: 50, seed: 7 }));
    expect(text({ length: 50, seed: 7 })).not.toBe(text({ length: 50, seed: 8 }));
    expect(text({ length: 0 })).toBe("");
  });

  it("never draws <unk>, <pad>, <bos>, and ends at <eos>", () => {
    const vocabulary = new Vocabulary(["<unk>", "<pad>", "<bos>", "<eos>", "x"]);
    const rows = Array.from({ length: 5 }, () => [0.4, 0.2, 0.2, 0.02, 0.18]);
    const pieces = [...generate(bigram(vocabulary, rows, [], whitespace()), { length: 1000, seed: 3 })];
    expect(new Set(pieces.slice(1))).toEqual(new Set([" x"]));
    expect(pieces[0]).toBe("x");
    expect(pieces.length).toBeLessThan(1000);
  });

  it("continues from a state", () => {
    const whole = text({ prompt: "ab", length: 20, seed: 3 });
    expect(text({ state: stateAfter(model, "ab"), length: 20, seed: 3 })).toBe(whole);
    expect(text({ state: stateAfter(model, "a"), prompt: "b", length: 20, seed: 3 })).toBe(whole);
  });

  it("resumes bit for bit from a save at any point", async () => {
    const whole = text({ prompt: "a", length: 40, seed: 5 });
    const generation = generate(model, { prompt: "a", length: 40, seed: 5 });
    let first = "";
    for (const piece of generation) {
      first += piece;
      if (first.length === 13) break;
    }
    const bytes = generation.save();
    let rest = "";
    for await (const piece of generate(model, { from: bytes })) rest += piece;
    expect(first + rest).toBe(whole);
    expect([...generate(model, { from: generate(model, { from: bytes }).save() })].join("")).toBe(rest);
    expect([...generate(model, { from: Uint8Array.from(bytes).buffer })].join("")).toBe(rest);
    expect(() => generate(model, { from: "a" as never })).toThrow('"from" expected a Uint8Array or an ArrayBuffer');
    expect(() => generate(model, { from: bytes.subarray(0, 20) })).toThrow(
      '"from" expected the bytes of a saved generation',
    );
    expect(() => generate(model, { from: new Uint8Array(40) })).toThrow('"from" expected');
  });

  it.each([
    [{ length: -1 }, '"length" expected an integer >= 0, got -1'],
    [{ temperature: -1 }, '"temperature" expected a number >= 0, got -1'],
    [{ temperature: Number.NaN }, '"temperature" expected a number >= 0, got NaN'],
    [{ topK: 0 }, '"topK" expected an integer >= 1, got 0'],
    [{ topP: 0 }, '"topP" expected a number in (0, 1], got 0'],
    [{ seed: 0.5 }, '"seed" expected an integer >= 0, got 0.5'],
    [{ prompt: "z" }, '"z" (U+007A) is not among the 3 tokens'],
  ])("refuses %o", (options, message) => {
    expect(() => generate(model, options)).toThrow(message);
  });
});

it("evaluating and generating refuse what is no text, and options that are none", async () => {
  const text = (got: string) => new TypeError(`"text" expected a string, or strings to iterate over, got ${got}`);
  expect(() => evaluate(model, 5 as never)).toThrow(text("5"));
  expect(() => perplexity(model, null as never)).toThrow(text("null"));
  await expect(evaluateAsync(model, {} as never)).rejects.toThrow(text("an Object"));
  expect(() => generate(model, null as never)).toThrow(new TypeError('"options" expected an object, got null'));
  expect(() => generate(model, "a" as never)).toThrow(new TypeError('"options" expected an object, got "a"'));
  for (const [prompt, got] of [
    [5, "5"],
    [null, "null"],
    [["a"], "an Array"],
  ]) {
    const message = `"prompt" expected a string, got ${got}`;
    expect(() => generate(model, { prompt } as never)).toThrow(new TypeError(message));
  }
});

describe("a recurrent model", () => {
  const tale = "the cat sat on the mat. ".repeat(40);
  let network: RecurrentModel;
  beforeAll(async () => {
    const tokenizer = characters();
    const { vocabulary, train: ids } = prepare(tale, tokenizer);
    network = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 24 });
    const options = { windows: carriedWindows({ window: 12, batch: 8 }), epochs: 40 };
    for await (const _ of train(network, ids, options));
  });

  it("is not made without a tokenizer and a vocabulary", async () => {
    const tokenizer = characters();
    const refused = async (options: unknown, message: string) => {
      await expect(RecurrentModel.create(options as never)).rejects.toThrow(message);
      await expect(RecurrentModel.create(options as never)).rejects.toThrow(TypeError);
    };
    await refused(undefined, '"tokenizer" expected a tokenizer, such as characters(), got undefined');
    await refused({ tokenizer: characters }, '"tokenizer" expected a tokenizer, such as characters(), got a Function');
    await refused({ tokenizer }, '"vocabulary" expected a Vocabulary, such as prepare() makes, got undefined');
    await refused({ tokenizer, vocabulary: ["a", "b"] }, "got an Array");
  });

  it("does not read ahead", async () => {
    const { tokenizer, vocabulary } = network;
    const message = '"bidirectional" expected false, got true: a language model cannot read ahead';
    const refused = RecurrentModel.create({ tokenizer, vocabulary, bidirectional: true });
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(RangeError);
    const labels = await TokenNetwork.create(networkConfig({ vocabularySize: vocabulary.size, bidirectional: true }));
    expect(() => RecurrentModel.from(labels, tokenizer, vocabulary)).toThrow(message);
    expect(() => RecurrentModel.from(labels, tokenizer, vocabulary)).toThrow(RangeError);
  });

  it("learns a text by heart, and writes it", () => {
    expect(perplexity(network, tale)).toBeLessThan(1.3);
    expect([...generate(network, { prompt: "the c", length: 30, temperature: 0 })].join("")).toBe(
      "at sat on the mat. the cat sat",
    );
  });

  it("reads an unseen character of the prompt as <unk>", () => {
    expect([...generate(network, { prompt: "thé ", length: 5, temperature: 0 })].join("").length).toBe(5);
  });

  it("scores as it predicts, whole or token by token", () => {
    const { score, ...stepwise } = network as unknown as LanguageModel & { score: unknown };
    const slow: LanguageModel = Object.assign(Object.create(network), { score: undefined });
    expect(stepwise).toBeDefined();
    expect(evaluate(slow, "the mat. the cat").nats).toBeCloseTo(evaluate(network, "the mat. the cat").nats, 5);
  });

  it("its states are values: advancing one leaves it alone; bytes bring it back", () => {
    const start = network.start();
    const next = network.advance(start, 3);
    expect([...start]).toEqual([...network.start()]);
    expect([...network.restoreState(network.saveState(next))]).toEqual([...next]);
    const [a, b] = [network.advance(next, 1), network.advance(network.restoreState(network.saveState(next)), 1)];
    expect([...network.logProbs(a)]).toEqual([...network.logProbs(b)]);
    expect(() => network.restoreState(new Uint8Array(5))).toThrow("a state of this model expected 96 bytes, got 5");
  });

  it("a generation goes on from its bytes in another copy of the model", async () => {
    const whole = [...generate(network, { prompt: "the ", length: 60, seed: 2 })].join("");
    const generation = generate(network, { prompt: "the ", length: 60, seed: 2 });
    const first: string[] = [];
    for (const piece of generation) if (first.push(piece) === 25) break;
    const rest = [...generate(network, { from: generation.save() })];
    expect(first.join("") + rest.join("")).toBe(whole);
  });

  it("refuses a token outside its vocabulary", () => {
    expect(() => network.advance(network.start(), 99)).toThrow('"token" expected an integer from 0 to');
    expect(() => network.logProb(network.start(), -1)).toThrow('"token"');
    expect(() => network.score(Uint8Array.of(1, 99), network.start())).toThrow('"tokens[1]"');
  });
});

describe("how a recurrent model starts", () => {
  const tokenizer = characters();
  const { vocabulary } = prepare("the cat sat on the mat. ", tokenizer, { valid: 0 });
  const V = vocabulary.size;
  const H = 9;
  const create = (options: Partial<RecurrentOptions>) =>
    RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: H, ...options });

  it("forgetBias is in PyTorch's place, gate 1 of i, f, g, o of bias_ih; bias_hh's is 0", async () => {
    const options = { cell: "lstm", layers: 2 } as const;
    const [{ network: plain }, { network }] = [await create(options), await create({ ...options, forgetBias: 1.5 })];
    const gates = (values: Float32Array) => [0, 1, 2, 3].map((gate) => [...values.subarray(gate * H, (gate + 1) * H)]);
    for (const { name } of network.parameters) {
      const expected = gates(plain.read(name));
      if (name.startsWith("rnn.bias_ih")) expected[1] = Array(H).fill(1.5);
      if (name.startsWith("rnn.bias_hh")) expected[1] = Array(H).fill(0);
      if (name.startsWith("rnn.")) expect(gates(network.read(name)), name).toEqual(expected);
    }
  });

  it.each(["rnn", "gru", "lstm"] as const)(
    "orthogonal: Wh·Whᵀ of each gate of the %s is the identity",
    async (cell) => {
      const { network } = await create({ cell, layers: 2, initialization: "orthogonal" });
      const gates = { rnn: 1, gru: 3, lstm: 4 }[cell];
      for (const layer of [0, 1]) {
        const all = network.read(`rnn.weight_hh_l${layer}`);
        for (let gate = 0; gate < gates; gate++) {
          const row = (i: number) => all.subarray((gate * H + i) * H, (gate * H + i + 1) * H);
          for (let i = 0; i < H; i++) {
            for (let j = 0; j < H; j++) {
              const dot = row(i).reduce((sum, x, k) => sum + x * row(j)[k]!, 0);
              expect(Math.abs(dot - (i === j ? 1 : 0))).toBeLessThan(1e-6);
            }
          }
        }
        expect(network.read(`rnn.bias_hh_l${layer}`).every((x) => x === 0)).toBe(true);
      }
    },
  );

  it("xavier: within ±√(6/(in + out)) and close to it, biases 0; pytorch, the default: ±1/√H", async () => {
    const largest = (values: Float32Array) => values.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
    const { network } = await create({ cell: "lstm", initialization: "xavier" });
    for (const [name, bound] of [
      ["rnn.weight_ih_l0", Math.sqrt(6 / (V + H))],
      ["rnn.weight_hh_l0", Math.sqrt(6 / (H + H))],
      ["output.weight", Math.sqrt(6 / (H + V))],
    ] as const) {
      expect(largest(network.read(name)), name).toBeLessThanOrEqual(Math.fround(bound));
      expect(largest(network.read(name)), name).toBeGreaterThan(0.9 * bound);
    }
    for (const name of ["rnn.bias_ih_l0", "rnn.bias_hh_l0", "output.bias"]) expect(largest(network.read(name))).toBe(0);
    const [{ network: one }, { network: other }] = [await create({}), await create({ initialization: "pytorch" })];
    expect([...one.block("parameters")]).toEqual([...other.block("parameters")]);
    expect(largest(one.read("rnn.weight_hh_l0"))).toBeLessThanOrEqual(Math.fround(1 / Math.sqrt(H)));
  });

  it("refuses what is none", async () => {
    await expect(create({ initialization: "zeros" as never })).rejects.toThrow(
      '"initialization" expected "pytorch" or "xavier" or "orthogonal", got "zeros"',
    );
    await expect(create({ forgetBias: 1 })).rejects.toThrow('"forgetBias" expected the cell "lstm", got "rnn"');
    await expect(create({ cell: "lstm", forgetBias: Number.NaN })).rejects.toThrow('"forgetBias" expected a finite');
  });

  it("tied: trains, is saved, loaded, written with and resumed with the same bits", async () => {
    const { train: ids } = prepare("the cat sat on the mat. ".repeat(20), tokenizer);
    const windows = carriedWindows({ window: 8, batch: 4 });
    const make = () => create({ cell: "gru", tied: true, embeddingSize: H });
    const [model, cut] = [await make(), await make()];
    expect(model.network.parameters.map(({ name }) => name)).not.toContain("output.weight");
    const losses: number[] = [];
    for await (const { loss } of train(model, ids, { windows, steps: 30 })) losses.push(loss);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const part = train(cut, ids, { windows, steps: 30 });
    for await (const { step } of part) if (step === 13) break;
    const resumed = await resume(saveCheckpoint(part), ids);
    const rest: number[] = [];
    for await (const { loss } of resumed.training) rest.push(loss);
    expect(rest).toEqual(losses.slice(13));
    expect(saveModel(resumed.model)).toEqual(saveModel(model));
    const loaded = await loadModel(saveModel(model));
    const text = (of: RecurrentModel) => [...generate(of, { prompt: "the", length: 40 })].join("");
    expect(text(loaded)).toBe(text(model));
    expect(evaluate(loaded, ids)).toEqual(evaluate(model, ids));
  });
});
