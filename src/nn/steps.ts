// The order in which a recurrent layer reads the rows of a batch: the table of assembly/steps.ts.

/**
 * Lists the steps over packed rows.
 * @param counts number of rows at each time step, never rising; all sequences have a first step
 * @param backward true to read each sequence from its end
 * @param initialGradient true if the initial states get a gradient
 */
export function stepTable(counts: readonly number[], backward: boolean, initialGradient: boolean): Int32Array {
  const B = counts[0]!;
  const starts: number[] = [];
  let rows = 0;
  for (const count of counts) {
    starts.push(rows);
    rows += count;
  }
  const steps: number[] = [];
  const step = (t: number, from: number, to: number, before: number) => {
    if (to > from) steps.push(to - from, starts[t]! + from, before + from, from);
  };
  for (let n = 0; n < counts.length; n++) {
    const t = backward ? counts.length - 1 - n : n;
    const count = counts[t]!;
    const from = backward ? t + 1 : t - 1; // the time of the states before
    const continued = from < 0 ? 0 : Math.min(count, counts[from] ?? 0);
    step(t, 0, continued, B + starts[from]!);
    step(t, continued, count, 0);
  }
  return Int32Array.of(steps.length / 4, B, initialGradient ? 0 : B, 0, ...steps);
}

/** How sequences of any lengths are packed. */
export interface Packed {
  /** Number of rows at each step. */
  readonly counts: readonly number[];
  /** The sequences from the longest to the shortest, and as given where they are equally long. */
  readonly order: readonly number[];
}

/** Packs sequences. @param lengths each at least 1 */
export function packed(lengths: ArrayLike<number>): Packed {
  const order = Array.from(lengths, (_, i) => i).sort((a, b) => lengths[b]! - lengths[a]!);
  const longest = lengths[order[0]!] ?? 0;
  const counts: number[] = [];
  let count = order.length;
  for (let t = 0; t < longest; t++) {
    while (lengths[order[count - 1]!]! <= t) count--;
    counts.push(count);
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

/** Returns the number of the state before each row. */
export function statesBefore(table: Int32Array, rows: number): Int32Array {
  const before = new Int32Array(rows);
  for (let i = 4; i < table.length; i += 4) {
    const [count, row, state] = table.subarray(i) as unknown as [number, number, number];
    for (let k = 0; k < count; k++) before[row + k] = state + k;
  }
  return before;
}
