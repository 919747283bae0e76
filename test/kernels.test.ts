// Every kernel against the float64 reference: awkward sizes, guard words, the bound in the test's name.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { difference, Harness, variants } from "./kernel-harness.js";
import * as reference from "./reference.js";
import { add, type Matrix, multiply, randomMatrix, randomNumbers, transpose, zeros } from "./reference.js";

const SIZES = [1, 3, 4, 5, 16, 31, 33];
const flat = (rows: Matrix) => rows.flat();
/** NaN where one is NaN. */
const largest = (values: number[]) => values.reduce((a, b) => Math.max(a, b), 0);

describe("the ABI", () => {
  it("exports what src/wasm/kernels.ts declares, with as many parameters", async () => {
    const source = readFileSync(new URL("../src/wasm/kernels.ts", import.meta.url), "utf8");
    const declared = [...source.matchAll(/^ {2}(\w+)\(([^)]*)\)/gm)].map(([, name, parameters]) => [
      name,
      (parameters!.match(/:/g) ?? []).length,
    ]);
    const { kernels } = await Harness.create(variants[0]!);
    const exported = Object.entries(kernels).filter(([, value]) => typeof value === "function");
    expect(exported.map(([name, value]) => [name, value.length]).sort()).toEqual(declared.sort());
  });
});

