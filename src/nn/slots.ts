// Layers of a network pass rows of numbers to each other: one row for each token, each sequence, or whatever an axis counts.
//
// The rows of sequences are packed, as in PyTorch's PackedSequence: time-major, the longest sequence first. Step t has as
// many rows as there are sequences longer than t, so nothing is computed for the ends of shorter ones.

import { integer } from "../check.js";
import { checkCopied } from "../text/ids.js";
import type { Memory } from "../wasm/memory.js";
import { statesBefore, stepTable } from "./steps.js";

/** Reserves n floats or 32-bit integers, and returns their offset in bytes. */
export type Take = (n: number) => number;

/** The order in which recurrent layers read an axis, in memory. */
export interface Order {
  readonly backward: boolean;
  readonly initialGradient: boolean;
  /** Pointer to the table of assembly/steps.ts, and its number of steps. */
  table: number;
  length: number;
  /** Pointer to the number of the state before each row; 0 if the states before lie in the order of the rows. */
  before: number;
}

/** One kind of row in a batch. */
export class Axis {
  rows = 0;
  /** Number of rows at each step; empty if the rows are in no order. */
  counts: readonly number[] = [];
  /** Pointer to the last row of each sequence; 0 if those are the last rows of all. */
  last = 0;
  #sequences: Axis | undefined;
  #owners: { pointer: number } | undefined;
  readonly #orders: Order[] = [];
  readonly #changed: () => void;
  #tables: [pointer: number, values: Int32Array][] = [];

  /** @param changed called after each change of the shape */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** The axis with one row for each sequence, the longest first. */
  get sequences(): Axis {
    if (!this.#sequences) {
      this.#sequences = new Axis(this.#changed);
      this.#sequences.rows = this.counts[0] ?? 0;
    }
    return this.#sequences;
  }

  /**
   * Sets the rows of sequences.
   * @param counts number of sequences longer than t, for each step t from 0
   * @throws RangeError if one is less than 1 or more than the one before
   */
  pack(counts: readonly number[]): void {
    if (counts === this.counts) return;
    let same = counts.length === this.counts.length;
    let rows = 0;
    for (const [t, count] of counts.entries()) {
      if (count !== this.counts[t]) same = false;
      rows += integer(`counts[${t}]`, count, 1, counts[t - 1]);
    }
    if (same) return;
    this.resize(rows);
    this.counts = counts;
    this.#sequences?.resize(counts[0] ?? 0);
  }

  /** Sets the number of rows that are in no order. */
  resize(rows: number): void {
    if (rows === this.rows && this.counts.length === 0) return;
    this.rows = rows;
    this.counts = [];
    this.#changed();
  }

  /** @internal The order in which a layer reads this axis. */
  order(backward: boolean, initialGradient: boolean): Order {
    const known = this.#orders.find((o) => o.backward === backward && o.initialGradient === initialGradient);
    const order = known ?? { backward, initialGradient, table: 0, length: 0, before: 0 };
    if (!known) this.#orders.push(order);
    return order;
  }

  /** @internal The sequence of each row, as a table in memory. */
  owners(): { readonly pointer: number } {
    this.#owners ??= { pointer: 0 };
    return this.#owners;
  }

  /** Returns the length of each sequence. */
  lengths(): Int32Array {
    const lengths = new Int32Array(this.counts[0] ?? 0);
    for (const count of this.counts) for (let b = 0; b < count; b++) lengths[b]!++;
    return lengths;
  }

  /** @internal Reserves memory for the tables. */
  place(take: Take): void {
    this.#tables = [];
    const { counts, rows } = this;
    if (counts.length === 0) return;
    const put = (values: Int32Array) => {
      const pointer = take(values.length);
      this.#tables.push([pointer, values]);
      return pointer;
    };
    for (const order of this.#orders) {
      const table = stepTable(counts, order.backward, order.initialGradient);
      const before = statesBefore(table, rows);
      order.length = table.length / 4 - 1;
      order.table = put(table);
      order.before = before.some((state, row) => state !== row) ? put(before) : 0;
    }
    const last = lastRows(counts);
    this.last = last[0] === rows - counts[0]! ? 0 : put(last);
    if (this.#owners) {
      const owners = new Int32Array(rows);
      let row = 0;
      for (const count of counts) for (let b = 0; b < count; b++) owners[row++] = b;
      this.#owners.pointer = put(owners);
    }
  }

  /** @internal Writes the tables. */
  fill(memory: Memory): void {
    for (const [pointer, values] of this.#tables) memory.integers(pointer, values.length).set(values);
    this.#tables = [];
  }
}

/** Returns the last row of each sequence. */
function lastRows(counts: readonly number[]): Int32Array {
  const last = new Int32Array(counts[0]!);
  let start = 0;
  for (const count of counts) {
    for (let b = 0; b < count; b++) last[b] = start + b;
    start += count;
  }
  return last;
}

/** A matrix of activations, (axis.rows, width), and the gradient of the loss with respect to it. */
export interface Slot {
  readonly axis: Axis;
  readonly width: number;
  /** "states": each sequence has a row in front of the others, its initial state. "view": in memory that its layer reserves. */
  readonly kind: "rows" | "states" | "view";
  /** Pointers to the first row; rows are padded to whole vectors of four. */
  value: number;
  gradient: number;
  /** True once a reader has written the gradient in this pass: the first overwrites it, all others add. */
  arrived: boolean;
}

/** One id for each row of an axis: tokens to read, classes to predict, rows to take. */
export class Ids {
  /** The ids last written. */
  values = new Int32Array(0);
  /** Number of rows with an id. */
  count = 0;
  /** @internal Pointer to their copy in memory. */
  pointer = 0;
  #buffer = new Int32Array(0);

  constructor(
    readonly axis: Axis,
    /** Number of distinct ids. */
    readonly size: number,
    /** 0, or −1 if −1 marks rows without an id. */
    readonly least: 0 | -1,
    readonly name: string,
  ) {}

  /**
   * Copies the ids of the next batch, one for each row of the axis.
   * @throws RangeError that names an invalid one
   */
  write(values: ArrayLike<number>, name = this.name): void {
    if (this.#buffer.length < values.length) this.#buffer = new Int32Array(values.length);
    this.values = this.#buffer.subarray(0, values.length);
    this.values.set(values);
    this.count = checkCopied(name, this.values, this.least, this.size);
  }

  /** @throws RangeError that names an id that is not below `rows` */
  checkBelow(rows: number): void {
    for (let i = 0; i < this.values.length; i++) {
      if (this.values[i]! >= rows) integer(`${this.name}[${i}]`, this.values[i], 0, rows - 1);
    }
  }

  /** @internal Copies the ids into memory. @throws RangeError if there is not one for each row */
  fill(memory: Memory): void {
    const { rows } = this.axis;
    integer(`${this.name}.length`, this.values.length, rows, rows);
    memory.integers(this.pointer, rows).set(this.values);
  }
}
