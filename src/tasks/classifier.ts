// Labels of texts: a bag of features (text/features.ts) and, beside it or instead, a recurrent network over the words.
//
//   b = 1/√n Σ E[f]                the bag of a text's n features
//   h = pool(RNN(e_1 … e_T))       its words, read in one direction or both
//   p = softmax([b, h]·Wo + b_o)   or σ of each score, if a text can have several labels

import { fnv1a } from "../arrays.js";
import { boolean, checkOptions, FRACTION, integer, type Names, number, oneOf, POSITIVE, show } from "../check.js";
import { similarLengths } from "../data/batches.js";
import { checkExamples, type Example } from "../data/labels.js";
import { pack, packedIds } from "../data/packed.js";
import { exp, log } from "../exact.js";
import { decoded64, encoded64 } from "../io/base64.js";
import { described, record } from "../io/format.js";
import { DESCRIPTION, type Kind } from "../io/model.js";
import type { RecurrentModel } from "../lm/recurrent.js";
import { CELL_NAMES, type NetworkConfig } from "../nn/config.js";
import { initialize } from "../nn/initialize.js";
import { type Bags, bag } from "../nn/layers/bag.js";
import { dropout } from "../nn/layers/dropout.js";
import { embedding } from "../nn/layers/embedding.js";
import { pool } from "../nn/layers/pool.js";
import { recurrent } from "../nn/layers/recurrent.js";
import { sigmoidLoss } from "../nn/losses/sigmoid.js";
import { softmaxLoss } from "../nn/losses/softmax.js";
import { Network } from "../nn/network.js";
import type { Axis, Ids, Slot } from "../nn/slots.js";
import { copyVectors, copyWeights, type Vectors, vectorsOf } from "../nn/transfer.js";
import { mix, Random } from "../random.js";
import { featuresOf, hashesOf, spellingsOf } from "../text/features.js";
import { adamw } from "../train/optimizer.js";
import { linear } from "../train/schedule.js";
import type { Epoch, Task, TrainSettings } from "../train/task.js";
import { LabelCounts, type LabelFigures } from "./label-figures.js";

export const ENCODERS = ["bag", ...CELL_NAMES] as const;

/** What a classifier is, apart from its weights. */
export interface ClassifierConfig {
  labels: readonly string[];
  /** True if a text can have several labels, or none. */
  several: boolean;
  encoder: "bag" | NetworkConfig["cell"];
  /** True if a recurrent encoder has a bag beside it. */
  bag: boolean;
  /** Width of the bag. */
  dimension: number;
  embeddingSize: number;
  hiddenSize: number;
  layers: number;
  bidirectional: boolean;
  pooling: "max" | "mean" | "last";
  /** Probability of leaving a feature of a text out, in training. */
  featureDropout: number;
  /** Probability of zeroing an element of what the output layer reads, and of an embedding. */
  dropout: number;
  labelSmoothing: number;
  /** True if the embedding is not trained. */
  frozen: boolean;
  /** Weight of each label in the loss, in the order of `labels`; undefined if all are 1. */
  classWeights?: readonly number[] | undefined;
  /** True if the places of pieces count: all texts of the training had one length. */
  placed: boolean;
  /** Divides the scores: more than 1 makes the probabilities more cautious. */
  temperature: number;
  /** Hashes of the features and of the words that the model knows, in the order of their rows. */
  features: readonly number[];
  words: readonly number[];
}

const USUAL = {
  several: false,
  encoder: "bag",
  bag: true,
  dimension: 64,
  embeddingSize: 64,
  hiddenSize: 64,
  layers: 1,
  bidirectional: true,
  pooling: "max",
  featureDropout: 0.7,
  dropout: 0,
  labelSmoothing: 0.1,
  frozen: false,
} as const;

