// How well a classifier does (Manning, Raghavan and Schütze 2008, chapter 13; calibration: Guo et al. 2017).

import { log } from "../exact.js";
import type { Figures } from "../train/task.js";

export interface LabelFigures extends Figures {
  /** Number of examples. */
  examples: number;
  /** Share of examples with exactly the right labels. */
  accuracy: number;
  /** Mean of the labels' F1, of those that occur or are predicted. */
  macroF1: number;
  perLabel: Record<string, { precision: number; recall: number; f1: number; support: number }>;
  /**
   * Expected calibration error: the mean distance between the probability of the predicted label and how often it is right, in
   * ten bins of equal width; 0 for probabilities that mean what they say.
   */
  calibrationError: number;
  /** Number of examples that have a label the model does not know: they count as wrong, and not in `nats`. */
  unknown: number;
  /** For each true label, how often each label was predicted; only with one label for each example. */
  confusion?: Record<string, Record<string, number>>;
}

const BINS = 10;

/** Adds up predictions. */
export class LabelCounts {
  private readonly right = new Map<string, number>();
  private readonly predicted = new Map<string, number>();
  private readonly support = new Map<string, number>();
  /** For each true label, how often each label was predicted. */
  private readonly confusion = new Map<string, Map<string, number>>();
  private readonly bins = Array.from({ length: BINS }, () => ({ right: 0, probability: 0 }));
  private exact = 0;
  private examples = 0;
  private nats = 0;
  private unknown = 0;

  constructor(private readonly several: boolean) {}

  /** @param p the probability of each of `labels` */
  count(truth: readonly string[], labels: readonly string[], p: Float32Array): void {
    let first = 0;
    for (let i = 1; i < p.length; i++) if (p[i]! > p[first]!) first = i;
    const found = this.several ? labels.filter((_, i) => p[i]! >= 0.5) : [labels[first]!];
    this.examples++;
    for (const label of truth) more(this.support, label);
    for (const label of found) {
      more(this.predicted, label);
      if (truth.includes(label)) more(this.right, label);
    }
    if (truth.length === found.length && truth.every((label) => found.includes(label))) this.exact++;
    if (!this.several) {
      const row = this.confusion.get(truth[0]!) ?? new Map<string, number>();
      this.confusion.set(truth[0]!, row);
      more(row, found[0]!);
    }
    const bin = this.bins[Math.min(BINS - 1, Math.floor(p[first]! * BINS))]!;
    bin.probability += p[first]!;
    if (truth.includes(labels[first]!)) bin.right++;

    if (truth.some((label) => !labels.includes(label))) this.unknown++;
    else if (this.several) {
      labels.forEach((label, i) => {
        this.nats -= log(truth.includes(label) ? p[i]! : 1 - p[i]!);
      });
    } else this.nats -= log(p[labels.indexOf(truth[0]!)]!);
  }

  figures(): LabelFigures {
    const { examples, exact, unknown } = this;
    const labels = [...new Set([...this.support.keys(), ...this.predicted.keys()])].sort();
    const perLabel = labels.map((label) => {
      const [right, predicted, support] = [this.right, this.predicted, this.support].map(
        (all) => all.get(label) ?? 0,
      ) as [number, number, number];
      const [precision, recall] = [ratio(right, predicted), ratio(right, support)];
      return [label, { precision, recall, f1: ratio(2 * right, predicted + support), support }] as const;
    });
    const f1 = perLabel.reduce((sum, [, each]) => sum + each.f1, 0);
    const error = this.bins.reduce((sum, { right, probability }) => sum + Math.abs(right - probability), 0);
    return {
      examples,
      accuracy: ratio(exact, examples),
      macroF1: ratio(f1, labels.length),
      nats: ratio(this.nats, examples - unknown),
      calibrationError: ratio(error, examples),
      unknown,
      perLabel: byLabel(perLabel),
      ...(!this.several && {
        confusion: byLabel([...this.confusion].map(([truth, row]) => [truth, byLabel(row)] as const)),
      }),
    };
  }
}

/** An object with labels as keys. It inherits nothing: a label may be called "constructor". */
const byLabel = <T>(entries: Iterable<readonly [label: string, value: T]>): Record<string, T> =>
  Object.assign(Object.create(null), Object.fromEntries(entries));

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const more = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
