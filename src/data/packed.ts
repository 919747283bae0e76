// Packed rows of sequences of unequal lengths, as PyTorch's PackedSequence has them: time-major, the longest sequence first, so
// that each step has the rows of all sequences that are longer.

export interface Packed {
  /** Number of sequences at each step. */
  readonly counts: number[];
  /** order[i] is the number of the i-th longest sequence; those of one length keep their order. */
  readonly order: Uint32Array;
}

/** Packs sequences of these lengths, each at least 1. */
export function pack(lengths: ArrayLike<number>): Packed {
  const order = Uint32Array.from({ length: lengths.length }, (_, i) => i).sort(
    (a, b) => lengths[b]! - lengths[a]! || a - b,
  );
  const counts: number[] = [];
  for (let t = 0, n = order.length; n > 0; t++) {
    while (n > 0 && lengths[order[n - 1]!]! <= t) n--;
    if (n > 0) counts.push(n);
  }
  return { counts, order };
}

/** Returns the ids of packed sequences, row by row. */
export function packedIds({ counts, order }: Packed, sequences: readonly ArrayLike<number>[]): Int32Array {
  const ids = new Int32Array(counts.reduce((sum, n) => sum + n, 0));
  let row = 0;
  for (const [t, n] of counts.entries()) for (let i = 0; i < n; i++) ids[row++] = sequences[order[i]!]![t]!;
  return ids;
}
