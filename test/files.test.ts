// Files round-trip, and errors say why a file cannot be read.

import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  carriedWindows,
  characters,
  FormatError,
  loadModel,
  prepare,
  RecurrentModel,
  resume,
  saveModel,
  train,
  words,
} from "../src/entries/index.js";
import { readModel, readText, writeCheckpoint, writeModel } from "../src/entries/node.js";
import { readSafetensors, type Tensor, writeSafetensors } from "../src/io/safetensors.js";
import { writeWhole } from "../src/io/save.js";
import { type Json, safetensors, withDescription, withHeader } from "./altered.js";
import { randomNumbers } from "./reference.js";

const directory = mkdtempSync(join(tmpdir(), "rivulet-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const TEXT = "Call me Ishmael. Some years ago—never mind how long precisely 😀\n".repeat(8);
let model: RecurrentModel;
let bytes: Uint8Array;
beforeAll(async () => {
  const tokenizer = characters();
  const { vocabulary } = prepare(TEXT, tokenizer);
  model = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 6, embeddingSize: 3, layers: 2 });
  bytes = saveModel(model);
});

describe("a model file", () => {
  it("has all of a model: weights, configuration, tokenizer, vocabulary", async () => {
    const again = await loadModel(bytes);
    expect(again.config).toEqual(model.config);
    expect(again.vocabulary.tokens).toEqual(model.vocabulary.tokens);
    expect(again.tokenizer.spec).toEqual(model.tokenizer.spec);
    expect([...again.network.block("parameters")]).toEqual([...model.network.block("parameters")]);
    expect([...saveModel(again)]).toEqual([...bytes]);
  });

  it("is read from an ArrayBuffer, as fetch() has it, or a part of one; from anything else is refused", async () => {
    const buffer = Uint8Array.from([0, ...bytes, 0]).buffer;
    expect([...saveModel(await loadModel(buffer.slice(1, -1)))]).toEqual([...bytes]);
    expect([...saveModel(await loadModel(new Uint8Array(buffer, 1, bytes.length)))]).toEqual([...bytes]);
    const refused = (given: unknown) => expect(loadModel(given as never)).rejects;
    await refused(undefined).toThrow('"file" expected a Uint8Array or an ArrayBuffer, got undefined');
    await refused(Promise.resolve(bytes)).toThrow("got a Promise");
    await refused("m.safetensors").toThrow('got "m.safetensors"');
    await refused(new Float32Array(4)).toThrow(TypeError);
  });

  it("is a safetensors file with PyTorch's names and shapes", () => {
    const { tensors, metadata } = readSafetensors(bytes);
    const V = model.vocabulary.size;
    expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ["embedding.weight", [V, 3]],
      ["rnn.weight_ih_l0", [6, 3]],
      ["rnn.weight_hh_l0", [6, 6]],
      ["rnn.bias_ih_l0", [6]],
      ["rnn.bias_hh_l0", [6]],
      ["rnn.weight_ih_l1", [6, 6]],
      ["rnn.weight_hh_l1", [6, 6]],
      ["rnn.bias_ih_l1", [6]],
      ["rnn.bias_hh_l1", [6]],
      ["output.weight", [V, 6]],
      ["output.bias", [V]],
    ]);
    expect(Object.keys(metadata)).toEqual(["rivulet", "crc32"]);
    // The header is aligned, as the format asks.
    expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
  });

  it("any one byte changed, anywhere, is noticed or changes nothing", async () => {
    const random = randomNumbers(11);
    for (let i = 0; i < 400; i++) {
      const altered = bytes.slice();
      const place = i < 60 ? i : Math.floor(random() * bytes.length);
      altered[place]! ^= 1 << Math.floor(random() * 8);
      try {
        const loaded = await loadModel(altered);
        // White space of the header.
        expect([...saveModel(loaded)], `byte ${place}`).toEqual([...bytes]);
      } catch (error) {
        expect(error, `byte ${place}: ${error}`).toBeInstanceOf(FormatError);
      }
    }
  });

  it("cut short anywhere, it says so", async () => {
    for (let length = 0; length < bytes.length; length += length < 100 ? 1 : 97) {
      await expect(loadModel(bytes.slice(0, length))).rejects.toThrow(FormatError);
    }
    await expect(loadModel(bytes.slice(0, -4))).rejects.toThrow("the file is cut short");
    await expect(loadModel(new Uint8Array(3))).rejects.toThrow("expected a safetensors file, got only 3 bytes");
    await expect(loadModel(Uint8Array.of(...bytes, 0, 0, 0, 0))).rejects.toThrow("cut short or has extra bytes");
  });

  it("claims are checked before anything is allocated", async () => {
    const claim = (n: bigint) => {
      const file = bytes.slice();
      new DataView(file.buffer).setBigUint64(0, n, true);
      return file;
    };
    await expect(loadModel(claim(2n ** 63n))).rejects.toThrow("got one that claims 9223372036854775808 bytes");
    await expect(loadModel(claim(99_999_999n))).rejects.toThrow("claims 99999999 bytes");
    const bias = (change: (entry: Json) => void) =>
      loadModel(withHeader(bytes, (header) => change(header["output.bias"])));
    await expect(bias((e) => (e.shape = [2 ** 40, 2 ** 40]))).rejects.toThrow('tensor "output.bias": expected');
    await expect(bias((e) => (e.shape = [-1]))).rejects.toThrow("expected a shape of integers >= 0, got [-1]");
    await expect(bias((e) => (e.shape = "6"))).rejects.toThrow('a shape of integers >= 0, got "6"');
    await expect(bias((e) => (e.dtype = "I64"))).rejects.toThrow('expected dtype F32 or F16 or BF16 or I8, got "I64"');
    await expect(bias((e) => (e.data_offsets = [0, 4]))).rejects.toThrow("bytes for shape");
    await expect(bias((e) => (e.data_offsets[0] = 1.5))).rejects.toThrow("expected two data_offsets");
    await expect(bias((e) => (e.data_offsets = e.data_offsets.map((x: number) => x + 4)))).rejects.toThrow(
      "its end within",
    );
    await expect(bias((e) => (e.data_offsets = e.data_offsets.map((x: number) => x - 4)))).rejects.toThrow(
      "gaps or overlaps",
    );
    const described = (change: (description: Json) => void) => loadModel(withDescription(bytes, "rivulet", change));
    await expect(described((d) => (d.network.hiddenSize = 1e9))).rejects.toThrow(
      `tensor "rnn.weight_ih_l0": expected shape [1000000000, 3], got [6, 3]`,
    );
    await expect(described((d) => (d.network.layers = 3))).rejects.toThrow(
      'tensor "rnn.weight_ih_l2": expected shape [6, 6], got none',
    );
    await expect(described((d) => (d.network.layers = 1e15))).rejects.toThrow(FormatError);
    await expect(described((d) => d.vocabulary.pop())).rejects.toThrow(/"vocabulary" expected \d+ tokens, got \d+/);
    await expect(described((d) => (d.version = 2))).rejects.toThrow('"version" expected 1, got 2: use a newer rivulet');
    await expect(described((d) => (d.network.cell = "gpt"))).rejects.toThrow(
      '"cell" expected "rnn" or "gru" or "lstm", got "gpt"',
    );
    await expect(described((d) => (d.tokenizer = null))).rejects.toThrow(FormatError);
    await expect(described(() => {})).resolves.toBeDefined();
  });

  it("of another kind is recognized", async () => {
    await expect(loadModel(new TextEncoder().encode("It was the best of times"))).rejects.toThrow("of another kind");
    const other = writeSafetensors(new Map<string, Tensor>([["x", { shape: [1], values: Float32Array.of(1) }]]), {});
    await expect(loadModel(other)).rejects.toThrow('without "rivulet" in its metadata');
    expect(() => readSafetensors(safetensors("[1, 2]"))).toThrow(
      "a safetensors header expected an object, got an Array",
    );
    expect(() => readSafetensors(safetensors("{"))).toThrow("expected JSON, got something else");
    expect(() => readSafetensors(safetensors('{"x": 1}'))).toThrow('tensor "x": expected an object');
    expect(() => readSafetensors(safetensors('{"__metadata__": {"a": 1}}'))).toThrow('expected strings, got 1 for "a"');
    expect(
      readSafetensors(safetensors('{"__proto__": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}')).tensors
        .size,
    ).toBe(1);
  });

  it("keeps lone surrogates and every tokenizer", async () => {
    const tokenizer = words({ lowercase: true });
    const { vocabulary } = prepare("Ahab \ud83d Ahab's “x”", tokenizer, { valid: 0 });
    const made = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 2 });
    const again = await loadModel(saveModel(made));
    expect(again.vocabulary.tokens).toEqual(vocabulary.tokens);
    expect(again.tokenizer.spec).toEqual({ kind: "word", lowercase: true });
  });
});

