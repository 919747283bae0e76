// What a network is, in plain data: saved with every model.

import { integer, number, oneOf } from "../check.js";

export const CELLS = ["rnn"] as const;
export const ACTIVATIONS = ["tanh", "relu"] as const;

/** Far more than anyone trains, few enough to count what they need before it is there. */
const MAX_LAYERS = 1000;

export interface NetworkConfig {
  /** The recurrent cell. */
  cell: (typeof CELLS)[number];
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
}

/**
 * Fills in what is left out: cell "rnn", activation "tanh", embeddingSize 0, hiddenSize 128, layers 1, dropout 0.
 * @throws TypeError, RangeError naming the field, what was expected and what was got
 */
export function networkConfig(config: Partial<NetworkConfig> & { vocabularySize: number }): NetworkConfig {
  return {
    cell: oneOf("cell", config.cell ?? "rnn", CELLS),
    activation: oneOf("activation", config.activation ?? "tanh", ACTIVATIONS),
    vocabularySize: integer("vocabularySize", config.vocabularySize),
    embeddingSize: integer("embeddingSize", config.embeddingSize ?? 0, 0),
    hiddenSize: integer("hiddenSize", config.hiddenSize ?? 128),
    layers: integer("layers", config.layers ?? 1, 1, MAX_LAYERS),
    dropout: number("dropout", config.dropout ?? 0, "a number in [0, 1)", (p) => p >= 0 && p < 1),
  };
}
