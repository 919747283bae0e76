import { padded } from "../../wasm/memory.js";
import type { Network } from "../network.js";
import type { Slot } from "../slots.js";

export type Pooling = "mean" | "max" | "sum";

/** One row for each sequence: the mean, maximum or sum of its rows, on the axis x.axis.sequences. */
export function pool(network: Network, x: Slot, kind: Pooling): Slot {
  const { axis, width } = x;
  const { sequences } = axis;
  const y = network.slot(sequences, width);
  const owner = axis.owners();
  const stride = padded(width);
  /** For the maximum: the row that each is from. */
  let from = 0;
  /** Divides each row by the length of its sequence. */
  const average = (pointer: number) => {
    const rows = network.memory.floats(pointer, sequences.rows * stride);
    for (const [s, length] of axis.lengths().entries()) {
      for (let j = s * stride; j < (s + 1) * stride; j++) rows[j]! /= length;
    }
  };
  network.add({
    inputs: [x],
    outputs: [y],
    place({ take, share, training }) {
      from = kind === "max" ? take(sequences.rows * stride) : 0;
      if (training) share(axis.rows * stride);
    },
    forward() {
      const { kernels } = network;
      network.view(y).fill(kind === "max" ? -Infinity : 0);
      if (kind === "max") {
        kernels.maxPool(y.value, from, x.value, owner.pointer, axis.rows, width);
      } else {
        kernels.scatterAdd(y.value, x.value, owner.pointer, axis.rows, width);
        if (kind === "mean") average(y.value);
      }
    },
    backward() {
      const { kernels } = network;
      if (kind === "max") {
        network.accumulate(x);
        kernels.maxPoolBackward(x.gradient, y.gradient, from, sequences.rows, width);
        return;
      }
      if (kind === "mean") average(y.gradient);
      // Each row gets the gradient of its sequence.
      const add = network.arrive(x);
      if (add) kernels.gather(network.shared, y.gradient, 0, owner.pointer, axis.rows, width);
      else kernels.gather(x.gradient, y.gradient, 0, owner.pointer, axis.rows, width);
      if (add) kernels.biasBackward(x.gradient, network.shared, 1, axis.rows * stride);
    },
  });
  return y;
}
