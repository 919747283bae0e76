// A kind of model that the library does not know: strings of four bits, labeled by whether most of them are 1.

import { fnv1a } from "../src/arrays.js";
import { similarLengths } from "../src/data/batches.js";
import { adamw, characters, RecurrentModel, Vocabulary } from "../src/entries/index.js";
import type { Kind } from "../src/io/model.js";
import { mix, Random } from "../src/random.js";
import type { Figures, Task } from "../src/train/task.js";

/** A string of bits, and whether most of them are 1. */
type Example = readonly [bits: string, label: 0 | 1];
export interface Accuracy extends Figures {
  accuracy: number;
  /** NaN without any example whose label is 1. */
  recall: number;
}

const LENGTH = 4;
/** The names of the data that was prepared. */
export const prepared: string[] = [];
const vocabulary = new Vocabulary(["0", "1"]);
export const create = (seed = 1) =>
  RecurrentModel.create({ tokenizer: characters(), vocabulary, cell: "gru", hiddenSize: 16, seed });

/** The examples in the form that a batch copies from. */
interface Coded {
  bits: Int32Array;
  labels: Int32Array;
}

/** Majority of four bits, as the class that the last step of a network predicts. */
export class Majority implements Task<readonly Example[], Accuracy, Coded> {
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
        const { tokenNetwork } = this.model;
        const loss = tokenNetwork.gradients({ T: LENGTH, B, inputs, targets }, tokenNetwork.initialState(B), dropout);
        return { loss, tokens: B };
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

export const kind: Kind<Majority> = {
  name: "majority",
  async read({ length }, weights) {
    if (length !== LENGTH) throw new RangeError("length");
    const model = await create();
    for (const [name, values] of weights(model.network.parameters)) model.network.write(name, values);
    return new Majority(model);
  },
};

export const data: Example[] = Array.from({ length: 16 }, (_, i) => {
  const bits = i.toString(2).padStart(LENGTH, "0");
  return [bits, ([...bits].filter((bit) => bit === "1").length > 2 ? 1 : 0) as 0 | 1];
});
export const majority = async (seed?: number) => new Majority(await create(seed));
