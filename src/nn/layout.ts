// Where everything lies in a network's memory, in bytes:
//
//   parameters | gradients | moments | packed weights | activations
//
// All but the activations is laid out when the network is built. They come last, so that a larger batch or window
// only grows the end.

import type { Kernels } from "../wasm/kernels.js";
import { Blocks, padded } from "../wasm/memory.js";
import { CELLS, directions, type NetworkConfig } from "./config.js";
import { blockSize, layoutOf, type Parameter, suffix } from "./parameters.js";

/** Rows of logits alive at a time: from h to δh they stay in the cache, and memory does not grow with T·B·V. */
export const LOGIT_ROWS = 256;

/** A weight W (K×N), x·W, in the forms that the products read. */
export interface PackedWeight {
  /** Where it and its gradient lie, in floats from the start of their block: K×N, or, where it is tied, N×K. */
  readonly offset: number;
  readonly K: number;
  readonly N: number;
  readonly tied: boolean;
  /** Packed, for x·W. */
  readonly forward: number;
  /** Its transpose packed, for δy·Wᵀ. */
  readonly backward: number;
}

/** The weights of one direction of a layer. */
export interface LayerWeights {
  /** For each of the layer's inputs: the embedding, or the directions of the layer below. Columns: all gates. */
  readonly Wx: readonly PackedWeight[];
  readonly Wh: PackedWeight;
  /** PyTorch's two biases: parameters, in floats from the start of their block. */
  readonly bx: number;
  readonly bh: number;
  /** Their sum, for the cells that add both in one place. */
  readonly b: number;
}

/** The blocks in which every parameter has its place: its value, its gradient, and what the optimizer keeps of it. */
export const BLOCKS = ["parameters", "gradients", "moment1", "moment2"] as const;
export type BlockName = (typeof BLOCKS)[number];

export interface FixedLayout extends Readonly<Record<BlockName, number>> {
  /** Floats in each block. */
  readonly blockSize: number;
  /** The embedding (V×E), in floats from the start of its block; undefined where inputs are one-hot. */
  readonly embedding: number | undefined;
  /** For each layer, from the lowest up, and each direction. */
  readonly layers: readonly (readonly LayerWeights[])[];
  /** For each direction of the top layer. */
  readonly Wo: readonly PackedWeight[];
  /** In floats from the start of its block. */
  readonly bo: number;
  /** A row of zeros: the bias where there is none. */
  readonly zeros: number;
  readonly end: number;
}

export function layOutWeights(config: NetworkConfig, table: readonly Parameter[], start: number): FixedLayout {
  const { hiddenSize: H, embeddingSize: E, vocabularySize: V } = config;
  const D = directions(config);
  const blocks = new Blocks(start);
  const size = blockSize(table);
  const named = (name: string) => table.find((parameter) => parameter.name === name)!;
  const pack = (offset: number, K: number, N: number, tied = false): PackedWeight => {
    const forward = blocks.take(K * padded(N));
    return { offset, K, N, tied, forward, backward: blocks.take(N * padded(K)) };
  };
  const columns = CELLS[config.cell].gates * padded(H);

  /** The parts of a weight that `inputs` inputs of width K read. */
  const parts = (name: string, inputs: number, K: number, N: number): PackedWeight[] => {
    const parameter = named(name);
    return each(inputs, (i) => pack(parameter.offset + i * K * layoutOf(parameter).stride, K, N));
  };
  const direction = (l: number, d: number): LayerWeights => {
    const name = suffix(l, d);
    return {
      // A one-hot input takes rows of Wx as they are: nothing to pack.
      Wx: l > 0 ? parts(`rnn.weight_ih_${name}`, D, H, columns) : parts(`rnn.weight_ih_${name}`, 1, E, columns),
      Wh: pack(named(`rnn.weight_hh_${name}`).offset, H, columns),
      bx: named(`rnn.bias_ih_${name}`).offset,
      bh: named(`rnn.bias_hh_${name}`).offset,
      b: blocks.take(columns),
    };
  };
  return {
    parameters: blocks.take(size),
    gradients: blocks.take(size),
    moment1: blocks.take(size),
    moment2: blocks.take(size),
    blockSize: size,
    embedding: E > 0 ? named("embedding.weight").offset : undefined,
    layers: each(config.layers, (l) => each(D, (d) => direction(l, d))),
    Wo: config.tied ? [pack(named("embedding.weight").offset, H, V, true)] : parts("output.weight", D, H, V),
    bo: named("output.bias").offset,
    zeros: blocks.take(padded(Math.max(H, E))),
    end: blocks.end,
  };
}

