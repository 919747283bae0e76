// Labels of texts: a bag of features (text/features.ts) and, beside it or instead, a recurrent network over the words.
//
//   b = 1/√n Σ E[f]                the bag of a text's n features
//   h = pool(RNN(e_1 … e_T))       its words, read in one direction or both
//   p = softmax([b, h]·Wo + b_o)   or σ of each score, if a text can have several labels

import { fnv1a } from "../arrays.js";
import { checkOptions, integer, number, show } from "../check.js";
import { similarLengths } from "../data/batches.js";
import { checkExamples, type Example } from "../data/labels.js";
import { exp, log } from "../exact.js";
import { decoded64, encoded64 } from "../io/base64.js";
import { described, record } from "../io/format.js";
import { DESCRIPTION, type Kind } from "../io/model.js";
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
import { packed, packedIds } from "../nn/steps.js";
import { copyVectors, copyWeights, vectorsOf } from "../nn/transfer.js";
import { mix, Random } from "../random.js";
import { featuresOf, spellingsOf } from "../text/features.js";
import type { Epoch, Task, TrainSettings } from "../train/task.js";
import { type ClassifierConfig, type ClassifierOptions, checkConfig, configOf, DEFAULTS } from "./classifier-config.js";
import { LabelCounts, type LabelFigures } from "./label-figures.js";

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
  /** The numbers of each text's features, words and labels; −1 stands for a label that the model does not have. */
  readonly features: readonly Int32Array[];
  readonly words: readonly Int32Array[];
  readonly labels: readonly (readonly number[])[];
  readonly hash: number;
}

const EMBEDDING = "embedding.weight";

/** Texts evaluated at a time. */
const CHUNK = 256;

export class Classifier implements Task<readonly Example[], LabelFigures, Coded> {
  readonly kind = "classifier";
  readonly cut = "batch";
  readonly watched = { figure: "accuracy", better: "higher" } as const;
  readonly defaults = DEFAULTS;
  readonly network = new Network();
  private readonly texts: Axis;
  private readonly tokens: Axis | undefined;
  private readonly words: Ids | undefined;
  private readonly bags: Bags | undefined;
  /** Copies the labels of each text into the network. */
  private readonly writeLabels: (labels: readonly (readonly number[])[]) => void;
  /** Probabilities of the labels of each text after a forward pass or, with one label each, their logarithms. */
  private readonly scores: () => Float32Array;
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
    if (several) {
      const loss = sigmoidLoss(network, read, labels.length);
      this.writeLabels = (all) => loss.write(all.flatMap((mine) => labels.map((_, i) => (mine.includes(i) ? 1 : 0))));
      this.scores = () => loss.probabilities();
    } else {
      const targets = network.ids(this.texts, labels.length, -1, "labels");
      const { labelSmoothing, classWeights } = config;
      const loss = softmaxLoss(network, read, targets, { labelSmoothing, ...(classWeights && { classWeights }) });
      this.writeLabels = (all) => targets.write(all.map(([label]) => label!));
      this.scores = () => loss.logProbs();
    }
    this.temperature = config.temperature;
    const index = <T>(values: readonly T[], from = 0) => new Map(values.map((value, i) => [value, i + from]));
    this.numbers = { labels: index(labels), features: index(config.features), words: index(config.words, 1) };
  }

  /**
   * Creates a classifier for the labels of some examples, with random weights.
   * @throws TypeError or RangeError that names the invalid option; RangeError if the examples have fewer than two labels
   */
  static async create(options: ClassifierOptions): Promise<Classifier> {
    const config = configOf(options);
    const { examples, seed = 1, vectors, from } = options;
    const model = new Classifier(config);
    const { network } = model;
    await network.build();
    initialize(network, integer("seed", seed, 0), {});
    if (from !== undefined || vectors !== undefined) {
      // The words of the embedding's rows; row 0 is that of unknown ones.
      const rows = ["", ...spellingsOf(examples.map(({ text }) => text))];
      if (from !== undefined) {
        copyWeights(network, from.network, (name) => name.startsWith("rnn."));
        copyVectors(network, EMBEDDING, rows, vectorsOf(from.network, EMBEDDING, from.vocabulary));
      }
      if (vectors !== undefined) copyVectors(network, EMBEDDING, rows, vectors);
    }
    if (config.frozen) network.freeze(EMBEDDING);
    return model;
  }

  /** Returns the likeliest labels of a text, the likeliest first. */
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
    const truth = data.labels.map(([label]) => label!);
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
    const all = this.scores();
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
  private load(data: Coded, chosen: Uint32Array, random?: Random): readonly number[] | Uint32Array {
    const { featureDropout } = this.config;
    let rows: readonly number[] | Uint32Array = range(0, chosen.length);
    if (this.tokens) {
      const sequences = Array.from(chosen, (i) => data.words[i]!);
      const order = packed(sequences.map(({ length }) => length));
      rows = order.order;
      this.tokens.pack(order.counts);
      this.words!.write(packedIds(order, sequences));
    } else this.texts.resize(chosen.length);
    if (this.bags) {
      const kept: number[] = [];
      const starts = new Int32Array(rows.length + 1);
      for (const [row, place] of rows.entries()) {
        for (const feature of data.features[chosen[place]!]!) {
          if (!random || random.float() >= featureDropout) kept.push(feature);
        }
        starts[row + 1] = kept.length;
      }
      this.bags.starts = starts;
      this.bags.ids.axis.resize(kept.length);
      this.bags.ids.write(kept);
    }
    this.writeLabels(random ? Array.from(rows, (place) => data.labels[chosen[place]!]!) : []);
    return rows;
  }

  private code(examples: readonly Example[]): Coded {
    const { placed } = this.config;
    const numbered = (hashes: readonly number[], numbers: Map<number, number>) =>
      Int32Array.from(hashes, (hash) => numbers.get(hash) ?? -1);
    let hash: number | undefined;
    const coded = examples.map(({ text, labels }) => {
      const { features, words } = featuresOf(text, placed);
      const mine = labels.map((label) => this.numbers.labels.get(label) ?? -1);
      hash = fnv1a(mine, fnv1a([mine.length], fnv1a(features, hash)));
      return {
        features: numbered(features, this.numbers.features).filter((feature) => feature >= 0),
        // A text without words is read as an unknown one.
        words:
          words.length > 0 ? numbered(words, this.numbers.words).map((word) => Math.max(word, 0)) : new Int32Array(1),
        labels: mine,
      };
    });
    return {
      examples,
      features: coded.map(({ features }) => features),
      words: coded.map(({ words }) => words),
      labels: coded.map(({ labels }) => labels),
      hash: hash!,
    };
  }

  /** @throws RangeError that names an example with a label that the model does not have */
  private checkKnown({ examples, labels }: Coded): void {
    const at = labels.findIndex((mine) => mine.includes(-1));
    if (at < 0) return;
    const other = examples[at]!.labels[labels[at]!.indexOf(-1)];
    throw new RangeError(
      `"data[${at}]" expected labels that the classifier was created with, got ${show(other)}: create it from all examples`,
    );
  }
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
