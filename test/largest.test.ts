// The largest of many numbers, compared with sorting all of them.

import { describe, expect, it } from "vitest";
import { largest } from "../src/lm/largest.js";
import { Random } from "../src/random.js";

const random = new Random(3);
const normal = () => Math.log(random.float() + 1e-9) + random.float();

/** Kinds of numbers, by what makes one. */
const KINDS: Record<string, (i: number) => number> = {
  "log-probabilities": () => -12 - random.float() ** 4 * 10 + (random.below(50) === 0 ? 11 : 0),
  "few different ones": () => -random.below(4),
  "all the same": () => 1,
  "half of them −Infinity": () => (random.below(2) === 0 ? -Infinity : normal()),
  "of both signs, and both zeros": () => [0, -0, 1e-45, -1e-45, 1e-300, -1e-300, normal(), -normal()][random.below(8)]!,
  "closer than float32 tells apart": () => 1 + random.below(1000) * 2 ** -50,
  rising: (i) => i / 7,
  falling: (i) => -i * 1e30,
  "far apart": () => normal() * 10 ** (random.below(600) - 300),
  "nothing but −Infinity": () => -Infinity,
};

describe.each(Object.entries(KINDS))("%s", (_, make) => {
  it.each([1, 2, 64, 101, 257, 1025, 5000])("the k largest of %d, equals in the order of their places", (n) => {
    const doubles = Float64Array.from({ length: n }, (_, i) => make(i));
    for (const values of [doubles, Float32Array.from(doubles)]) {
      const all = Array.from(values.keys()).filter((i) => values[i]! > -Infinity);
      all.sort((a, b) => values[b]! - values[a]! || a - b);
      for (const k of [1, 2, 10, 99, 100, 101, 300, n - 1, n, n + 1, 1e9]) {
        if (k >= 1) expect(Array.from(largest(values, k))).toEqual(all.slice(0, k));
      }
    }
  });
});
