import type { Network } from "../network.js";
import type { Parameter } from "../parameters.js";
import type { Slot } from "../slots.js";

/** The parameters of a dense layer under PyTorch's names: weight (N, K) and bias (N). */
export function dense(network: Network, name: string, x: readonly Slot[], N: number, tied?: Parameter) {
  const inputs = x.reduce((sum, { width }) => sum + width, 0);
  const weight = tied ?? network.parameter(`${name}.weight`, [N, inputs], { kind: "weight", inputs });
  const bias = network.parameter(`${name}.bias`, [N], { kind: "bias", inputs });
  const W = network.factors(weight, x, N, Boolean(tied));
  return { W, bias };
}

/** y = Σ x·W + b, `width` columns: several matrices are read side by side, as PyTorch reads their concatenation. */
export function linear(network: Network, x: readonly Slot[], width: number, name = "linear"): Slot {
  const { W, bias } = dense(network, name, x, width);
  const { axis } = x[0]!;
  const y = network.slot(axis, width);
  network.add({
    inputs: x,
    outputs: [y],
    forward() {
      network.product(
        y.value,
        network.at(bias),
        x.map(({ value }) => value),
        W,
        axis.rows,
      );
    },
    backward() {
      network.kernels.biasBackward(network.gradientAt(bias), y.gradient, axis.rows, width);
      network.productBackward(y.gradient, x, W, axis.rows);
    },
  });
  return y;
}
