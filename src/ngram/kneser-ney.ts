// Interpolated modified Kneser–Ney smoothing, as in KenLM's lmplz (Chen and Goodman 1998, An Empirical Study of Smoothing
// Techniques; Heafield et al. 2013, Scalable Modified Kneser-Ney Language Model Estimation, sections 3.2 to 3.4). h' is the
// context h without its first word:
//
//   a(h w)   = c(h w)                                   for n = N, or if h begins with <s>              (adjusted counts, 3.2)
//            = |{v : c(v h w) > 0}|                     otherwise: the number of distinct preceding words
//   D(k)     = k − (k + 1) · Y · t(k + 1) / t(k)        k = 1, 2, 3; Y = t(1) / (t(1) + 2 t(2))         (Chen and Goodman, 26)
//              t(k) = |{h w : a(h w) = k}|              separately for each n; D(k) = D(3) for k > 3
//   u(w | h) = (a(h w) − D(a(h w))) / Σx a(h x)                                                         (normalization, 3.3)
//   b(h)     = Σx D(a(h x)) / Σx a(h x)
//   p(w | h) = u(w | h) + b(h) · p(w | h')                                                              (interpolation, 3.4)
//   p(w)     = u(w) + b(ε) / |V|                        V includes </s> and <unk> but not <s>
//
// Pruning removes the n-grams with c(h w) at or below the threshold for their length. They still count in the sums, and their
// probability mass goes to b(h).

import { exactly } from "../arrays.js";
import { boolean, checkOptions, integer, show } from "../check.js";
import { firstOnes } from "../text/renumber.js";
import { Vocabulary } from "../text/vocabulary.js";
import { checkCounts, END, type NgramCounts } from "./counts.js";
import { beginningWithStart, eachContext, emptyTables, modelOf, type Tables } from "./estimate.js";
import type { NgramModel, Smoothing } from "./model.js";
import { ROOT, TrieBuilder } from "./trie.js";

export interface KneserNeyOptions {
  /**
   * Removes n-grams counted this often or less: one threshold for unigrams, one for bigrams, … , in non-decreasing order;
   * the last one applies to all longer n-grams (default [0]).
   */
  prune?: readonly number[];
  /** Uses the discounts 0.5, 1 and 1.5 if the counts leave one undefined, which is otherwise an error (default false). */
  discountFallback?: boolean;
}

const FALLBACK = [0, 0.5, 1, 1.5];

/**
 * Estimates a model by interpolated modified Kneser–Ney smoothing.
 * @throws TypeError, RangeError naming the invalid option
 * @throws RangeError if a discount is undefined, as for a text that is small or repeats itself
 */
export function kneserNey(counts: NgramCounts, options: KneserNeyOptions = {}): NgramModel {
  const known = { prune: 1, discountFallback: 1 } as const;
  const { prune = [0], discountFallback = false } = checkOptions("options", options, known);
  boolean("discountFallback", discountFallback);
  const { trie, occurrences: count } = checkCounts(counts);
  const { order, levels, suffix } = trie;
  const thresholds = thresholdsOf(prune, order);
  const isKept = (node: number, n: number) => count[node]! > thresholds[n - 1]! || (n === 1 && node <= END + 1);
  let V = -1; // <s>
  for (let node = levels[1]!; node < levels[2]!; node++) if (isKept(node, 1)) V++;

  const tables = emptyTables(trie);
  const { p, b } = tables;
  const discounts: number[][] = [];
  for (let n = 1; n <= order; n++) {
    const a = adjustedCounts(counts, n); // a[0] belongs to the first node of length n
    const D = discountsOf(a, n, discountFallback);
    discounts.push(D.slice(1));
    const [base, end] = [levels[n]!, levels[n + 1]!];
    // p(w | h') in a loop of its own: its scattered reads overlap best when the loop does nothing else.
    for (let node = base; node < end; node++) p[node] = n === 1 ? 1 / V : p[suffix[node]!]!;
    eachContext(trie, n, (h, first, end) => {
      let total = 0;
      let left = 0;
      for (let node = first; node < end; node++) {
        const count = a[node - base]!;
        total += count;
        left += isKept(node, n) ? D[Math.min(count, 3)]! : count;
      }
      if (total === 0) return; // no word is known to precede these n-grams: p(w | h') applies unchanged
      b[h] = left / total;
      for (let node = first; node < end; node++) {
        const count = a[node - base]!;
        p[node] = (count - D[Math.min(count, 3)]!) / total + (left / total) * p[node]!;
      }
    });
  }
  const smoothing: Smoothing = { kind: "kneser-ney", discounts, prune: thresholds };
  if (thresholds[order - 1] === 0) return modelOf(counts, tables, smoothing);
  const pruned = prunedTables(counts, tables, isKept);
  return modelOf(pruned, pruned, smoothing);
}