describe.each(variants)("%s kernels", (variant) => {
  const random = randomNumbers(7);
  const harness = () => Harness.create(variant);

  describe("matrix products", () => {
    const shapes: [number, number, number][] = [];
    for (const M of SIZES) for (const N of SIZES) for (const K of SIZES) shapes.push([M, N, K]);
    // More than one block of rows, of depth and of columns; rows too wide to be multiplied in place.
    shapes.push([133, 20, 7], [3, 28, 300], [5, 65, 513], [2, 1030, 3], [140, 132, 260], [129, 5, 40], [6, 200, 270]);

    it("A·B and A·Bᵀ accumulate within 2e-6·K of the largest sum of absolute products", async () => {
      for (const [M, N, K] of shapes) {
        const A = randomMatrix(random, M, K);
        const B = randomMatrix(random, K, N);
        const C = randomMatrix(random, M, N);
        const expected = add(C, multiply(A, B));
        for (const transposed of [false, true]) {
          const h = await Harness.create(variant, 80);
          const [a, b, c] = [h.matrix(A), h.matrix(transposed ? transpose(B) : B), h.matrix(C)];
          const packed = h.room(h.kernels.packedSize(K, N));
          if (transposed) h.kernels.packT(packed, b, K, N);
          else h.kernels.pack(packed, b, K, N);
          h.kernels.multiply(c, a, packed, M, N, K);
          expect(difference(h.read(c, M, N), expected, K), `${M}×${N}×${K} ${transposed}`).toBeLessThan(2e-6);
          // One row for all, onto what was not initialized.
          const y = h.room(M * Math.ceil(N / 4) * 4);
          h.kernels.affine(y, h.matrix([C[0]!]), a, packed, M, N, K);
          const rows = add(
            A.map(() => C[0]!),
            multiply(A, B),
          );
          expect(difference(h.read(y, M, N), rows, K), `affine ${M}×${N}×${K} ${transposed}`).toBeLessThan(2e-6);
          h.checkGuards();
        }
      }
    });

    it("packedIndex finds every element of a packed matrix", async () => {
      for (const [, N, K] of [...shapes, [1, 36, 3], [1, 52, 257], [1, 24, 2]] as typeof shapes) {
        const h = await harness();
        const B = Array.from({ length: K }, (_, k) => Array.from({ length: N }, (_, n) => k * N + n + 1));
        const packed = h.room(h.kernels.packedSize(K, N));
        h.kernels.pack(packed, h.matrix(B), K, N);
        const values = h.floats(packed, h.kernels.packedSize(K, N));
        B.forEach((row, k) => {
          for (const [n, value] of row.entries()) {
            if (values[h.kernels.packedIndex(k, n, K, N)] !== value) throw new Error(`(${k}, ${n}) of ${K}×${N}`);
          }
        });
      }
    });

    it("Aᵀ·B accumulates within 2e-6·K", async () => {
      for (const [M, N, K] of shapes) {
        const A = randomMatrix(random, K, M);
        const B = randomMatrix(random, K, N);
        const C = randomMatrix(random, M, N);
        const h = await Harness.create(variant, 80);
        const [a, b, c] = [h.matrix(A), h.matrix(B), h.matrix(C)];
        const scratch = h.room(h.kernels.aTbScratch(M, N));
        h.kernels.aTb(c, a, b, M, N, K, scratch);
        const expected = add(C, multiply(transpose(A), B));
        expect(difference(h.read(c, M, N), expected, K), `${M}×${N}×${K}`).toBeLessThan(2e-6);
        h.checkGuards();
      }
    });

    it("gives a row the same bits alone as among others", async () => {
      const [M, N, K] = [7, 31, 300];
      const A = randomMatrix(random, M, K);
      const B = randomMatrix(random, K, N);
      const rows = async (part: Matrix) => {
        const h = await harness();
        const [a, b, c] = [h.matrix(part), h.matrix(B), h.matrix(zeros(part.length, N))];
        const packed = h.room(h.kernels.packedSize(K, N));
        h.kernels.pack(packed, b, K, N);
        h.kernels.multiply(c, a, packed, part.length, N, K);
        return h.read(c, part.length, N);
      };
      const together = await rows(A);
      for (let i = 0; i < M; i++) expect((await rows([A[i]!]))[0]).toEqual(together[i]);
    });
  });

  describe("elementary functions", () => {
    /** All floats of a geometric grid, both signs, with zero. */
    const grid = (smallest: number, largest: number) => {
      const values = [0];
      for (let x = smallest; x <= largest; x *= 1.0007) values.push(Math.fround(x), Math.fround(-x));
      return values;
    };
    const run = async (name: "tanh" | "sigmoid" | "exp", xs: number[]) => {
      const h = await harness();
      const [x, y] = [h.matrix([xs]), h.room(xs.length)];
      h.kernels[name](y, x, xs.length);
      const result = Array.from(h.floats(y, xs.length));
      h.checkGuards();
      h.kernels[name](x, x, xs.length); // in place
      expect(Array.from(h.floats(x, xs.length))).toEqual(result);
      return result;
    };

    it("tanh is within 4e-7, relative and absolute, and below 1", async () => {
      const xs = grid(1e-20, 100);
      const ys = await run("tanh", xs);
      const errors = ys.map((y, i) => Math.abs(y / (Math.tanh(xs[i]!) || 1) - (xs[i] === 0 ? 0 : 1)));
      expect(largest(errors)).toBeLessThanOrEqual(4e-7);
      expect(largest(ys.map(Math.abs))).toBeLessThan(1);
    });

    it("sigmoid is within 3e-7", async () => {
      const xs = grid(1e-20, 100);
      const ys = await run("sigmoid", xs);
      expect(largest(ys.map((y, i) => Math.abs(y - 1 / (1 + Math.exp(-xs[i]!)))))).toBeLessThanOrEqual(3e-7);
    });

    it("exp is within 2e-7 relative on [-87, 88], and clamped beyond", async () => {
      const xs = grid(1e-20, 87);
      const ys = await run("exp", xs);
      expect(largest(ys.map((y, i) => Math.abs(y / Math.exp(xs[i]!) - 1)))).toBeLessThanOrEqual(2e-7);
      const [low, high] = await run("exp", [-1e30, 1e30]);
      expect(low).toBeCloseTo(Math.exp(-87), 44);
      expect(high! / Math.exp(88)).toBeCloseTo(1, 6);
    });

    it.each(["tanh", "sigmoid", "exp"] as const)(
      "%s writes n of 0, 1, 3, 4, 5, 31, 33, and keeps NaN",
      async (name) => {
        for (const n of [0, 1, 3, 4, 5, 31, 33]) {
          const h = await harness();
          const [x, y] = [h.matrix([new Array(n).fill(0.5)]), h.room(n)];
          h.kernels[name](y, x, n);
          const f = { tanh: Math.tanh, sigmoid: (v: number) => 1 / (1 + Math.exp(-v)), exp: Math.exp }[name];
          for (const value of h.floats(y, n)) expect(value).toBeCloseTo(f(0.5), 6);
          h.checkGuards();
        }
        expect((await run(name, [Number.NaN, 0, 0, 0]))[0]).toBeNaN();
      },
    );
  });

  describe("embedding and bias", () => {
    it("gather equals one-hot × W plus b to the bit, scatterAdd its transpose within 1e-6", async () => {
      for (const [V, width, n] of [
        [3, 5, 7],
        [7, 3, 1],
        [65, 32, 33],
        [4, 16, 31],
      ] as const) {
        const W = randomMatrix(random, V, width);
        const b = randomMatrix(random, 1, width);
        const ids = Array.from({ length: n }, () => Math.floor(random() * V));
        const oneHot = ids.map((id) => Array.from({ length: V }, (_, j) => (j === id ? 1 : 0)));
        const m = await harness();
        const [w, bias, i] = [m.matrix(W), m.matrix(b), m.integers(ids)];
        const e = m.room(n * Math.ceil(width / 4) * 4);
        m.kernels.gather(e, w, bias, i, n, width);
        const product = multiply(oneHot, W).map((row) => row.map((x, j) => Math.fround(x + b[0]![j]!)));
        expect(m.read(e, n, width)).toEqual(product);
        m.kernels.gather(e, w, 0, i, n, width);
        expect(m.read(e, n, width)).toEqual(multiply(oneHot, W));

        const de = randomMatrix(random, n, width);
        const before = randomMatrix(random, V, width);
        const [d, dW] = [m.matrix(de), m.matrix(before)];
        m.kernels.scatterAdd(dW, d, i, n, width);
        expect(difference(m.read(dW, V, width), add(before, multiply(transpose(oneHot), de)))).toBeLessThan(1e-6);
        m.checkGuards();
      }
    });

    it("the gradient of a bias is the sum of the rows within 1e-6", async () => {
      for (const [n, width] of [
        [1, 1],
        [3, 5],
        [5, 33],
        [31, 16],
        [4, 100],
      ] as const) {
        const b = randomMatrix(random, 1, width);
        const m = await harness();
        const dy = randomMatrix(random, n, width);
        const db = m.matrix(b);
        m.kernels.biasBackward(db, m.matrix(dy), n, width);
        const ones = [new Array<number>(n).fill(1)];
        expect(difference(m.read(db, 1, width), add(b, multiply(ones, dy)))).toBeLessThan(1e-6);
        m.checkGuards();
      }
    });
  });

  describe("softmax", () => {
    const rows = 6;
    const targetsOf = (V: number) => Array.from({ length: rows }, (_, i) => (i * 5) % V);

    it.each([1, 2, 3, 4, 5, 7, 28, 31, 33, 65])("V %i: loss within 1e-6, gradient within 3e-7", async (V) => {
      // Logits far apart and far from zero: the maximum has to be taken off.
      const o = randomMatrix(random, rows, V, 20).map((row, i) => row.map((x) => Math.fround(x + 100 * i - 200)));
      const targets = targetsOf(V);
      targets[2] = -1;
      const { loss, gradient } = reference.softmaxCrossEntropy(o, targets);
      const m = await harness();
      const pointer = m.matrix(o);
      const scale = 0.25;
      const found = m.kernels.softmaxCrossEntropy(pointer, m.room(rows), m.integers(targets), rows, V, scale);
      expect(Math.abs(found - loss) / Math.max(1, loss)).toBeLessThan(1e-6);
      const expected = gradient.map((row) => row.map((x) => x * scale));
      expect(difference(m.read(pointer, rows, V), expected, 1)).toBeLessThan(3e-7);
      m.checkGuards();
    });

    it.each([1, 3, 4, 5, 33, 65])("V %i: log-likelihoods and log-softmax within 2e-6", async (V) => {
      const o = randomMatrix(random, rows, V, 5);
      const targets = targetsOf(V);
      const m = await harness();
      const [pointer, logP] = [m.matrix(o), m.room(rows)];
      m.kernels.logLikelihood(logP, pointer, m.integers(targets), rows, V);
      const logs = o.map((row) => {
        const sum = row.reduce((s, x) => s + Math.exp(x), 0);
        return row.map((x) => x - Math.log(sum));
      });
      const expected = logs.map((row, i) => [row[targets[i]!]!]);
      expect(
        difference(
          Array.from(m.floats(logP, rows), (x) => [x]),
          expected,
          1,
        ),
      ).toBeLessThan(2e-6);
      const out = m.room(V);
      m.kernels.logSoftmax(out, m.matrix([o[0]!]), V);
      expect(difference(m.read(out, 1, V), [logs[0]!], 1)).toBeLessThan(2e-6);
      m.checkGuards();
    });

    it("a NaN or infinite logit gives a NaN loss", async () => {
      for (const bad of [Number.NaN, Infinity]) {
        const m = await harness();
        const o = m.matrix([[0, bad, 0, 0, 0]]);
        const logP = m.room(1);
        m.kernels.logLikelihood(logP, o, m.integers([0]), 1, 5);
        expect(m.floats(logP, 1)[0]).toBeNaN();
        const again = m.matrix([[0, bad, 0, 0, 0]]);
        expect(m.kernels.softmaxCrossEntropy(again, m.room(1), m.integers([0]), 1, 5, 1)).toBeNaN();
      }
    });
  });

  describe("optimizers", () => {
    const n = 37;
    const vectors = () => Array.from({ length: 4 }, () => randomMatrix(random, 1, n));
    /** All of a vector, in ranges with nothing between them. */
    const all = (m: Harness) => [m.integers([0, 8, 8, 4, 12, n - 12]), 3] as const;

    it("sum of squares within 1e-12 of the doubles, scale exact", async () => {
      const m = await harness();
      const g = randomMatrix(random, 1, n, 1e3);
      const pointer = m.matrix(g);
      const sum = flat(g).reduce((s, x) => s + x * x, 0);
      expect(Math.abs(m.kernels.addSquares(0, pointer, ...all(m)) / sum - 1)).toBeLessThan(1e-12);
      expect(m.kernels.addSquares(5, pointer, 0, 0)).toBe(5);
      m.kernels.scale(pointer, 0.3, ...all(m));
      expect(m.read(pointer, 1, n)).toEqual([flat(g).map((x) => Math.fround(x * Math.fround(0.3)))]);
      m.checkGuards();
    });

    it("SGD with momentum within 1e-6", async () => {
      const [p, g, v] = vectors() as [Matrix, Matrix, Matrix];
      const m = await harness();
      const [P, G, V] = [m.matrix(p), m.matrix(g), m.matrix(v)];
      m.kernels.sgd(P, G, V, 0.1, 0.9, ...all(m));
      const velocity = flat(v).map((x, i) => 0.9 * x + flat(g)[i]!);
      expect(difference(m.read(V, 1, n), [velocity])).toBeLessThan(1e-6);
      expect(difference(m.read(P, 1, n), [flat(p).map((x, i) => x - 0.1 * velocity[i]!)])).toBeLessThan(1e-6);
      m.checkGuards();
    });

    it("AdamW, three steps, within 1e-6", async () => {
      const [p, g] = vectors() as [Matrix, Matrix];
      const m = await harness();
      const [P, G, M, V] = [m.matrix(p), m.matrix(g), m.matrix(zeros(1, n)), m.matrix(zeros(1, n))];
      const [eta, b1, b2, decay, epsilon] = [0.01, 0.9, 0.999, 0.1, 1e-8];
      const x = flat(p);
      const m1 = x.map(() => 0);
      const m2 = x.map(() => 0);
      for (let t = 1; t <= 3; t++) {
        const [root, step] = [1 / Math.sqrt(1 - b2 ** t), eta / (1 - b1 ** t)];
        m.kernels.adamw(P, G, M, V, b1, b2, 1 - eta * decay, step, root, epsilon, ...all(m));
        for (let i = 0; i < n; i++) {
          const gradient = flat(g)[i]!;
          m1[i] = b1 * m1[i]! + (1 - b1) * gradient;
          m2[i] = b2 * m2[i]! + (1 - b2) * gradient ** 2;
          x[i] = x[i]! * (1 - eta * decay) - (step * m1[i]!) / (Math.sqrt(m2[i]!) * root + epsilon);
        }
      }
      expect(difference(m.read(P, 1, n), [x])).toBeLessThan(1e-6);
      expect(difference(m.read(V, 1, n), [m2])).toBeLessThan(1e-6);
      m.checkGuards();
    });
  });

  describe("optimizers over ranges", () => {
    it("change what is in a range, as if there was nothing else, and read nothing outside", async () => {
      const n = 64;
      const ranges = [
        [4, 8],
        [20, 4],
        [24, 12],
        [60, 4],
      ] as const;
      const within = (i: number) => ranges.some(([start, length]) => i >= start && i < start + length);
      const given = Array.from({ length: 4 }, () => flat(randomMatrix(random, 1, n)).map(Math.abs));
      const spoiled = given.map((vector) => vector.map((x, i) => (within(i) ? x : Number.NaN)));
      const runs: ((m: Harness, block: number[], spans: number, n: number) => unknown)[] = [
        ({ kernels }, [, g], spans, n) => kernels.addSquares(0.5, g!, spans, n),
        ({ kernels }, [, g], spans, n) => kernels.scale(g!, 0.7, spans, n),
        ({ kernels }, [p, g, m], spans, n) => kernels.sgd(p!, g!, m!, 0.1, 0.9, spans, n),
        ({ kernels }, [p, g, m, v], spans, n) =>
          kernels.adamw(p!, g!, m!, v!, 0.9, 0.999, 0.99, 0.02, 3, 1e-8, spans, n),
      ];
      for (const run of runs) {
        const m = await harness();
        const [one, other] = [given, spoiled].map((vectors) => vectors.map((vector) => m.matrix([vector])));
        const each = ranges.map(([start, length]) => m.integers([start, length]));
        let sum: unknown;
        for (const span of each) sum = run(m, one!, span, 1);
        const found = run(m, other!, m.integers(ranges.flat()), ranges.length);
        if (typeof sum === "number") {
          const squares = given[1]!.reduce((total, x, i) => total + (within(i) ? x * x : 0), 0.5);
          expect(Math.abs((found as number) / squares - 1)).toBeLessThan(1e-12);
        }
        for (const [k, pointer] of other!.entries()) {
          const [row, expected] = [m.read(pointer, 1, n)[0]!, m.read(one![k]!, 1, n)[0]!];
          expect(row).toEqual(expected.map((x, i) => (within(i) ? x : Number.NaN)));
        }
        m.checkGuards();
      }
    });
  });

  describe("dropout", () => {
    it("keeps 1 − p of the values, scaled by 1/(1 − p), the same ones for the same seed", async () => {
      const n = 40_000;
      const p = 0.3;
      const m = await harness();
      const x = m.matrix([new Array(n).fill(2)]);
      const y = m.room(n);
      const run = (seed: number) => {
        m.kernels.dropout(y, x, seed, Math.floor(p * 2 ** 32), 1 / (1 - p), n);
        return Array.from(m.floats(y, n));
      };
      const first = run(1);
      expect(new Set(first)).toEqual(new Set([0, Math.fround(2 / (1 - p))]));
      const kept = (values: number[]) => values.filter((value) => value > 0).length / n;
      // Four standard deviations of a binomial share.
      const deviation = 4 * Math.sqrt((p * (1 - p)) / n);
      expect(Math.abs(kept(first) - (1 - p))).toBeLessThan(deviation);
      expect(run(1)).toEqual(first);
      const second = run(2);
      const both = first.filter((value, i) => value > 0 && second[i]! > 0).length / n;
      expect(Math.abs(both - (1 - p) ** 2), "masks of two seeds are independent").toBeLessThan(deviation);
      const neighbors = first.filter((value, i) => value > 0 && (first[i + 1] ?? 0) > 0).length / n;
      expect(Math.abs(neighbors - (1 - p) ** 2), "neighbors are independent").toBeLessThan(deviation);
      m.checkGuards();
    });
  });
});
