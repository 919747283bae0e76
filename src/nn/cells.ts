// The recurrent cells, by name: each a pair of kernels from assembly/ under one signature. A new cell is an entry here
// and the parameters it has in parameters.ts.

import type { NetworkConfig } from "./config.js";
import { gradientOf, type Pass } from "./layers.js";

export interface Cell {
  /** Turns the slots 1 to T of the layer's states from e·Wx + b into h. */
  forward(pass: Pass, layer: number): void;
  /** Turns d from ∂L/∂h as the layers above have it into ∂L/∂z, and adds to the gradient of Wh. */
  backward(pass: Pass, layer: number, d: number): void;
}

const activations = { tanh: 0, relu: 1 };

export const cells: Record<NetworkConfig["cell"], Cell> = {
  rnn: {
    forward({ config, memory, weights, acts }, layer) {
      const { Wh } = weights.layers[layer]!;
      const activation = activations[config.activation];
      memory.kernels.rnnForward(acts.h[layer]!, Wh.forward, acts.T, acts.B, config.hiddenSize, activation);
    },
    backward(pass, layer, d) {
      const { config, memory, weights, acts } = pass;
      const { Wh } = weights.layers[layer]!;
      memory.kernels.rnnBackward(
        d,
        gradientOf(pass, Wh),
        acts.h[layer]!,
        Wh.backward,
        pass.norms ? acts.norms[layer]! : 0,
        acts.T,
        acts.B,
        config.hiddenSize,
        activations[config.activation],
        acts.scratch,
      );
    },
  },
};
