// What a network is, in plain data: saved with every model.

import { boolean, defined, FRACTION, integer, number, oneOf } from "../check.js";

/**
 * The recurrent cells: how many gates, in as many blocks of columns; which states go from step to step, the hidden state
 * first; whether b_hh goes to h·Wh rather than, with b_ih, to x·Wx.
 */
export const CELLS = {
  rnn: { gates: 1, states: ["h"], ownBias: false },
  gru: { gates: 3, states: ["h"], ownBias: true },
  lstm: { gates: 4, states: ["h", "c"], ownBias: false },
} as const;
export const CELL_NAMES = Object.keys(CELLS) as (keyof typeof CELLS)[];
export const ACTIVATIONS = ["tanh", "relu"] as const;

/** Far more than anyone trains, few enough to count what they need before it is there. */
const MAX_LAYERS = 1000;

export interface NetworkConfig {
  /** The recurrent cell. */
  cell: keyof typeof CELLS;
  /** φ of the simple recurrent cell. */
  activation: (typeof ACTIVATIONS)[number];
  /** Number of tokens that can come in and that are predicted: V. */
  vocabularySize: number;
  /** Width of the embedding, or 0 for one-hot inputs. */
  embeddingSize: number;
  /** Width of the hidden state: H. */
  hiddenSize: number;
  /** Recurrent layers, one on top of the other. */
  layers: number;
  /** Probability that a layer's output is left out on its way to the next layer while training. */
  dropout: number;
  /** Whether each layer also reads the sequence backward: for labels, not for language models. */
  bidirectional: boolean;
  /** Whether the output uses the embedding's weights (Press and Wolf 2017). */
  tied: boolean;
}

const DEFAULTS = {
  cell: "rnn",
  activation: "tanh",
  embeddingSize: 0,
  hiddenSize: 128,
  layers: 1,
  dropout: 0,
  bidirectional: false,
  tied: false,
} as const;

/**
 * Fills in what is left out: cell "rnn", activation "tanh", embeddingSize 0, hiddenSize 128, layers 1, dropout 0, neither
 * bidirectional nor tied.
 * @throws TypeError, RangeError naming the field, what was expected and what was got
 */
export function networkConfig(config: Partial<NetworkConfig> & { vocabularySize: number }): NetworkConfig {
  const given: NetworkConfig = { ...DEFAULTS, ...defined(config) };
  const complete: NetworkConfig = {
    cell: oneOf("cell", given.cell, CELL_NAMES),
    activation: oneOf("activation", given.activation, ACTIVATIONS),
    vocabularySize: integer("vocabularySize", given.vocabularySize),
    embeddingSize: integer("embeddingSize", given.embeddingSize, 0),
    hiddenSize: integer("hiddenSize", given.hiddenSize),
    layers: integer("layers", given.layers, 1, MAX_LAYERS),
    dropout: number("dropout", given.dropout, ...FRACTION),
    bidirectional: boolean("bidirectional", given.bidirectional),
    tied: boolean("tied", given.tied),
  };
  const { cell, activation, embeddingSize: E, hiddenSize: H, bidirectional, tied } = complete;
  if (cell !== "rnn" && activation !== "tanh") {
    throw new RangeError(`"activation" expected "tanh", which is what the ${cell} has, got "${activation}"`);
  }
  if (tied && bidirectional) throw new RangeError('"tied" weights expected a network that reads in one direction');
  if (tied && E !== H) {
    throw new RangeError(`"tied" weights expected an embeddingSize equal to the hiddenSize, ${H}, got ${E}`);
  }
  return Object.freeze(complete);
}

/** Directions in which each layer reads. */
export const directions = ({ bidirectional }: NetworkConfig): number => (bidirectional ? 2 : 1);