/** Returns one threshold for each length, starting with the unigrams'. */
function thresholdsOf(prune: unknown, order: number): number[] {
  const expected = `"prune" expected 1 to ${order} thresholds`;
  if (!Array.isArray(prune)) throw new TypeError(`${expected}, got ${show(prune)}`);
  if (prune.length === 0 || prune.length > order) throw new RangeError(`${expected}, got ${prune.length}`);
  const thresholds: number[] = [];
  for (let n = 0; n < order; n++) {
    thresholds.push(n < prune.length ? integer(`prune[${n}]`, prune[n], thresholds[n - 1] ?? 0) : thresholds[n - 1]!);
  }
  return thresholds;
}

function adjustedCounts({ trie, occurrences: count }: NgramCounts, n: number): Uint32Array {
  const { order, levels, suffix } = trie;
  const counted = count.subarray(levels[n]!, levels[n + 1]!);
  if (n === order) return counted;
  const a = new Uint32Array(counted.length);
  for (let node = levels[n + 1]!; node < levels[n + 2]!; node++) a[suffix[node]! - levels[n]!]!++;
  const { from, to } = beginningWithStart(trie)[n]!;
  a.set(count.subarray(from, to), from - levels[n]!);
  return a;
}

/** D(0) = 0, D(1), D(2), D(3). */
function discountsOf(a: Uint32Array, n: number, fallback: boolean): readonly number[] {
  const t = [0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) if (a[i]! < t.length) t[a[i]!]!++;
  const Y = t[1]! / (t[1]! + 2 * t[2]!);
  const D = [0, 1, 2, 3].map((k) => (k === 0 ? 0 : discount(t, Y, k)));
  const wrong = [1, 2, 3].find((k) => t[k] === 0 || D[k]! < 0);
  if (wrong === undefined) return D;
  if (fallback) return FALLBACK;
  throw new RangeError(
    `Kneser–Ney smoothing expected ${n}-grams whose adjusted counts give a discount of 0 to ${wrong} for the count ${wrong}, ` +
      `got ${t[wrong] === 0 ? `no ${n}-gram with that count` : D[wrong]!.toFixed(3)}: the text is too small for that order, or ` +
      "repeats itself; remove its repetitions, choose a lower order, or use fixed discounts (discountFallback, --discount-fallback)",
  );
}

/** Returns D(k) with an exact sign: rounding can turn 0 into −4e-16, for which a valid model would be refused. */
function discount(t: readonly number[], Y: number, k: number): number {
  if (t[k] === 0) return Number.NaN;
  const [t1, t2, tk, next] = [t[1]!, t[2]!, t[k]!, t[k + 1]!].map(BigInt) as [bigint, bigint, bigint, bigint];
  const whole = t1 + 2n * t2;
  // D(k) = numerator / (whole · t(k))
  const numerator = BigInt(k) * whole * tk - BigInt(k + 1) * t1 * next;
  const rounded = k - ((k + 1) * Y * t[k + 1]!) / t[k]!;
  const sign = numerator > 0n ? 1 : numerator < 0n ? -1 : 0;
  return sign !== 0 && sign === Math.sign(rounded) ? rounded : Number(numerator) / Number(whole * tk);
}

/** Prunes trie, vocabulary and tables. The prefixes and suffixes of a kept n-gram are kept as well. */
function prunedTables(
  { tokenizer, vocabulary, trie }: NgramCounts,
  { p, b }: Tables,
  isKept: (node: number, n: number) => boolean,
): Pick<NgramCounts, "tokenizer" | "vocabulary" | "trie"> & Tables {
  const { order, levels, first, word } = trie;
  // Words are sorted by descending count, so the kept ones come first.
  let V = 0;
  while (V < vocabulary.size && isKept(V + 1, 1)) V++;
  const builder = new TrieBuilder(V);
  let nodes = V + 1;
  let above = order === 1 ? 1 : nodes;
  const renamed = Uint32Array.from({ length: levels[order]! }, (_, node) => (node <= V ? node : ROOT));
  for (let n = 2; n <= order; n++) {
    eachContext(trie, n, (h) => {
      for (let node = first[h]!; node < first[h + 1]!; node++) {
        if (!isKept(node, n)) continue;
        // place <= node, so the tables can be compacted in place.
        const place = builder.append(renamed[h]!, word[node]!);
        p[place] = p[node]!;
        nodes++;
        if (n === order) continue;
        renamed[node] = place;
        b[place] = b[node]!;
        above++;
      }
    });
    builder.endLevel();
  }
  return {
    tokenizer,
    vocabulary: new Vocabulary(firstOnes(vocabulary.words, V)),
    trie: builder.done(true),
    p: exactly(p, nodes),
    b: exactly(b, above),
  };
}