export interface ClassifierOptions extends Partial<Record<keyof typeof USUAL, unknown>> {
  /** The labeled texts that the labels and the features are taken from: those that the model will be trained on. */
  examples: readonly Example[];
  several?: boolean;
  encoder?: ClassifierConfig["encoder"];
  bag?: boolean;
  dimension?: number;
  embeddingSize?: number;
  hiddenSize?: number;
  layers?: number;
  bidirectional?: boolean;
  pooling?: ClassifierConfig["pooling"];
  featureDropout?: number;
  dropout?: number;
  labelSmoothing?: number;
  /** Weight of each label in the loss (default 1). */
  classWeights?: Record<string, number>;
  /** Vectors of words, such as a Map, that the embedding of a recurrent encoder starts from. */
  vectors?: Vectors;
  /**
   * A language model over words that a recurrent encoder starts from: its embedding, its recurrent weights and, unless other
   * options say so, its cell and sizes.
   */
  from?: RecurrentModel;
  /** True if the embedding is not trained (default false). */
  frozen?: boolean;
  /** Seed of the initial weights (default 1). */
  seed?: number;
}
const OPTIONS: Names<ClassifierOptions> = {
  examples: 1,
  ...(Object.fromEntries(Object.keys(USUAL).map((name) => [name, 1])) as Record<keyof typeof USUAL, 1>),
  classWeights: 1,
  vectors: 1,
  from: 1,
  seed: 1,
};

export interface PredictOptions {
  /** Number of labels (default 1; if a text can have several labels: those with a probability of at least ½). */
  top?: number;
  /** Leaves out labels with a smaller probability: [] means "none of these". */
  threshold?: number;
}

export interface Prediction {
  label: string;
  probability: number;
}

/** An example as the network reads it. */
interface Coded {
  readonly examples: readonly Example[];
  /** The numbers of each text's features and words. */
  readonly features: readonly Int32Array[];
  readonly words: readonly Int32Array[];
  readonly hash: number;
}

const EMBEDDING = "embedding.weight";

/** The words of the embedding's rows; row 0 is that of unknown ones. */
const rowsOf = (examples: readonly Example[]) => ["", ...spellingsOf(examples.map(({ text }) => text))];

/** Texts evaluated at a time. */
const CHUNK = 256;

export class Classifier implements Task<readonly Example[], LabelFigures, Coded> {
  readonly kind = "classifier";
  readonly cut = "batch";
  readonly watched = { figure: "accuracy", better: "higher" } as const;
  readonly defaults: Partial<TrainSettings> = {
    epochs: 10,
    optimizer: adamw({ learningRate: 0.005, weightDecay: 0 }),
    schedule: linear(),
  };
  readonly network = new Network();
  private readonly texts: Axis;
  private readonly tokens: Axis | undefined;
  private readonly words: Ids | undefined;
  private readonly bags: Bags | undefined;
  private readonly targets: Ids;
  private readonly loss: ReturnType<typeof softmaxLoss> | ReturnType<typeof sigmoidLoss>;
  /** Divides the scores: more than 1 makes the probabilities more cautious. See calibrate(). */
  temperature: number;
  private readonly numbers: { labels: Map<string, number>; features: Map<number, number>; words: Map<number, number> };

  /** @internal Describes the network, without memory for it: see Classifier.create(). */
  constructor(readonly config: ClassifierConfig) {
    const { network } = this;
    const { labels, encoder, several, dropout: p, pooling, embeddingSize } = config;
    const inputs: Slot[] = [];
    if (encoder === "bag") this.texts = network.axis();
    else {
      this.tokens = network.axis();
      this.texts = this.tokens.sequences;
      // Word 0 stands for those that the model does not know.
      this.words = network.ids(this.tokens, config.words.length + 1);
      const e = dropout(network, embedding(network, this.words, embeddingSize), p);
      const { outputs, layers } = recurrent(network, [e], { ...config, cell: encoder, dropout: p });
      const last = layers.at(-1)!.map((direction) => direction.last[0]!);
      inputs.push(...(pooling === "last" ? last : outputs.map((h) => pool(network, h, pooling))));
    }
    if (encoder === "bag" || config.bag) {
      this.bags = { ids: network.ids(network.axis(), config.features.length), starts: new Int32Array(1) };
      inputs.push(bag(network, this.texts, this.bags, config.dimension));
    }
    const read = inputs.map((x) => dropout(network, x, p));
    this.targets = network.ids(this.texts, labels.length, -1, "labels");
    this.loss = several
      ? sigmoidLoss(network, read, labels.length)
      : softmaxLoss(network, read, this.targets, {
          labelSmoothing: config.labelSmoothing,
          ...(config.classWeights && { classWeights: config.classWeights }),
        });
    this.temperature = config.temperature;
    const index = <T>(values: readonly T[], from = 0) => new Map(values.map((value, i) => [value, i + from]));
    this.numbers = { labels: index(labels), features: index(config.features), words: index(config.words, 1) };
  }

