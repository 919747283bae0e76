// The three layers of the network, each with its backward pass beside it:
//
//   input       e_t·Wx + b           from one-hot tokens, embedded tokens, or the states of the layer below
//   recurrent   h_t                  a cell: see cells.ts
//   output      o_t = h_t·Wo + b_o, softmax, cross-entropy

import { mix } from "../random.js";
import { type Memory, padded } from "../wasm/memory.js";
import type { NetworkConfig } from "./config.js";
import { type Activations, type FixedLayout, LOGIT_ROWS, type PackedWeight } from "./layout.js";
import type { Parameter } from "./parameters.js";

/** One pass over the network. */
export interface Pass {
  readonly config: NetworkConfig;
  readonly memory: Memory;
  readonly weights: FixedLayout;
  readonly acts: Activations;
  readonly named: (name: string) => Parameter;
  /** Seed of the dropout masks; without one nothing is left out. */
  readonly dropoutSeed?: number;
  /** Whether the backward pass notes ‖∂L/∂h_t‖. */
  readonly norms?: boolean;
}

/** Where a parameter lies, and where its gradient does. */
const at = ({ weights, named }: Pass, name: string) => weights.parameters + 4 * named(name).offset;
const gradientAt = ({ weights, named }: Pass, name: string) => weights.gradients + 4 * named(name).offset;
export const gradientOf = ({ weights }: Pass, weight: PackedWeight) => weights.gradients + 4 * weight.parameter.offset;

/** The states of a layer, slots 1 to T. */
function states({ acts, config }: Pass, layer: number): number {
  return acts.h[layer]! + 4 * acts.B * padded(config.hiddenSize);
}

const NO_BIAS = 0;

/** Whether a layer reads tokens without an embedding. */
const readsOneHot = ({ config }: Pass, layer: number) => layer === 0 && config.embeddingSize === 0;

/** Dropout on the states of a layer, on their way to the layer above; its own backward pass. */
function drop(pass: Pass, layer: number, y: number, x: number): void {
  const { config, memory, acts, dropoutSeed } = pass;
  const p = config.dropout;
  const n = acts.T * acts.B * padded(config.hiddenSize);
  memory.kernels.dropout(y, x, mix(dropoutSeed!, layer), Math.floor(p * 2 ** 32), 1 / (1 - p), n);
}

const drops = ({ config, dropoutSeed }: Pass, layer: number) =>
  config.dropout > 0 && dropoutSeed !== undefined && layer < config.layers - 1;

/** What a layer reads: (T·B, inputSize). */
function layerInput(pass: Pass, layer: number): number {
  if (layer === 0) return pass.acts.e;
  return drops(pass, layer - 1) ? pass.acts.dropped[layer - 1]! : states(pass, layer - 1);
}

/** Fills the slots 1 to T of a layer's states with e·Wx + b. */
export function inputForward(pass: Pass, layer: number): void {
  const { config, memory, weights, acts } = pass;
  const { kernels } = memory;
  const rows = acts.T * acts.B;
  const { Wx, bias } = weights.layers[layer]!;
  const z = states(pass, layer);
  if (readsOneHot(pass, layer)) {
    kernels.gather(z, at(pass, Wx.parameter.name), bias, acts.inputs, rows, config.hiddenSize);
    return;
  }
  if (layer === 0) {
    kernels.gather(acts.e, at(pass, "embedding.weight"), NO_BIAS, acts.inputs, rows, config.embeddingSize);
  } else if (drops(pass, layer - 1)) {
    drop(pass, layer - 1, acts.dropped[layer - 1]!, states(pass, layer - 1));
  }
  kernels.affine(z, bias, layerInput(pass, layer), Wx.forward, rows, Wx.N, Wx.K);
}

/**
 * From dz, the gradient of what inputForward made: adds to those of Wx and b, and fills dx with that of the layer's
 * input, the states of the layer below. A layer that reads tokens has nothing below: its dx is used up here.
 */
export function inputBackward(pass: Pass, layer: number, dx: number, dz: number): void {
  const { config, memory, weights, acts } = pass;
  const { kernels } = memory;
  const { hiddenSize: H, embeddingSize: E } = config;
  const rows = acts.T * acts.B;
  const { Wx } = weights.layers[layer]!;
  const [dbx, dbh] = [gradientAt(pass, `rnn.bias_ih_l${layer}`), gradientAt(pass, `rnn.bias_hh_l${layer}`)];
  kernels.biasBackward(dbx, dz, rows, H);
  memory.floats(dbh, H).set(memory.floats(dbx, H));
  if (readsOneHot(pass, layer)) {
    kernels.scatterAdd(gradientOf(pass, Wx), dz, acts.inputs, rows, H);
    return;
  }
  kernels.aTb(gradientOf(pass, Wx), layerInput(pass, layer), dz, Wx.K, H, rows, acts.scratch);
  kernels.affine(dx, weights.zeros, dz, Wx.backward, rows, Wx.K, H);
  if (layer === 0) kernels.scatterAdd(gradientAt(pass, "embedding.weight"), dx, acts.inputs, rows, E);
  else if (drops(pass, layer - 1)) drop(pass, layer - 1, dx, dx);
}

/** The rows of the top layer's states, LOGIT_ROWS at a time, so that their logits and all that follows stay in the cache. */
function forRows(pass: Pass, visit: (start: number, count: number) => void): void {
  const rows = pass.acts.T * pass.acts.B;
  for (let start = 0; start < rows; start += LOGIT_ROWS) visit(start, Math.min(LOGIT_ROWS, rows - start));
}

/** logits = h·Wo + b_o for `rows` rows at h. */
export function logits(pass: Pass, h: number, rows: number): void {
  const { config, memory, weights, acts } = pass;
  const { hiddenSize: H, vocabularySize: V } = config;
  memory.kernels.affine(acts.logits, at(pass, "output.bias"), h, weights.Wo.forward, rows, V, H);
}

/**
 * Loss and gradient of the output layer: adds to the gradients of Wo and b_o, fills dh with that of the top layer's
 * states, and returns the sum of the losses. `scale` is what each row's loss counts in the whole: 1 / number of targets.
 */
export function outputLossAndGradient(pass: Pass, dh: number, scale: number): number {
  const { config, memory, weights, acts } = pass;
  const { kernels } = memory;
  const { hiddenSize: H, vocabularySize: V } = config;
  const top = states(pass, config.layers - 1);
  const rowBytes = 4 * padded(H);
  let loss = 0;
  forRows(pass, (start, rows) => {
    const h = top + start * rowBytes;
    const d = dh + start * rowBytes;
    logits(pass, h, rows);
    loss += kernels.softmaxCrossEntropy(acts.logits, acts.logP, acts.targets + 4 * start, rows, V, scale);
    kernels.biasBackward(gradientAt(pass, "output.bias"), acts.logits, rows, V);
    kernels.aTb(gradientOf(pass, weights.Wo), h, acts.logits, H, V, rows, acts.scratch);
    kernels.affine(d, weights.zeros, acts.logits, weights.Wo.backward, rows, H, V);
  });
  return loss;
}

/** Fills logP with log p of each target after the step before it: of target t by the states in slot t, for t from 0. */
export function outputLogLikelihood(pass: Pass): void {
  const { config, memory, acts } = pass;
  const before = acts.h[config.layers - 1]!;
  forRows(pass, (start, rows) => {
    logits(pass, before + start * 4 * padded(config.hiddenSize), rows);
    const { logP, targets } = acts;
    memory.kernels.logLikelihood(logP + 4 * start, acts.logits, targets + 4 * start, rows, config.vocabularySize);
  });
}
