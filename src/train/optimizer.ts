// Optimizers and gradient clipping. Settings are plain data, so that a checkpoint can store them.

import { FRACTION, NOT_NEGATIVE, POSITIVE } from "../check.js";
import { power } from "../exact.js";
import type { Network } from "../nn/network.js";
import { eachPart, type Spans } from "../nn/spans.js";
import { checkSettings, type Given, settings } from "../settings.js";

export type Optimizer =
  | {
      readonly kind: "adamw";
      readonly learningRate: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
    }
  | { readonly kind: "sgd"; readonly learningRate: number; readonly momentum: number };

const KINDS = {
  adamw: {
    learningRate: [2e-3, POSITIVE],
    beta1: [0.9, FRACTION],
    beta2: [0.999, FRACTION],
    epsilon: [1e-8, POSITIVE],
    weightDecay: [0.01, NOT_NEGATIVE],
  },
  sgd: { learningRate: [1, POSITIVE], momentum: [0, FRACTION] },
} as const;

/**
 * AdamW (Loshchilov and Hutter 2019), with PyTorch's defaults except for the learning rate: learningRate 0.002, beta1
 * 0.9, beta2 0.999, epsilon 1e-8, weightDecay 0.01.
 * @throws TypeError or RangeError if an option is invalid
 */
export const adamw = (options: Given<Optimizer, "adamw"> = {}): Optimizer =>
  settings<Optimizer>(KINDS, "adamw", options);

/**
 * Stochastic gradient descent: v = momentum·v + gradient, parameter −= learningRate·v. Defaults: learningRate 1,
 * momentum 0.
 * @throws TypeError or RangeError if an option is invalid
 */
export const sgd = (options: Given<Optimizer, "sgd"> = {}): Optimizer => settings<Optimizer>(KINDS, "sgd", options);

/**
 * Checks an optimizer that adamw() or sgd() may not have made, and fills in defaults.
 * @throws TypeError or RangeError if it is invalid
 */
export const checkOptimizer = (optimizer: Optimizer): Optimizer =>
  checkSettings(KINDS, "optimizer", optimizer, "adamw() or sgd()");

/** Global norm ‖g‖ of the gradients: the square root of the sum of squares over all parameters. */
export function gradientNorm(network: Network): number {
  const { memory, layout, touched } = network;
  let sum = 0;
  eachPart(network, touched, (spans, n) => {
    sum = memory.kernels.addSquares(sum, layout.gradients, spans, n);
  });
  return Math.sqrt(sum);
}

/** Scales the gradients, whose global norm is `norm`, so that it is at most `limit` (Pascanu et al. 2013). */
export function clip(network: Network, norm: number, limit: number): void {
  const { memory, layout, touched } = network;
  // The formula of PyTorch's clip_grad_norm_, with its constant.
  const scale = limit / (norm + 1e-6);
  if (scale < 1) eachPart(network, touched, (spans, n) => memory.kernels.scale(layout.gradients, scale, spans, n));
}

/**
 * Ranges of the parameter block that an update changes: without momentum, a parameter with a zero gradient does not move;
 * with it, as with AdamW, it may keep moving.
 */
export const moved = ({ touched, moving }: Network, optimizer: Optimizer): Spans =>
  optimizer.kind === "sgd" && optimizer.momentum === 0 ? touched : moving;

/** Updates the parameters from their gradients, in step t, counted from 1. */
export function update(network: Network, optimizer: Optimizer, learningRate: number, t: number): void {
  const { memory, layout } = network;
  const { parameters: p, gradients: g, moment1: m, moment2: v } = layout;
  eachPart(network, moved(network, optimizer), (spans, n) => {
    if (optimizer.kind === "sgd") {
      memory.kernels.sgd(p, g, m, learningRate, optimizer.momentum, spans, n);
      return;
    }
    const { beta1, beta2, epsilon, weightDecay } = optimizer;
    const decay = 1 - learningRate * weightDecay;
    const step = learningRate / (1 - power(beta1, t));
    const root = 1 / Math.sqrt(1 - power(beta2, t));
    memory.kernels.adamw(p, g, m, v, beta1, beta2, decay, step, root, epsilon, spans, n);
  });
  network.parametersChanged();
}
