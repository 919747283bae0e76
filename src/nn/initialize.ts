// Initial values of the parameters.

import { number, oneOf } from "../check.js";
import { Random } from "../random.js";
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
  const random = new Random(seed);
  const block = network.block("parameters");
  const draw = draws[oneOf("initialization", initialization, INITIALIZATIONS)];
  if (forgetBias !== undefined) number("forgetBias", forgetBias, "a finite number", Number.isFinite);
  for (const parameter of network.parameters) {
    const { start, shape, gates } = parameter;
    const values = new Float32Array(parameterCount(parameter));
    if (start.kind === "normal") for (let i = 0; i < values.length; i++) values[i] = random.normal();
    else draw(values, parameter, random);
    if (forgetBias !== undefined && start.forget !== undefined) {
      const H = shape[0]! / gates;
      values.fill(start.forget * forgetBias, H, 2 * H);
    }
    writeParameter(block, parameter, values);
  }
  network.parametersChanged();
}

type Draw = (values: Float32Array, parameter: Parameter, random: Random) => void;

const draws: Record<(typeof INITIALIZATIONS)[number], Draw> = {
  pytorch(values, { start }, random) {
    uniform(values, 1 / Math.sqrt(start.inputs!), random);
  },
  xavier(values, { start, shape, gates }, random) {
    if (start.kind !== "bias") uniform(values, Math.sqrt(6 / (shape[0]! / gates + shape[1]!)), random);
  },
  orthogonal(values, parameter, random) {
    if (parameter.start.kind !== "recurrent") return draws.xavier(values, parameter, random);
    const H = parameter.shape[1]!;
    for (let gate = 0; gate < parameter.gates; gate++) {
      values.set(orthogonal(H, random), gate * H * H);
    }
  },
};

function uniform(values: Float32Array, bound: number, random: Random): void {
  for (let i = 0; i < values.length; i++) values[i] = (2 * random.float() - 1) * bound;
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
