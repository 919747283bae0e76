import type { Network } from "../network.js";
import type { Axis, Ids, Slot } from "../slots.js";

/** The features of each text in a batch. */
export interface Bags {
  /** All features, one text after the other. */
  readonly ids: Ids;
  /** Where each text's features begin, and where the last one's end: one number more than there are texts. */
  starts: Int32Array;
}

/**
 * One row for each text: the sum of its features' embeddings, divided by the root of their number (assembly/bag.ts). An optimizer
 * leaves the rows of features alone that a batch does not have.
 * @param texts an axis with one row for each text
 */
export function bag(network: Network, texts: Axis, bags: Bags, width: number, name = "bag"): Slot {
  const { ids } = bags;
  const E = network.parameter(
    `${name}.weight`,
    [ids.size, width],
    { kind: "weight", inputs: width * width },
    { transposed: false, sparse: true },
  );
  const y = network.slot(texts, width);
  let starts = 0;
  network.reads(E, (mark) => ids.values.forEach(mark));
  network.add({
    inputs: [],
    outputs: [y],
    place({ take }) {
      starts = take(texts.rows + 1);
    },
    forward() {
      network.memory.integers(starts, texts.rows + 1).set(bags.starts);
      network.kernels.bagForward(y.value, network.at(E), ids.pointer, starts, texts.rows, width);
    },
    backward() {
      if (network.isFrozen(E)) return;
      network.kernels.bagBackward(network.gradientAt(E), y.gradient, ids.pointer, starts, texts.rows, width);
    },
  });
  return y;
}
