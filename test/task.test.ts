// A kind of model that the training loop, evaluation and files have never heard of is trained, evaluated, saved and resumed
// like language models are. Here: strings of four bits, labeled by whether most of them are 1.

import { describe, expect, it } from "vitest";
import { fnv1a } from "../src/arrays.js";
import { similarLengths } from "../src/data/batches.js";
import {
  adamw,
  characters,
  evaluate,
  evaluateAsync,
  loadModel,
  RecurrentModel,
  saveCheckpoint,
  saveModel,
  sgd,
  train,
  Vocabulary,
} from "../src/entries/index.js";
import { resumeKinds } from "../src/io/checkpoint.js";
import { type Kind, loadKinds } from "../src/io/model.js";
import { mix, Random } from "../src/random.js";
import type { Figures, Task } from "../src/train/task.js";

/** A string of bits, and whether most of them are 1. */
type Example = readonly [bits: string, label: 0 | 1];
interface Accuracy extends Figures {
  accuracy: number;
  /** NaN without any example whose label is 1. */
  recall: number;
}

const LENGTH = 4;
/** The names of the data that was prepared. */
let prepared: string[] = [];
const vocabulary = new Vocabulary(["0", "1"]);
const create = (seed = 1) =>
  RecurrentModel.create({ tokenizer: characters(), vocabulary, cell: "gru", hiddenSize: 16, seed });

/** The examples in the form that a batch copies from. */
interface Coded {
  bits: Int32Array;
  labels: Int32Array;
}

/** Majority of four bits, as the class that the last step of a network predicts. */
class Majority implements Task<readonly Example[], Accuracy, Coded> {
  readonly kind = "majority";
  readonly cut = "batch";
  readonly defaults = { epochs: 30, batch: 4, optimizer: adamw({ learningRate: 0.01 }) };
  constructor(
    private readonly model: RecurrentModel,
    readonly watched: { figure: "accuracy" | "recall"; better: "higher" } = { figure: "accuracy", better: "higher" },
  ) {}
  get network() {
    return this.model.network;
  }
  describe() {
    return { length: LENGTH };
  }
  prepare(name: string, data: readonly Example[]) {
    if (!Array.isArray(data)) throw new TypeError(`"${name}" expected examples, got ${typeof data}`);
    prepared.push(name);
    return {
      bits: Int32Array.from(data.flatMap(([bits]) => [...bits].map(Number))),
      labels: Int32Array.from(data, ([, label]) => label),
    };
  }
  fingerprint = ({ bits, labels }: Coded) => ({ tokens: labels.length, hash: fnv1a(labels, fnv1a(bits)) });
  epoch({ bits, labels }: Coded, { batch, seed }: { batch?: number; seed: number }, index: number) {
    const batches = similarLengths(
      labels.map(() => LENGTH),
      batch!,
      new Random(mix(seed, index)),
    );
    return {
      batches: batches.length,
      gradients: (i: number, dropout: number) => {
        const chosen = batches[i]!;
        const B = chosen.length;
        const inputs = new Int32Array(LENGTH * B).map((_, at) => bits[chosen[at % B]! * LENGTH + Math.floor(at / B)]!);
        const targets = inputs.map((_, at) => (at < (LENGTH - 1) * B ? -1 : labels[chosen[at % B]!]!));
        const state = this.network.initialState(B);
        return { loss: this.network.gradients({ T: LENGTH, B, inputs, targets }, state, dropout), tokens: B };
      },
    };
  }
  first = ({ bits, labels }: Coded) => ({ bits: bits.subarray(0, LENGTH), labels: labels.subarray(0, 1) });
  *evaluating(_: string, { bits, labels }: Coded) {
    let [nats, right, ones] = [0, 0, 0];
    for (const [i, label] of labels.entries()) {
      let state = this.model.start();
      for (const bit of bits.subarray(i * LENGTH, (i + 1) * LENGTH)) state = this.model.advance(state, bit);
      const logP = this.model.logProbs(state)[label]!;
      nats -= logP / labels.length;
      ones += label;
      if (logP > Math.log(0.5)) right++;
      yield;
    }
    return { nats, accuracy: right / labels.length, recall: ones > 0 ? right / labels.length : Number.NaN };
  }
}

const kind: Kind<Majority> = {
  name: "majority",
  async read({ length }, weights) {
    if (length !== LENGTH) throw new RangeError("length");
    const model = await create();
    for (const [name, values] of weights(model.network.parameters)) model.network.write(name, values);
    return new Majority(model);
  },
};

