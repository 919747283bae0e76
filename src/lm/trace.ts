// Shows a network at work on a text: the states and gates of each step, and how much each token matters.

import { show, string } from "../check.js";
import { encodePrompt } from "../text/corpus.js";
import { checkRecurrent, type RecurrentModel } from "./recurrent.js";

/** Names of the gates, in PyTorch's order and the letters of assembly/. */
const GATES = { rnn: [], gru: ["r", "z", "n"], lstm: ["i", "f", "g", "o"] } as const;

/** The values that one layer computed at each of T steps: arrays of T vectors of H numbers. */
export interface LayerTrace {
  /** The hidden state after each token. */
  h: Float32Array[];
  /** The cell state of an LSTM. */
  c?: Float32Array[];
  /** i, f, g and o of an LSTM; r, z and n of a GRU; none of an RNN. */
  gates: Record<string, Float32Array[]>;
}

export interface Trace {
  /** The tokens of the text, as the model knows them. */
  tokens: string[];
  /** From the lowest layer up. */
  layers: LayerTrace[];
}

/**
 * Returns the states and gates of each step over a text.
 * @throws TypeError if an argument is of the wrong kind; RangeError if the text has no tokens
 */
export function trace(model: RecurrentModel, text: string): Trace {
  const ids = idsOf(model, text);
  const { tokenNetwork, vocabulary } = model;
  const { cell, hiddenSize: H } = model.config;
  const layers = tokenNetwork.traced(ids, model.start()).map(({ states: [h, c], gates }) => ({
    h: h!,
    ...(c && { c }),
    gates: Object.fromEntries(
      GATES[cell].map((name, i) => [name, gates.map((row) => row.slice(i * H, (i + 1) * H))] as const),
    ),
  }));
  return { tokens: Array.from(ids, (id) => vocabulary.token(id)), layers };
}

export interface TokenGradients {
  /** log p(token | text), in nats. */
  logProb: number;
  /** For each token of the text: ∂ log p / ∂e_s, a vector of as many numbers as the embedding has. */
  e: Float32Array[];
}

/**
 * Returns how log p(token | text) depends on each token of the text: its gradient by the embedding of that token, through all
 * steps between. The model does not change, but the gradients in its network do.
 * @throws TypeError if an argument is of the wrong kind; RangeError if the text has no tokens, or the model no embedding
 */
export function tokenGradients(model: RecurrentModel, text: string, token: string): TokenGradients {
  const ids = idsOf(model, text);
  const targets = new Int32Array(ids.length).fill(-1);
  targets[ids.length - 1] = model.vocabulary.id(string("token", token));
  const { loss, e } = model.tokenNetwork.embeddingGradients(ids, targets, model.start());
  return { logProb: -loss, e: e.map((row) => row.map((x) => -x)) };
}

function idsOf(model: RecurrentModel, text: string): Int32Array {
  checkRecurrent(model);
  const ids = Int32Array.from(encodePrompt(string("text", text), model.tokenizer, model.vocabulary));
  if (ids.length === 0) throw new RangeError(`"text" expected at least one token, got none in ${show(text)}`);
  return ids;
}
