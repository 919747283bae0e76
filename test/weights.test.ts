// Tensors of other programs: half precision, and a state_dict loaded into an existing model.

import { describe, expect, it } from "vitest";
import {
  characters,
  FormatError,
  loadWeights,
  RecurrentModel,
  type RecurrentOptions,
  Vocabulary,
} from "../src/entries/index.js";
import { readSafetensors, type Tensor, writeSafetensors } from "../src/io/safetensors.js";
import { safetensors, withHeader } from "./altered.js";

/** A file with one tensor of 16-bit values. */
function halves(dtype: string, bits: number[]): Uint8Array {
  const header = { x: { dtype, shape: [bits.length], data_offsets: [0, 2 * bits.length] } };
  return safetensors(JSON.stringify(header), new Uint8Array(Uint16Array.from(bits).buffer));
}
const read = (dtype: string, bits: number[]) => [...readSafetensors(halves(dtype, bits)).tensors.get("x")!.values];

describe("half precision is widened exactly", () => {
  it.each([
    ["one", 0x3c00, 1],
    ["minus two", 0xc000, -2],
    ["zero", 0x0000, 0],
    ["minus zero", 0x8000, -0],
    ["a third", 0x3555, 1365 / 4096],
    ["the largest", 0x7bff, 65504],
    ["the least normal", 0x0400, 2 ** -14],
    ["the largest subnormal", 0x03ff, 1023 * 2 ** -24],
    ["the least subnormal, negative", 0x8001, -(2 ** -24)],
    ["infinity", 0x7c00, Infinity],
    ["minus infinity", 0xfc00, -Infinity],
    ["NaN", 0x7e00, Number.NaN],
  ])("F16: %s", (_, bits, value) => {
    expect(read("F16", [bits])).toEqual([value]); // toEqual tells −0 from 0
  });

  it("F16: all of them, by the definition", () => {
    const all = Array.from({ length: 0x10000 }, (_, i) => i);
    const defined = all.map((bits) => {
      const [sign, exponent, fraction] = [bits >> 15, (bits >> 10) & 31, bits & 1023];
      const magnitude =
        exponent === 31
          ? fraction === 0
            ? Infinity
            : Number.NaN
          : exponent === 0
            ? (fraction / 1024) * 2 ** -14
            : (1 + fraction / 1024) * 2 ** (exponent - 15);
      return sign === 1 ? -magnitude : magnitude;
    });
    expect(read("F16", all)).toEqual(defined);
  });

  it.each([
    ["one", 0x3f80, 1],
    ["minus zero", 0x8000, -0],
    ["π, as near as it gets", 0x4049, 3.140625],
    ["the largest", 0x7f7f, 255 * 2 ** 120],
    ["the least normal", 0x0080, 2 ** -126],
    ["the least subnormal, negative", 0x8001, -(2 ** -133)],
    ["infinity", 0x7f80, Infinity],
    ["minus infinity", 0xff80, -Infinity],
    ["NaN", 0x7fc0, Number.NaN],
  ])("BF16: %s", (_, bits, value) => {
    expect(read("BF16", [bits])).toEqual([value]);
  });

  it("F64 is refused: float32 cannot hold it", () => {
    expect(() => readSafetensors(halves("F64", [0, 0, 0, 0]))).toThrow(
      new FormatError('tensor "x": expected dtype F32 or F16 or BF16 or I8, got "F64": convert it to float32'),
    );
    const odd = withHeader(halves("BF16", [1, 2]), ({ x }) => (x.shape = [1]));
    expect(() => readSafetensors(odd)).toThrow('tensor "x": expected 2 bytes for shape [1], got 4');
  });
});

describe("loadWeights", () => {
  const vocabulary = new Vocabulary(["a", "b", "c"]);
  const create = (options: Partial<RecurrentOptions> = {}) =>
    RecurrentModel.create({ tokenizer: characters(), vocabulary, hiddenSize: 2, ...options });
  const stateDict = ({ network }: RecurrentModel) =>
    new Map<string, Tensor>(network.parameters.map(({ name, shape }) => [name, { shape, values: network.read(name) }]));
  const parameters = ({ network }: RecurrentModel) => [...network.block("parameters")];

  it("takes a state_dict, without metadata of ours", async () => {
    const from = await create({ cell: "lstm", layers: 2, seed: 2 });
    const to = await create({ cell: "lstm", layers: 2, seed: 3 });
    loadWeights(to, writeSafetensors(stateDict(from), { format: "pt" }));
    expect(parameters(to)).toEqual(parameters(from));
    expect([...to.logProbs(to.advance(to.start(), 1))]).toEqual([...from.logProbs(from.advance(from.start(), 1))]);
  });

  it("lists all that does not fit in one message, and changes nothing", async () => {
    const model = await create({ embeddingSize: 2 });
    const before = parameters(model);
    const dict = stateDict(model);
    dict.delete("output.bias");
    dict.set("rnn.weight_ih_l0", { shape: [4], values: new Float32Array(4) });
    dict.set("rnn.bias_ih_l0", { shape: [2], values: Float32Array.of(0, Number.NaN) });
    dict.set("rnn.weight_ih_l1", { shape: [1], values: new Float32Array(1) });
    const file = withHeader(writeSafetensors(dict, {}), (header) => {
      header["rnn.bias_hh_l0"].dtype = "I32";
      header.num_batches = { dtype: "I64", shape: [], data_offsets: [0, 0] };
    });
    expect(() => loadWeights(model, file)).toThrow(
      new FormatError(
        "the tensors do not fit the model: " +
          '"rnn.weight_ih_l0" expected shape [2, 2], got [4]; ' +
          '"rnn.bias_ih_l0" expected finite numbers, got NaN; ' +
          '"rnn.bias_hh_l0" expected dtype F32 or F16 or BF16 or I8, got "I32": convert it to float32; ' +
          '"output.bias" expected shape [3], got none; ' +
          '"rnn.weight_ih_l1" expected no such tensor, got one; ' +
          '"num_batches" expected no such tensor, got one',
      ),
    );
    expect(parameters(model)).toEqual(before);
  });

  it("accepts a tied output.weight that equals the embedding", async () => {
    const options = { embeddingSize: 2, tied: true };
    const from = await create({ ...options, seed: 2 });
    const to = await create({ ...options, seed: 3 });
    const dict = stateDict(from);
    expect(dict.has("output.weight")).toBe(false);
    loadWeights(to, writeSafetensors(dict, {}));
    dict.set("output.weight", dict.get("embedding.weight")!);
    loadWeights(to, writeSafetensors(dict, {}));
    expect(parameters(to)).toEqual(parameters(from));
    dict.set("output.weight", { shape: [3, 2], values: new Float32Array(6) });
    expect(() => loadWeights(to, writeSafetensors(dict, {}))).toThrow(
      '"output.weight" expected the values of "embedding.weight", which are tied to it, got others',
    );
  });

  it("limits the number of listed problems", async () => {
    const dict = new Map(
      Array.from({ length: 5000 }, (_, i): [string, Tensor] => [`${i}`, { shape: [0], values: new Float32Array(0) }]),
    );
    const model = await create();
    const attempt = () => loadWeights(model, writeSafetensors(dict, {}));
    expect(attempt).toThrow(/; and 4906 more$/);
    expect(() => loadWeights(model, "x" as never)).toThrow(
      new TypeError('"file" expected a Uint8Array or an ArrayBuffer, got "x"'),
    );
  });
});
