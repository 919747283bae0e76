// Measures how far back a loss reaches: vanishing and exploding gradients (Bengio, Simard and Frasconi 1994).

import { checkOptions, integer } from "../check.js";
import { notNumbers } from "../lm/language-model.js";
import { checkRecurrent, type RecurrentModel } from "../lm/recurrent.js";
import { checkIds, type TokenIds } from "../text/ids.js";

/**
 * Returns ‖∂L/∂h_t‖ for t = 1 to `steps`, where L is the loss at step `steps` alone, averaged over `sequences`
 * sequences spread evenly over the text. One array for each layer, from the lowest up. The model does not change.
 * @throws TypeError or RangeError if `tokens` are not ids of the model's vocabulary, or fewer than steps + 1
 */
export function gradientFlow(
  model: RecurrentModel,
  tokens: TokenIds,
  options: { steps?: number; sequences?: number } = {},
): Float64Array[] {
  const { steps = 100, sequences = 32 } = checkOptions("options", options, { steps: 1, sequences: 1 });
  checkRecurrent(model);
  checkIds("tokens", tokens, model.vocabulary.size);
  const T = integer("steps", steps);
  const B = integer("sequences", sequences);
  if (tokens.length < T + 1) {
    throw new RangeError(`gradient flow over ${T} steps expected at least ${T + 1} tokens, got ${tokens.length}`);
  }
  const inputs = new Int32Array(T * B);
  const targets = new Int32Array(T * B).fill(-1);
  for (let b = 0; b < B; b++) {
    const start = Math.floor((b * (tokens.length - 1 - T)) / B);
    for (let t = 0; t < T; t++) inputs[t * B + b] = tokens[start + t]!;
    targets[(T - 1) * B + b] = tokens[start + T]!;
  }
  const { tokenNetwork } = model;
  const norms = tokenNetwork.stateGradientNorms({ T, B, inputs, targets }, tokenNetwork.initialState(B));
  if (norms.some((layer) => layer.some(Number.isNaN))) throw notNumbers();
  return norms;
}
