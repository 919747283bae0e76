// Sequences of unequal lengths against PyTorch's pack_sequence (test/fixtures/packed.py): outputs, last states, and every
// gradient, that of the initial states among them.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { recurrent } from "../src/nn/layers/recurrent.js";
import { Network } from "../src/nn/network.js";
import type { Slot } from "../src/nn/slots.js";

interface Case {
  cell: "tanh" | "relu" | "gru" | "lstm";
  layers: number;
  bidirectional: boolean;
  output: number[];
  last: number[][];
  dx: number[];
  initial: number[][];
  gradients: Record<string, number[]>;
}
const file = new URL("fixtures/packed.json", import.meta.url);
const { lengths, inputs, hidden, cases } = JSON.parse(readFileSync(file, "utf8")) as {
  lengths: number[];
  inputs: number;
  hidden: number;
  cases: Case[];
};
const counts = Array.from({ length: lengths[0]! }, (_, t) => lengths.filter((length) => length > t).length);

/** The formula of packed.py. */
const numbers = (key: number, n: number): number[] =>
  Array.from({ length: n }, (_, i) => ((i * 7919 + key * 104729) % 2048) / 2048 - 0.5);

const padded = (n: number) => Math.ceil(n / 4) * 4;
/** Writes values into the rows of a slot, whose padding must be zero. */
function put(view: Float32Array, values: readonly number[], width: number): void {
  view.fill(0);
  for (let i = 0; i < values.length; i++) view[Math.floor(i / width) * padded(width) + (i % width)] = values[i]!;
}
function get(view: Float32Array, width: number): number[] {
  return [...view].filter((_, i) => i % padded(width) < width);
}
/** Largest difference, relative to the largest number. */
function difference(found: readonly number[], expected: readonly number[]): number {
  expect(found.length).toBe(expected.length);
  const scale = Math.max(1, ...expected.map(Math.abs));
  return Math.max(...found.map((x, i) => Math.abs(x - expected[i]!))) / scale;
}

describe("packed sequences", () => {
  it.each(cases)("$cell, $layers layers, bidirectional $bidirectional: PyTorch's within 1e-6", async (c) => {
    const D = c.bidirectional ? 2 : 1;
    const cell = c.cell === "tanh" || c.cell === "relu" ? "rnn" : c.cell;
    const activation = c.cell === "relu" ? "relu" : "tanh";
    const states = cell === "lstm" ? 2 : 1;
    const B = lengths.length;
    const network = new Network();
    const steps = network.axis();
    const x = network.slot(steps, inputs);
    const initial = Array.from({ length: c.layers * D }, () =>
      Array.from({ length: states }, () => network.slot(steps.sequences, hidden)),
    );
    const shape = { cell, activation, hiddenSize: hidden, layers: c.layers, bidirectional: c.bidirectional } as const;
    const { outputs, layers } = recurrent(network, [x], { ...shape, initial });
    const last = layers.flat().map((direction) => direction.last);
    /** A loss that is linear in outputs and last states. */
    const rows = lengths.reduce((a, b) => a + b);
    const above = numbers(300, rows * D * hidden);
    const gradients = new Map<Slot, number[]>();
    for (const [d, h] of outputs.entries()) {
      gradients.set(
        h,
        above.filter((_, i) => Math.floor((i % (D * hidden)) / hidden) === d),
      );
    }
    for (const [k, direction] of last.entries()) {
      for (const [i, slot] of direction.entries()) {
        const all = numbers(400 + i, last.length * B * hidden);
        gradients.set(slot, all.slice(k * B * hidden, (k + 1) * B * hidden));
      }
    }
    network.addLoss({
      inputs: [...gradients.keys()],
      ...{ weight: 1, sum: 0, count: 1, evaluate() {} },
      backward() {
        for (const [slot, values] of gradients) {
          put(network.view(slot, "gradient"), values, hidden);
          slot.arrived = true;
        }
      },
    });
    await network.build();
    for (const [key, name] of Object.keys(c.gradients).entries()) {
      network.write(`rnn.${name}`, Float32Array.from(numbers(key, c.gradients[name]!.length)));
    }
    steps.pack(counts);
    network.prepare(true);
    // PyTorch has each sequence on its own.
    const sequences = lengths.map((length, b) => numbers(100 + b, length * inputs));
    const packedRows = counts.flatMap((count, t) =>
      Array.from({ length: count }, (_, b) => sequences[b]!.slice(t * inputs, (t + 1) * inputs)),
    );
    put(network.view(x), packedRows.flat(), inputs);
    for (const [k, slots] of initial.entries()) {
      for (const [i, slot] of slots.entries()) {
        const all = numbers(200 + i, initial.length * B * hidden);
        put(network.view(slot), all.slice(k * B * hidden, (k + 1) * B * hidden), hidden);
      }
    }
    network.gradients();

    const near = (found: readonly number[], expected: readonly number[], what: string) =>
      expect(difference(found, expected), what).toBeLessThan(1e-6);
    // The rnn cell's backward pass leaves its states alone; those of the others, too.
    const found = outputs.map((h) => get(network.view(h), hidden));
    near(
      Array.from({ length: rows }, (_, r) => found.flatMap((h) => h.slice(r * hidden, (r + 1) * hidden))).flat(),
      c.output,
      "output",
    );
    for (let i = 0; i < states; i++) {
      near(
        last.flatMap((slots) => get(network.view(slots[i]!), hidden)),
        c.last[i]!,
        `last ${i}`,
      );
      near(
        initial.flatMap((slots) => get(network.view(slots[i]!, "gradient"), hidden)),
        c.initial[i]!,
        `initial ${i}`,
      );
    }
    near(get(network.view(x, "gradient"), inputs), c.dx, "dx");
    for (const [name, values] of Object.entries(c.gradients)) {
      near([...network.read(`rnn.${name}`, "gradients")], values, name);
    }
  });
});
