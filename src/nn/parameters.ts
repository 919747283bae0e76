// The parameter table: every weight of a network, under the name and in the shape that PyTorch gives it.

import type { Random } from "../random.js";
import { padded } from "../wasm/memory.js";
import type { NetworkConfig } from "./config.js";

export interface Parameter {
  /** As in a PyTorch state_dict of modules named embedding, rnn and output. */
  readonly name: string;
  /** PyTorch's shape: (rows, columns), or (length). */
  readonly shape: readonly number[];
  /**
   * Whether our matrix is the transpose of PyTorch's. PyTorch keeps (out, in) and multiplies by the transpose; we keep
   * (in, out), as in h·Wh, so that the row of Wx that a one-hot input selects lies in one piece.
   */
  readonly transposed: boolean;
  /** Initial values: uniform in ±bound, or normal with variance 1. */
  readonly init: { readonly uniform: number } | "normal";
  /** First float, counted from the start of the parameter block. */
  readonly offset: number;
}

/** All parameters in the order in which they lie in memory. */
export function parameterTable(config: NetworkConfig): Parameter[] {
  const { vocabularySize: V, embeddingSize: E, hiddenSize: H, layers } = config;
  const table: Parameter[] = [];
  let offset = 0;
  const add = (name: string, shape: number[], init: Parameter["init"], transposed = shape.length === 2) => {
    const parameter: Parameter = { name, shape, transposed, init, offset };
    const { rows, columns } = layoutOf(parameter);
    offset += rows * padded(columns);
    table.push(parameter);
  };

  if (E > 0) add("embedding.weight", [V, E], "normal", false);
  // PyTorch's defaults, for nn.RNN and for nn.Linear: ±1/√H.
  const init = { uniform: 1 / Math.sqrt(H) };
  for (let l = 0; l < layers; l++) {
    add(`rnn.weight_ih_l${l}`, [H, l > 0 ? H : E || V], init);
    add(`rnn.weight_hh_l${l}`, [H, H], init);
    add(`rnn.bias_ih_l${l}`, [H], init);
    add(`rnn.bias_hh_l${l}`, [H], init);
  }
  add("output.weight", [V, H], init);
  add("output.bias", [V], init);
  return table;
}

/** Number of values: what a person calls the parameters of a model. */
export const parameterCount = (parameter: Parameter): number => parameter.shape.reduce((n, size) => n * size, 1);

/** Rows and columns as they lie in memory. */
function layoutOf({ shape, transposed }: Parameter): { rows: number; columns: number } {
  const [rows, columns] = shape.length === 2 ? shape : [1, shape[0]!];
  return transposed ? { rows: columns!, columns: rows! } : { rows: rows!, columns: columns! };
}

/** Floats of a block that holds all of `table`, padding included. */
export function blockSize(table: readonly Parameter[]): number {
  const last = table.at(-1)!;
  const { rows, columns } = layoutOf(last);
  return last.offset + rows * padded(columns);
}

/** Copies a parameter out of a block, into PyTorch's layout. */
export function readParameter(block: Float32Array, parameter: Parameter): Float32Array {
  const values = new Float32Array(parameterCount(parameter));
  walk(parameter, (at, index) => {
    values[index] = block[at]!;
  });
  return values;
}

/** Copies PyTorch's layout into a block. */
export function writeParameter(block: Float32Array, parameter: Parameter, values: Float32Array): void {
  walk(parameter, (at, index) => {
    block[at] = values[index]!;
  });
}

/** Calls `visit` with the place of each value in our block and in PyTorch's order. */
function walk(parameter: Parameter, visit: (at: number, index: number) => void): void {
  const { rows, columns } = layoutOf(parameter);
  const stride = padded(columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = parameter.offset + row * stride + column;
      visit(at, parameter.transposed ? column * rows + row : row * columns + column);
    }
  }
}

/** Fills a block with initial values. */
export function initialise(block: Float32Array, table: readonly Parameter[], random: Random): void {
  for (const parameter of table) {
    const { init } = parameter;
    const draw = init === "normal" ? () => random.normal() : () => (2 * random.float() - 1) * init.uniform;
    writeParameter(block, parameter, new Float32Array(parameterCount(parameter)).map(draw));
  }
}
