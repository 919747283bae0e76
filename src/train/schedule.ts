// How the learning rate goes over a training: a factor between 0 and 1, as a function of the part that is done.

import { FRACTION, SHARE } from "../check.js";
import { cosPi, power } from "../exact.js";
import { checkSettings, type Given, settings } from "../settings.js";

export type Schedule =
  | { readonly kind: "constant" }
  | { readonly kind: "cosine"; readonly warmup: number; readonly final: number }
  | { readonly kind: "step"; readonly drops: number; readonly factor: number };

const KINDS = {
  constant: {},
  cosine: { warmup: [0, FRACTION], final: [0, ["a number in [0, 1]", (x: number) => x >= 0 && x <= 1]] },
  step: { drops: [2], factor: [0.1, SHARE] },
} as const;

/** The same rate from the first step to the last. */
export const constant = (options: Given<Schedule, "constant"> = {}): Schedule =>
  settings<Schedule>(KINDS, "constant", options);

/**
 * Half a cosine from the whole rate down to `final` of it (Loshchilov and Hutter 2017), after a linear rise over the first
 * `warmup` of the training; both are fractions, by default 0.
 */
export const cosine = (options: Given<Schedule, "cosine"> = {}): Schedule =>
  settings<Schedule>(KINDS, "cosine", options);

/** `drops` times (default 2), evenly spread over the training, the rate is multiplied by `factor` (default 0.1). */
export const step = (options: Given<Schedule, "step"> = {}): Schedule => settings<Schedule>(KINDS, "step", options);

/** Holds settings that did not come from those to the same rules and defaults. @throws RangeError, TypeError */
export const checkSchedule = (schedule: Schedule): Schedule =>
  checkSettings(KINDS, "schedule", schedule, "constant(), cosine() or step()");

/** The factor for the step that begins where `done` (in [0, 1]) of the training lies behind. */
export function factorAt(schedule: Schedule, done: number): number {
  const t = Math.min(1, Math.max(0, done));
  switch (schedule.kind) {
    case "constant":
      return 1;
    case "cosine": {
      const { warmup, final } = schedule;
      // Never 0: a first step that does not move wastes a batch.
      if (t < warmup) return Math.max(t / warmup, 0.01);
      return final + ((1 - final) * (1 + cosPi((t - warmup) / (1 - warmup)))) / 2;
    }
    case "step":
      return power(schedule.factor, Math.min(schedule.drops, Math.floor(t * (schedule.drops + 1))));
  }
}
