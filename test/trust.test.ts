// Values that come back from the caller (states, ids, vocabularies, settings) are not trusted; a model is trained by one run at
// a time and evaluated with the weights of one moment; NaN is never reported as a result.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import {
  carriedWindows,
  characters,
  evaluate,
  evaluateAsync,
  generate,
  gradientFlow,
  type LanguageModel,
  lines,
  loadWeights,
  nextTokens,
  type Progress,
  pattern,
  perplexity,
  prepare,
  RecurrentModel,
  resume,
  saveCheckpoint,
  saveModel,
  sentences,
  sgd,
  stateAfter,
  type TokenIds,
  train,
  Vocabulary,
  whitespace,
  words,
} from "../src/entries/index.js";
import { countNgrams, kneserNey, NgramModel, saveNgram } from "../src/entries/ngram.js";
import { commandIn } from "./command.js";

const TEXT = "the cat sat on the mat. ".repeat(40);
const tokenizer = characters();
const { vocabulary, train: ids, valid } = prepare(TEXT, tokenizer);
const windows = carriedWindows({ window: 8, batch: 4 });
const create = (hiddenSize = 8, cell: "rnn" | "lstm" = "lstm") =>
  RecurrentModel.create({ tokenizer, vocabulary, hiddenSize, cell });
const TOKENIZERS = [tokenizer, words(), sentences(), whitespace(), lines(), pattern(/./)];
const weights = (model: RecurrentModel) => [...model.network.block("parameters")];

let model: RecurrentModel;
beforeEach(async () => {
  model = await create();
});

describe("a state", () => {
  const uses = (of: LanguageModel<never>, state: never): Record<string, () => unknown> => ({
    logProbs: () => of.logProbs(state),
    logProb: () => of.logProb(state, 1),
    advance: () => of.advance(state, 1),
    score: () => of.score!(Uint8Array.of(1), state),
    saveState: () => of.saveState(state),
    nextTokens: () => nextTokens(of, state),
    stateAfter: () => stateAfter(of, "t", state),
    "stateAfter nothing": () => stateAfter(of, "", state),
  });

  it("of another model, of another kind or detached is refused by everything that takes one", async () => {
    const [wide, narrow] = [(await create(20)).start(), (await create(8, "rnn")).start()];
    const gone = model.start();
    structuredClone(gone, { transfer: [gone.buffer] });
    for (const state of [wide, narrow, gone]) {
      for (const [name, use] of Object.entries(uses(model as never, state as never))) {
        expect(use, name).toThrow(new RegExp(`^"state" expected 16 numbers, got ${state.length}`));
        expect(use, name).toThrow(RangeError);
      }
    }
    for (const state of [3, [...model.start()], new Float64Array(16), null]) {
      for (const [name, use] of Object.entries(uses(model as never, state as never))) {
        expect(use, name).toThrow(/^"state" expected .*, got /);
        expect(use, name).toThrow(TypeError);
      }
    }
    const { tokenNetwork: network } = model;
    const batch = { T: 2, B: 2, inputs: new Int32Array(4), targets: new Int32Array(4) };
    expect(() => network.gradients(batch, network.initialState(1))).toThrow('"state" expected 32 numbers, got 16');
    expect(() => network.step(1, wide)).toThrow('"state" expected');
  });

  it("of an n-gram model is one of its nodes", () => {
    const ngrams = kneserNey(countNgrams("a b c\nb c d\n", { order: 2 }), { discountFallback: true });
    for (const state of [-1, 0.5, Number.NaN, 1e9, ngrams.logP.length]) {
      for (const [name, use] of Object.entries(uses(ngrams as never, state as never))) {
        expect(use, name).toThrow(/^"state" expected an integer from 0 to \d+, got /);
      }
    }
  });

  it("of an n-gram model that lost a table is refused, where looking it up would not end", () => {
    for (const lose of [
      ({ trie }: NgramModel) => trie.suffix,
      ({ trie }: NgramModel) => trie.first,
      ({ trie }: NgramModel) => trie.word,
      ({ logP }: NgramModel) => logP,
      ({ logB }: NgramModel) => logB,
    ]) {
      const counts = countNgrams("a b c\nb c d\n", { order: 3 });
      const ngrams = kneserNey(counts, { discountFallback: true });
      const state = stateAfter(ngrams, "a b");
      const table = lose(ngrams);
      structuredClone(table, { transfer: [table.buffer] });
      for (const use of [...Object.values(uses(ngrams as never, state as never)), () => saveNgram(ngrams)]) {
        expect(use).toThrow('"model" expected an n-gram model with its tables, got one whose buffers were detached');
      }
    }
    const counts = countNgrams("a b c\nb c d\n", { order: 3 });
    structuredClone(counts.occurrences, { transfer: [counts.occurrences.buffer] });
    expect(() => kneserNey(counts)).toThrow('"counts" expected the result of countNgrams()');
  });

  it("of a generation is that of its model", async () => {
    const saved = generate(model, { length: 5 }).save();
    expect(() => [...generate(model, { from: saved })]).not.toThrow();
    const other = await create(20);
    expect(() => generate(other, { from: saved })).toThrow("a state of this model expected 160 bytes, got 64");
    for (const more of [{ prompt: "t" }, { length: 3 }, { seed: 4 }]) {
      const [name] = Object.keys(more);
      expect(() => generate(model, { from: saved, ...more })).toThrow(
        `"${name}" expected no value with "from", which contains it, got `,
      );
    }
  });
});

