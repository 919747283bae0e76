// Distinct n-grams and their counts, in lexicographic order of the ids.

import { grown, sortPart } from "../arrays.js";

/** The largest count. */
const MOST = 2 ** 32 - 1;

/** Rows of N ids; shorter n-grams are padded with zeros. */
export interface Rows {
  /** (rows, N) */
  readonly words: Uint32Array;
  /** (rows) */
  readonly counts: Uint32Array;
}

/**
 * Makes rows of the n-grams that begin at the given positions of a sequence of ids; each ends after N ids or before a 0.
 * @param ids ends in N zeros
 * @param countAt how often to count the n-gram that begins at each position (default: once)
 */
export function rowsAt(order: number, ids: Uint32Array, places: Uint32Array, countAt?: Uint32Array): Rows {
  if (order === 1) return wordsAt(ids, places, countAt);
  const sorted = sortPlaces(order, ids, places);
  // Large enough for the worst case: pages that are never written take no memory.
  const words = new Uint32Array(sorted.length * order);
  const counts = new Uint32Array(sorted.length);
  let length = 0;
  for (let k = 0; k < sorted.length; k++) {
    const place = sorted[k]!;
    if (k === 0 || !sameUpToZero(order, ids, place, sorted[k - 1]!)) {
      for (let i = 0; i < order && ids[place + i] !== 0; i++) words[length * order + i] = ids[place + i]!;
      length++;
    }
    counts[length - 1] = sum(counts[length - 1]!, countAt ? countAt[place]! : 1);
  }
  return { words: words.subarray(0, length * order), counts: counts.subarray(0, length) };
}

/** Makes rows of one word each, which need no sorting. */
function wordsAt(ids: Uint32Array, places: Uint32Array, countAt: Uint32Array | undefined): Rows {
  const frequency = new Uint32Array(maximum(ids) + 1);
  for (const place of places) frequency[ids[place]!] = sum(frequency[ids[place]!]!, countAt ? countAt[place]! : 1);
  const words = new Uint32Array(frequency.length);
  const counts = new Uint32Array(frequency.length);
  let length = 0;
  for (let id = 0; id < frequency.length; id++) {
    words[length] = id;
    counts[length] = frequency[id]!;
    if (frequency[id]! > 0) length++;
  }
  return { words: words.subarray(0, length), counts: counts.subarray(0, length) };
}

function maximum(ids: Uint32Array): number {
  let most = 0;
  for (let i = 0; i < ids.length; i++) if (ids[i]! > most) most = ids[i]!;
  return most;
}

function sameUpToZero(order: number, ids: Uint32Array, a: number, b: number): boolean {
  for (let i = 0; i < order; i++) {
    if (ids[a + i] !== ids[b + i]) return false;
    if (ids[a + i] === 0) return true;
  }
  return true;
}

/**
 * Sorts positions by the N ids at each: a counting sort by each column, last column first. Ids after a 0 only affect the
 * order of equal n-grams.
 */
export function sortPlaces(order: number, ids: Uint32Array, places: Uint32Array): Uint32Array {
  const next = new Uint32Array(maximum(ids) + 2);
  let [from, to, spare] = [places, new Uint32Array(places.length), new Uint32Array(places.length)];
  for (let column = order - 1; column >= 0; column--) {
    next.fill(0);
    for (let k = 0; k < from.length; k++) next[ids[from[k]! + column]! + 1]!++;
    for (let id = 1; id < next.length; id++) next[id]! += next[id - 1]!;
    for (let k = 0; k < from.length; k++) {
      const place = from[k]!;
      to[next[ids[place + column]!]!++] = place;
    }
    [from, to, spare] = [to, spare, to];
  }
  return from;
}

/** Merges two sorted sets of rows; the counts of equal rows are added. */
export function mergeRows(order: number, a: Rows, b: Rows): Rows {
  const words = new Uint32Array(a.words.length + b.words.length);
  const counts = new Uint32Array(a.counts.length + b.counts.length);
  let length = 0;
  for (let i = 0, j = 0; i < a.counts.length || j < b.counts.length; length++) {
    let difference = i === a.counts.length ? 1 : j === b.counts.length ? -1 : 0;
    for (let k = 0; k < order && difference === 0; k++) difference = a.words[i * order + k]! - b.words[j * order + k]!;
    const from = difference <= 0 ? a.words : b.words;
    const at = (difference <= 0 ? i : j) * order;
    for (let k = 0; k < order; k++) words[length * order + k] = from[at + k]!;
    let count = 0;
    if (difference <= 0) count += a.counts[i++]!;
    if (difference >= 0) count = sum(count, b.counts[j++]!);
    counts[length] = count;
  }
  return { words: words.subarray(0, length * order), counts: counts.subarray(0, length) };
}

/** Gives the n-grams new ids and sorts them by these. @param renumbered the new id of each; 0 stays 0 */
export function renumberRows(order: number, { words, counts }: Rows, renumbered: Uint32Array): Rows {
  const result = { words: new Uint32Array(words.length), counts: new Uint32Array(counts.length) };
  let length = 0;
  // A stack of groups of rows; one number encodes a group's new id and its first row.
  let groups = new Float64Array(1024);
  let top = 0;

  function append(row: number): void {
    for (let k = 0; k < order; k++) result.words[length * order + k] = renumbered[words[row * order + k]!]!;
    result.counts[length++] = counts[row]!;
  }

  /** Appends the rows begin … end − 1, which agree in the columns before this one, in their new order. */
  function visit(begin: number, end: number, column: number): void {
    if (end - begin === 1) {
      append(begin);
      return;
    }
    const bottom = top;
    for (let row = begin; row < end; row = endOfGroup(row, end, column)) {
      if (top === groups.length) groups = grown(groups);
      groups[top++] = renumbered[words[row * order + column]!]! * counts.length + row;
    }
    sortPart(groups, bottom, top);
    for (let g = bottom; g < top; g++) {
      const group = groups[g]!;
      const row = group - Math.floor(group / counts.length) * counts.length;
      visit(row, endOfGroup(row, end, column), column + 1);
    }
    top = bottom;
  }

  function endOfGroup(row: number, end: number, column: number): number {
    const word = words[row * order + column]!;
    do row++;
    while (row < end && words[row * order + column] === word);
    return row;
  }

  /** For each word, by new id: 1 + the first row that begins with it, or 0. */
  const begins = new Uint32Array(renumbered.length);
  for (let row = 0; row < counts.length; row = endOfGroup(row, counts.length, 0)) {
    begins[renumbered[words[row * order]!]!] = row + 1;
  }
  for (let id = 0; id < begins.length; id++) {
    const row = begins[id]! - 1;
    if (row < 0) continue;
    if (order === 1) append(row);
    else visit(row, endOfGroup(row, counts.length, 0), 1);
  }
  return result;
}

/** @throws RangeError if a sum of counts is too large */
export function sum(a: number, b: number): number {
  if (a + b <= MOST) return a + b;
  throw new RangeError(`counts expected sums up to ${MOST}, got ${a + b}: count less text at a time`);
}
