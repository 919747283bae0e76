// Tables of which a batch reads few rows: an optimizer leaves the others alone, at no cost.

import { describe, expect, it } from "vitest";
import { adamw, type Optimizer, sgd } from "../src/entries/index.js";
import { initialize } from "../src/nn/initialize.js";
import { embedding } from "../src/nn/layers/embedding.js";
import { softmaxLoss } from "../src/nn/losses/softmax.js";
import { Network } from "../src/nn/network.js";
import { SPANS } from "../src/nn/spans.js";
import { Random } from "../src/random.js";
import { clip, gradientNorm, moved, update } from "../src/train/optimizer.js";
import { Snapshot } from "../src/train/snapshot.js";

const WIDTH = 5;
const CLASSES = 3;

/** A class for each id, by a softmax over its embedding. */
async function make(V: number, sparse: boolean) {
  const network = new Network();
  const axis = network.axis();
  const ids = network.ids(axis, V);
  const classes = network.ids(axis, CLASSES);
  softmaxLoss(network, [embedding(network, ids, WIDTH, { sparse })], classes);
  await network.build();
  initialize(network, 1);
  const gradients = (rows: readonly number[]) => {
    axis.resize(rows.length);
    ids.write(rows);
    classes.write(rows.map((row) => row % CLASSES));
    return network.gradients();
  };
  return { network, gradients };
}

const TABLE = "embedding.weight";
const OPTIMIZERS: Optimizer[] = [
  adamw({ learningRate: 0.05, weightDecay: 0.1 }),
  sgd({ learningRate: 0.5, momentum: 0.9 }),
  sgd({ learningRate: 0.5 }),
];

/** One step of an optimizer on a single number, in double precision. */
function reference(optimizer: Optimizer, x: { p: number; m: number; v: number }, g: number, t: number) {
  if (optimizer.kind === "sgd") {
    x.m = optimizer.momentum * x.m + g;
    x.p -= optimizer.learningRate * x.m;
    return;
  }
  const { beta1, beta2, epsilon, weightDecay, learningRate } = optimizer;
  x.m = beta1 * x.m + (1 - beta1) * g;
  x.v = beta2 * x.v + (1 - beta2) * g * g;
  x.p -= learningRate * weightDecay * x.p;
  x.p -= (learningRate / (1 - beta1 ** t)) * (x.m / (Math.sqrt(x.v / (1 - beta2 ** t)) + epsilon));
}

describe("a sparse table", () => {
  const batches = [[1, 2, 7, 7], [0, 2, 8], [39], [7, 1, 38, 39], []];

  it.each(OPTIMIZERS)(
    "is updated in the rows of the batch only, as by SparseAdam: $kind $momentum",
    async (optimizer) => {
      const { network, gradients } = await make(40, true);
      const expected = Array.from(network.read(TABLE), (p) => ({ p, m: 0, v: 0 }));
      for (const [i, rows] of batches.entries()) {
        if (rows.length === 0) continue;
        gradients(rows);
        const norm = gradientNorm(network);
        clip(network, norm, norm / 2);
        const found = network.read(TABLE, "gradients");
        expected.forEach((x, at) => {
          const row = Math.floor(at / WIDTH);
          if (rows.includes(row)) reference(optimizer, x, found[at]!, i + 1);
          else expect(found[at]).toBe(0);
        });
        update(network, optimizer, optimizer.learningRate, i + 1);
        const after = network.read(TABLE);
        expected.forEach(({ p }, at) => {
          expect(Math.abs(after[at]! - p)).toBeLessThan(1e-5);
        });
      }
    },
  );

  it("has the norm and the gradients of a dense one, whose other rows also move", async () => {
    const [one, other] = [await make(40, true), await make(40, false)];
    for (const { gradients } of [one, other]) expect(gradients([3, 4, 20])).toBe(one.gradients([3, 4, 20]));
    expect(gradientNorm(one.network)).toBe(gradientNorm(other.network));
    expect(one.network.touched).toEqual(other.network.touched);
    const [adam, , plain] = OPTIMIZERS as [Optimizer, Optimizer, Optimizer];
    const floats = (spans: Int32Array) => spans.reduce((sum, x, i) => (i % 2 === 1 ? sum + x : sum), 0);
    expect(floats(moved(other.network, adam))).toBe(other.network.layout.blockSize);
    expect(floats(moved(one.network, adam))).toBe(floats(moved(one.network, plain)));
  });

  it("may have any number of rows in a batch", async () => {
    const random = new Random(1);
    const V = 20 * SPANS;
    const rows = Array.from({ length: 6 * SPANS }, () => random.below(V));
    const one = await make(V, true);
    const initial = one.network.read(TABLE);
    const snapshot = new Snapshot();
    const before = one.network.block("parameters").slice();
    one.gradients(rows);
    const norm = gradientNorm(one.network);
    const squares = one.network.block("gradients").reduce((sum, g) => sum + g * g, 0);
    expect(Math.abs(norm / Math.sqrt(squares) - 1)).toBeLessThan(1e-12);
    expect(one.network.touched.length / 2).toBeGreaterThan(2 * SPANS);
    snapshot.take(one.network, moved(one.network, OPTIMIZERS[0]!));
    update(one.network, OPTIMIZERS[0]!, 0.01, 1);
    const changed = new Set(rows);
    const table = one.network.read(TABLE);
    const moves = (at: number) => table[at] !== initial[at];
    for (let at = 0; at < table.length; at++) {
      if (moves(at) !== changed.has(Math.floor(at / WIDTH))) throw new Error(`${at} moves: ${moves(at)}`);
    }
    snapshot.restore(one.network);
    expect(one.network.block("parameters")).toEqual(before);
  });
});
