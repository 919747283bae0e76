import { mix } from "../../random.js";
import { padded } from "../../wasm/memory.js";
import type { Network } from "../network.js";
import type { Slot } from "../slots.js";

/**
 * Zeroes each element with probability p, in training only, and divides the others by 1 − p (Srivastava et al. 2014).
 * @param mask number of the mask, which is drawn anew for each seed of Network.gradients()
 */
export function dropout(network: Network, x: Slot, p: number, mask = network.masks(1)): Slot {
  if (p === 0) return x;
  const y = network.slot(x.axis, x.width, "view");
  let own = 0;
  const floats = () => x.axis.rows * padded(x.width);
  const drop = (to: number, from: number) => {
    const seed = mix(network.dropoutSeed!, mask);
    network.kernels.dropout(to, from, seed, Math.floor(p * 2 ** 32), 1 / (1 - p), floats());
  };
  network.add({
    inputs: [x],
    outputs: [y],
    place({ take, training }) {
      own = training ? take(floats()) : 0;
      y.value = x.value;
    },
    forward() {
      y.value = network.dropoutSeed === undefined ? x.value : own;
      if (network.dropoutSeed !== undefined) drop(own, x.value);
    },
    backward() {
      if (network.dropoutSeed !== undefined) drop(y.gradient, y.gradient);
      network.pass(x, y.gradient, floats());
    },
  });
  return y;
}
