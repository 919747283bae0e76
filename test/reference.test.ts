// The reference itself: its gradients against numeric ones, in double precision.

import { describe, expect, it } from "vitest";
import {
  add,
  gruBackward,
  gruForward,
  lstmBackward,
  lstmForward,
  type Matrix,
  multiply,
  randomMatrix,
  randomNumbers,
  rnnBackward,
  rnnForward,
  softmaxCrossEntropy,
} from "./reference.js";

/** Each cell as one function of z: the states after each step, and from their gradients those of z and Wh. */
const cells = {
  "RNN, tanh": { gates: 1, run: rnn("tanh") },
  "RNN, ReLU": { gates: 1, run: rnn("relu") },
  LSTM: {
    gates: 4,
    run: (z: Matrix[], h0: Matrix, Wh: Matrix) => {
      const forward = lstmForward(z, h0, h0, Wh);
      // h0 is the initial cell state, too.
      const backward = (dh: Matrix[]) => {
        const { dz, dWh, dh0, dc0 } = lstmBackward(dh, forward, Wh);
        return { dz, dWh, dh0: add(dh0, dc0) };
      };
      return { h: forward.h, backward };
    },
  },
  GRU: {
    gates: 3,
    run: (z: Matrix[], h0: Matrix, Wh: Matrix) => {
      const bias = Wh[0]!.map((_, j) => Math.sin(j));
      const forward = gruForward(z, h0, Wh, bias);
      const backward = (dh: Matrix[]) => {
        const { da, ...rest } = gruBackward(dh, forward, Wh);
        return { dz: da, ...rest };
      };
      return { h: forward.h, backward };
    },
  },
};

function rnn(activation: "tanh" | "relu") {
  return (z: Matrix[], h0: Matrix, Wh: Matrix) => {
    const h = rnnForward(z, h0, Wh, activation);
    return { h, backward: (dh: Matrix[]) => rnnBackward(dh, h, Wh, activation) };
  };
}

describe("the float64 reference", () => {
  it.each(Object.keys(cells) as (keyof typeof cells)[])("has the gradients of its loss: %s, softmax", (name) => {
    const { gates, run } = cells[name];
    const random = randomNumbers(3);
    const [T, B, H, V] = [4, 3, 5, 7];
    const z = Array.from({ length: T }, () => randomMatrix(random, B, gates * H));
    const h0 = randomMatrix(random, B, H);
    const Wh = randomMatrix(random, H, gates * H, 0.5);
    const Wo = randomMatrix(random, H, V);
    const targets = Array.from({ length: T * B }, (_, i) => (i % 5 === 4 ? -1 : (i * 3) % V));
    const head = (h: Matrix[]) => softmaxCrossEntropy(multiply(h.slice(1).flat(), Wo), targets);
    const loss = () => head(run(z, h0, Wh).h).loss;

    const { h, backward } = run(z, h0, Wh);
    const { gradient } = head(h);
    const WoT = Wo[0]!.map((_, j) => Wo.map((row) => row[j]!));
    const dh = multiply(gradient, WoT);
    const { dz, dWh, dh0 } = backward(Array.from({ length: T }, (_, t) => dh.slice(t * B, (t + 1) * B)));

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
    const check = (found: Matrix, values: Matrix) => {
      for (const [i, row] of values.entries()) {
        for (let j = 0; j < row.length; j++) expect(found[i]![j]).toBeCloseTo(numeric(row, j), 7);
      }
    };
    check(dWh, Wh);
    check(dh0, h0);
    for (let t = 0; t < T; t++) check(dz[t]!, z[t]!);
  });
});