describe("ids", () => {
  /** Trains three steps, does something to the ids, and goes on. @returns the error, and whether the weights are as they were */
  async function spoiled(given: TokenIds, spoil: () => void): Promise<[Error, boolean]> {
    let before: number[] = [];
    try {
      for await (const { step } of train(model, given, { windows, epochs: 2 })) {
        before = weights(model);
        if (step === 3) spoil();
      }
    } catch (error) {
      return [error as Error, weights(model).every((value, i) => Object.is(value, before[i]))];
    }
    throw new Error("the training ended");
  }

  it("that change after train() checked them are found, and the weights stay those of the last step", async () => {
    const copy = Int32Array.from(ids);
    for (const wrong of [200, -1, 2 ** 30]) {
      copy.set(ids);
      const [error, kept] = await spoiled(copy, () => copy.fill(wrong));
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(
        new RegExp(
          `^"tokens\\[\\d+\\]" expected an integer from 0 to ${vocabulary.size - 1}, got ${wrong}: the ids must not change`,
        ),
      );
      expect(kept).toBe(true);
    }
  });

  it("whose buffer is transferred or shrunk meanwhile likewise", async () => {
    const moved = Uint8Array.from(ids);
    const [error, kept] = await spoiled(moved, () => structuredClone(moved, { transfer: [moved.buffer] }));
    expect(error.message).toMatch(
      /^"tokens\[\d+\]" expected an integer from 0 to \d+, got undefined: the ids must not change/,
    );
    expect(kept).toBe(true);
    const Resizable = ArrayBuffer as unknown as new (
      length: number,
      options: { maxByteLength: number },
    ) => ArrayBuffer & { resize(length: number): void };
    const buffer = new Resizable(ids.length, { maxByteLength: ids.length });
    const shrinking = new Uint8Array(buffer);
    shrinking.set(ids);
    const [shrunk, same] = await spoiled(shrinking, () => buffer.resize(20));
    expect(shrunk.message).toMatch(/^"tokens\[\d+\]" expected an integer from 0 to \d+, got undefined/);
    expect(same).toBe(true);
  });

  it("that are held out are checked again each time", async () => {
    const held = Uint8Array.from(valid);
    const training = train(model, ids, { windows, epochs: 3, valid: held });
    await expect(async () => {
      for await (const _ of training) held.fill(99);
    }).rejects.toThrow('"valid[0]" expected an integer from 0 to');
    structuredClone(held, { transfer: [held.buffer] });
    expect(() => train(model, ids, { windows, valid: held })).toThrow(
      '"valid" expected an array with its buffer, got a detached',
    );
    expect(() => train(model, held, { windows })).toThrow('"tokens" expected an array with its buffer, got a detached');
  });

  it("that are detached during an evaluation are noticed", async () => {
    const long = Uint8Array.from({ length: 100_000 }, (_, i) => i % vocabulary.size);
    const evaluation = evaluateAsync(model, long);
    structuredClone(long, { transfer: [long.buffer] });
    await expect(evaluation).rejects.toThrow(
      '"text" expected to keep its 100000 ids, got 0: its buffer was detached or shrunk',
    );
  });

  it("outside the vocabulary never reach the kernels", () => {
    const { tokenNetwork: network } = model;
    const batch = (inputs: number[], targets: number[]) => ({
      T: 2,
      B: 1,
      inputs: Int32Array.from(inputs),
      targets: Int32Array.from(targets),
    });
    const state = network.initialState(1);
    const V = vocabulary.size;
    expect(() => network.gradients(batch([0, V], [0, 0]), state)).toThrow(
      `"inputs[1]" expected an integer from 0 to ${V - 1}`,
    );
    expect(() => network.gradients(batch([-1, 0], [0, 0]), state)).toThrow('"inputs[0]"');
    expect(() => network.gradients(batch([0, 0], [-2, 0]), state)).toThrow(
      '"targets[0]" expected an integer from -1 to',
    );
    expect(() => network.gradients(batch([0, 0], [0, V]), state)).toThrow('"targets[1]"');
    expect(() => network.step(V, state)).toThrow('"token"');
    expect(() => network.score(Uint8Array.of(V), state)).toThrow('"tokens[0]"');
    expect(Number.isFinite(network.gradients(batch([0, 1], [-1, 1]), state))).toBe(true);
  });
});

