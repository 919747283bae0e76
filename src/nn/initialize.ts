// Initial values of the parameters.

import { number, oneOf } from "../check.js";
import { Random } from "../random.js";
import { directions, type NetworkConfig } from "./config.js";
import type { Network } from "./network.js";
import { type Parameter, parameterCount, writeParameter } from "./parameters.js";

/**
 * pytorch: weights and biases uniform in ±1/√H (output layer: ±1/√inputs).
 * xavier: weights uniform in ±√(6/(in + out)), computed per gate (Glorot and Bengio 2010); biases zero.
 * orthogonal: like xavier, but Wh of each gate is a random orthogonal matrix (Saxe et al. 2014).
 * With all three, an embedding is normal with variance 1, unless it is tied: then it is initialized like the output
 * layer, because a normal one would give logits of variance H.
 */
export const INITIALIZATIONS = ["pytorch", "xavier", "orthogonal"] as const;

export interface InitializationOptions {
  /** Distribution of the initial weights (default "pytorch"). */
  initialization?: (typeof INITIALIZATIONS)[number];
  /**
   * Initial bias of an LSTM's forget gate: 1 makes it remember (Jozefowicz et al. 2015). Default: like other biases.
   */
  forgetBias?: number;
}

/** Initializes the parameters of a network. @throws TypeError or RangeError that names the invalid option */
export function initialize(
  network: Network,
  seed: number,
  { initialization = "pytorch", forgetBias }: InitializationOptions = {},
): void {
  const { config, parameters } = network;
  const random = new Random(seed);
  const block = network.block("parameters");
  const kind = oneOf("initialization", initialization, INITIALIZATIONS);
  if (forgetBias !== undefined) {
    number("forgetBias", forgetBias, "a finite number", Number.isFinite);
    if (config.cell !== "lstm") throw new RangeError(`"forgetBias" expected the cell "lstm", got "${config.cell}"`);
  }
  for (const parameter of parameters) {
    const values = new Float32Array(parameterCount(parameter));
    start[kind](values, parameter, config, random);
    if (forgetBias !== undefined && parameter.name.startsWith("rnn.bias_")) {
      // Gates are in the order i, f, g, o. The two biases are summed, so only one is set and the other is zero.
      const H = config.hiddenSize;
      values.fill(parameter.name.startsWith("rnn.bias_ih") ? forgetBias : 0, H, 2 * H);
    }
    writeParameter(block, parameter, values);
  }
  network.parametersChanged();
}

type Start = (values: Float32Array, parameter: Parameter, config: NetworkConfig, random: Random) => void;

const start: Record<(typeof INITIALIZATIONS)[number], Start> = {
  pytorch(values, { role, name }, config, random) {
    const inputs = name.startsWith("rnn.") ? config.hiddenSize : directions(config) * config.hiddenSize;
    if (role === "embedding" && !config.tied) normal(values, random);
    else uniform(values, 1 / Math.sqrt(inputs), random);
  },
  xavier(values, parameter, config, random) {
    const { role, shape, gates } = parameter;
    if (role === "bias") return;
    if (role === "embedding" && !config.tied) normal(values, random);
    else uniform(values, Math.sqrt(6 / (shape[0]! / gates + shape[1]!)), random);
  },
  orthogonal(values, parameter, config, random) {
    if (parameter.role !== "recurrent") return start.xavier(values, parameter, config, random);
    const H = config.hiddenSize;
    for (let gate = 0; gate < parameter.gates; gate++) {
      values.set(orthogonal(H, random), gate * H * H);
    }
  },
};

function uniform(values: Float32Array, bound: number, random: Random): void {
  for (let i = 0; i < values.length; i++) values[i] = (2 * random.float() - 1) * bound;
}

function normal(values: Float32Array, random: Random): void {
  for (let i = 0; i < values.length; i++) values[i] = random.normal();
}

/**
 * Draws an n×n matrix with orthonormal rows: Gram–Schmidt on random normal rows, applied twice against rounding errors.
 */
function orthogonal(n: number, random: Random): Float64Array {
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    const row = rows.subarray(i * n, (i + 1) * n);
    for (let k = 0; k < n; k++) row[k] = random.normal();
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = rows.subarray(j * n, (j + 1) * n);
        let dot = 0;
        for (let k = 0; k < n; k++) dot += row[k]! * other[k]!;
        for (let k = 0; k < n; k++) row[k]! -= dot * other[k]!;
      }
      const norm = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
      for (let k = 0; k < n; k++) row[k]! /= norm;
    }
  }
  return rows;
}