/** What one direction of a layer computes. Matrices are (T·B) rows, time-major. */
export interface LayerActivations {
  /** For each of the cell's states: T + 1 slots of B rows. */
  readonly states: readonly number[];
  /** Where x·Wx + b goes, and what the cell makes of it: its gates, and their gradients. */
  readonly z: number;
  /** lstm: tanh(c). gru: h·Wh + b', 3 gates wide. */
  readonly kept: number;
  /** T doubles, ‖∂L/∂h_t‖². */
  readonly norms: number;
  /** The states after dropout, where there is dropout and a layer above. */
  readonly dropped: number;
}

export interface Activations {
  readonly T: number;
  readonly B: number;
  readonly inputs: number;
  readonly targets: number;
  /** log p of each target, or of each class after one step. */
  readonly logP: number;
  /** The embedded inputs, where there is an embedding. */
  readonly e: number;
  readonly layers: readonly (readonly LayerActivations[])[];
  /**
   * Gradients of (T·B) rows, for each direction: those that come from above, and those that go on below; layers take
   * them in turns.
   */
  readonly d: readonly [readonly number[], readonly number[]];
  /** One step's gradient of an LSTM's cell state. */
  readonly dc: number;
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
  const { cell, hiddenSize: H, embeddingSize: E, vocabularySize: V, layers } = config;
  const { gates, states } = CELLS[cell];
  const D = directions(config);
  const blocks = new Blocks(start);
  const rows = T * B;
  const width = padded(H);
  const columns = gates * width;

  const direction = (l: number, d: number): LayerActivations => {
    const slots = states.map(() => blocks.take((rows + B) * width));
    return {
      states: slots,
      // The simple cell has one gate, which becomes the state: it lies where that goes.
      z: gates === 1 ? slots[0]! + (d === 0 ? 4 * B * width : 0) : blocks.take(rows * columns),
      kept: blocks.take(cell === "gru" ? rows * columns : cell === "lstm" ? rows * width : 0),
      norms: blocks.take(2 * T),
      dropped: blocks.take(config.dropout > 0 && l < layers - 1 ? rows * width : 0),
    };
  };
  const gradients = () => each(D, () => blocks.take(rows * Math.max(width, padded(E))));
  const scratches = [
    kernels.aTbScratch(H, columns),
    E > 0 ? kernels.aTbScratch(E, columns) : 0,
    config.tied ? kernels.aTbScratch(V, H) : kernels.aTbScratch(H, V),
  ];
  return {
    T,
    B,
    inputs: blocks.take(rows),
    targets: blocks.take(rows),
    logP: blocks.take(Math.max(rows, padded(V))),
    e: blocks.take(rows * padded(E)),
    layers: each(layers, (l) => each(D, (d) => direction(l, d))),
    d: [gradients(), gradients()],
    dc: blocks.take(cell === "lstm" ? B * width : 0),
    logits: blocks.take(Math.min(rows, LOGIT_ROWS) * padded(V)),
    scratch: blocks.take(Math.max(...scratches)),
    end: blocks.end,
  };
}

/** what(0), what(1), … what(n − 1). */
export function each<T>(n: number, what: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => what(i));
}
