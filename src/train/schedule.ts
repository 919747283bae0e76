// How the learning rate goes over a training: a factor between 0 and 1, as a function of the part that is done.

import { FRACTION, integer, number, oneOf, SHARE } from "../check.js";
import { cosPi, power } from "../exact.js";

export type Schedule =
  | { kind: "constant" }
  | { kind: "cosine"; warmup: number; final: number }
  | { kind: "step"; drops: number; factor: number };

/** The same rate from the first step to the last. */
export function constant(): Schedule {
  return { kind: "constant" };
}

/**
 * Half a cosine from the whole rate down to `final` of it (Loshchilov and Hutter 2017), after a linear rise over the first
 * `warmup` of the training; both are fractions.
 */
export function cosine({ warmup = 0, final = 0 } = {}): Schedule {
  number("warmup", warmup, ...FRACTION);
  number("final", final, "a number in [0, 1]", (x) => x >= 0 && x <= 1);
  return { kind: "cosine", warmup, final };
}

/** `drops` times, evenly spread over the training, the rate is multiplied by `factor`. */
export function step({ drops = 2, factor = 0.1 } = {}): Schedule {
  integer("drops", drops);
  number("factor", factor, ...SHARE);
  return { kind: "step", drops, factor };
}

const kinds = { constant: (_: Schedule) => constant(), cosine, step };

/** Holds settings that did not come from those to the same rules and defaults. @throws RangeError, TypeError */
export function checkSchedule(schedule: Schedule): Schedule {
  return kinds[oneOf("schedule.kind", schedule.kind, Object.keys(kinds) as Schedule["kind"][])](schedule);
}

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
