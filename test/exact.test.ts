import { describe, expect, it } from "vitest";
import { cosPi, exp, log, power } from "../src/exact.js";
import { mix, Random } from "../src/random.js";

describe("exact arithmetic", () => {
  it("exp is within 1e-15 relative of Math.exp", () => {
    let worst = 0;
    for (let x = -700; x < 709; x += 0.0917) worst = Math.max(worst, Math.abs(exp(x) / Math.exp(x) - 1));
    expect(worst).toBeLessThan(1e-15);
    expect(exp(0)).toBe(1);
    expect([exp(-Infinity), exp(-1000), exp(1000), exp(Infinity)]).toEqual([0, 0, Infinity, Infinity]);
    expect(exp(Number.NaN)).toBeNaN();
    expect(exp(709.5) / Math.exp(709.5)).toBeCloseTo(1, 14);
  });

  it("log is within 1e-15·(1 + |log|) of Math.log", () => {
    let worst = 0;
    for (let x = 1e-300; x < 1e300; x *= 1.37) {
      worst = Math.max(worst, Math.abs(log(x) - Math.log(x)) / (1 + Math.abs(Math.log(x))));
    }
    for (let x = 0.5; x < 2; x += 0.0001) worst = Math.max(worst, Math.abs(log(x) - Math.log(x)));
    expect(worst).toBeLessThan(1e-15);
    expect([log(0), log(1), log(Infinity)]).toEqual([-Infinity, 0, Infinity]);
    expect(log(-1)).toBeNaN();
  });

  it("cosPi is within 1e-15 of Math.cos on [0, 1]", () => {
    let worst = 0;
    for (let x = 0; x <= 1; x += 0.001) worst = Math.max(worst, Math.abs(cosPi(x) - Math.cos(Math.PI * x)));
    expect(worst).toBeLessThan(1e-15);
    expect([cosPi(0), cosPi(1)].map((x) => Math.abs(x))).toEqual([1, 1].map((x) => expect.closeTo(x, 15)));
  });

  it("power multiplies", () => {
    expect([power(2, 0), power(2, 10), power(0.5, 3)]).toEqual([1, 1024, 0.125]);
    expect(power(0.999, 1000) / 0.999 ** 1000).toBeCloseTo(1, 12);
  });
});

describe("random numbers", () => {
  it("are those of xoshiro128**, for the reference's state", () => {
    // First outputs of Blackman and Vigna's xoshiro128starstar.c from the state 1, 2, 3, 4.
    const random = new Random(0);
    random.state.set([1, 2, 3, 4]);
    expect([random.uint32(), random.uint32(), random.uint32(), random.uint32()]).toEqual([11520, 0, 5927040, 70819200]);
  });

  it("are uniform, and differ between seeds", () => {
    const n = 100_000;
    const random = new Random(5);
    const buckets = new Array<number>(10).fill(0);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      buckets[random.below(10)]!++;
      const x = random.normal();
      sum += x;
      squares += x * x;
    }
    // Five standard deviations.
    for (const bucket of buckets) expect(Math.abs(bucket - n / 10)).toBeLessThan(5 * Math.sqrt(n * 0.09));
    expect(Math.abs(sum / n)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(squares / n - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    const first = [1, 2, 2 ** 32 + 1].map((seed) => new Random(seed).uint32());
    expect(new Set(first).size).toBe(3);
    expect(new Set([mix(1), mix(1, 0), mix(1, 1), mix(1, 0, 0), mix(2, 0)]).size).toBe(5);
  });

  it("shuffle puts every order about as often", () => {
    const random = new Random(9);
    const orders = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const array = Uint32Array.of(0, 1, 2);
      random.shuffle(array);
      orders.set(array.join(), (orders.get(array.join()) ?? 0) + 1);
    }
    expect(orders.size).toBe(6);
    for (const count of orders.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000 * (5 / 6)));
  });
});
