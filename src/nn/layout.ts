// The layout of a network's memory, with pointers in bytes:
//
//   parameters | gradients | moments | packed weights | activations      for training
//   parameters | activations                                             for inference only
//
// For inference, each weight is stored only in the form that is read: packed if it is a factor of a product, or in rows
// if its rows are gathered. The activations come last, so that a larger batch or window only grows the end.

import type { Kernels } from "../wasm/kernels.js";
import { Blocks, padded } from "../wasm/memory.js";
import { CELLS, directions, type NetworkConfig } from "./config.js";
import { blockSize, layoutOf, type Parameter, parameterTable, suffix } from "./parameters.js";

/** Rows of logits computed at a time: they stay in the cache from h to δh, and memory does not grow with T·B·V. */
const LOGIT_ROWS = 256;
/** Time steps scored at a time. */
const SCORE_STEPS = 256;

/** A weight W (K×N) of x·W, in the forms that products read. */
export interface PackedWeight {
  /** Offset of W and of its gradient, in floats from the start of their block: K×N, or N×K if it is tied. */
  readonly offset: number;
  readonly K: number;
  readonly N: number;
  readonly tied: boolean;
  /** Pointer to W packed for x·W. */
  readonly forward: number;
  /** Pointer to Wᵀ packed for δy·Wᵀ; 0 in an inference-only network. */
  readonly backward: number;
}

/** The weights of one direction of a layer. */
export interface LayerWeights {
  /** One for each input: the embedding, or each direction of the layer below. Columns: all gates. */
  readonly Wx: readonly PackedWeight[];
  readonly Wh: PackedWeight;
  /** Offsets of PyTorch's two biases, in floats from the start of their block. */
  readonly bx: number;
  readonly bh: number;
  /** Pointer to the sum of the two, for the cells that add both in one place. */
  readonly b: number;
}

/** The blocks with one slot for each parameter: its value, its gradient, and the optimizer's two moments. */
export const BLOCKS = ["parameters", "gradients", "moment1", "moment2"] as const;
export type BlockName = (typeof BLOCKS)[number];

export interface FixedLayout extends Readonly<Record<BlockName, number>> {
  /** True if there are gradients and moments; otherwise, their blocks start at 0. */
  readonly trained: boolean;
  /** The parameters and their places in a block. */
  readonly table: readonly Parameter[];
  /** The parameters that are stored packed, by name; always empty if `trained`. */
  readonly packed: ReadonlyMap<string, readonly PackedWeight[]>;
  /** Floats in each block. */
  readonly blockSize: number;
  /** Offset of the embedding (V×E), in floats from the start of its block; undefined if inputs are one-hot. */
  readonly embedding: number | undefined;
  /** Weights of each layer, from the lowest up, and each direction. */
  readonly layers: readonly (readonly LayerWeights[])[];
  /** Output weights, one for each direction of the top layer. */
  readonly Wo: readonly PackedWeight[];
  /** Offset of the output bias, in floats from the start of its block. */
  readonly bo: number;
  /** Pointer to a row of zeros: the bias of products without one. */
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

