// The recurrent cells by name: each wraps a pair of kernels from assembly/ in one signature. Their other properties are
// in the table CELLS of config.ts.

import type { CELLS } from "./config.js";
import { gradientOf, type Pass } from "./layers.js";

export interface Cell {
  /** Turns z = x·Wx + b into gates, in place, and computes the states of all steps from the initial ones. */
  forward(pass: Pass, layer: number, direction: number): void;
  /**
   * Adds to the gradients of b_ih and, if the cell uses it separately, b_hh.
   * @param dh pointer to ∂L/∂h from the layers above, after B rows for the initial states; overwritten
   * @returns pointers to ∂L/∂(x·Wx + b) and ∂L/∂(h·Wh)
   */
  backward(pass: Pass, layer: number, direction: number, dh: number): [dz: number, du: number];
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
    dbx: gradientOf(pass, bx),
    dbh: gradientOf(pass, bh),
    steps: acts.steps[direction]!.table,
    H: config.hiddenSize,
    activation: activations[config.activation],
  };
}

export const cells: Record<keyof typeof CELLS, Cell> = {
  rnn: {
    forward(pass, layer, direction) {
      const { kernels, states, Wh, steps, H, activation } = operands(pass, layer, direction);
      kernels.rnnForward(states[0], Wh.forward, steps, H, activation);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, Wh, dbx, norms, steps, H, activation } = operands(pass, layer, direction);
      kernels.rnnBackward(dh, dbx, states[0], Wh.backward, norms, steps, H, activation);
      const dz = dh + pass.acts.initial;
      return [dz, dz];
    },
  },
  lstm: {
    forward(pass, layer, direction) {
      const { kernels, states, z, kept, Wh, steps, H } = operands(pass, layer, direction);
      const [h, c] = states;
      kernels.lstmForward(h, c, kept, z, Wh.forward, steps, H);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, z, kept, norms, Wh, dbx, steps, H } = operands(pass, layer, direction);
      const [h, c] = states;
      const { dc, initial } = pass.acts;
      pass.memory.floats(dc, initial / 4).fill(0);
      kernels.lstmBackward(z, dbx, dh, dc, h, c, kept, Wh.backward, norms, steps, H);
      return [z, z];
    },
  },
  gru: {
    forward(pass, layer, direction) {
      const { kernels, states, z, kept, Wh, bh, steps, H } = operands(pass, layer, direction);
      kernels.gruForward(states[0], z, kept, Wh.forward, bh, steps, H);
    },
    backward(pass, layer, direction, dh) {
      const { kernels, states, z, kept, norms, Wh, dbx, dbh, steps, H } = operands(pass, layer, direction);
      kernels.gruBackward(z, kept, dbx, dbh, dh, states[0], Wh.backward, norms, steps, H);
      return [z, kept];
    },
  },
};
