// Strings, numbered in the order in which they come: a hash table with open addressing over the code units of all of them,
// one string behind the other in one array. A Map of a million words takes twice the time and five times the memory, and the
// garbage collector walks through all of it again and again.

import { grown, sortPart } from "../arrays.js";

export class Numbering {
  /** How many strings there are. */
  size = 0;
  /** The code units of all strings: a byte each until there is one that needs two. */
  private units: Uint8Array | Uint16Array = new Uint8Array(1024);
  /** Where each string begins, and behind the last one where it ends. */
  private starts = new Uint32Array(256);
  /** Pairs of a hash and one more than a number; 0 where there is none. */
  private slots = new Uint32Array(2 * 1024);

  /** Where hashes start from, so that nobody can choose words that all have one. */
  private basis = Math.floor(Math.random() * 2 ** 32);

  /** The number of a string, or −1 where it has none. */
  find(string: string): number {
    return this.slots[this.slotOf(string, hash(string, this.basis)) + 1]! - 1;
  }

  /** The number of a string: the next one, where it has none. */
  add(string: string): number {
    const h = hash(string, this.basis);
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

  /** The length of the longest string, in code units. */
  get longest(): number {
    let most = 0;
    for (let i = 0; i < this.size; i++) most = Math.max(most, this.starts[i + 1]! - this.starts[i]!);
    return most;
  }

  /** The number of the first string that has such a code unit, or none at all; −1 where there is none. */
  findOdd(isOdd: (unit: number) => boolean): number {
    const { units, starts, size } = this;
    for (let number = 0, at = 0; number < size; number++) {
      const end = starts[number + 1]!;
      if (at === end) return number;
      for (; at < end; at++) if (isOdd(units[at]!)) return number;
    }
    return -1;
  }

  /** Writes a string as UTF-8, at most three bytes for a code unit, and returns the place behind it. */
  write(bytes: Uint8Array, at: number, number: number): number {
    const { units, starts } = this;
    const end = starts[number + 1]!;
    for (let i = starts[number]!; i < end; i++) {
      let point = units[i]!;
      if (point < 0x80) {
        bytes[at++] = point;
        continue;
      }
      if (point < 0x800) {
        bytes[at++] = 0xc0 | (point >> 6);
      } else {
        if ((point & 0xf800) === 0xd800) {
          const low = i + 1 < end ? units[i + 1]! : 0;
          const isPair = point < 0xdc00 && (low & 0xfc00) === 0xdc00;
          point = isPair ? 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff) : 0xfffd;
          if (isPair) i++;
        }
        if (point > 0xffff) bytes[at++] = 0xf0 | (point >> 18);
        bytes[at++] = point > 0xffff ? 0x80 | ((point >> 12) & 0x3f) : 0xe0 | (point >> 12);
        bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      }
      bytes[at++] = 0x80 | (point & 0x3f);
    }
    return at;
  }

  /**
   * Numbers the strings anew: the first few keep their numbers, the others get them by falling count, equals in the order of
   * their code units.
   * @param counts (size)
   * @returns (size) the new number of each
   */
  renumberByCount(counts: Uint32Array, first: number): Uint32Array {
    const { units, starts, size, slots } = this;
    const order = new Uint32Array(size);
    for (let number = 0; number < first; number++) order[number] = number;
    byFallingCount(this.sorted(first), counts, order.subarray(first));
    const renumbered = new Uint32Array(size);
    const Type = units.constructor as Uint8ArrayConstructor;
    this.units = new Type(starts[size]!);
    this.starts = new Uint32Array(size + 1);
    let at = 0;
    for (let number = 0; number < size; number++) {
      const before = order[number]!;
      renumbered[before] = number;
      const end = starts[before + 1]!;
      for (let i = starts[before]!; i < end; i++) this.units[at++] = units[i]!;
      this.starts[number + 1] = at;
    }
    for (let i = 1; i < slots.length; i += 2) if (slots[i]! > 0) slots[i] = renumbered[slots[i]! - 1]! + 1;
    return renumbered;
  }

