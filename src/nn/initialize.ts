// How the parameters start.

import { number, oneOf } from "../check.js";
import { Random } from "../random.js";
import { directions, type NetworkConfig } from "./config.js";
import type { Network } from "./network.js";
import { type Parameter, parameterCount, writeParameter } from "./parameters.js";

/**
 * pytorch: uniform in ±1/√H (the output layer: ±1/√(its inputs)), biases too; an embedding normal with variance 1.
 * xavier: weights uniform in ±√(6/(in + out)), each gate for itself (Glorot and Bengio 2010); biases zero.
 * orthogonal: the same, but Wh of each gate a random orthogonal matrix (Saxe et al. 2014).
 * Tied weights start as the output layer does: as an embedding they would give logits of variance H.
 */
export const INITIALIZATIONS = ["pytorch", "xavier", "orthogonal"] as const;

export interface InitializationOptions {
  /** How the weights start (default "pytorch"). */
  initialization?: (typeof INITIALIZATIONS)[number];
  /** The bias of an LSTM's forget gate: 1 has it remember at first (Jozefowicz et al. 2015). Default: as other biases. */
  forgetBias?: number;
}

/** Fills a parameter block with initial values. @throws TypeError, RangeError naming the option that is wrong */
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
      // Gates are in the order i, f, g, o. The two biases add up.
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

/** An n×n matrix with orthonormal rows: random ones, made so one after the other (Gram and Schmidt, twice for rounding). */
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
