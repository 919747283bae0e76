import { describe, expect, it } from "vitest";
import { similarLengths } from "../src/data/batches.js";
import { Random } from "../src/random.js";

const random = new Random(5);
/** Number of steps that an epoch takes. */
const steps = (batches: readonly Uint32Array[], lengths: readonly number[]) =>
  batches.reduce((sum, batch) => sum + Math.max(...[...batch].map((i) => lengths[i]!)), 0);
const flat = (batches: readonly Uint32Array[]) => batches.flatMap((batch) => [...batch]);

describe("batches of similar lengths", () => {
  it.each([
    [0, 4],
    [1, 4],
    [3, 1],
    [7, 3],
    [12, 4],
    [1000, 7],
    [1000, 2000],
  ])("have each of %i sequences once, in batches of %i", (n, batch) => {
    const lengths = Array.from({ length: n }, () => 1 + random.below(40));
    for (const seed of [1, 2, 3]) {
      const batches = similarLengths(lengths, batch, new Random(seed));
      expect(flat(batches).sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
      expect(batches.length).toBe(Math.ceil(n / batch));
      expect(batches.filter(({ length }) => length !== batch).length).toBeLessThanOrEqual(1);
    }
  });

  it("take few more steps than the shortest epoch, in any order of the lengths", () => {
    const lengths = Array.from({ length: 4000 }, () => 5 + random.below(46));
    const sorted = [...lengths].sort((a, b) => a - b);
    const shortest = sorted.reduce((sum, length, i) => sum + (i % 32 === 31 ? length : 0), 0);
    for (const order of [lengths, sorted, [...sorted].reverse()]) {
      expect(steps(similarLengths(order, 32, new Random(1)), order)).toBeLessThan(1.1 * shortest);
    }
  });

  it("are the same for the same seed, and others for another", () => {
    const lengths = Array.from({ length: 300 }, () => 1 + random.below(9));
    const of = (seed: number) => flat(similarLengths(lengths, 8, new Random(seed)));
    expect(of(1)).toEqual(of(1));
    expect(of(2)).not.toEqual(of(1));
    // Sequences of equal lengths meet others in the next epoch, too.
    const equal = new Array(300).fill(4);
    const first = similarLengths(equal, 8, new Random(1)).map((batch) => [...batch].sort().join());
    const second = new Set(similarLengths(equal, 8, new Random(2)).map((batch) => [...batch].sort().join()));
    expect(first.some((batch) => second.has(batch))).toBe(false);
  });

  it("are not sorted by length themselves", () => {
    const lengths = Array.from({ length: 3200 }, (_, i) => 1 + (i % 50));
    const means = similarLengths(lengths, 32, new Random(3)).map((batch) => lengths[batch[0]!]!);
    const rises = means.filter((mean, i) => i > 0 && mean > means[i - 1]!).length;
    expect(rises / means.length).toBeGreaterThan(0.3);
    expect(rises / means.length).toBeLessThan(0.7);
  });
});
