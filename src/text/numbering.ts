// Strings, numbered in the order in which they come: a hash table with open addressing over the code units of all of them,
// one string behind the other in one array. A Map of a million words takes twice the time and five times the memory, and the
// garbage collector walks through all of it again and again.

import { grown } from "../arrays.js";

/** How many strings addAll() takes. */
export const BATCH = 256;

export class Numbering {
  /** How many strings there are. */
  size = 0;
  /** @internal The code units of all strings: a byte each until there is one that needs two. */
  units: Uint8Array | Uint16Array = new Uint8Array(1024);
  /** @internal Where each string begins, and behind the last one where it ends. */
  starts = new Uint32Array(256);
  /** @internal Pairs of a hash and one more than a number; 0 where there is none. */
  slots = new Uint32Array(2 * 1024);

  private readonly hashes = new Uint32Array(BATCH);
  /** @internal Where hashes start from, so that nobody can choose words that all have one. */
  basis = Math.floor(Math.random() * 2 ** 32);

  /** The number of a string, or −1 where it has none. */
  find(string: string): number {
    return this.slots[this.slotOf(string, hash(string, this.basis)) + 1]! - 1;
  }

  /** The number of a string: the next one, where it has none. */
  add(string: string): number {
    return this.addHashed(string, hash(string, this.basis));
  }

  /**
   * The numbers of the first few of some strings, as add() gives them. In a large table each look into the memory is waited
   * for; here all of them wait at once, in loops that do nothing else.
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

  /** A string, by its number. */
  string(number: number): string {
    const { units, starts } = this;
    const end = starts[number + 1]!;
    let text = "";
    // A function takes only so many arguments.
    for (let at = starts[number]!; at < end; at += 1024) {
      text += String.fromCharCode.apply(null, units.subarray(at, Math.min(end, at + 1024)) as unknown as number[]);
    }
    return text;
  }

  /** All strings, by their numbers. */
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

  /** Where a string is, or the free place where it would be. */
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

  /** @internal Moves the strings there are to a table of another size. */
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

/** FNV-1a over the code units from another basis, its bits mixed once more (degski's finalizer has the low ones depend on all). */
function hash(string: string, basis: number): number {
  let h = basis;
  for (let i = 0; i < string.length; i++) h = Math.imul(h ^ string.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
