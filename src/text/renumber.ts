// What is done with all strings of a Numbering: looking through them, writing them, numbering them anew.

import { sortPart } from "../arrays.js";
import { Numbering } from "./numbering.js";

/** The length of the longest string, in code units. */
export function lengthOfLongest({ starts, size }: Numbering): number {
  let most = 0;
  for (let i = 0; i < size; i++) most = Math.max(most, starts[i + 1]! - starts[i]!);
  return most;
}

/** The number of the first string that has such a code unit, or none at all; −1 where there is none. */
export function findOdd({ units, starts, size }: Numbering, isOdd: (unit: number) => boolean): number {
  for (let number = 0, at = 0; number < size; number++) {
    const end = starts[number + 1]!;
    if (at === end) return number;
    for (; at < end; at++) if (isOdd(units[at]!)) return number;
  }
  return -1;
}

/** Writes a string as UTF-8, at most three bytes for a code unit, and returns the place behind it. */
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
 * Numbers the strings anew: the first few keep their numbers, the others get them by falling count, equals in the order of
 * their code units.
 * @param counts (size)
 * @returns (size) the new number of each
 */
export function renumberByCount(numbering: Numbering, counts: Uint32Array, first: number): Uint32Array {
  const { units, starts, size, slots } = numbering;
  const order = new Uint32Array(size);
  for (let number = 0; number < first; number++) order[number] = number;
  byFallingCount(sorted(numbering, first), counts, order.subarray(first));
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

/** The first strings, with the same numbers. */
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

/** The numbers from `first` on, in the order of their strings' code units. */
function sorted({ units, starts, size }: Numbering, first: number): Uint32Array {
  const n = size - first;
  const sorted = new Uint32Array(n);
  for (let i = 0; i < n; i++) sorted[i] = first + i;
  const { digits, base } = digitsOf(units.subarray(starts[first]!, starts[size]!));
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
