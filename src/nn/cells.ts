// The recurrent cells by name: each wraps a pair of kernels from assembly/ in one signature. Their other properties are
// in the table CELLS of config.ts.

import type { CELLS } from "./config.js";
import { gradientOf, type Pass } from "./layers.js";

export interface Cell {
  /** Turns z = x·Wx + b into gates, in place, and computes the states of all steps from the initial ones. */
  forward(pass: Pass, layer: number, direction: number): void;
  /**
   * Adds to the gradients of Wh, b_ih and, if the cell uses it separately, b_hh.
   * @param dh pointer to ∂L/∂h from the layers above, (T·B, H); overwritten
   * @returns pointer to ∂L/∂(x·Wx + b)
   */
  backward(pass: Pass, layer: number, direction: number, dh: number): number;
}

const activations = { tanh: 0, relu: 1 };

/** Arguments that the kernels share. */
function operands(pass: Pass, layer: number, direction: number) {
  const { config, memory, weights, acts } = pass;
  const { states, z, kept, norms } = acts.layers[layer]![direction]!;
  const { Wh, bx, bh } = weights.layers[layer]![direction]!;
  return {
    kernels: memory.kernels,
    states: states as [number, number],
    z,
    kept,
    norms: pass.norms ? norms : 0,
    Wh,
    bh: weights.parameters + 4 * bh,
    dWh: gradientOf(pass, Wh.offset),
    dbx: gradientOf(pass, bx),
    dbh: gradientOf(pass, bh),
    T: acts.T,
    B: acts.B,
    H: config.hiddenSize,
    activation: activations[config.activation],
    scratch: acts.scratch,
  };
}

export const cells: Record<keyof typeof CELLS, Cell> = {
  rnn: {
    forward(pass, layer, direction) {
      const { kernels, states, Wh, T, B, H, activation } = operands(pass, layer, direction);
      kernels.rnnForward(states[0], Wh.forward, T, B, H, activation, direction);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, Wh, dWh, dbx, norms, T, B, H, activation, scratch } = operands(pass, layer, direction);
      kernels.rnnBackward(dh, dWh, dbx, states[0], Wh.backward, norms, T, B, H, activation, direction, scratch);
      return dh;
    },
  },
  lstm: {
    forward(pass, layer, direction) {
      const { kernels, states, z, kept, Wh, T, B, H } = operands(pass, layer, direction);
      const [h, c] = states;
      kernels.lstmForward(h, c, kept, z, Wh.forward, T, B, H, direction);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, z, kept, norms, Wh, dWh, dbx, T, B, H, scratch } = operands(pass, layer, direction);
      const [h, c] = states;
      const { dc } = pass.acts;
      kernels.lstmBackward(z, dWh, dbx, dh, dc, h, c, kept, Wh.backward, norms, T, B, H, direction, scratch);
      return z;
    },
  },
  gru: {
    forward(pass, layer, direction) {
      const { kernels, states, z, kept, Wh, bh, T, B, H } = operands(pass, layer, direction);
      kernels.gruForward(states[0], z, kept, Wh.forward, bh, T, B, H, direction);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, z, kept, norms, Wh, dWh, dbx, dbh, T, B, H, scratch } = operands(pass, layer, direction);
      kernels.gruBackward(z, kept, dWh, dbx, dbh, dh, states[0], Wh.backward, norms, T, B, H, direction, scratch);
      return z;
    },
  },
};
