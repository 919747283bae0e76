import { describe, expect, it } from "vitest";
import { characters, RecurrentModel, Vocabulary } from "../src/entries/index.js";
import { copyVectors, copyWeights, vectorsOf } from "../src/nn/transfer.js";

const vocabulary = new Vocabulary(["<unk>", "Cat", "dog", "fish"]);
const make = (options: object, words = vocabulary) =>
  RecurrentModel.create({ tokenizer: characters(), vocabulary: words, hiddenSize: 5, embeddingSize: 3, ...options });
const EMBEDDING = "embedding.weight";

describe("vectors of words", () => {
  it("become the rows of an embedding; words without one keep theirs", async () => {
    const { network } = await make({});
    const before = network.read(EMBEDDING);
    const vectors = new Map<string, ArrayLike<number>>([
      ["dog", [1, 2, 3]],
      ["cat", Float32Array.of(4, 5, 6)],
      ["horse", [7, 8, 9]],
    ]);
    const { version } = network;
    expect(copyVectors(network, EMBEDDING, vocabulary.tokens, vectors)).toBe(2);
    expect(network.version).toBeGreaterThan(version);
    expect([...network.read(EMBEDDING)]).toEqual([...before.slice(0, 3), 4, 5, 6, 1, 2, 3, ...before.slice(9)]);
    // The exact form comes first.
    vectors.set("Cat", [0, 0, 1]);
    copyVectors(network, EMBEDDING, vocabulary.tokens, vectors);
    expect([...network.read(EMBEDDING).slice(3, 6)]).toEqual([0, 0, 1]);
  });

  it.each([
    [
      new Map([["dog", [1, 2]]]),
      '"vectors" expected 3 numbers for each word, the width of the embedding, got 2 for "dog"',
    ],
    [new Map([["dog", [1, Number.NaN, 2]]]), '"vectors" expected finite numbers, got NaN for "dog"'],
    [new Map([["dog", [1, 1e39, 2]]]), '"vectors" expected finite numbers, got Infinity for "dog"'],
    [new Map([["horse", [1, 2, 3]]]), '"vectors" expected vectors of the vocabulary\'s 4 words, got none of them'],
    [{ dog: [1, 2, 3] }, '"vectors" expected vectors of words, such as a Map, got an Object'],
    [undefined, '"vectors" expected vectors of words, such as a Map, got undefined'],
  ])("that do not fit are refused, and change nothing: %#", async (vectors, message) => {
    const { network } = await make({});
    const before = network.read(EMBEDDING);
    expect(() => copyVectors(network, EMBEDDING, vocabulary.tokens, vectors as never)).toThrow(message);
    expect(network.read(EMBEDDING)).toEqual(before);
  });
});

describe("a new language model", () => {
  it("starts from vectors", async () => {
    const vectors = new Map([["dog", [1, 2, 3]]]);
    const [given, without] = [await make({ vectors }), await make({})];
    for (const { name } of without.network.parameters) {
      const expected = without.network.read(name);
      if (name === EMBEDDING) expected.set([1, 2, 3], 6);
      expect(given.network.read(name), name).toEqual(expected);
    }
    await expect(make({ vectors, embeddingSize: 4 })).rejects.toThrow('"vectors" expected 4 numbers for each word');
    await expect(make({ vectors, embeddingSize: 0 })).rejects.toThrow(
      '"vectors" expected an "embeddingSize" equal to their width, got none',
    );
  });
});

describe("the embedding of a language model", () => {
  it("becomes that of another vocabulary, token by token", async () => {
    const from = await make({});
    const words = new Vocabulary(["dog", "bird", "CAT", "Fish"]);
    const { network } = await make({ seed: 2 }, words);
    const before = network.read(EMBEDDING);
    expect(copyVectors(network, EMBEDDING, words.tokens, vectorsOf(from.network, EMBEDDING, vocabulary))).toBe(2);
    const row = (values: Float32Array, i: number) => [...values.subarray(3 * i, 3 * i + 3)];
    const [source, found] = [from.network.read(EMBEDDING), network.read(EMBEDDING)];
    expect(row(found, 0)).toEqual(row(source, 2));
    expect(row(found, 1)).toEqual(row(before, 1));
    expect(row(found, 2)).toEqual(row(before, 2));
    expect(row(found, 3)).toEqual(row(source, 3));
    const oneHot = await make({ embeddingSize: 0 });
    expect(() => vectorsOf(oneHot.network, EMBEDDING, vocabulary)).toThrow('there is no parameter "embedding.weight"');
  });
});

describe("the weights of a trained network", () => {
  const encoder = (name: string) => !name.startsWith("output.");

  it("become those of another for other outputs", async () => {
    const from = (await make({ cell: "lstm", layers: 2 })).network;
    const to = (await make({ cell: "lstm", layers: 2, seed: 2 })).network;
    const before = new Map(to.parameters.map(({ name }) => [name, to.read(name)]));
    copyWeights(to, from, encoder);
    for (const { name } of to.parameters) {
      const kept = before.get(name)!;
      expect(to.read(name), name).toEqual(encoder(name) ? from.read(name) : kept);
      expect(kept, name).not.toEqual(from.read(name));
    }
  });

  it.each([
    [{ hiddenSize: 6 }, '"from" expected a network whose "rnn.weight_ih_l0" is 5 × 3, got 6 × 3: use its sizes'],
    [{ cell: "gru" }, '"from" expected a network whose "rnn.weight_ih_l0" is 5 × 3, got 15 × 3: use its sizes'],
    [{ embeddingSize: 4 }, '"from" expected a network whose "embedding.weight" is 4 × 3, got 4 × 4: use its sizes'],
  ])("that do not fit are refused, and change nothing: %j", async (options, message) => {
    const from = (await make(options)).network;
    const { network: to } = await make({ seed: 2 });
    const before = to.parameters.map(({ name }) => to.read(name));
    expect(() => copyWeights(to, from, encoder)).toThrow(message);
    expect(() => copyWeights(to, from, () => false)).toThrow("has parameters in common, got none");
    expect(to.parameters.map(({ name }) => to.read(name))).toEqual(before);
  });
});