  /** The first strings, with the same numbers. */
  firstOnes(size: number): Numbering {
    const first = new Numbering();
    first.size = size;
    first.basis = this.basis;
    first.starts = this.starts.slice(0, size + 1);
    first.units = this.units.slice(0, first.starts[size]!);
    first.slots = this.slots;
    let room = first.slots.length;
    while (room > 2048 && 8 * size <= room) room /= 2;
    first.rehash(room);
    return first;
  }

  /** The numbers from `first` on, in the order of their strings' code units. */
  private sorted(first: number): Uint32Array {
    const { units, starts } = this;
    const n = this.size - first;
    const sorted = new Uint32Array(n);
    for (let i = 0; i < n; i++) sorted[i] = first + i;
    const { digits, base } = digitsOf(units.subarray(starts[first]!, starts[this.size]!));
    // As many code units as go into the half of a double's digits that a string's number leaves are compared at a time.
    let width = 1;
    for (let most = base * n; most * base <= 2 ** 52; most *= base) width++;
    const keys = new Float64Array(n);
    /** Parts to sort: from … to − 1, whose strings agree in the first `depth` code units. */
    const parts = [0, n, 0];
    while (parts.length > 0) {
      const [from, to, depth] = parts.splice(-3) as [number, number, number];
      for (let i = from; i < to; i++) {
        const number = sorted[i]!;
        const end = starts[number + 1]!;
        let at = starts[number]! + depth;
        let key = 0;
        for (let k = 0; k < width; k++, at++) key = key * base + (at < end ? digits[units[at]!]! : 0);
        keys[i] = key * n + (number - first);
      }
      sortPart(keys, from, to);
      let begin = from;
      let before = -1;
      for (let i = from; i <= to; i++) {
        const key = i < to ? Math.floor(keys[i]! / n) : -1;
        if (i < to) sorted[i] = first + (keys[i]! - key * n);
        if (key === before) continue;
        if (i - begin > 1) parts.push(begin, i, depth + width);
        begin = i;
        before = key;
      }
    }
    return sorted;
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

  /** Moves the strings there are to a table of another size. */
  private rehash(length: number): void {
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

/** The code units that there are, numbered from 1 on in their order; `base` is one more than how many they are. */
function digitsOf(units: Uint8Array | Uint16Array): { digits: Uint32Array; base: number } {
  const digits = new Uint32Array(2 ** (8 * units.BYTES_PER_ELEMENT));
  for (let i = 0; i < units.length; i++) digits[units[i]!] = 1;
  let base = 1;
  for (let unit = 0; unit < digits.length; unit++) if (digits[unit] === 1) digits[unit] = base++;
  return { digits, base };
}

/** Numbers by falling count; equals stay in their order. A counting sort by half of the bits, then by the others. */
function byFallingCount(numbers: Uint32Array, counts: Uint32Array, result: Uint32Array): void {
  const next = new Uint32Array(0x10001);
  let from = numbers;
  for (const shift of [0, 16]) {
    const to = shift === 0 ? new Uint32Array(numbers.length) : result;
    next.fill(0);
    for (let i = 0; i < from.length; i++) next[((~counts[from[i]!]! >>> shift) & 0xffff) + 1]!++;
    for (let digit = 1; digit < next.length; digit++) next[digit]! += next[digit - 1]!;
    for (let i = 0; i < from.length; i++) to[next[(~counts[from[i]!]! >>> shift) & 0xffff]!++] = from[i]!;
    from = to;
  }
}

/** FNV-1a over the code units from another basis, its bits mixed once more (degski's finalizer has the low ones depend on all). */
function hash(string: string, basis: number): number {
  let h = basis;
  for (let i = 0; i < string.length; i++) h = Math.imul(h ^ string.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
