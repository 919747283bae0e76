// Models kept as 8-bit integers: a quarter of the size, and any program that reads safetensors can read them.

import { describe, expect, it } from "vitest";
import {
  carriedWindows,
  characters,
  FormatError,
  loadModel,
  loadWeights,
  prepare,
  RecurrentModel,
  saveModel,
  train,
} from "../src/entries/with-kernels.js";
import { quantize, widen } from "../src/io/quantize.js";
import { readSafetensors } from "../src/io/safetensors.js";
import { withHeader } from "./altered.js";
import { randomNumbers } from "./reference.js";

const tokenizer = characters();
const TEXT = "It was the best of times, it was the worst of times. ".repeat(40);
const { vocabulary, train: ids } = prepare(TEXT, tokenizer);
const create = (shape = {}) =>
  RecurrentModel.create({ cell: "lstm", hiddenSize: 33, embeddingSize: 9, layers: 2, ...shape, tokenizer, vocabulary });

describe("a quantized matrix", () => {
  const random = randomNumbers(5);
  it("is within half a step of each weight, a step being a 127th of the row's largest", () => {
    for (const [rows, columns] of [
      [1, 1],
      [3, 5],
      [7, 64],
    ] as const) {
      for (const size of [1e-30, 1e-3, 1, 1e30]) {
        const values = Float32Array.from({ length: rows * columns }, () => size * (random() - 0.5));
        const { integers, scales } = quantize({ shape: [rows, columns], values });
        const widened = widen(integers, scales.values as Float32Array);
        for (let i = 0; i < values.length; i++) {
          const row = values.subarray(columns * Math.floor(i / columns), columns * (1 + Math.floor(i / columns)));
          const step = Math.max(...row.map(Math.abs)) / 127;
          expect(Math.abs(widened[i]! - values[i]!)).toBeLessThanOrEqual(0.501 * step);
        }
      }
    }
  });

  it("of zeros, or of the smallest float32 numbers, stays finite", () => {
    for (const value of [0, 1e-45, -1e-45, 1e-44]) {
      const { integers, scales } = quantize({ shape: [1, 2], values: Float32Array.of(value, 0) });
      for (const w of widen(integers, scales.values as Float32Array)) expect(Math.abs(w)).toBeLessThanOrEqual(1e-44);
    }
  });
});

describe("a model saved as int8", () => {
  it.each([{}, { embeddingSize: 0 }, { embeddingSize: 33, tied: true }, { cell: "gru" as const, layers: 1 }])(
    "%o is loaded as any other, with the weights of its integers",
    async (shape) => {
      const model = await create(shape);
      const bytes = saveModel(model, { quantize: "int8" });
      const { tensors } = readSafetensors(bytes);
      const loaded = await loadModel(bytes);
      for (const { name } of model.network.parameters) {
        const tensor = tensors.get(name)!;
        if (tensor.shape.length < 2) expect(loaded.network.read(name)).toEqual(model.network.read(name));
        else
          expect(loaded.network.read(name)).toEqual(
            widen(tensor, tensors.get(`${name}.scale`)!.values as Float32Array),
          );
      }
      // Quantized once more it stays as it is, and in float32 nothing is lost.
      expect(Buffer.compare(saveModel(loaded, { quantize: "int8" }), bytes)).toBe(0);
      const again = await loadModel(saveModel(loaded));
      for (const { name } of model.network.parameters)
        expect(again.network.read(name)).toEqual(loaded.network.read(name));
    },
  );

  it("takes a quarter of the size, and what is not weights", async () => {
    const model = await create({ hiddenSize: 200, embeddingSize: 64 });
    const [whole, small] = [saveModel(model), saveModel(model, { quantize: "int8" })];
    expect(small.length / whole.length).toBeLessThan(0.27);
  });

  it("is trained on in float32", async () => {
    const loaded = await loadModel(saveModel(await create(), { quantize: "int8" }));
    const losses: number[] = [];
    for await (const { loss } of train(loaded, ids, { windows: carriedWindows({ window: 16, batch: 8 }), steps: 30 }))
      losses.push(loss);
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
  });

  it("gives its weights to another model", async () => {
    const bytes = saveModel(await create(), { quantize: "int8" });
    const other = await create({ seed: 9 });
    loadWeights(other, bytes);
    expect(Buffer.compare(saveModel(other), saveModel(await loadModel(bytes)))).toBe(0);
  });

  it("is refused without its scales, or with others", async () => {
    const bytes = saveModel(await create(), { quantize: "int8" });
    const without = (change: (header: Record<string, { shape: number[] }>) => void) =>
      loadModel(
        withHeader(bytes, (header) => {
          delete header.__metadata__.crc32;
          change(header);
        }),
      );
    const renamed = (header: Record<string, unknown>) => {
      header.other = header["output.weight.scale"];
      delete header["output.weight.scale"];
    };
    await expect(without(renamed)).rejects.toThrow(
      new FormatError('tensor "output.weight.scale": expected shape [17], got none'),
    );
    await expect(loadModel(bytes.subarray(0, -1))).rejects.toThrow(FormatError);
  });

  it("is asked for by name", async () => {
    const model = await create();
    expect(() => saveModel(model, { quantize: "int4" as never })).toThrow('"quantize" expected "int8", got "int4"');
  });
});
