// A kind of model that the training loop, evaluation and files have never heard of is trained, evaluated, saved and resumed
// like language models are. Here: strings of four bits, labeled by whether most of them are 1.

import { describe, expect, it } from "vitest";
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
import { Random } from "../src/random.js";
import type { Figures, Task } from "../src/train/task.js";

/** A string of bits, and whether most of them are 1. */
type Example = readonly [bits: string, label: 0 | 1];
interface Accuracy extends Figures {
  accuracy: number;
}

const LENGTH = 4;
const vocabulary = new Vocabulary(["0", "1"]);
const create = (seed = 1) =>
  RecurrentModel.create({ tokenizer: characters(), vocabulary, cell: "gru", hiddenSize: 16, seed });

/** Majority of four bits, as the class that the last step of a network predicts. */
class Majority implements Task<readonly Example[], Accuracy> {
  readonly kind = "majority";
  readonly cut = "batch";
  readonly defaults = { epochs: 30, batch: 4, optimizer: adamw({ learningRate: 0.01 }) };
  readonly watched = { figure: "accuracy", better: "higher" } as const;
  constructor(private readonly model: RecurrentModel) {}
  get network() {
    return this.model.network;
  }
  describe() {
    return { length: LENGTH };
  }
  checkData(name: string, data: readonly Example[]) {
    if (!Array.isArray(data)) throw new TypeError(`"${name}" expected examples, got ${typeof data}`);
  }
  fingerprint(data: readonly Example[]) {
    return {
      tokens: data.length,
      hash: data.reduce((sum, [bits, label]) => 3 * sum + Number(bits) + label, 0) % 1e9,
    };
  }
  epoch(data: readonly Example[], { batch, seed }: { batch?: number; seed: number }, index: number) {
    const order = Uint32Array.from(data, (_, i) => i);
    new Random(seed + index).shuffle(order);
    return {
      batches: Math.ceil(data.length / batch!),
      gradients: (i: number, dropout: number) => {
        const chosen = [...order.subarray(i * batch!, (i + 1) * batch!)].map((at) => data[at]!);
        const B = chosen.length;
        const inputs = new Int32Array(LENGTH * B).map((_, at) => Number(chosen[at % B]![0][Math.floor(at / B)]));
        const targets = inputs.map((_, at) => (at < (LENGTH - 1) * B ? -1 : chosen[at % B]![1]));
        const state = this.network.initialState(B);
        return { loss: this.network.gradients({ T: LENGTH, B, inputs, targets }, state, dropout), tokens: B };
      },
    };
  }
  first = (data: readonly Example[]) => data.slice(0, 1);
  *evaluating(_: string, data: readonly Example[]) {
    let [nats, right] = [0, 0];
    for (const [bits, label] of data) {
      let state = this.model.start();
      for (const bit of bits) state = this.model.advance(state, Number(bit));
      const logP = this.model.logProbs(state)[label]!;
      nats -= logP / data.length;
      if (logP > Math.log(0.5)) right++;
      yield;
    }
    return { nats, accuracy: right / data.length };
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