describe("what never changes", () => {
  it("a vocabulary, whatever is done to what it was made of", () => {
    const given = ["<unk>", "a", "b"];
    const made = new Vocabulary(given);
    given.push("c");
    given[1] = "z";
    expect(made.tokens).toEqual(["<unk>", "a", "b"]);
    expect(() => (made.tokens as string[]).push("c")).toThrow(TypeError);
    expect(() => Object.assign(made, { unknown: 99 })).toThrow(TypeError);
    expect(() => Object.assign(made, { tokens: ["q"] })).toThrow(TypeError);
    expect([made.size, made.id("c"), made.id("a")]).toEqual([3, 0, 1]);
  });

  it("a network's configuration, a model's parts, a tokenizer, the settings of a training, its state", () => {
    const training = train(model, ids, { windows });
    const frozen = {
      config: model.config,
      model,
      ...Object.fromEntries(TOKENIZERS.map((tokenizer) => [tokenizer.spec.kind, tokenizer.spec])),
      training,
      settings: training.settings,
      windows: training.settings.windows,
      optimizer: training.settings.optimizer,
      schedule: training.settings.schedule,
    };
    for (const [name, value] of Object.entries(frozen)) expect(Object.isFrozen(value), name).toBe(true);
    Object.assign(training.state, { step: 1000 });
    expect(training.state.step).toBe(0);
    const mine = { kind: "sgd", learningRate: 0.5, momentum: 0 } as const;
    const of = train(model, ids, { windows, optimizer: mine });
    Object.assign(mine, { learningRate: 1e9 });
    expect(of.settings.optimizer.learningRate).toBe(0.5);
  });
});