  /** Splits a weight into one part for each of `inputs` inputs of width K. */
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
      // A one-hot input (E = 0) gathers rows of Wx, so there is nothing to pack.
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

/** Pointers to the activations of one direction of a layer. Matrices have T·B rows, time-major. */
export interface LayerActivations {
  /** For each of the cell's states: T + 1 slots of B rows, the initial states in the first. */
  readonly states: readonly number[];
  /** x·Wx + b, which the cell replaces by its gates, and the backward pass by their gradients. */
  readonly z: number;
  /** lstm: tanh(c). gru: h·Wh + b', 3 gates wide. */
  readonly kept: number;
  /** T doubles, ‖∂L/∂h_t‖², in the order in which the direction reads. */
  readonly norms: number;
  /** The states after dropout, if there is dropout and a layer above. */
  readonly dropped: number;
}

export interface Activations {
  readonly T: number;
  readonly B: number;
  /** True if there is room for a backward pass. */
  readonly backward: boolean;
  /** Bytes of the initial states, B rows. */
  readonly initial: number;
  /** For each direction, the table of its steps and, if it is not the order of the rows, the state before each row. */
  readonly steps: readonly { readonly table: number; readonly before: number }[];
  /** The states before each row of a direction that reads backward. */
  readonly before: number;
  readonly inputs: number;
  readonly targets: number;
  /** log p of each target, or of each class after one step. */
  readonly logP: number;
  /** The embedded inputs, if there is an embedding. */
  readonly e: number;
  readonly layers: readonly (readonly LayerActivations[])[];
  /**
   * Two buffers for each direction, B rows for the initial states and T·B more: one holds the gradients from the layer above, the other those for the
   * layer below, and they swap roles at each layer.
   */
  readonly d: readonly [readonly number[], readonly number[]];
  /** One step's gradient of an LSTM's cell state. */
  readonly dc: number;
  readonly logits: number;
  /** Rows of logits computed at a time. */
  readonly logitRows: number;
  readonly scratch: number;
  readonly end: number;
}

/**
 * Numbers of steps and of rows of logits to score at a time: as many as fit into a tenth of the parameters' memory, or
 * into 256 KiB if that is more. The result is the same to the last bit for any numbers.
 */
export function scoringSizes(config: NetworkConfig, { blockSize }: FixedLayout): { steps: number; logitRows: number } {
  const { gates, states } = CELLS[config.cell];
  const floats = Math.max(blockSize / 10, 1 << 16);
  const rowsOf = (width: number, most: number) => Math.min(most, Math.max(16, Math.floor(floats / width)));
  const widths = gates + states.length + keptWidths(config);
  const step = config.layers * widths * padded(config.hiddenSize) + padded(config.embeddingSize);
  return { steps: rowsOf(step, SCORE_STEPS), logitRows: rowsOf(padded(config.vocabularySize), LOGIT_ROWS) };
}

/** Width, in units of H, of the values that a cell keeps besides its states and gates. */
const keptWidths = ({ cell }: NetworkConfig): number => ({ rnn: 0, gru: 3, lstm: 1 })[cell];

/** @param backward true to make room for a backward pass */
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

  const direction = (l: number): LayerActivations => {
    const slots = states.map(() => blocks.take((rows + B) * width));
    return {
      states: slots,
      // The rnn cell's only gate becomes the hidden state, so it shares its memory.
      z: gates === 1 ? slots[0]! + 4 * B * width : blocks.take(rows * columns),
      kept: blocks.take(rows * keptWidths(config) * width),
      norms: backwardOnly(2 * T),
      dropped: backwardOnly(config.dropout > 0 && l < layers - 1 ? rows * width : 0),
    };
  };
  const gradients = () => each(D, () => backwardOnly(rows * Math.max(width, padded(E)) + B * width));
  const scratches = [
    kernels.aTbScratch(H, columns),
    E > 0 ? kernels.aTbScratch(E, columns) : 0,
    config.tied ? kernels.aTbScratch(V, H) : kernels.aTbScratch(H, V),
  ];
  return {
    T,
    B,
    backward,
    initial: 4 * B * width,
    steps: each(D, (d) => ({ table: blocks.take(4 + 4 * T), before: backwardOnly(d * rows) })),
    before: backwardOnly((D - 1) * rows * width),
    inputs: blocks.take(rows),
    targets: blocks.take(rows),
    logP: blocks.take(Math.max(rows, padded(V))),
    e: blocks.take(rows * padded(E)),
    layers: each(layers, (l) => each(D, () => direction(l))),
    d: [gradients(), gradients()],
    dc: backwardOnly(cell === "lstm" ? B * width : 0),
    logits: blocks.take(logitRows * padded(V)),
    logitRows,
    scratch: backwardOnly(Math.max(...scratches)),
    end: blocks.end,
  };
}

/** Returns [what(0), what(1), …, what(n − 1)]. */
export function each<T>(n: number, what: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => what(i));
}
