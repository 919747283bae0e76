// Operations on all strings of a Numbering: searching, writing and renumbering them.

import { sortByBits, sortPart } from "../arrays.js";
import { Numbering } from "./numbering.js";

/** Returns the length of the longest string, in code units. */
export function lengthOfLongest({ starts, size }: Numbering): number {
  let most = 0;
  for (let i = 0; i < size; i++) most = Math.max(most, starts[i + 1]! - starts[i]!);
  return most;
}

/** Returns the number of the first string that is empty or has a code unit for which `isOdd` holds; otherwise −1. */
export function findOdd({ units, starts, size }: Numbering, isOdd: (unit: number) => boolean): number {
  for (let number = 0, at = 0; number < size; number++) {
    const end = starts[number + 1]!;
    if (at === end) return number;
    for (; at < end; at++) if (isOdd(units[at]!)) return number;
  }
  return -1;
}

/** Writes a string as UTF-8, at most three bytes per code unit, and returns the offset after it. */
export function writeString({ units, starts }: Numbering, number: number, bytes: Uint8Array, at: number): number {
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
 * Renumbers the strings: the first `first` keep their numbers, the others are sorted by descending count, ties by code
 * units.
 * @param counts (size)
 * @returns (size) the new number of each
 */
export function renumberByCount(numbering: Numbering, counts: Uint32Array, first: number): Uint32Array {
  const { units, starts, size, slots } = numbering;
  const order = new Uint32Array(size);
  for (let number = 0; number < first; number++) order[number] = number;
  order.set(byFallingCount(numbering, counts, first), first);
  const renumbered = new Uint32Array(size);
  const Type = units.constructor as Uint8ArrayConstructor;
  numbering.units = new Type(starts[size]!);
  numbering.starts = new Uint32Array(size + 1);
  let at = 0;
  for (let number = 0; number < size; number++) {
    const before = order[number]!;
    renumbered[before] = number;
    const end = starts[before + 1]!;
    for (let i = starts[before]!; i < end; i++) numbering.units[at++] = units[i]!;
    numbering.starts[number + 1] = at;
  }
  for (let i = 1; i < slots.length; i += 2) if (slots[i]! > 0) slots[i] = renumbered[slots[i]! - 1]! + 1;
  return renumbered;
}

/** Returns a copy with only the first `size` strings. */
export function firstOnes(numbering: Numbering, size: number): Numbering {
  const first = new Numbering();
  first.size = size;
  first.basis = numbering.basis;
  first.starts = numbering.starts.slice(0, size + 1);
  first.units = numbering.units.slice(0, first.starts[size]!);
  first.slots = numbering.slots;
  let room = first.slots.length;
  while (room > 2048 && 8 * size <= room) room /= 2;
  first.rehash(room);
  return first;
}

/** Returns the numbers from `first` on by descending count, ties in order of their strings' code units. */
function byFallingCount({ units, starts, size }: Numbering, counts: Uint32Array, first: number): Uint32Array {
  const { digits, base } = digitsOf(units.subarray(starts[first]!, starts[size]!));
  /** Returns the first `width` code units of a string from `depth` on, as one number. */
  const beginning = (number: number, depth: number, width: number) => {
    const end = starts[number + 1]!;
    let at = starts[number]! + depth;
    let key = 0;
    for (let k = 0; k < width; k++, at++) key = key * base + (at < end ? digits[units[at]!]! : 0);
    return key;
  };
  const width = widthOf(base, 2 ** 32);
  const keys = new Uint32Array(size);
  const rarity = new Uint32Array(size);
  const numbers = new Uint32Array(size - first);
  for (let number = first; number < size; number++) {
    numbers[number - first] = number;
    keys[number] = beginning(number, 0, width);
    rarity[number] = ~counts[number]!;
  }
  const sorted = sortByBits(numbers, [keys, rarity]);
  const n = sorted.length;
  /** A stack of parts (from, to, depth) to sort, whose strings agree in the first `depth` code units. */
  const parts: number[] = [];
  for (let from = 0, to = 1; from < n; from = to++) {
    const number = sorted[from]!;
    while (to < n && keys[sorted[to]!] === keys[number] && rarity[sorted[to]!] === rarity[number]) to++;
    if (to - from > 1) parts.push(from, to, width);
  }
  // Each double holds a key and, below it, the number.
  const narrow = widthOf(base, 2 ** 52 / size);
  const places = new Float64Array(n);
  while (parts.length > 0) {
    const [from, to, depth] = parts.splice(-3) as [number, number, number];
    for (let i = from; i < to; i++) places[i] = beginning(sorted[i]!, depth, narrow) * size + sorted[i]!;
    sortPart(places, from, to);
    let begin = from;
    let before = -1;
    for (let i = from; i <= to; i++) {
      const key = i < to ? Math.floor(places[i]! / size) : -1;
      if (i < to) sorted[i] = places[i]! - key * size;
      if (key === before) continue;
      if (i - begin > 1) parts.push(begin, i, depth + narrow);
      begin = i;
      before = key;
    }
  }
  return sorted;
}

/** The code units that there are, numbered from 1 on in their order; `base` is one more than how many they are. */
function digitsOf(units: Uint8Array | Uint16Array): { digits: Uint32Array; base: number } {
  const digits = new Uint32Array(2 ** (8 * units.BYTES_PER_ELEMENT));
  for (let i = 0; i < units.length; i++) digits[units[i]!] = 1;
  let base = 1;
  for (let unit = 0; unit < digits.length; unit++) if (digits[unit] === 1) digits[unit] = base++;
  return { digits, base };
}

/** Returns how many digits fit into a number below `most`, at least one. */
function widthOf(base: number, most: number): number {
  let width = 1;
  for (let room = base; room * base <= most; room *= base) width++;
  return width;
}