describe("one training at a time", () => {
  const first = async (iterator: AsyncIterator<Progress>) => (await iterator.next()).value as Progress;

  it("a second one of the same model waits until the first was left", async () => {
    const one = train(model, ids, { windows, steps: 4 });
    const two = train(model, ids, { windows, steps: 4 });
    const going = one[Symbol.asyncIterator]();
    await going.next();
    await expect(first(two[Symbol.asyncIterator]())).rejects.toThrow("the model is already being trained");
    await expect(two).rejects.toThrow("the model is already being trained");
    await going.return?.();
    expect((await two)!.step).toBe(4);
  });

  it("the hold ends with break, with an error in the loop, with an abort, and at the end", async () => {
    const stop = new AbortController();
    for await (const _ of train(model, ids, { windows, steps: 4 })) break;
    await expect(async () => {
      for await (const _ of train(model, ids, { windows, steps: 4 })) throw new Error("mine");
    }).rejects.toThrow("mine");
    await expect(async () => {
      for await (const _ of train(model, ids, { windows, steps: 4, signal: stop.signal })) stop.abort();
    }).rejects.toThrow("abort");
    await train(model, ids, { windows, steps: 4 });
    expect((await train(model, ids, { windows, steps: 2 }))!.done).toBe(1);
  });

  it("cannot be iterated over twice at once, and awaited not while it is iterated over", async () => {
    const training = train(model, ids, { windows, steps: 5 });
    for await (const { step } of training) {
      if (step > 1) continue;
      await expect(first(training[Symbol.asyncIterator]())).rejects.toThrow(
        "this run is already being iterated over or awaited",
      );
      await expect(training).rejects.toThrow("this run is already being iterated over or awaited");
    }
    expect(training.state.step).toBe(5);
  });

  it("one that was left does not go on from another one's moments", async () => {
    const training = train(model, ids, { windows, steps: 6 });
    for await (const { step } of training) if (step === 2) break;
    const checkpoint = saveCheckpoint(training);
    await train(model, ids, { windows, steps: 1 });
    const message = "another run has trained the model since this one was left";
    await expect(training).rejects.toThrow(message);
    expect(() => saveCheckpoint(training)).toThrow(message);
    expect((await (await resume(checkpoint, ids)).training)!.step).toBe(6);
  });

  it("whose batch fails keeps the state of the last step: it goes on with the same bits", async () => {
    const whole = await create();
    await train(whole, ids, { windows, epochs: 2 });
    const copy = Uint8Array.from(ids);
    const training = train(model, copy, { windows, epochs: 2 });
    await expect(async () => {
      for await (const { step } of training) if (step === 5) copy.fill(255);
    }).rejects.toThrow(RangeError);
    copy.set(ids);
    await training;
    expect(weights(model)).toEqual(weights(whole));
  });
});

describe("an evaluation", () => {
  const long = Uint8Array.from({ length: 200_000 }, (_, i) => ids[i % ids.length]!);

  it("of a model that is trained meanwhile is refused, not mixed", async () => {
    const evaluation = evaluateAsync(model, long);
    const step = train(model, ids, { windows, steps: 1 });
    await Promise.all([expect(evaluation).rejects.toThrow("the model was trained while it was evaluated"), step]);
    for (const change of [
      () => loadWeights(model, torch(model)),
      () => model.network.write("output.bias", new Float32Array(vocabulary.size)),
    ]) {
      const other = evaluateAsync(model, long);
      change();
      await expect(other).rejects.toThrow("the model was trained while it was evaluated");
    }
  });

  it("between steps, and of a model whose training's blocks are laid out meanwhile, is what it is alone", async () => {
    const alone = evaluate(model, long);
    const evaluation = evaluateAsync(model, long);
    model.network.block("moment1");
    expect(await evaluation).toEqual(alone);
    for await (const _ of train(model, ids, { windows, steps: 2 })) {
      expect(await evaluateAsync(model, valid)).toEqual(evaluate(model, valid));
      expect([...generate(model, { length: 5 })].length).toBe(5);
    }
  });

  it("a generation goes on with the weights of the moment", async () => {
    const generation = generate(model, { length: 40 })[Symbol.iterator]();
    for (let i = 0; i < 10; i++) generation.next();
    await train(model, ids, { windows, steps: 3 });
    let pieces = 10;
    while (!generation.next().done) pieces++;
    expect(pieces).toBe(40);
  });

  /** A state_dict of the model's own weights. */
  const torch = (of: RecurrentModel): Uint8Array => saveModel(of);
});

