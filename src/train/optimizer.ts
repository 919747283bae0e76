// How parameters follow their gradients. Settings are plain data, so that a checkpoint can keep them.

import { FRACTION, NOT_NEGATIVE, number, oneOf, POSITIVE } from "../check.js";
import { power } from "../exact.js";
import type { Network } from "../nn/network.js";

export type Optimizer =
  | { kind: "adamw"; learningRate: number; beta1: number; beta2: number; epsilon: number; weightDecay: number }
  | { kind: "sgd"; learningRate: number; momentum: number };

/** AdamW (Loshchilov and Hutter 2019), PyTorch's defaults but for the learning rate. @throws RangeError, TypeError */
export function adamw({
  learningRate = 2e-3,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 0.01,
} = {}): Optimizer {
  return {
    kind: "adamw",
    learningRate: number("learningRate", learningRate, ...POSITIVE),
    beta1: number("beta1", beta1, ...FRACTION),
    beta2: number("beta2", beta2, ...FRACTION),
    epsilon: number("epsilon", epsilon, ...POSITIVE),
    weightDecay: number("weightDecay", weightDecay, ...NOT_NEGATIVE),
  };
}

/** Stochastic gradient descent: v = momentum·v + gradient, parameter −= learningRate·v. @throws RangeError, TypeError */
export function sgd({ learningRate = 1, momentum = 0 } = {}): Optimizer {
  return {
    kind: "sgd",
    learningRate: number("learningRate", learningRate, ...POSITIVE),
    momentum: number("momentum", momentum, ...FRACTION),
  };
}

const kinds = { adamw, sgd };

/** Holds settings that did not come from those to the same rules and defaults. @throws RangeError, TypeError */
export function checkOptimizer(optimizer: Optimizer): Optimizer {
  return kinds[oneOf("optimizer.kind", optimizer.kind, Object.keys(kinds) as Optimizer["kind"][])](optimizer);
}

/** ‖g‖ over all parameters: the square root of the sum of all squares. */
export function gradientNorm({ memory, layout, touched }: Network): number {
  let sum = 0;
  for (const { start, length } of touched) sum += memory.kernels.sumOfSquares(layout.gradients + 4 * start, length);
  return Math.sqrt(sum);
}

/** Scales the gradients so that their norm is `limit` at most (Pascanu et al. 2013), given what it is. */
export function clip({ memory, layout, touched }: Network, norm: number, limit: number): void {
  // PyTorch's rule, to the last constant.
  const scale = limit / (norm + 1e-6);
  if (scale >= 1) return;
  for (const { start, length } of touched) memory.kernels.scale(layout.gradients + 4 * start, scale, length);
}

/** Step number t, from 1: moves the parameters along their gradients. */
export function update(network: Network, optimizer: Optimizer, learningRate: number, t: number): void {
  const { memory, layout, touched } = network;
  const { parameters, gradients, moment1: m, moment2: v, blockSize } = layout;
  if (optimizer.kind === "sgd") {
    const { momentum } = optimizer;
    // Without momentum a parameter without a gradient stays where it is. With it, as with AdamW, it goes on moving.
    const spans = momentum === 0 ? touched : [{ start: 0, length: blockSize }];
    for (const { start, length } of spans) {
      const at = 4 * start;
      memory.kernels.sgd(parameters + at, gradients + at, m + at, learningRate, momentum, length);
    }
  } else {
    const { beta1, beta2, epsilon, weightDecay } = optimizer;
    const decay = 1 - learningRate * weightDecay;
    const step = learningRate / (1 - power(beta1, t));
    const root = 1 / Math.sqrt(1 - power(beta2, t));
    memory.kernels.adamw(parameters, gradients, m, v, beta1, beta2, decay, step, root, epsilon, blockSize);
  }
  network.parametersChanged();
}
