import { describe, expect, it } from "vitest";
import { checkPartition, partition } from "../src/data/windows.js";
import { carriedWindows, overlappingWindows, type Partition, randomWindows, windowsOf } from "../src/entries/index.js";

const starts = (p: Partition, tokens: number, epoch = 0, seed = 1) => {
  const e = partition(p, tokens, epoch, seed);
  return Array.from({ length: e.batches }, (_, i) => [...e.starts(i)]);
};

describe("carried windows", () => {
  it("go through streams of equal length, each window where the one before ended", () => {
    // 23 tokens: 2 streams of 11, three windows of 3 each; the last two tokens of a stream are left.
    expect(starts(carriedWindows({ window: 3, batch: 2 }), 23)).toEqual([
      [0, 11],
      [3, 14],
      [6, 17],
    ]);
    const epoch = partition(carriedWindows({ window: 3, batch: 2 }), 23, 5, 9);
    expect([epoch.carried(0), epoch.carried(1), epoch.carried(2)]).toEqual([false, true, true]);
  });

  it("need window × batch + 1 tokens", () => {
    const p = carriedWindows({ window: 4, batch: 3 });
    expect(starts(p, 13)).toEqual([[0, 4, 8]]);
    expect(() => partition(p, 12, 0, 1)).toThrow(
      "the text to train on has 12 tokens, and 3 streams of a window of 4 need 13, including the one that follows: " +
        "use a smaller window or batch, or a longer text",
    );
  });
});

describe("overlapping windows", () => {
  it("start every stride tokens, each once, in an order of the seed and epoch, the last batch smaller", () => {
    const p = overlappingWindows({ window: 4, batch: 3, stride: 2 });
    const found = starts(p, 15);
    expect(found.map((batch) => batch.length)).toEqual([3, 3]);
    expect(found.flat().sort((a, b) => a - b)).toEqual([0, 2, 4, 6, 8, 10]);
    expect(starts(p, 16).flat().length).toBe(6);
    expect(starts(p, 15)).toEqual(found);
    expect(starts(p, 15, 1)).not.toEqual(found);
    expect(starts(p, 15, 0, 2)).not.toEqual(found);
    expect(partition(p, 15, 0, 1).carried(1)).toBe(false);
  });

  it("read every token of the text", () => {
    for (const tokens of [6, 7, 30]) {
      const all = starts(overlappingWindows({ window: 5, batch: 4 }), tokens).flat();
      expect(Math.min(...all)).toBe(0);
      expect(Math.max(...all)).toBe(tokens - 6); // its last target is the last token
    }
    expect(() => partition(overlappingWindows({ window: 5 }), 5, 0, 1)).toThrow(
      "has 5 tokens, and a window of 5 needs 6",
    );
  });
});

describe("random windows", () => {
  const sorted = (p: Partition, tokens: number, epoch: number, seed = 1) =>
    starts(p, tokens, epoch, seed)
      .flat()
      .sort((a, b) => a - b);

  it("lie end to end from an offset that changes each epoch, in random order, and reach every token", () => {
    const p = randomWindows({ window: 5, batch: 4 });
    const offsets = new Set<number>();
    for (let epoch = 0; epoch < 90; epoch++) {
      const all = sorted(p, 103, epoch);
      offsets.add(all[0]!);
      expect(all).toEqual(Array.from({ length: 19 }, (_, i) => all[0]! + 5 * i));
    }
    // 19 windows and the token that follows them: 103 − 96 = 7 is the last offset, at which the last token is predicted.
    expect(offsets).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it("are as many in every epoch, and lie within the text, whatever its length", () => {
    for (const window of [1, 4, 7]) {
      for (let tokens = window + 1; tokens < 5 * window + 3; tokens++) {
        const p = randomWindows({ window, batch: 1 });
        const { batches } = partition(p, tokens, 0, 1);
        expect(batches).toBeGreaterThanOrEqual(Math.max(1, Math.floor((tokens - 1) / window) - 1));
        for (let seed = 1; seed < 20; seed++) {
          for (let epoch = 0; epoch < 6; epoch++) {
            const all = sorted(p, tokens, epoch, seed);
            expect(all.length, `${tokens} tokens, window ${window}, seed ${seed}, epoch ${epoch}`).toBe(batches);
            expect(all.at(-1)! + window).toBeLessThan(tokens);
          }
        }
      }
    }
  });

  it("need one window in a short text", () => {
    for (let epoch = 0; epoch < 20; epoch++) {
      for (const start of starts(randomWindows({ window: 5, batch: 1 }), 7, epoch).flat())
        expect(start).toBeLessThan(2);
    }
    expect(() => partition(randomWindows({ window: 5 }), 5, 0, 1)).toThrow("needs 6");
  });
});

describe("a partition's sizes", () => {
  it.each([
    ["window", { window: 0 }, RangeError, '"window" expected an integer >= 1, got 0'],
    ["batch", { batch: 1.5 }, RangeError, '"batch" expected an integer >= 1, got 1.5'],
    ["window's kind", { window: "8" }, TypeError, '"window" expected an integer >= 1, got "8"'],
    ["stride", { stride: -1 }, RangeError, '"stride" expected an integer >= 1, got -1'],
  ])("%s", (_, sizes, kind, message) => {
    expect(() => overlappingWindows(sizes as never)).toThrow(message);
    expect(() => overlappingWindows(sizes as never)).toThrow(kind);
    expect(() => checkPartition({ kind: "overlapping", window: 2, batch: 2, stride: 1, ...sizes } as never)).toThrow(
      kind,
    );
  });

  it("kind", () => {
    expect(() => checkPartition({ kind: "sliding" } as never)).toThrow('"windows.kind" expected "carried" or');
  });
});

describe("windowsOf", () => {
  it.each([
    carriedWindows({ window: 3, batch: 2 }),
    overlappingWindows({ window: 4, batch: 5, stride: 2 }),
    randomWindows({ window: 3, batch: 2 }),
  ])("shows what each batch of $kind windows reads, predicts and carries", (windows) => {
    const ids = Uint8Array.from({ length: 23 }, (_, i) => 100 + i);
    for (const [epoch, seed] of [[1, 1] as const, [3, 7] as const]) {
      const expected = partition(windows, ids.length, epoch - 1, seed);
      const batches = [...windowsOf(windows, ids, { epoch, seed })];
      expect(batches).toHaveLength(expected.batches);
      batches.forEach(({ starts, inputs, targets, carried }, i) => {
        expect(starts).toEqual(expected.starts(i));
        expect(carried).toBe(expected.carried(i));
        starts.forEach((start, b) => {
          expect(Array.from(inputs[b]!, (id) => id - 100 - start)).toEqual([0, 1, 2, 3].slice(0, windows.window));
          expect(Array.from(targets[b]!, (id) => id - 100 - start)).toEqual([1, 2, 3, 4].slice(0, windows.window));
        });
      });
    }
  });

  it("throws at once, before it is iterated over", () => {
    expect(() => windowsOf(carriedWindows({ window: 30 }), new Uint8Array(5))).toThrow(
      "the text to train on has 5 tokens",
    );
    expect(() => windowsOf(carriedWindows(), new Uint8Array(5), { epoch: 0 })).toThrow(
      '"epoch" expected an integer >= 1',
    );
  });
});
