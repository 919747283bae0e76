// Numbers strings in order of first occurrence: a hash table with open addressing over one array that holds the code units of
// all strings, one after another. A Map of a million words takes twice the time and five times the memory, and the garbage
// collector has to walk through all of it repeatedly.

import { grown } from "../arrays.js";

/** Most strings that addAll() takes. */
export const BATCH = 256;

export class Numbering {
  /** Number of strings. */
  size = 0;
  /** @internal The code units of all strings: one byte each until one needs two. */
  units: Uint8Array | Uint16Array = new Uint8Array(1024);
  /** @internal (size + 1) The start of each string, then the end of the last one. */
  starts = new Uint32Array(256);
  /** @internal Pairs (hash, 1 + number); 0 marks a free slot. */
  slots = new Uint32Array(2 * 1024);

  private readonly hashes = new Uint32Array(BATCH);
  /** @internal The random start of all hashes, so that nobody can craft words that collide. */
  basis = Math.floor(Math.random() * 2 ** 32);

  /** Returns a string's number, or −1 if it has none. */
  find(string: string): number {
    return this.slots[this.slotOf(string, hash(string, this.basis)) + 1]! - 1;
  }

  /** Returns a string's number; a new string gets the next one. */
  add(string: string): number {
    return this.addHashed(string, hash(string, this.basis));
  }

  /**
   * Writes the numbers of the first `length` strings, as add() returns them. In a large table each lookup is a cache miss; in
   * loops that do nothing else the misses overlap.
   */
  addAll(strings: readonly string[], length: number, numbers: Uint32Array): void {
    const { slots, starts, units, hashes, basis } = this;
    const last = slots.length - 2;
    for (let i = 0; i < length; i++) hashes[i] = hash(strings[i]!, basis);
    for (let i = 0; i < length; i++) numbers[i] = Math.max(1, slots[((2 * hashes[i]!) & last) + 1]!);
    for (let i = 0; i < length; i++) numbers[i] = starts[numbers[i]! - 1]!;
    for (let i = 0; i < length; i++) numbers[i] = units[numbers[i]!]!;
    for (let i = 0; i < length; i++) numbers[i] = this.addHashed(strings[i]!, hashes[i]!);
  }

  private addHashed(string: string, h: number): number {
    const slot = this.slotOf(string, h);
    const known = this.slots[slot + 1]!;
    if (known > 0) return known - 1;
    this.append(string);
    this.slots[slot] = h;
    this.slots[slot + 1] = this.size;
    if (4 * this.size > this.slots.length) this.rehash(2 * this.slots.length);
    return this.size - 1;
  }

  /** Returns the string with a number. */
  string(number: number): string {
    const { units, starts } = this;
    const end = starts[number + 1]!;
    let text = "";
    // In parts: the number of a call's arguments is limited.
    for (let at = starts[number]!; at < end; at += 1024) {
      text += String.fromCharCode.apply(null, units.subarray(at, Math.min(end, at + 1024)) as unknown as number[]);
    }
    return text;
  }

  /** All strings, in order of their numbers. */
  get strings(): string[] {
    return Array.from({ length: this.size }, (_, number) => this.string(number));
  }

  private append(string: string): void {
    const { length } = string;
    const begin = this.starts[this.size]!;
    while (begin + length > this.units.length) this.units = grown(this.units);
    let { units } = this;
    for (let i = 0; i < length; i++) {
      const unit = string.charCodeAt(i);
      if (unit > 0xff && units.BYTES_PER_ELEMENT === 1) this.units = units = Uint16Array.from(units);
      units[begin + i] = unit;
    }
    this.size++;
    if (this.size === this.starts.length) this.starts = grown(this.starts);
    this.starts[this.size] = begin + length;
  }

  /** Returns the slot of a string, or the free slot where it would go. */
  private slotOf(string: string, h: number): number {
    const { slots } = this;
    const last = slots.length - 2;
    let slot = (2 * h) & last;
    while (slots[slot + 1] !== 0 && (slots[slot] !== h || !this.is(slots[slot + 1]! - 1, string))) {
      slot = (slot + 2) & last;
    }
    return slot;
  }

  private is(number: number, string: string): boolean {
    const { units, starts } = this;
    const begin = starts[number]!;
    if (starts[number + 1]! - begin !== string.length) return false;
    for (let i = 0; i < string.length; i++) if (string.charCodeAt(i) !== units[begin + i]) return false;
    return true;
  }

  /** @internal Moves the strings to a table of another size. */
  rehash(length: number): void {
    const { slots } = this;
    const last = length - 2;
    this.slots = new Uint32Array(length);
    for (let i = 0; i < slots.length; i += 2) {
      const number = slots[i + 1]!;
      if (number === 0 || number > this.size) continue;
      let slot = (2 * slots[i]!) & last;
      while (this.slots[slot + 1] !== 0) slot = (slot + 2) & last;
      this.slots[slot] = slots[i]!;
      this.slots[slot + 1] = number;
    }
  }
}

/** FNV-1a over the code units from a given basis, then a finalizer (degski's) by which the low bits depend on all bits. */
function hash(string: string, basis: number): number {
  let h = basis;
  for (let i = 0; i < string.length; i++) h = Math.imul(h ^ string.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
