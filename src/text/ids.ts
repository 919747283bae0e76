// Arrays of token ids: one byte each if the vocabulary allows it, otherwise two or four.

import { grown } from "../arrays.js";
import { checkAttached, integer, kindOf, show } from "../check.js";

export type TokenIds = Uint8Array | Uint16Array | Uint32Array | Int32Array;

const KINDS = ["Uint8Array", "Uint16Array", "Uint32Array", "Int32Array"];

/** Checks token ids, each from 0 to `size` − 1. @throws TypeError; RangeError naming the invalid one */
export function checkIds(name: string, ids: unknown, size: number): TokenIds {
  if (!KINDS.includes(kindOf(ids))) {
    throw new TypeError(
      `"${name}" expected token ids, in a Uint8Array, Uint16Array, Uint32Array or Int32Array, got ${show(ids)}: ` +
        "encode() makes them from a text",
    );
  }
  const checked = checkAttached(name, ids as TokenIds);
  for (let i = 0; i < checked.length; i++) {
    // The kernels trust ids: an invalid one would make them read and write outside the weights.
    if (checked[i]! >= size || checked[i]! < 0) integer(`${name}[${i}]`, checked[i], 0, size - 1);
  }
  return checked;
}

/**
 * Checks copied ids, whose source may have changed since it was checked; `least` is −1 if −1 marks positions without an id.
 * @returns the number of positions with an id
 * @throws RangeError naming the invalid one
 */
export function checkCopied(name: string, ids: Int32Array, least: 0 | -1, size: number): number {
  let there = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id < least || id >= size) integer(`${name}[${i}]`, id, least, size - 1);
    if (id >= 0) there++;
  }
  return there;
}

/** Returns `ids` if it can hold all ids below `size`, otherwise a new array of the same length that can. */
export function idsFor(size: number, ids: TokenIds): TokenIds {
  const bytes = size <= 0x100 ? 1 : size <= 0x10000 ? 2 : 4;
  if (bytes <= ids.BYTES_PER_ELEMENT) return ids;
  return bytes === 2 ? new Uint16Array(ids.length) : new Uint32Array(ids.length);
}

/** An array of ids that grows, and widens when an id needs it. */
export class IdArray {
  private ids: TokenIds;
  private length = 0;

  /** @param expected the approximate number of ids */
  constructor(expected: number) {
    this.ids = new Uint8Array(Math.max(1024, expected));
  }

  push(id: number): void {
    const ids = idsFor(id + 1, this.ids);
    if (ids !== this.ids) {
      ids.set(this.ids);
      this.ids = ids;
    }
    if (this.length === this.ids.length) this.ids = grown(this.ids, Math.ceil(this.length * 1.25));
    this.ids[this.length++] = id;
  }

  /** Returns the ids pushed so far. */
  done(): TokenIds {
    return this.ids.subarray(0, this.length);
  }
}
