// Where everything lies in a network's memory, in bytes:
//
//   parameters | gradients | moments | packed weights | activations      of a network that is trained
//   parameters | activations                                             of one that only runs
//
// A network that only runs keeps each weight in the one form it reads: packed, if it is multiplied by, or in rows, if rows
// of it are gathered. The activations come last, so that a larger batch or window only grows the end.

import type { Kernels } from "../wasm/kernels.js";
import { Blocks, padded } from "../wasm/memory.js";
import { CELLS, directions, type NetworkConfig } from "./config.js";
import { blockSize, layoutOf, type Parameter, parameterTable, suffix } from "./parameters.js";

/** Rows of logits alive at a time: from h to δh they stay in the cache, and memory does not grow with T·B·V. */
const LOGIT_ROWS = 256;
/** Time steps that are scored at a time. */
const SCORE_STEPS = 256;

/** A weight W (K×N), x·W, in the forms that the products read. */
export interface PackedWeight {
  /** Where it and its gradient lie, in floats from the start of their block: K×N, or, where it is tied, N×K. */
  readonly offset: number;
  readonly K: number;
  readonly N: number;
  readonly tied: boolean;
  /** Packed, for x·W. */
  readonly forward: number;
  /** Its transpose packed, for δy·Wᵀ; 0 in a network that only runs. */
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
  /** Whether there are gradients and moments; without them their blocks start at 0. */
  readonly trained: boolean;
  /** The parameters and their places in a block. */
  readonly table: readonly Parameter[];
  /** The parameters that lie packed in their block, by name: those that a network which only runs multiplies by. */
  readonly packed: ReadonlyMap<string, readonly PackedWeight[]>;
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

export function layOutWeights(config: NetworkConfig, start: number, trained: boolean): FixedLayout {
  const { hiddenSize: H, embeddingSize: E, vocabularySize: V } = config;
  const D = directions(config);
  const blocks = new Blocks(start);
  const table = parameterTable(config, trained);
  const size = blockSize(table);
  const named = (name: string) => table.find((parameter) => parameter.name === name)!;
  const parameters = blocks.take(size);
  const [gradients, moment1, moment2] = trained ? [blocks.take(size), blocks.take(size), blocks.take(size)] : [0, 0, 0];
  const packed = new Map<string, readonly PackedWeight[]>();
  const columns = CELLS[config.cell].gates * padded(H);

  /** The parts of a weight that `inputs` inputs of width K read. */
  const parts = (name: string, inputs: number, K: number, N: number, tied = false): readonly PackedWeight[] => {
    const parameter = named(name);
    const weights = each(inputs, (i) => {
      const offset = parameter.offset + i * K * layoutOf(parameter).stride;
      const forward = trained ? blocks.take(K * padded(N)) : parameters + 4 * offset;
      return { offset, K, N, tied, forward, backward: trained ? blocks.take(N * padded(K)) : 0 };
    });
    if (!trained && K > 0) packed.set(name, weights);
    return weights;
  };
  const direction = (l: number, d: number): LayerWeights => {
    const name = suffix(l, d);
    return {
      // A one-hot input takes rows of Wx as they are: nothing to pack.
      Wx: l > 0 ? parts(`rnn.weight_ih_${name}`, D, H, columns) : parts(`rnn.weight_ih_${name}`, 1, E, columns),
      Wh: parts(`rnn.weight_hh_${name}`, 1, H, columns)[0]!,
      bx: named(`rnn.bias_ih_${name}`).offset,
      bh: named(`rnn.bias_hh_${name}`).offset,
      b: blocks.take(columns),
    };
  };
  return {
    trained,
    table,
    packed,
    parameters,
    gradients,
    moment1,
    moment2,
    blockSize: size,
    embedding: E > 0 ? named("embedding.weight").offset : undefined,
    layers: each(config.layers, (l) => each(D, (d) => direction(l, d))),
    Wo: config.tied ? parts("embedding.weight", 1, H, V, true) : parts("output.weight", D, H, V),
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
  /** Whether there is room for a backward pass. */
  readonly backward: boolean;
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
  /** Rows of logits alive at a time. */
  readonly logitRows: number;
  readonly scratch: number;
  readonly end: number;
}

/**
 * How much is scored at a time: what a tenth of the parameters' memory, or 256 KiB, has room for. The bits of the result do
 * not depend on it.
 */
export function scoringSizes(config: NetworkConfig, { blockSize }: FixedLayout): { steps: number; logitRows: number } {
  const { gates, states } = CELLS[config.cell];
  const floats = Math.max(blockSize / 10, 1 << 16);
  const rowsOf = (width: number, most: number) => Math.min(most, Math.max(16, Math.floor(floats / width)));
  const widths = gates + states.length + keptWidths(config);
  const step = config.layers * widths * padded(config.hiddenSize) + padded(config.embeddingSize);
  return { steps: rowsOf(step, SCORE_STEPS), logitRows: rowsOf(padded(config.vocabularySize), LOGIT_ROWS) };
}

/** Widths of H of what a cell keeps beside its states and gates. */
const keptWidths = ({ cell }: NetworkConfig): number => ({ rnn: 0, gru: 3, lstm: 1 })[cell];

/** @param backward whether to make room for a backward pass */
export function layOutActivations(
  config: NetworkConfig,
  kernels: Kernels,
  weights: FixedLayout,
  T: number,
  B: number,
  backward: boolean,
): Activations {
  const { cell, hiddenSize: H, embeddingSize: E, vocabularySize: V, layers } = config;
  const { gates, states } = CELLS[cell];
  const D = directions(config);
  const blocks = new Blocks(weights.end);
  const rows = T * B;
  const backwardOnly = (floats: number) => blocks.take(backward ? floats : 0);
  const logitRows = Math.min(rows, backward ? LOGIT_ROWS : scoringSizes(config, weights).logitRows);
  const width = padded(H);
  const columns = gates * width;

  const direction = (l: number, d: number): LayerActivations => {
    const slots = states.map(() => blocks.take((rows + B) * width));
    return {
      states: slots,
      // The simple cell has one gate, which becomes the state: it lies where that goes.
      z: gates === 1 ? slots[0]! + (d === 0 ? 4 * B * width : 0) : blocks.take(rows * columns),
      kept: blocks.take(rows * keptWidths(config) * width),
      norms: backwardOnly(2 * T),
      dropped: backwardOnly(config.dropout > 0 && l < layers - 1 ? rows * width : 0),
    };
  };
  const gradients = () => each(D, () => backwardOnly(rows * Math.max(width, padded(E))));
  const scratches = [
    kernels.aTbScratch(H, columns),
    E > 0 ? kernels.aTbScratch(E, columns) : 0,
    config.tied ? kernels.aTbScratch(V, H) : kernels.aTbScratch(H, V),
  ];
  return {
    T,
    B,
    backward,
    inputs: blocks.take(rows),
    targets: blocks.take(rows),
    logP: blocks.take(Math.max(rows, padded(V))),
    e: blocks.take(rows * padded(E)),
    layers: each(layers, (l) => each(D, (d) => direction(l, d))),
    d: [gradients(), gradients()],
    dc: backwardOnly(cell === "lstm" ? B * width : 0),
    logits: blocks.take(logitRows * padded(V)),
    logitRows,
    scratch: backwardOnly(Math.max(...scratches)),
    end: blocks.end,
  };
}

/** what(0), what(1), … what(n − 1). */
export function each<T>(n: number, what: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => what(i));
}
