// Classifiers that start from vectors of words, or from a language model.

import { describe, expect, it } from "vitest";
import { Classifier, type Example, resume } from "../src/entries/classify.js";
import { prepare, RecurrentModel, saveCheckpoint, saveModel, train, words } from "../src/entries/index.js";
import { loadKinds } from "../src/io/model.js";
import { classifier } from "../src/tasks/classifier.js";

const examples: Example[] = [
  ["food", "Bread and soup"],
  ["food", "soup and rice"],
  ["sky", "rain and wind"],
  ["sky", "wind, sun"],
].map(([label, text]) => ({ labels: [label!], text: text! }));
const options = { examples, encoder: "gru", embeddingSize: 3, hiddenSize: 5 } as const;
const EMBEDDING = "embedding.weight";
/** The rows of the words: unknown ones, bread, and, soup, rice, rain, wind, a comma, sun. */
const ROW = { bread: 1, soup: 3, sun: 8 };
const row = (model: Classifier, i: number) => [...model.network.read(EMBEDDING).subarray(3 * i, 3 * i + 3)];

describe("a classifier that starts from vectors", () => {
  const vectors = new Map([
    ["bread", [1, 2, 3]],
    ["sun", [4, 5, 6]],
    ["moon", [7, 8, 9]],
  ]);

  it("has them in the rows of their words", async () => {
    const [given, usual] = [await Classifier.create({ ...options, vectors }), await Classifier.create(options)];
    expect(row(given, ROW.bread)).toEqual([1, 2, 3]);
    expect(row(given, ROW.sun)).toEqual([4, 5, 6]);
    expect(row(given, ROW.soup)).toEqual(row(usual, ROW.soup));
  });

  it("leaves a frozen embedding as it is, also when it is resumed from a file", async () => {
    const run = { epochs: 4, batch: 2 };
    const model = await Classifier.create({ ...options, vectors, frozen: true });
    const before = model.network.read(EMBEDDING);
    const whole = train(model, examples, run);
    let checkpoint = new Uint8Array();
    for await (const { step } of whole) if (step === 3) checkpoint = saveCheckpoint(whole) as typeof checkpoint;
    expect(model.network.read(EMBEDDING)).toEqual(before);
    const resumed = await resume(checkpoint, examples);
    await resumed.training;
    expect(saveModel(resumed.model)).toEqual(saveModel(model));
    const loaded = await loadKinds([classifier], saveModel(model), {});
    await train(loaded, examples, run);
    expect(loaded.network.read(EMBEDDING)).toEqual(before);
    const free = await Classifier.create({ ...options, vectors });
    await train(free, examples, run);
    expect(row(free, ROW.bread)).not.toEqual([1, 2, 3]);
  });

  it.each([
    [{ vectors, embeddingSize: 4 }, '"vectors" expected 4 numbers for each word, the width of the embedding, got 3'],
    [{ vectors: new Map([["moon", [1, 2, 3]]]) }, "got none of them"],
    [{ vectors, encoder: "bag" }, '"vectors" expected a recurrent "encoder", which has an embedding, got "bag"'],
    [{ frozen: true, encoder: "bag" }, '"frozen" expected a recurrent "encoder", which has an embedding, got "bag"'],
    [{ frozen: 1 }, '"frozen" expected true or false, got 1'],
    [{ from: {} }, '"from" expected a language model, such as from RecurrentModel.create(), got an Object'],
  ])("or says what is wrong: %#", async (wrong, message) => {
    await expect(Classifier.create({ ...options, ...wrong } as never)).rejects.toThrow(message);
  });
});

describe("a classifier that starts from a language model", () => {
  const tokenizer = words({ lowercase: true });
  const { vocabulary, train: ids } = prepare("bread and soup and rain and the sun. ".repeat(20), tokenizer, {
    valid: 0,
  });
  const language = (shape: object = {}) =>
    RecurrentModel.create({
      tokenizer,
      vocabulary,
      cell: "lstm",
      hiddenSize: 6,
      embeddingSize: 3,
      layers: 2,
      ...shape,
    });

  it("has its recurrent weights, and its embedding where it knows the word", async () => {
    const from = await language();
    await train(from, ids, { steps: 3, windows: { kind: "carried", window: 8, batch: 4 } });
    const model = await Classifier.create({ examples, from });
    expect(model.config).toMatchObject({ encoder: "lstm", hiddenSize: 6, layers: 2, bidirectional: false });
    for (const { name } of from.network.parameters) {
      if (name.startsWith("rnn.")) expect(model.network.read(name), name).toEqual(from.network.read(name));
    }
    const source = from.network.read(EMBEDDING);
    const at = vocabulary.id("soup");
    expect(row(model, ROW.soup)).toEqual([...source.subarray(3 * at, 3 * at + 3)]);
    await train(model, examples, { epochs: 2 });
    expect(model.predict("soup").length).toBe(1);
  });

  it.each([
    [{}, { hiddenSize: 7 }, '"from" expected a network whose "rnn.weight_ih_l0" is 28 × 3, got 24 × 3'],
    [{}, { bidirectional: true }, '"from" expected a network whose "rnn.weight_ih_l1" is 24 × 12, got 24 × 6'],
    [{ embeddingSize: 0 }, {}, '"from" expected a language model with an embedding, got one without'],
    [{ cell: "rnn", activation: "relu" }, {}, '"from" expected the activation "tanh", got "relu"'],
  ])("or says what does not fit: %j %j", async (shape, other, message) => {
    await expect(Classifier.create({ examples, from: await language(shape), ...other })).rejects.toThrow(message);
  });
});
