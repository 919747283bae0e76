// The order in which a recurrent layer reads the rows of a batch, for sequences of equal or unequal length and in either
// direction: a table of int32.
//
//   S, B, F, 0        numbers of steps and of sequences; first row of the states that get a gradient
//   S × 4             for each step: number of rows, first row, first row of the states before, first sequence
//
// Rows are packed: time-major, the longest sequence first, so that the rows of a step are adjacent and those of sequences
// that have ended are missing. The matrices of inputs and gates have one row for each token. Those of states and of their
// gradients have B more in front, the initial states: a step at row `row` writes state B + row. F is 0 if the initial
// states get a gradient, and B if they do not. Backward in time, a step in which shorter sequences begin is two entries of
// the table: their states before are initial ones, while those of the others are at the next row in time.

import { sumOfSquares } from "./optimizer";

@unmanaged
export class Steps {
  length: i32;
  sequences: i32;
  firstWithGradient: i32;
  reserved: i32;

  static at(pointer: usize): Steps {
    return changetype<Steps>(pointer);
  }
}

@unmanaged
export class Step {
  rows: i32;
  row: i32;
  before: i32;
  sequence: i32;

  static at(pointer: usize): Step {
    return changetype<Step>(pointer);
  }
}

/** Bytes from one step to the next. */
export const STEP: usize = offsetof<Step>();

/**
 * Stores the norm ‖δh‖² of a step's n floats at δh, in the order of the table. norms: S doubles, or 0 for none.
 */
export function storeNorm(norms: usize, steps: usize, at: usize, dh: usize, n: i32): void {
  if (norms) store<f64>(norms + ((at - firstStep(steps)) / STEP) * 8, sumOfSquares(dh, n));
}

export function firstStep(steps: usize): usize {
  return steps + offsetof<Steps>();
}

export function lastStep(steps: usize): usize {
  return steps + offsetof<Steps>() + <usize>(Steps.at(steps).length - 1) * STEP;
}
