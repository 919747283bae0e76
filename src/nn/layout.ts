// Where everything lies in a network's memory, in bytes:
//
//   parameters | gradients | moments | packed weights | activations
//
// All but the activations is laid out when the network is built. They come last, so that a larger batch or window
// only grows the end.

import type { Kernels } from "../wasm/kernels.js";
import { Blocks, padded } from "../wasm/memory.js";
import type { NetworkConfig } from "./config.js";
import { blockSize, type Parameter } from "./parameters.js";

/** Rows of logits alive at a time: from h to δh they stay in the cache, and memory does not grow with T·B·V. */
export const LOGIT_ROWS = 256;

/** A weight in the forms that the products read. */
export interface PackedWeight {
  /** The parameter it is made from, K×N in memory. */
  readonly parameter: Parameter;
  readonly K: number;
  readonly N: number;
  /** Packed, for x·W. */
  readonly forward: number;
  /** Its transpose packed, for δy·Wᵀ. */
  readonly backward: number;
}

export interface LayerWeights {
  readonly Wx: PackedWeight;
  readonly Wh: PackedWeight;
  /** b = b_ih + b_hh: PyTorch keeps, and trains, two. */
  readonly bias: number;
}

/** The blocks in which every parameter has its place: its value, its gradient, and what the optimiser keeps of it. */
export const BLOCKS = ["parameters", "gradients", "moment1", "moment2"] as const;
export type BlockName = (typeof BLOCKS)[number];

export interface FixedLayout extends Readonly<Record<BlockName, number>> {
  /** Floats in each block. */
  readonly blockSize: number;
  readonly layers: readonly LayerWeights[];
  readonly Wo: PackedWeight;
  /** A row of zeros: the bias where there is none. */
  readonly zeros: number;
  readonly end: number;
}

export function layOutWeights(
  config: NetworkConfig,
  named: (name: string) => Parameter,
  table: readonly Parameter[],
  start: number,
): FixedLayout {
  const { hiddenSize: H, embeddingSize: E, vocabularySize: V } = config;
  const blocks = new Blocks(start);
  const size = blockSize(table);
  const pack = (name: string, K: number, N: number): PackedWeight => ({
    parameter: named(name),
    K,
    N,
    forward: blocks.take(K * padded(N)),
    backward: blocks.take(N * padded(K)),
  });
  return {
    parameters: blocks.take(size),
    gradients: blocks.take(size),
    moment1: blocks.take(size),
    moment2: blocks.take(size),
    blockSize: size,
    layers: Array.from({ length: config.layers }, (_, l) => ({
      // A one-hot input takes rows of Wx as they are: nothing to pack.
      Wx: pack(`rnn.weight_ih_l${l}`, l > 0 ? H : E, H),
      Wh: pack(`rnn.weight_hh_l${l}`, H, H),
      bias: blocks.take(padded(H)),
    })),
    Wo: pack("output.weight", H, V),
    zeros: blocks.take(padded(Math.max(H, E))),
    end: blocks.end,
  };
}

/** The activations of T steps of B sequences; matrices are (T·B) rows, time-major. */
export interface Activations {
  readonly T: number;
  readonly B: number;
  readonly inputs: number;
  readonly targets: number;
  /** log p of each target, or of each class after one step. */
  readonly logP: number;
  /** The embedded inputs, where there is an embedding. */
  readonly e: number;
  /** For each layer: its states, T + 1 slots; slot 0 is the initial state. */
  readonly h: readonly number[];
  /** For each layer: its states after dropout, where there is dropout and a layer above. */
  readonly dropped: readonly number[];
  /** Two gradients of (T·B) rows: the one that comes from above, and the one that goes on below. */
  readonly d: readonly [number, number];
  /** For each layer: T doubles, ‖∂L/∂h_t‖². */
  readonly norms: readonly number[];
  readonly logits: number;
  readonly scratch: number;
  readonly end: number;
}

export function layOutActivations(
  config: NetworkConfig,
  kernels: Kernels,
  start: number,
  T: number,
  B: number,
): Activations {
  const { hiddenSize: H, embeddingSize: E, vocabularySize: V, layers } = config;
  const blocks = new Blocks(start);
  const rows = T * B;
  const each = (take: (layer: number) => number) => Array.from({ length: layers }, (_, l) => take(l));
  const width = padded(Math.max(H, E));
  return {
    T,
    B,
    inputs: blocks.take(rows),
    targets: blocks.take(rows),
    logP: blocks.take(Math.max(rows, padded(V))),
    e: blocks.take(rows * padded(E)),
    h: each(() => blocks.take((rows + B) * padded(H))),
    dropped: each((l) => blocks.take(config.dropout > 0 && l < layers - 1 ? rows * padded(H) : 0)),
    d: [blocks.take(rows * width), blocks.take(rows * width)],
    norms: each(() => blocks.take(2 * T)),
    logits: blocks.take(Math.min(rows, LOGIT_ROWS) * padded(V)),
    scratch: blocks.take(Math.max(kernels.aTbScratch(H, V), kernels.aTbScratch(Math.max(H, E), H))),
    end: blocks.end,
  };
}
