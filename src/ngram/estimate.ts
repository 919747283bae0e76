// Shared by all estimates: a table of probabilities and one of backoff weights, filled in context by context.

import { log } from "../exact.js";
import { type NgramCounts, START } from "./counts.js";
import { checkNumbers, NgramModel, type Smoothing } from "./model.js";
import { ROOT, type Trie } from "./trie.js";

export interface Tables {
  /** (nodes) p(w | h) of each n-gram h w. */
  readonly p: Float32Array;
  /** (nodes above the last level) b(h): scales p(w | h') for words w that never followed h. */
  readonly b: Float32Array;
}

/** Returns tables in which every probability is 0 and every backoff weight is 1. */
export const emptyTables = ({ order, levels }: Trie): Tables => ({
  p: new Float32Array(levels[order + 1]!),
  b: new Float32Array(levels[order]!).fill(1),
});

/** Visits each context h of n-grams of length n: h is a node, its n-grams are the nodes first … end − 1. */
export function eachContext(
  { levels, first }: Trie,
  n: number,
  visit: (h: number, first: number, end: number) => void,
): void {
  for (let h = levels[n - 1]!; h < levels[n]!; h++) {
    if (first[h]! < first[h + 1]!) visit(h, first[h]!, first[h + 1]!);
  }
}

/** Returns tables of the relative frequencies c(h w) / c(h) and the backoff weight b for every context. */
export function relativeFrequencies(
  { trie, occurrences: count }: Pick<NgramCounts, "trie" | "occurrences">,
  b: number,
): Tables {
  const tables = emptyTables(trie);
  for (let n = 1; n <= trie.order; n++) {
    eachContext(trie, n, (h, first, end) => {
      const c = total(count, first, end);
      for (let node = first; node < end; node++) tables.p[node] = count[node]! / c;
      tables.b[h] = b;
    });
  }
  return tables;
}

/** Σ values[node] over the nodes first … end − 1. */
export function total(values: Uint32Array, first: number, end: number): number {
  let sum = 0;
  for (let node = first; node < end; node++) sum += values[node]!;
  return sum;
}

/** Returns, for each length n, the n-grams that begin with <s>: the nodes from … to − 1. */
export function beginningWithStart({ order, first }: Trie): { from: number; to: number }[] {
  const ranges = [{ from: 0, to: 0 }];
  let [from, to] = [START + 1, START + 2];
  for (let n = 1; n <= order; n++) {
    ranges.push({ from, to });
    if (n < order) [from, to] = [first[from]!, first[to]!];
  }
  return ranges;
}

/** @throws RangeError outside 1e-20 … 1e20, where float32 probabilities of a large text could become 0 or NaN */
export function inFloatRange(name: string, value: number): void {
  if (value < 1e-20 || value > 1e20)
    throw new RangeError(`"${name}" expected a number from 1e-20 to 1e20, got ${value}`);
}

/**
 * Makes a model of the tables and takes ownership of them.
 * @throws RangeError if a value is NaN, because the counts were altered
 */
export function modelOf(
  { tokenizer, vocabulary, trie }: Pick<NgramCounts, "tokenizer" | "vocabulary" | "trie">,
  { p, b }: Tables,
  smoothing: Smoothing,
): NgramModel {
  p[START + 1] = 0; // nothing predicts <s>
  b[ROOT] = 1; // the empty context has no shorter one
  let sum = 0; // NaN if any value is
  for (let node = 1; node < p.length; node++) {
    const logP = Math.min(0, log10(p[node]!));
    p[node] = logP;
    sum += logP;
  }
  for (let h = 0; h < b.length; h++) {
    const logB = log10(b[h]!);
    b[h] = logB;
    sum += logB;
  }
  const model = new NgramModel(tokenizer, vocabulary, trie, p, b, smoothing);
  return sum < Infinity ? model : checkNumbers(model);
}

const log10 = (x: number) => log(x) / Math.LN10;