describe("await", () => {
  it("of a training trains to its end, with the same bits, and gives the last progress", async () => {
    const iterated = await create();
    const all: Progress[] = [];
    for await (const progress of train(iterated, ids, { windows, epochs: 2, valid })) all.push(progress);
    const training = train(model, ids, { windows, epochs: 2, valid });
    expect(training.state.step).toBe(0);
    const last = (await training)!;
    const { tokensPerSecond: _, ...expected } = all.at(-1)!;
    expect(last).toMatchObject(expected);
    expect(weights(model)).toEqual(weights(iterated));
    expect(await training).toBe(last); // nothing is left to train
    expect(training.state.step).toBe(last.step);
  });

  it("twice at once trains once; after break it goes on; what goes wrong is thrown", async () => {
    const training = train(model, ids, { windows, steps: 6 });
    for await (const { step } of training) if (step === 2) break;
    const [a, b] = await Promise.all([training, training]);
    expect([a, b!.step]).toEqual([b, 6]);
    await expect(train(model, ids, { windows, steps: 3, signal: AbortSignal.abort() })).rejects.toThrow("abort");
    await expect(
      train(model, ids, { windows, optimizer: sgd({ learningRate: 1e38 }), clip: 1e38, steps: 3 }),
    ).rejects.toThrow("expected a finite number");
  });

  it("of resume() has the model and the training, which goes on when it is iterated over or awaited", async () => {
    const whole = await create();
    await train(whole, ids, { windows, epochs: 2 });
    const half = train(model, ids, { windows, epochs: 1 });
    await half;
    const { model: again, training } = await resume(saveCheckpoint(half), ids, { epochs: 2 });
    expect(training.model).toBe(again);
    expect(training.state.step).toBe(half.state.step);
    await training;
    expect(weights(again)).toEqual(weights(whole));
  });

  it("forgotten, or new in its place, is named", async () => {
    const options = { tokenizer, vocabulary };
    const promise = RecurrentModel.create(options) as never;
    const message =
      '"model" expected a model that can be trained, such as from RecurrentModel.create(), got a Promise (did you forget to await it?)';
    expect(() => train(promise, ids as never)).toThrow(message);
    expect(() => generate(promise)).toThrow("got a Promise (did you forget to await it?)");
    const New = RecurrentModel as unknown as new (options: object) => unknown;
    expect(() => new New(options)).toThrow(
      new TypeError('"RecurrentModel" expected await RecurrentModel.create({ … }), got new RecurrentModel(…)'),
    );
    const NewNgram = NgramModel as unknown as new (options: object) => unknown;
    expect(() => new NewNgram({ order: 3 })).toThrow(
      /^"NgramModel" expected kneserNey\(counts\), .*, got new NgramModel/,
    );
    await promise;
  });
});

