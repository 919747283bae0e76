// Parameters under PyTorch's names and in PyTorch's shapes, and how they lie in memory.

import { padded } from "../wasm/memory.js";

/** How a parameter is initialized (initialize.ts). */
export interface Start {
  /** "normal": with variance 1, as an embedding. "recurrent": a weight between the states of two steps. */
  readonly kind: "normal" | "weight" | "recurrent" | "bias";
  /** Number of inputs that PyTorch's bound depends on; not of "normal". */
  readonly inputs?: number;
  /** In an LSTM's bias: the share of forgetBias that its second gate starts with. */
  readonly forget?: number;
}

export interface Parameter {
  /** Name in PyTorch's state_dict. */
  readonly name: string;
  /** PyTorch's shape: (rows, columns), or (length). */
  readonly shape: readonly number[];
  readonly start: Start;
  /**
   * True if our matrix is the transpose of PyTorch's. PyTorch stores (out, in) and multiplies by the transpose; we
   * store (in, out), as in h·Wh, so that the row of Wx that a one-hot input selects is contiguous.
   */
  readonly transposed: boolean;
  /** Number of gates side by side in a row, each starting on a whole vector. */
  readonly gates: number;
  /** True if an optimizer leaves rows alone that a batch does not read. */
  readonly sparse: boolean;
  /** Index of the first float in the parameter block. */
  readonly offset: number;
}

/** Number of values, without padding. */
export const parameterCount = (parameter: Parameter): number => parameter.shape.reduce((n, size) => n * size, 1);

/** Number of rows in memory, columns of each gate, and floats from one row to the next. */
export function layoutOf({ shape, transposed, gates }: Pick<Parameter, "shape" | "transposed" | "gates">) {
  const [first, second] = shape as [number, number];
  const rows = shape.length === 1 ? 1 : transposed ? second : first;
  const columns = (shape.length === 1 || transposed ? first : second) / gates;
  return { rows, columns, stride: gates * padded(columns) };
}

/** Number of floats in a parameter, padding included. */
export function floatsOf(parameter: Parameter): number {
  const { rows, stride } = layoutOf(parameter);
  return rows * stride;
}

/** Number of floats in a block that holds all of `table`, padding included. */
export function blockSize(table: readonly Parameter[]): number {
  const last = table.at(-1)!;
  return last.offset + floatsOf(last);
}

/** Returns the index in a block of the value at a row and column of a parameter. Aligned groups of four columns are contiguous. */
export type Place = (row: number, column: number) => number;

/** Copies a parameter out of a block into PyTorch's layout. */
export function readParameter(block: Float32Array, parameter: Parameter, place?: Place): Float32Array {
  const values = new Float32Array(parameterCount(parameter));
  eachRun(parameter, place, (at, n, index, step) => {
    for (let i = 0; i < n; i++) values[index + i * step] = block[at + i]!;
  });
  return values;
}

/** Copies values in PyTorch's layout into a block. */
export function writeParameter(block: Float32Array, parameter: Parameter, values: Float32Array, place?: Place): void {
  eachRun(parameter, place, (at, n, index, step) => {
    for (let i = 0; i < n; i++) block[at + i] = values[index + i * step]!;
  });
}

/** Calls `copy` for each run of n values that are contiguous in our block, and `step` apart from `index` on in PyTorch's layout. */
function eachRun(
  parameter: Parameter,
  place: Place | undefined,
  copy: (at: number, n: number, index: number, step: number) => void,
): void {
  const { gates, transposed, offset } = parameter;
  const { rows, columns, stride } = layoutOf(parameter);
  // A few columns at a time if transposed: they are rows in PyTorch's layout, which the cache can hold.
  const most = transposed || place ? 4 : columns;
  for (let gate = 0; gate < gates; gate++) {
    for (let column = 0; column < columns; column += most) {
      const first = (gate * stride) / gates + column;
      const out = gate * columns + column;
      const n = Math.min(most, columns - column);
      for (let row = 0; row < rows; row++) {
        const at = place ? place(row, first) : offset + row * stride + first;
        if (transposed) copy(at, n, out * rows + row, rows);
        else copy(at, n, row * columns * gates + out, 1);
      }
    }
  }
}
