// The three layers of the network, each with its backward pass beside it:
//
//   input       x·Wx + b             from one-hot tokens, embedded tokens, or the states of the layer below
//   recurrent   h_t                  a cell: see cells.ts
//   output      o_t = h_t·Wo + b_o, softmax, cross-entropy
//
// A bidirectional layer has two of everything, and the layer above has one input for each direction. PyTorch
// concatenates the two and multiplies them by one matrix; here, x·Wx is the sum of the products with that matrix's two
// halves.

import { mix } from "../random.js";
import { type Memory, padded } from "../wasm/memory.js";
import { CELLS, type NetworkConfig } from "./config.js";
import type { Activations, FixedLayout, PackedWeight } from "./layout.js";

/** One pass over the network. */
export interface Pass {
  readonly config: NetworkConfig;
  readonly memory: Memory;
  readonly weights: FixedLayout;
  readonly acts: Activations;
  /** Seed of the dropout masks; without one, there is no dropout. */
  readonly dropoutSeed?: number;
  /** True if the backward pass records ‖∂L/∂h_t‖. */
  readonly norms?: boolean;
}

/** Pointers to a parameter and to its gradient, from its offset in floats. */
const at = ({ weights }: Pass, offset: number) => weights.parameters + 4 * offset;
export const gradientOf = ({ weights }: Pass, offset: number) => weights.gradients + 4 * offset;

/** Pointer to the hidden states after steps 1 to T: (T·B, H). They follow the initial states. */
const outputOf = ({ acts }: Pass, layer: number, direction: number): number =>
  acts.layers[layer]![direction]!.states[0]! + acts.initial;

const NO_BIAS = 0;

/** Returns true if a layer reads tokens without an embedding. */
const readsOneHot = ({ config }: Pass, layer: number) => layer === 0 && config.embeddingSize === 0;

const drops = ({ config, dropoutSeed }: Pass, layer: number) =>
  config.dropout > 0 && dropoutSeed !== undefined && layer >= 0 && layer < config.layers - 1;

/** Applies dropout to the output of one direction of a layer. The backward pass is the same call. */
function drop(pass: Pass, layer: number, direction: number, y: number, x: number): void {
  const { config, memory, acts, dropoutSeed } = pass;
  const p = config.dropout;
  const n = acts.T * acts.B * padded(config.hiddenSize);
  const seed = mix(dropoutSeed!, 2 * layer + direction);
  memory.kernels.dropout(y, x, seed, Math.floor(p * 2 ** 32), 1 / (1 - p), n);
}

/** Pointers to the inputs of a layer, one for each Wx: (T·B, K). */
function inputsOf(pass: Pass, layer: number): number[] {
  if (layer === 0) return [pass.acts.e];
  return pass.acts.layers[layer - 1]!.map(({ dropped }, direction) =>
    drops(pass, layer - 1) ? dropped : outputOf(pass, layer - 1, direction),
  );
}

/** y = b + Σ x·W over inputs and their weights. */
function affine({ memory }: Pass, y: number, b: number, x: number[], W: readonly PackedWeight[], rows: number) {
  const { kernels } = memory;
  W.forEach(({ forward, N, K }, i) => {
    if (i === 0) kernels.affine(y, b, x[i]!, forward, rows, N, K);
    else kernels.multiply(y, x[i]!, forward, rows, N, K);
  });
}

/** Fills z of each direction of a layer with x·Wx + b. */
export function inputForward(pass: Pass, layer: number): void {
  const { config, memory, weights, acts } = pass;
  const { kernels } = memory;
  const rows = acts.T * acts.B;
  if (layer === 0 && weights.embedding !== undefined) {
    if (weights.packed.has("embedding.weight")) gatherPacked(pass, weights.Wo[0]!, rows);
    else kernels.gather(acts.e, at(pass, weights.embedding), NO_BIAS, acts.inputs, rows, config.embeddingSize);
  } else if (drops(pass, layer - 1)) {
    for (const [d, { dropped }] of acts.layers[layer - 1]!.entries()) {
      drop(pass, layer - 1, d, dropped, outputOf(pass, layer - 1, d));
    }
  }
  weights.layers[layer]!.forEach(({ Wx, bx, b }, d) => {
    const { z } = acts.layers[layer]![d]!;
    const bias = CELLS[config.cell].ownBias ? at(pass, bx) : b;
    if (readsOneHot(pass, layer)) kernels.gather(z, at(pass, Wx[0]!.offset), bias, acts.inputs, rows, Wx[0]!.N);
    else affine(pass, z, bias, inputsOf(pass, layer), Wx, rows);
  });
}

/** Embeds the inputs in a network that has its tied embedding only as the packed Wo: e_t is column x_t of Wo. */
function gatherPacked({ memory, acts }: Pass, { forward, K, N }: PackedWeight, rows: number): void {
  const { kernels } = memory;
  const W = memory.floats(forward, kernels.packedSize(K, N));
  const stride = padded(K);
  const e = memory.floats(acts.e, rows * stride);
  memory.integers(acts.inputs, rows).forEach((id, i) => {
    for (let k = 0; k < K; k++) e[i * stride + k] = W[kernels.packedIndex(k, id, K, N)]!;
    e.fill(0, i * stride + K, (i + 1) * stride);
  });
}