describe("what is not a number", () => {
  const NOT = "the model's probabilities expected numbers, got NaN";
  const spoil = (name: string, value: number) => {
    const values = model.network.read(name);
    model.network.write(name, values.fill(value));
  };

  it.each([
    ["output.weight", Number.NaN],
    ["output.weight", Infinity],
    ["rnn.weight_hh_l0", Number.NaN],
    ["rnn.weight_ih_l0", Number.NaN],
    ["output.bias", Number.NaN],
  ])("is no result: %s of %d", async (name, value) => {
    spoil(name, value);
    for (const use of [
      () => evaluate(model, TEXT),
      () => perplexity(model, TEXT),
      () => nextTokens(model, stateAfter(model, "the")),
      () => [...generate(model, { prompt: "the", length: 5 })],
      () => [...generate(model, { prompt: "the", length: 5, temperature: 0 })],
      () => [...generate(model, { prompt: "the", length: 5, topK: 3, topP: 0.5 })],
      () => gradientFlow(model, ids, { steps: 4 }),
    ]) {
      expect(use).toThrow(NOT);
      expect(use).toThrow(RangeError);
    }
    await expect(evaluateAsync(model, TEXT)).rejects.toThrow(NOT);
    await expect(train(model, ids, { windows })).rejects.toThrow("expected a finite number");
  });

  it("weights near the largest float give a result or that error, in every cell", async () => {
    for (const cell of ["rnn", "gru", "lstm"] as const) {
      for (const value of [3.4e38, 1e38, 1e20]) {
        model = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 8, cell });
        for (const { name } of model.network.parameters) {
          model.network.write(
            name,
            model.network.read(name).map((x) => Math.sign(x) * value),
          );
        }
        for (const use of [
          () => Object.values(evaluate(model, TEXT)),
          () => nextTokens(model, stateAfter(model, "the")).map(({ probability }) => probability),
          () => [[...generate(model, { length: 20 })].length],
        ]) {
          try {
            for (const number of use()) expect(number).not.toBeNaN();
          } catch (error) {
            expect((error as Error).message).toContain(NOT);
          }
        }
      }
    }
  });

  it("<unk> is not generated where nothing else is possible", () => {
    const nothing: LanguageModel<number> = {
      tokenizer,
      vocabulary: new Vocabulary(["<unk>", "a"]),
      start: () => 0,
      logProbs: () => Float32Array.of(0, -Infinity),
      logProb: () => 0,
      advance: () => 0,
      saveState: () => new Uint8Array(1),
      restoreState: () => 0,
    };
    for (const temperature of [0, 1]) {
      expect(() => [...generate(nothing, { temperature, length: 2 })]).toThrow(
        "the model gives probability 0 to every token that could be written next",
      );
    }
    expect(nextTokens(nothing, 0)).toEqual([]);
  });

  it("a perplexity without unknown tokens is left out where there are no others", () => {
    const { unknown, tokens, ...rest } = evaluate(model, "ZZZZ");
    expect([unknown, tokens]).toEqual([3, 3]);
    expect(Object.keys(rest)).toEqual(["nats", "bits", "perplexity", "impossible"]);
    expect(Object.values(rest).every(Number.isFinite)).toBe(true);
    expect(evaluate(model, "ZtZ").perplexityExcludingUnknown).toBeGreaterThan(1);
  });
});

describe("the command", () => {
  const { directory: folder, run } = commandIn("trust");
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, contents: string | Uint8Array) => {
    writeFileSync(join(folder, name), contents);
    return join(folder, name);
  };

  it("ends with 1 and one line where a model computes no numbers", () => {
    for (const { name } of model.network.parameters) {
      model.network.write(
        name,
        model.network.read(name).map((x) => Math.sign(x) * 3.4e38),
      );
    }
    const saved = file("large.safetensors", saveModel(model));
    for (const args of [
      ["eval", saved, file("text.txt", TEXT)],
      ["eval", saved, file("text.txt", TEXT), "--json"],
      ["generate", saved],
    ]) {
      const { status, stdout, stderr } = run(args);
      expect(status, stderr).toBe(1);
      // Text generated before the first NaN is kept.
      expect(stdout).toMatch(args[0] === "eval" ? /^$/ : /^[a-z. ]*$/);
      expect(stderr).toMatch(/^rivulet: .*the model's probabilities expected numbers, got NaN: its weights.*\n$/);
    }
  });

  it("says that a text has nothing that the model knows", () => {
    const saved = file("model.safetensors", saveModel(model));
    const text = file("unknown.txt", "ZZZZ");
    expect(run(["eval", saved, text]).stdout).toMatch(/\n3 tokens unknown to the model; it knows none of the text\n$/);
    const line = JSON.parse(run(["eval", saved, text, "--json"]).stdout);
    expect(line).toMatchObject({ unknown: 3, tokens: 3 });
    expect(line).not.toHaveProperty("perplexityExcludingUnknown");
    expect(Object.values(line).every((value) => typeof value === "number")).toBe(true);
  });
});