  /**
   * Creates a classifier for the labels of some examples, with random weights.
   * @throws TypeError or RangeError that names the invalid option; RangeError if the examples have fewer than two labels
   */
  static async create(options: ClassifierOptions): Promise<Classifier> {
    const { examples, classWeights, seed = 1, vectors, from, ...rest } = checkOptions("options", options, OPTIONS);
    const given = { ...USUAL, ...(from !== undefined && sizesOf(from)), ...rest } as typeof USUAL &
      Required<Omit<ClassifierOptions, "examples" | "classWeights" | "seed" | "vectors" | "from">>;
    checkExamples("examples", examples);
    const labels = [...new Set(examples.flatMap((example) => example.labels))].sort();
    if (labels.length < 2) throw new RangeError(`"examples" expected at least 2 labels, got ${labels.length}`);
    for (const label of Object.keys(classWeights ?? {})) {
      if (!labels.includes(label))
        throw new RangeError(`"classWeights" expected labels of the examples, got ${show(label)}`);
      number(`classWeights.${label}`, classWeights![label], ...POSITIVE);
    }
    const length = examples[0]!.text.length;
    const placed = length > 1 && examples.every(({ text }) => text.length === length);
    const { features, words } = hashesOf(
      examples.map(({ text }) => text),
      placed,
    );
    const weights = classWeights && labels.map((label) => classWeights[label] ?? 1);
    const config = checkConfig({ ...given, labels, classWeights: weights, placed, temperature: 1, features, words });
    if (config.encoder === "bag") {
      const option = vectors !== undefined ? "vectors" : from !== undefined ? "from" : config.frozen ? "frozen" : "";
      if (option) throw new RangeError(`"${option}" expected a recurrent "encoder", which has an embedding, got "bag"`);
    }
    const model = new Classifier(config);
    const { network } = model;
    await network.build();
    initialize(network, integer("seed", seed, 0), {});
    if (from !== undefined) {
      copyWeights(network, from.network, (name) => name.startsWith("rnn."));
      copyVectors(network, EMBEDDING, rowsOf(examples), vectorsOf(from.network, EMBEDDING, from.vocabulary));
    }
    if (vectors !== undefined) copyVectors(network, EMBEDDING, rowsOf(examples), vectors);
    if (config.frozen) network.freeze(EMBEDDING);
    return model;
  }

  /**
   * Returns the likeliest labels of a text, the likeliest first.
   */
  predict(text: string, options: PredictOptions = {}): Prediction[] {
    return this.predictAll([text], options)[0]!;
  }

  /** predict() for many texts. */
  predictAll(texts: readonly string[], options: PredictOptions = {}): Prediction[][] {
    const { several, labels } = this.config;
    const { top, threshold = several && top === undefined ? 0.5 : 0 } = checkOptions("options", options, {
      top: 1,
      threshold: 1,
    });
    const most = top === undefined ? (several ? labels.length : 1) : integer("top", top);
    number("threshold", threshold, "a number in [0, 1]", (x) => x >= 0 && x <= 1);
    const coded = this.code(texts.map((text) => ({ text: checkText(text), labels: [] })));
    return Array.from(this.probabilities(coded, range(0, texts.length)), (p) =>
      ranked(p)
        .slice(0, most)
        .filter((i) => p[i]! >= threshold)
        .map((i) => ({ label: labels[i]!, probability: p[i]! })),
    );
  }

  /**
   * Fits the temperature to examples that the model was not trained on, so that its probabilities mean what they say (Guo et al.
   * 2017): the one with the smallest loss, between 0.05 and 20. Predicted labels stay the same.
   * @returns the temperature
   */
  calibrate(examples: readonly Example[]): number {
    const data = this.prepare("examples", examples);
    this.checkKnown(data);
    if (this.config.several) throw new RangeError('"calibrate" expected a classifier of one label for each text');
    this.temperature = 1;
    const p = [...this.probabilities(data, range(0, examples.length))].map((row) => row.map(log));
    const truth = examples.map(({ labels: [label] }) => this.numbers.labels.get(label!)!);
    const loss = (logT: number) => p.reduce((sum, row, i) => sum - log(softmax(row, exp(logT))[truth[i]!]!), 0);
    // The loss has one minimum: a search by golden sections.
    let [from, to] = [-3, 3];
    for (let i = 0; i < 30; i++) {
      const [a, b] = [to - 0.618 * (to - from), from + 0.618 * (to - from)];
      if (loss(a) < loss(b)) to = b;
      else from = a;
    }
    this.temperature = exp((from + to) / 2);
    return this.temperature;
  }

