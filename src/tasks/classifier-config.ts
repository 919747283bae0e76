// The configuration of a classifier: plain data, saved with it; and the options that it is made from.

import { boolean, checkOptions, FRACTION, integer, type Names, number, oneOf, POSITIVE, show } from "../check.js";
import { checkExamples, type Example } from "../data/labels.js";
import type { RecurrentModel } from "../lm/recurrent.js";
import { CELL_NAMES, type NetworkConfig } from "../nn/config.js";
import type { Vectors } from "../nn/transfer.js";
import { hashesOf } from "../text/features.js";
import { adamw } from "../train/optimizer.js";
import { linear } from "../train/schedule.js";
import type { TrainSettings } from "../train/task.js";

export const ENCODERS = ["bag", ...CELL_NAMES] as const;

/** A classifier without its weights. */
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

/** How classifiers are trained. */
export const DEFAULTS: Partial<TrainSettings> = {
  epochs: 10,
  optimizer: /* @__PURE__ */ adamw({ learningRate: 0.005, weightDecay: 0 }),
  schedule: /* @__PURE__ */ linear(),
};

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

type Choices = Pick<ClassifierConfig, keyof typeof USUAL>;

export interface ClassifierOptions extends Partial<Choices> {
  /** The labeled texts that the labels and the features are taken from: those that the model will be trained on. */
  examples: readonly Example[];
  /** Weight of each label in the loss (default 1). */
  classWeights?: Record<string, number>;
  /** Vectors of words, such as a Map, that the embedding of a recurrent encoder starts from. */
  vectors?: Vectors;
  /**
   * A language model over words that a recurrent encoder starts from: its embedding, its recurrent weights and, unless other
   * options say so, its cell and sizes.
   */
  from?: RecurrentModel;
  /** Seed of the initial weights (default 1). */
  seed?: number;
}

const OPTIONS: Names<ClassifierOptions> = {
  examples: 1,
  ...(Object.fromEntries(Object.keys(USUAL).map((name) => [name, 1])) as Record<keyof Choices, 1>),
  classWeights: 1,
  vectors: 1,
  from: 1,
  seed: 1,
};

/**
 * Checks the options, and takes the labels and the features from the examples.
 * @throws TypeError or RangeError that names the invalid option; RangeError if the examples have fewer than two labels
 */
export function configOf(options: ClassifierOptions): ClassifierConfig {
  const { examples, classWeights, seed: _, vectors, from, ...rest } = checkOptions("options", options, OPTIONS);
  checkExamples("examples", examples);
  const labels = [...new Set(examples.flatMap((example) => example.labels))].sort();
  if (labels.length < 2) throw new RangeError(`"examples" expected at least 2 labels, got ${labels.length}`);
  const texts = examples.map(({ text }) => text);
  const { length } = texts[0]!;
  const placed = length > 1 && texts.every((text) => text.length === length);
  const config = checkConfig({
    ...USUAL,
    ...(from !== undefined && sizesOf(from)),
    ...(rest as Choices),
    labels,
    classWeights: classWeights && weightsOf(classWeights, labels),
    placed,
    temperature: 1,
    ...hashesOf(texts, placed),
  });
  if (config.encoder === "bag") {
    const option = vectors !== undefined ? "vectors" : from !== undefined ? "from" : config.frozen ? "frozen" : "";
    if (option) throw new RangeError(`"${option}" expected a recurrent "encoder", which has an embedding, got "bag"`);
  }
  return config;
}

/** The weight of each label. @throws RangeError for one that no example has */
function weightsOf(classWeights: Record<string, number>, labels: readonly string[]): number[] {
  for (const label of Object.keys(classWeights)) {
    if (!labels.includes(label))
      throw new RangeError(`"classWeights" expected labels of the examples, got ${show(label)}`);
    number(`classWeights.${label}`, classWeights[label], ...POSITIVE);
  }
  return labels.map((label) => (Object.hasOwn(classWeights, label) ? classWeights[label]! : 1));
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

/** Checks a configuration, such as one from a file. @throws TypeError or RangeError that names the invalid field */
export function checkConfig(given: ClassifierConfig): ClassifierConfig {
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