const data: Example[] = Array.from({ length: 16 }, (_, i) => {
  const bits = i.toString(2).padStart(LENGTH, "0");
  return [bits, ([...bits].filter((bit) => bit === "1").length > 2 ? 1 : 0) as 0 | 1];
});
const majority = async (seed?: number) => new Majority(await create(seed));

describe("a task of one's own", () => {
  it("is trained with its own defaults, and evaluated by its own figures", async () => {
    const model = await majority();
    const before = evaluate(model, data);
    const last = await train(model, data, { epochs: 400, valid: data });
    expect(last!.valid!.accuracy).toBe(1);
    expect(last!.valid!.nats).toBeLessThan(before.nats);
    expect(await evaluateAsync(model, data)).toEqual(evaluate(model, data));
    const usual = train(await majority(), data);
    expect(usual.settings).toMatchObject({ epochs: 30, batch: 4 });
    expect((await usual)!.step).toBe(30 * 4);
    expect(train(await majority(), data, { steps: 3 }).settings.epochs).toBeUndefined();
  });

  it("prepares its data once for a run, however long, and once for its evaluations", async () => {
    prepared = [];
    const training = train(await majority(), data, { epochs: 5, valid: data });
    for await (const { step } of training) if (step === 7) break;
    const bytes = saveCheckpoint(training);
    await training;
    expect(prepared).toEqual(["data", "valid"]);
    await (await resumeKinds([kind], bytes, data, { valid: data })).training;
    expect(prepared).toEqual(["data", "valid", "data", "valid"]);
  });

  it("does not take a figure that is not a number for the best one", async () => {
    const zeros = data.filter(([, label]) => label === 0);
    const model = new Majority(await create(), { figure: "recall", better: "higher" });
    const training = train(model, data, { epochs: 20, valid: zeros, patience: 3 });
    expect((await training)!.epoch).toBe(3);
    expect(training.state.best).toBeUndefined();
    const { training: resumed } = await resumeKinds([kind], saveCheckpoint(training), data, { valid: zeros });
    expect(resumed.state.sinceBest).toBe(3);
  });

  it("keeps the best weights by the figure that it watches", async () => {
    const model = await majority();
    const training = train(model, data, {
      epochs: 300,
      valid: data,
      patience: 20,
      optimizer: sgd({ learningRate: 1.5 }),
    });
    let best = 0;
    for await (const { valid } of training) if (valid) best = Math.max(best, valid.accuracy);
    expect(evaluate(model, data).accuracy).toBe(best);
  });

  it("resumes from a checkpoint with the same bits, on the same data only", async () => {
    const whole = await majority();
    await train(whole, data, { epochs: 6, valid: data, patience: 50 });
    const half = train(await majority(), data, { epochs: 6, valid: data, patience: 50 });
    for await (const { step } of half) if (step === 10) break;
    const bytes = saveCheckpoint(half);
    const { model, training } = await resumeKinds([kind], bytes, data, { valid: data });
    await training;
    expect([...model.network.block("parameters")]).toEqual([...whole.network.block("parameters")]);
    await expect(resumeKinds([kind], bytes, data.slice(1), { valid: data })).rejects.toThrow(
      "the checkpoint expected the 16 examples it was trained on, got 15",
    );
  });

  it("is saved and loaded, and is not taken for a language model", async () => {
    const model = await majority();
    await train(model, data, { epochs: 3 });
    const bytes = saveModel(model);
    const again = await loadKinds([kind], bytes, {});
    expect(evaluate(again, data)).toEqual(evaluate(model, data));
    await expect(loadModel(bytes)).rejects.toThrow(
      'expected a language model, got "majority": a newer rivulet may know it',
    );
    await expect(loadKinds([kind], saveModel(await create()), {})).rejects.toThrow(
      'expected a majority, got a language model: load it with loadModel from "rivulet"',
    );
  });

  it("restores the last good weights when the loss is no number, and refuses settings of texts", async () => {
    const model = await majority();
    const optimizer = sgd({ learningRate: 1e38 });
    await expect(train(model, data, { optimizer, clip: Infinity }).then()).rejects.toThrow(
      "keeps the last good weights",
    );
    expect([...model.network.block("parameters")].every(Number.isFinite)).toBe(true);
    const windows = { kind: "carried", window: 4, batch: 4 } as const;
    expect(() => train(model, data, { windows })).toThrow('"windows" expected no value for a majority');
    expect(() => train(model, data, { batch: 0 })).toThrow('"batch" expected an integer >= 1, got 0');
    expect(() => train(model, "bits" as never)).toThrow('"data" expected examples, got string');
    expect(() => train(model, data, { patience: 2 })).toThrow('"patience" expected "valid" data with it');
  });
});
