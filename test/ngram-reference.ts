// N-gram models straight from the formulas: Maps of strings and doubles; slow, short and independent of src/ngram.
// Contexts h and n-grams are arrays of words; a probability is asked for with at most the N − 1 last words as its context.

export type Gram = readonly string[];
export type Estimate = (h: Gram, w: string) => number;

const SYMBOLS = ["<unk>", "<s>", "</s>"];

// No word of a test has it.
const key = (gram: Gram) => gram.join("\0");

/** Counts of all n-grams of up to `order` words in sentences. */
export class Seen {
  /** c(w1 … wn). <s> by itself is not counted: nothing predicts it. */
  readonly counts = new Map<string, number>();
  readonly grams: Gram[][] = [];
  readonly vocabulary = new Set(SYMBOLS);
  /** Σx c(h x) for each h that anything followed. */
  private readonly totals = new Map<string, number>();
  private readonly followers = new Map<string, Set<string>>();
  private readonly predecessors = new Map<string, Set<string>>();

  constructor(
    sentences: readonly Gram[],
    readonly order: number,
  ) {
    for (let n = 0; n <= order; n++) this.grams.push([]);
    for (const sentence of sentences) {
      const tokens = ["<s>", ...sentence, "</s>"];
      for (let end = 2; end <= tokens.length; end++) {
        for (let begin = Math.max(0, end - order); begin < end; begin++) this.add(tokens.slice(begin, end));
      }
    }
  }

  count = (gram: Gram) => this.counts.get(key(gram)) ?? 0;
  total = (h: Gram) => this.totals.get(key(h)) ?? 0;
  following = (h: Gram) => this.followers.get(key(h)) ?? new Set<string>();
  preceding = (gram: Gram) => this.predecessors.get(key(gram)) ?? new Set<string>();

  /** The contexts of up to N − 1 words that anything followed. */
  contexts(): Gram[] {
    return [...this.totals.keys()].map((h) => (h === "" ? [] : h.split("\0")));
  }

  private add(gram: Gram): void {
    const h = gram.slice(0, -1);
    const w = gram.at(-1)!;
    if (this.count(gram) === 0) this.grams[gram.length]!.push(gram);
    this.counts.set(key(gram), this.count(gram) + 1);
    this.totals.set(key(h), this.total(h) + 1);
    this.followers.set(key(h), this.following(h).add(w));
    if (gram.length > 1) this.predecessors.set(key(gram.slice(1)), this.preceding(gram.slice(1)).add(gram[0]!));
    this.vocabulary.add(w);
  }
}

/** Jurafsky and Martin, 3rd edition, eq. 3.12: c(h w) / Σx c(h x); by the longest end of h that anything followed. */
export function maximumLikelihood(seen: Seen): Estimate {
  return function p(h, w): number {
    return seen.total(h) > 0 ? seen.count([...h, w]) / seen.total(h) : p(h.slice(1), w);
  };
}

/** Additive smoothing: (c(h w) + k) / (c(h) + k |V|). Nothing predicts <s>, so it is none of the |V|. */
export function laplace(seen: Seen, k: number): Estimate {
  const V = seen.vocabulary.size - 1;
  return (h, w) => (w === "<s>" ? 0 : (seen.count([...h, w]) + k) / (seen.total(h) + k * V));
}

/** Brants et al. 2007, eq. 5, but without a weight where nothing ever followed h. */
export function stupidBackoff(seen: Seen, alpha: number): Estimate {
  return function S(h, w): number {
    if (seen.count([...h, w]) > 0) return seen.count([...h, w]) / seen.total(h);
    if (h.length === 0) return 0;
    return (seen.total(h) > 0 ? alpha : 1) * S(h.slice(1), w);
  };
}

export interface KneserNey {
  p: Estimate;
  b: (h: Gram) => number;
  isKept: (gram: Gram) => boolean;
  /** D(1), D(2) and D(3) for each n. */
  discounts: number[][];
  /** True for each n whose discounts are the fallback. */
  undefinedDiscounts: boolean[];
}

/** Interpolated modified Kneser–Ney: Chen and Goodman 1998, section 4; Heafield et al. 2013, section 3, also on pruning. */
export function kneserNey(seen: Seen, prune: readonly number[] = [0]): KneserNey {
  const { order } = seen;
  const threshold = (n: number) => prune[Math.min(n, prune.length) - 1]!;
  const isKept = (gram: Gram) => {
    if (gram.length === 1 && SYMBOLS.includes(gram[0]!)) return true;
    return seen.count(gram) > threshold(gram.length);
  };
  /** The adjusted count; n-grams that begin with <s> keep their own count, since nothing precedes them. */
  const a = (gram: Gram) => (gram.length === order || gram[0] === "<s>" ? seen.count(gram) : seen.preceding(gram).size);

  const discounts: number[][] = [];
  const undefinedDiscounts: boolean[] = [];
  for (let n = 1; n <= order; n++) {
    const t = (k: number) => seen.grams[n]!.filter((gram) => a(gram) === k).length;
    const [t1, t2, t3, t4] = [t(1), t(2), t(3), t(4)];
    const Y = t1 / (t1 + 2 * t2);
    const D = [1 - (2 * Y * t2) / t1, 2 - (3 * Y * t3) / t2, 3 - (4 * Y * t4) / t3];
    const isDefined = t1 > 0 && t2 > 0 && t3 > 0 && D.every((d) => d >= 0);
    discounts.push(isDefined ? D : [0.5, 1, 1.5]);
    undefinedDiscounts.push(!isDefined);
  }
  const D = (gram: Gram) => (a(gram) === 0 ? 0 : discounts[gram.length - 1]![Math.min(a(gram), 3) - 1]!);

  /** Σx a(h x), and what of it is not given to the n-grams that are kept: discounts, and all of those that are not. */
  const remembered = new Map<string, { total: number; left: number }>();
  const sums = (h: Gram) => {
    const known = remembered.get(key(h));
    if (known) return known;
    const result = { total: 0, left: 0 };
    for (const x of seen.following(h)) {
      const gram = [...h, x];
      result.total += a(gram);
      result.left += isKept(gram) ? D(gram) : a(gram);
    }
    remembered.set(key(h), result);
    return result;
  };
  const b = (h: Gram) => (seen.total(h) > 0 ? sums(h).left / sums(h).total : 1);
  const V = new Set([...seen.vocabulary].filter((w) => isKept([w]))).size - 1; // <s>

  const p: Estimate = (h, w) => {
    if (w === "<s>") return 0;
    const lower = h.length > 0 ? p(h.slice(1), w) : 1 / V;
    const gram = [...h, w];
    const u = seen.count(gram) > 0 && isKept(gram) ? (a(gram) - D(gram)) / sums(h).total : 0;
    return u + b(h) * lower;
  };
  return { p, b, isKept, discounts, undefinedDiscounts };
}