  get labels(): readonly string[] {
    return this.config.labels;
  }

  describe(): object {
    const { features, words, ...rest } = this.config;
    return {
      config: { ...rest, temperature: this.temperature },
      features: encoded64(features),
      words: encoded64(words),
    };
  }

  prepare(name: string, data: readonly Example[]): Coded {
    return this.code(checkExamples(name, data, this.config.several));
  }

  fingerprint = ({ hash, examples }: Coded) => ({ tokens: examples.length, hash });

  epoch(data: Coded, { batch, seed }: TrainSettings, index: number): Epoch {
    this.checkKnown(data);
    const random = new Random(mix(seed, index));
    const lengths = data.words.map((words) => words.length);
    const batches = similarLengths(this.tokens ? lengths : lengths.map(() => 1), batch!, random);
    return {
      batches: batches.length,
      gradients: (i, dropoutSeed) => {
        const chosen = batches[i]!;
        this.load(data, chosen, new Random(dropoutSeed));
        return { loss: this.network.gradients(dropoutSeed), tokens: chosen.length };
      },
    };
  }

  first = (data: Coded, { batch }: TrainSettings): Coded => ({ ...data, examples: data.examples.slice(0, batch) });

  *evaluating(_: string, data: Coded): Generator<undefined, LabelFigures> {
    const { labels, several } = this.config;
    const counts = new LabelCounts(several);
    for (let from = 0; from < data.examples.length; from += CHUNK) {
      const rows = range(from, Math.min(from + CHUNK, data.examples.length));
      let at = from;
      for (const p of this.probabilities(data, rows)) counts.count(data.examples[at++]!.labels, labels, p);
      yield;
    }
    return counts.figures();
  }

  /** The probabilities of the labels for some of the texts, one after the other. */
  private *probabilities(data: Coded, chosen: Uint32Array): Generator<Float32Array, void, undefined> {
    const { temperature } = this;
    const { labels, several } = this.config;
    const rows = this.load(data, chosen);
    this.network.forward();
    const all = "probabilities" in this.loss ? this.loss.probabilities() : this.loss.logProbs();
    const place = new Uint32Array(chosen.length);
    for (const [row, i] of rows.entries()) place[i] = row;
    for (const row of place) {
      const values = all.subarray(row * labels.length, (row + 1) * labels.length);
      yield several ? values : softmax(values, temperature);
    }
  }

  /**
   * Copies texts into the network, without their labels if there is no `random` to choose features by.
   * @returns for each row of the network, its place among those chosen
   */
  private load({ features, words, examples }: Coded, chosen: Uint32Array, random?: Random): Uint32Array {
    const { featureDropout, labels } = this.config;
    let rows: Uint32Array = range(0, chosen.length);
    if (this.tokens) {
      const packed = pack(Array.from(chosen, (i) => words[i]!.length));
      rows = packed.order;
      this.tokens.pack(packed.counts);
      this.words!.write(
        packedIds(
          packed,
          Array.from(chosen, (i) => words[i]!),
        ),
      );
    } else this.texts.resize(chosen.length);
    if (this.bags) {
      const kept: number[] = [];
      const starts = new Int32Array(rows.length + 1);
      for (const [row, place] of rows.entries()) {
        for (const feature of features[chosen[place]!]!) {
          if (!random || random.float() >= featureDropout) kept.push(feature);
        }
        starts[row + 1] = kept.length;
      }
      this.bags.starts = starts;
      this.bags.ids.axis.resize(kept.length);
      this.bags.ids.write(kept);
    }
    const truth = random ? Array.from(rows, (place) => examples[chosen[place]!]!.labels) : [];
    if ("write" in this.loss) {
      this.loss.write(truth.flatMap((mine) => labels.map((label) => (mine.includes(label) ? 1 : 0))));
    } else this.targets.write(truth.map(([label]) => this.numbers.labels.get(label!)!));
    return rows;
  }