describe("a checkpoint", () => {
  it("loads as a model; a model does not resume; another text is refused", async () => {
    const { train: ids } = prepare(TEXT, characters());
    const training = train(model, ids, { windows: carriedWindows({ window: 5, batch: 3 }), steps: 4 });
    for await (const _ of training);
    writeCheckpoint(at("c.safetensors"), training);
    const file = readFileSync(at("c.safetensors"));
    expect([...(await loadModel(file)).network.block("parameters")]).toEqual([...model.network.block("parameters")]);
    expect((await resume(file, ids)).training.state.step).toBe(4);
    expect((await resume(Uint8Array.from(file).buffer, ids)).training.state.step).toBe(4);
    await expect(resume(undefined as never, ids)).rejects.toThrow(
      '"checkpoint" expected a Uint8Array or an ArrayBuffer',
    );
    await expect(resume(saveModel(model), ids)).rejects.toThrow("expected a checkpoint, got a model without");
    const longer = Uint8Array.of(...ids, 1);
    await expect(resume(file, longer)).rejects.toThrow(
      `expected the ${ids.length} tokens it was trained on, got ${longer.length}`,
    );
    const other = ids.slice();
    other[7]! ^= 1;
    await expect(resume(file, other)).rejects.toThrow("tokens it was trained on, got others");
    const without = withHeader(file, (header) => {
      delete header.__metadata__.crc32;
      header["moment1.output.bias2"] = header["moment1.output.bias"];
      delete header["moment1.output.bias"];
    });
    await expect(resume(without, ids)).rejects.toThrow('tensor "moment1.output.bias": expected shape');
    bytes = saveModel(model);
  });
});

