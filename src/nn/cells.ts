// The recurrent cells, by name: each a pair of kernels from assembly/ under one signature. How many gates and states a
// cell has is in config.ts.

import type { CELLS } from "./config.js";
import { biasBackward, gradientOf, type Pass } from "./layers.js";

export interface Cell {
  /** Whether b_hh goes to h·Wh rather than, with b_ih, to x·Wx. */
  readonly ownBias: boolean;
  /** Turns z from x·Wx + b into gates, and fills the states of all steps from the initial ones. */
  forward(pass: Pass, layer: number, direction: number): void;
  /**
   * From dh = ∂L/∂h as the layers above have it, which is used up: adds to the gradients of Wh and of the biases, and
   * returns where ∂L/∂(x·Wx + b) is.
   */
  backward(pass: Pass, layer: number, direction: number, dh: number): number;
}

const activations = { tanh: 0, relu: 1 };

/** What all kernels take. */
function operands(pass: Pass, layer: number, direction: number) {
  const { config, memory, weights, acts } = pass;
  const { states, z, kept, norms } = acts.layers[layer]![direction]!;
  return {
    kernels: memory.kernels,
    states: states as [number, number],
    z,
    kept,
    norms: pass.norms ? norms : 0,
    weights: weights.layers[layer]![direction]!,
    T: acts.T,
    B: acts.B,
    H: config.hiddenSize,
    activation: activations[config.activation],
    scratch: acts.scratch,
  };
}

export const cells: Record<keyof typeof CELLS, Cell> = {
  rnn: {
    ownBias: false,
    forward(pass, layer, direction) {
      const { kernels, states, weights, T, B, H, activation } = operands(pass, layer, direction);
      kernels.rnnForward(states[0], weights.Wh.forward, T, B, H, activation, direction);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, weights, norms, T, B, H, activation, scratch } = operands(pass, layer, direction);
      const { Wh, bx, bh } = weights;
      const dWh = gradientOf(pass, Wh.offset);
      kernels.rnnBackward(dh, dWh, states[0], Wh.backward, norms, T, B, H, activation, direction, scratch);
      biasBackward(pass, [bx, bh], dh, Wh.N);
      return dh;
    },
  },
  lstm: {
    ownBias: false,
    forward(pass, layer, direction) {
      const { kernels, states, z, kept, weights, T, B, H } = operands(pass, layer, direction);
      const [h, c] = states;
      kernels.lstmForward(h, c, kept, z, weights.Wh.forward, T, B, H, direction);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, z, kept, norms, weights, T, B, H, scratch } = operands(pass, layer, direction);
      const [h, c] = states;
      const { Wh, bx, bh } = weights;
      const dWh = gradientOf(pass, Wh.offset);
      const { dc } = pass.acts;
      kernels.lstmBackward(z, dWh, dh, dc, h, c, kept, Wh.backward, norms, T, B, H, direction, scratch);
      biasBackward(pass, [bx, bh], z, Wh.N);
      return z;
    },
  },
  gru: {
    ownBias: true,
    forward(pass, layer, direction) {
      const { kernels, states, z, kept, weights, T, B, H } = operands(pass, layer, direction);
      const bh = pass.weights.parameters + 4 * weights.bh;
      kernels.gruForward(states[0], z, kept, weights.Wh.forward, bh, T, B, H, direction);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, z, kept, norms, weights, T, B, H, scratch } = operands(pass, layer, direction);
      const { Wh, bx, bh } = weights;
      const dWh = gradientOf(pass, Wh.offset);
      kernels.gruBackward(z, kept, dWh, dh, states[0], Wh.backward, norms, T, B, H, direction, scratch);
      biasBackward(pass, [bx], z, Wh.N);
      biasBackward(pass, [bh], kept, Wh.N);
      return z;
    },
  },
};