  private code(examples: readonly Example[]): Coded {
    const { placed } = this.config;
    const numbered = (hashes: readonly number[], numbers: Map<number, number>) =>
      Int32Array.from(hashes, (hash) => numbers.get(hash) ?? -1);
    let hash = 0x811c9dc5;
    const coded = examples.map(({ text, labels }) => {
      const { features, words } = featuresOf(text, placed);
      hash = fnv1a([...features, labels.length, ...labels.map((label) => this.numbers.labels.get(label) ?? -1)], hash);
      return {
        features: numbered(features, this.numbers.features).filter((feature) => feature >= 0),
        // A text without words is read as an unknown one.
        words:
          words.length > 0 ? numbered(words, this.numbers.words).map((word) => Math.max(word, 0)) : new Int32Array(1),
      };
    });
    return { examples, features: coded.map(({ features }) => features), words: coded.map(({ words }) => words), hash };
  }

  /** @throws RangeError that names an example with a label that the model does not have */
  private checkKnown({ examples }: Coded): void {
    for (const [i, { labels }] of examples.entries()) {
      const other = labels.find((label) => !this.numbers.labels.has(label));
      if (other === undefined) continue;
      throw new RangeError(
        `"data[${i}]" expected labels that the classifier was created with, got ${show(other)}: create it from all examples`,
      );
    }
  }
}

/** The encoder that a language model is the start of. @throws TypeError, RangeError if it is the start of none */
function sizesOf(from: RecurrentModel) {
  if (from?.config === undefined || from.vocabulary === undefined) {
    throw new TypeError(`"from" expected a language model, such as from RecurrentModel.create(), got ${show(from)}`);
  }
  const { cell, activation, hiddenSize, layers, embeddingSize } = from.config;
  if (embeddingSize === 0) throw new RangeError('"from" expected a language model with an embedding, got one without');
  if (activation !== "tanh") throw new RangeError(`"from" expected the activation "tanh", got "${activation}"`);
  return { encoder: cell, hiddenSize, layers, embeddingSize, bidirectional: false };
}

/** How classifiers are read from files. */
export const classifier: Kind<Classifier> = {
  name: "classifier",
  async read({ config, features, words }, weights) {
    const complete = described(DESCRIPTION, () => {
      const given = record('"config"', config) as unknown as ClassifierConfig;
      return checkConfig({ ...given, features: decoded64("features", features), words: decoded64("words", words) });
    });
    const model = new Classifier(complete);
    const values = weights(model.network.parameters);
    await model.network.build();
    for (const [name, value] of values) model.network.write(name, value);
    if (complete.frozen) model.network.freeze(EMBEDDING);
    return model;
  },
};

function checkConfig(given: ClassifierConfig): ClassifierConfig {
  const { labels, features, words } = given;
  if (
    !Array.isArray(labels) ||
    labels.length < 2 ||
    labels.some((label) => typeof label !== "string" || label === "")
  ) {
    throw new TypeError(`"labels" expected at least two labels, got ${show(labels)}`);
  }
  return Object.freeze({
    labels,
    several: boolean("several", given.several),
    encoder: oneOf("encoder", given.encoder, ENCODERS),
    bag: boolean("bag", given.bag),
    dimension: integer("dimension", given.dimension),
    embeddingSize: integer("embeddingSize", given.embeddingSize),
    hiddenSize: integer("hiddenSize", given.hiddenSize),
    layers: integer("layers", given.layers, 1, 100),
    bidirectional: boolean("bidirectional", given.bidirectional),
    pooling: oneOf("pooling", given.pooling, ["max", "mean", "last"]),
    featureDropout: number("featureDropout", given.featureDropout, ...FRACTION),
    dropout: number("dropout", given.dropout, ...FRACTION),
    labelSmoothing: number("labelSmoothing", given.labelSmoothing, ...FRACTION),
    classWeights: given.classWeights?.map((weight, i) => number(`classWeights[${i}]`, weight, ...POSITIVE)),
    frozen: boolean("frozen", given.frozen ?? false),
    placed: boolean("placed", given.placed),
    temperature: number("temperature", given.temperature, ...POSITIVE),
    features,
    words,
  });
}

function checkText(text: string): string {
  if (typeof text === "string") return text;
  throw new TypeError(`"text" expected a string, got ${show(text)}`);
}

const range = (from: number, to: number) => Uint32Array.from({ length: to - from }, (_, i) => from + i);
/** The places of a row's values, the largest first. */
const ranked = (p: Float32Array) => [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b);

/** Probabilities from their logarithms, divided by a temperature (Guo et al. 2017). */
function softmax(logP: Float32Array, temperature: number): Float32Array {
  const p = logP.map((x) => exp(x / temperature));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((x) => x / sum);
}
