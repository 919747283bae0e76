// The configuration of a network: plain data, saved with every model.

import { boolean, defined, FRACTION, integer, number, oneOf } from "../check.js";

/**
 * The recurrent cells. gates: their number, each a block of columns of Wx and Wh. states: those carried from step to
 * step, the hidden state first. kept: width, in units of H, of the values that are kept besides states and gates. ownBias:
 * true if b_hh is added to h·Wh, false if it is added to x·Wx together with b_ih.
 */
export const CELLS = {
  rnn: { gates: 1, states: ["h"], kept: 0, ownBias: false },
  gru: { gates: 3, states: ["h"], kept: 3, ownBias: true },
  lstm: { gates: 4, states: ["h", "c"], kept: 1, ownBias: false },
} as const;
export const CELL_NAMES = Object.keys(CELLS) as (keyof typeof CELLS)[];
export const ACTIVATIONS = ["tanh", "relu"] as const;

/** Far more than anyone trains, but few enough to list all parameters before memory for them is allocated. */
export const MAX_LAYERS = 1000;

export interface NetworkConfig {
  /** The recurrent cell. */
  cell: keyof typeof CELLS;
  /** Activation φ of the rnn cell. */
  activation: (typeof ACTIVATIONS)[number];
  /** Size V of the vocabulary: the number of distinct inputs and of predicted classes. */
  vocabularySize: number;
  /** Width of the embedding, or 0 for one-hot inputs. */
  embeddingSize: number;
  /** Width of the hidden state: H. */
  hiddenSize: number;
  /** Number of stacked recurrent layers. */
  layers: number;
  /** Probability with which dropout zeroes an element of a layer's output on its way to the next layer, in training. */
  dropout: number;
  /** True if each layer also reads the sequence backward: for labeling, not for language models. */
  bidirectional: boolean;
  /** True if the output layer shares the embedding's weights (Press and Wolf 2017). */
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
 * Checks a configuration and fills in the defaults: cell "rnn", activation "tanh", embeddingSize 0, hiddenSize 128,
 * layers 1, dropout 0, neither bidirectional nor tied.
 * @throws TypeError or RangeError that names the invalid field, the expected value and the value found
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
    throw new RangeError(`"activation" expected "tanh", the only one of the ${cell} cell, got "${activation}"`);
  }
  if (tied && bidirectional) throw new RangeError('"tied" weights expected a network that reads in one direction');
  if (tied && E !== H) {
    throw new RangeError(`"tied" weights expected an embeddingSize equal to the hiddenSize, ${H}, got ${E}`);
  }
  return Object.freeze(complete);
}

/** Number of directions in which each layer reads: 1 or 2. */
export const directions = ({ bidirectional }: NetworkConfig): number => (bidirectional ? 2 : 1);
