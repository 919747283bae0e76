import type { Network } from "../network.js";
import type { Ids, Slot } from "../slots.js";

/** Rows of x by number, on the axis of `index`: the spelling of each word, the ends of spans, another order. */
export function take(network: Network, x: Slot, index: Ids): Slot {
  const { axis } = index;
  const { width } = x;
  const y = network.slot(axis, width);
  network.add({
    inputs: [x],
    outputs: [y],
    forward() {
      index.checkBelow(x.axis.rows);
      network.kernels.gather(y.value, x.value, 0, index.pointer, axis.rows, width);
    },
    backward() {
      network.scatter(x, y.gradient, index.pointer, axis.rows);
    },
  });
  return y;
}