describe("files", () => {
  it("a model is written and read", async () => {
    writeModel(at("m.safetensors"), model);
    expect([...saveModel(await readModel(at("m.safetensors")))]).toEqual([...bytes]);
  });

  it("a file is replaced whole, through links, and nothing is left beside it", () => {
    writeFileSync(at("target"), "old");
    symlinkSync(at("target"), at("link"));
    writeWhole(at("link"), Uint8Array.of(1, 2));
    expect([...readFileSync(at("target"))]).toEqual([1, 2]);
    expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    writeWhole("/dev/null", bytes); // a device is written to, not replaced
    expect(readFileSync("/dev/null").length).toBe(0);
  });

  it("where it cannot be written, the error says what, why and what to do, and what was there stays", () => {
    expect(() => writeWhole(at("no/such/m"), bytes)).toThrow(
      /cannot save ".*no\/such\/m" \(\d\.\d KiB\): the directory ".*such" does not exist: create it/,
    );
    expect(() => writeWhole(directory, bytes)).toThrow("it is a directory: name a file in it");
    // /dev/full behaves like a disk that fills up.
    expect(() => writeWhole("/dev/full", bytes)).toThrow('cannot save "/dev/full"');
    expect(() => writeWhole("/dev/full", bytes)).toThrow(
      "no space is left on the device: free some, or save elsewhere",
    );
  });

  it("text is read in pieces, whatever they cut, without its byte order mark", () => {
    const text = `\ufeff${"añ日😀\n".repeat(200_000)}`;
    writeFileSync(at("t.txt"), text);
    const pieces = [...readText(at("t.txt"))];
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("") === text.slice(1)).toBe(true);
  });

  it.each([
    ["a stray byte", [0x61, 0xe9, 0x62], "got the byte 0xE9 at offset 1"],
    ["an overlong form", [0x61, 0x61, 0xc0, 0xaf], "got the byte 0xC0 at offset 2"],
    ["a surrogate", [0xed, 0xa0, 0x80], "got the byte 0xED at offset 0"],
    ["a character cut off", [0x61, 0xf0, 0x9f, 0x98], "got the byte 0xF0 at offset 1"],
  ])("invalid UTF-8, %s: named with its offset", (_, invalid, message) => {
    writeFileSync(at("bad.txt"), Uint8Array.from(invalid));
    expect(() => [...readText(at("bad.txt"))]).toThrow(message);
    // After a first piece of a megabyte that ends inside a character.
    const before = Buffer.concat([Buffer.alloc((1 << 20) - 2, "x"), Buffer.from("日")]);
    writeFileSync(at("bad.txt"), Buffer.concat([before, Uint8Array.from(invalid)]));
    const offset = Number(/offset (\d+)/.exec(message)![1]) + before.length;
    expect(() => [...readText(at("bad.txt"))]).toThrow(`at offset ${offset}: convert it`);
  });

  it("a missing text", () => {
    expect(() => [...readText(at("nothing"))]).toThrow(/cannot read ".*nothing": there is no such file/);
    expect(() => [...readText(directory)]).toThrow("it is a directory: name a file");
  });
});
