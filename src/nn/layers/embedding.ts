import { padded } from "../../wasm/memory.js";
import type { Factor, Network } from "../network.js";
import type { Start } from "../parameters.js";
import type { Ids, Slot } from "../slots.js";

/**
 * A row of a table E (V×width) for each id: e_t = E[x_t].
 * @param options name: PyTorch's module (default "embedding"). sparse: true if an optimizer leaves rows alone that a batch
 * does not read. start: how it is initialized (default: normal)
 */
export function embedding(
  network: Network,
  ids: Ids,
  width: number,
  options: { name?: string; sparse?: boolean; start?: Start } = {},
): Slot {
  const { name = "embedding", sparse = false, start = { kind: "normal" } } = options;
  const E = network.parameter(`${name}.weight`, [ids.size, width], start, { transposed: false, sparse });
  const e = network.slot(ids.axis, width);
  network.reads(E, (mark) => ids.values.forEach(mark));
  network.add({
    inputs: [],
    outputs: [e],
    forward() {
      const factor = network.storedAs(E);
      if (factor) gatherPacked(network, e, ids, factor);
      else network.kernels.gather(e.value, network.at(E), 0, ids.pointer, ids.axis.rows, width);
    },
    backward() {
      if (network.isFrozen(E)) return;
      network.kernels.scatterAdd(network.gradientAt(E), e.gradient, ids.pointer, ids.axis.rows, width);
    },
  });
  return e;
}

/** Embeds ids in a network that has its tied embedding only as the packed output weight: e_t is column x_t of that. */
function gatherPacked({ memory, kernels }: Network, e: Slot, ids: Ids, { forward, K, N }: Factor): void {
  const W = memory.floats(forward, kernels.packedSize(K, N));
  const stride = padded(K);
  const rows = memory.floats(e.value, ids.axis.rows * stride);
  ids.values.forEach((id, i) => {
    for (let k = 0; k < K; k++) rows[i * stride + k] = W[kernels.packedIndex(k, id, K, N)]!;
    rows.fill(0, i * stride + K, (i + 1) * stride);
  });
}
