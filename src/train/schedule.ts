// Learning-rate schedules: a factor between 0 and 1, as a function of the fraction of training that is done.

import { FRACTION, SHARE } from "../check.js";
import { cosPi, power } from "../exact.js";
import { checkSettings, type Given, settings } from "../settings.js";

export type Schedule =
  | { readonly kind: "constant" }
  | { readonly kind: "linear"; readonly warmup: number; readonly final: number }
  | { readonly kind: "cosine"; readonly warmup: number; readonly final: number }
  | { readonly kind: "step"; readonly drops: number; readonly factor: number };

const DECAY = {
  warmup: [0, FRACTION],
  final: [0, ["a number in [0, 1]", (x: number) => x >= 0 && x <= 1]],
} as const;
const KINDS = {
  constant: {},
  linear: DECAY,
  cosine: DECAY,
  step: { drops: [2], factor: [0.1, SHARE] },
} as const;

/** A constant learning rate. */
export const constant = (options: Given<Schedule, "constant"> = {}): Schedule =>
  settings<Schedule>(KINDS, "constant", options);

/**
 * Linear decay from the full rate to the fraction `final` of it, after a linear warmup over the first fraction `warmup` of
 * training. Both are 0 by default.
 */
export const linear = (options: Given<Schedule, "linear"> = {}): Schedule =>
  settings<Schedule>(KINDS, "linear", options);

/**
 * Cosine decay from the full rate to the fraction `final` of it (Loshchilov and Hutter 2017), after a linear warmup
 * over the first fraction `warmup` of training. Both are 0 by default.
 */
export const cosine = (options: Given<Schedule, "cosine"> = {}): Schedule =>
  settings<Schedule>(KINDS, "cosine", options);

/** Multiplies the rate by `factor` (default 0.1) at `drops` (default 2) points spread evenly over training. */
export const step = (options: Given<Schedule, "step"> = {}): Schedule => settings<Schedule>(KINDS, "step", options);

/** Checks a schedule that the functions above may not have made. @throws TypeError or RangeError if it is invalid */
export const checkSchedule = (schedule: Schedule): Schedule =>
  checkSettings(KINDS, "schedule", schedule, "constant(), linear(), cosine() or step()");

/** Returns the factor for a step that begins when the fraction `done` of training, in [0, 1], is complete. */
export function factorAt(schedule: Schedule, done: number): number {
  const t = Math.min(1, Math.max(0, done));
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "linear":
    case "cosine": {
      const { kind, warmup, final } = schedule;
      // Never 0: a first step with a rate of 0 would waste a batch.
      if (t < warmup) return Math.max(t / warmup, 0.01);
      const x = (t - warmup) / (1 - warmup);
      return kind === "linear" ? final + (1 - final) * (1 - x) : final + ((1 - final) * (1 + cosPi(x))) / 2;
    }
    case "step":
      return power(schedule.factor, Math.min(schedule.drops, Math.floor(t * (schedule.drops + 1))));
  }
}