/**
 * Backward pass of inputForward, and of h·Wh. Adds to the gradients of Wx and Wh and, if the cell sums its biases, copies
 * the gradient of b_ih to that of b_hh.
 * @param dx filled with the gradients of the layer's inputs, (T·B, K); scratch for a layer that reads tokens
 * @param d for each direction, the gradients of x·Wx + b and of h·Wh
 */
export function inputBackward(
  pass: Pass,
  layer: number,
  dx: readonly number[],
  d: readonly (readonly [dz: number, du: number])[],
): void {
  const { config, memory, weights, acts } = pass;
  const { kernels } = memory;
  const rows = acts.T * acts.B;
  const x = inputsOf(pass, layer);
  weights.layers[layer]!.forEach(({ Wx, Wh, bx, bh }, direction) => {
    const [dz, du] = d[direction]!;
    const { K: H, N } = Wh;
    kernels.aTb(gradientOf(pass, Wh.offset), statesBefore(pass, layer, direction), du, H, N, rows, acts.scratch);
    if (!CELLS[config.cell].ownBias) {
      memory.floats(gradientOf(pass, bh), Wh.N).set(memory.floats(gradientOf(pass, bx), Wh.N));
    }
    Wx.forEach(({ offset, backward, K, N }, i) => {
      const dW = gradientOf(pass, offset);
      if (readsOneHot(pass, layer)) {
        kernels.scatterAdd(dW, dz, acts.inputs, rows, N);
        return;
      }
      kernels.aTb(dW, x[i]!, dz, K, N, rows, acts.scratch);
      if (direction === 0) kernels.affine(dx[i]!, weights.zeros, dz, backward, rows, K, N);
      else kernels.multiply(dx[i]!, dz, backward, rows, K, N);
    });
  });
  if (layer === 0 && weights.embedding !== undefined) {
    kernels.scatterAdd(gradientOf(pass, weights.embedding), dx[0]!, acts.inputs, rows, config.embeddingSize);
  } else if (drops(pass, layer - 1)) {
    for (const [d, dropped] of dx.entries()) drop(pass, layer - 1, d, dropped, dropped);
  }
}

/** Pointer to the state before each row, one below the other. Forward in time they lie so. */
function statesBefore({ acts, config, memory }: Pass, layer: number, direction: number): number {
  const [h] = acts.layers[layer]![direction]!.states;
  if (direction === 0) return h!;
  memory.kernels.gather(acts.before, h!, NO_BIAS, acts.steps[1]!.before, acts.T * acts.B, config.hiddenSize);
  return acts.before;
}

/** Visits the rows of the top layer's states in equal parts, small enough for their logits to stay in the cache. */
function forRows(pass: Pass, visit: (start: number, count: number) => void): void {
  const { T, B, logitRows } = pass.acts;
  const rows = T * B;
  const part = Math.ceil(rows / Math.ceil(rows / logitRows));
  for (let start = 0; start < rows; start += part) visit(start, Math.min(part, rows - start));
}

/** logits = b_o + Σ h·Wo for `rows` rows at each h. */
export function logits(pass: Pass, h: number[], rows: number): void {
  const { weights, acts } = pass;
  affine(pass, acts.logits, at(pass, weights.bo), h, weights.Wo, rows);
}

/**
 * Loss and backward pass of the output layer: adds to the gradients of Wo and b_o.
 * @param dh filled with the gradient of the top layer's states, for each direction
 * @param scale weight of each row's loss in the mean: 1 / number of targets
 * @returns the sum of the losses in nats
 */
export function outputLossAndGradient(pass: Pass, dh: readonly number[], scale: number): number {
  const { config, memory, weights, acts } = pass;
  const { kernels } = memory;
  const { vocabularySize: V, layers } = config;
  const rowBytes = 4 * padded(config.hiddenSize);
  const top = dh.map((_, d) => outputOf(pass, layers - 1, d));
  let loss = 0;
  forRows(pass, (start, rows) => {
    const from = start * rowBytes;
    logits(
      pass,
      top.map((h) => h + from),
      rows,
    );
    loss += kernels.softmaxCrossEntropy(acts.logits, acts.logP, acts.targets + 4 * start, rows, V, scale);
    kernels.biasBackward(gradientOf(pass, weights.bo), acts.logits, rows, V);
    weights.Wo.forEach(({ offset, tied, backward, K, N }, d) => {
      const dW = gradientOf(pass, offset);
      if (tied) kernels.aTb(dW, acts.logits, top[d]! + from, N, K, rows, acts.scratch);
      else kernels.aTb(dW, top[d]! + from, acts.logits, K, N, rows, acts.scratch);
      kernels.affine(dh[d]! + from, weights.zeros, acts.logits, backward, rows, K, N);
    });
  });
  return loss;
}

/** Fills logP with log p of each target. The states in slot t, before step t, predict target t, counted from 0. */
export function outputLogLikelihood(pass: Pass): void {
  const { config, memory, acts } = pass;
  const [before] = acts.layers[config.layers - 1]![0]!.states;
  forRows(pass, (start, rows) => {
    logits(pass, [before! + start * 4 * padded(config.hiddenSize)], rows);
    const { logP, targets } = acts;
    memory.kernels.logLikelihood(logP + 4 * start, acts.logits, targets + 4 * start, rows, config.vocabularySize);
  });
}
