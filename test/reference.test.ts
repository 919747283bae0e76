// The reference itself: its gradients against numeric ones, in double precision.

import { describe, expect, it } from "vitest";
import { multiply, randomMatrix, randomNumbers, rnnBackward, rnnForward, softmaxCrossEntropy } from "./reference.js";

describe("the float64 reference", () => {
  it.each(["tanh", "relu"] as const)("has the gradients of its loss (RNN, %s, softmax)", (activation) => {
    const random = randomNumbers(3);
    const [T, B, H, V] = [4, 3, 5, 7];
    const z = Array.from({ length: T }, () => randomMatrix(random, B, H));
    const h0 = randomMatrix(random, B, H);
    const Wh = randomMatrix(random, H, H, 0.5);
    const Wo = randomMatrix(random, H, V);
    const targets = Array.from({ length: T * B }, (_, i) => (i % 5 === 4 ? -1 : (i * 3) % V));
    const head = (h: number[][][]) => softmaxCrossEntropy(multiply(h.slice(1).flat(), Wo), targets);
    const loss = () => head(rnnForward(z, h0, Wh, activation)).loss;

    const h = rnnForward(z, h0, Wh, activation);
    const { gradient } = head(h);
    const WoT = Wo[0]!.map((_, j) => Wo.map((row) => row[j]!));
    const dh = multiply(gradient, WoT);
    const perStep = Array.from({ length: T }, (_, t) => dh.slice(t * B, (t + 1) * B));
    const { dz, dWh } = rnnBackward(perStep, h, Wh, activation);

    const numeric = (row: number[], j: number) => {
      const x = row[j]!;
      const epsilon = 1e-5;
      row[j] = x + epsilon;
      const above = loss();
      row[j] = x - epsilon;
      const below = loss();
      row[j] = x;
      return (above - below) / (2 * epsilon);
    };
    for (let i = 0; i < H; i++) for (let j = 0; j < H; j++) expect(dWh[i]![j]).toBeCloseTo(numeric(Wh[i]!, j), 7);
    for (let t = 0; t < T; t++) {
      for (let b = 0; b < B; b++) {
        for (let j = 0; j < H; j++) expect(dz[t]![b]![j]).toBeCloseTo(numeric(z[t]![b]!, j), 7);
      }
    }
  });
});
