// Files, pipes and descriptions made to break their readers: each is refused with one clear line.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  carriedWindows,
  characters,
  FormatError,
  loadModel,
  overlappingWindows,
  prepare,
  RecurrentModel,
  randomWindows,
  resume,
  saveCheckpoint,
  saveModel,
  type TrainOptions,
  train,
} from "../src/entries/index.js";
import { FileError, readModel } from "../src/entries/node.js";
import { named } from "../src/io/file-error.js";
import { readBytes } from "../src/io/files.js";
import { type Json, safetensors, withDescription, withHeader, withMetadata } from "./altered.js";

const TEXT = "Toward thee I roll, thou all-destroying but unconquering whale. ".repeat(4);
const { vocabulary, train: ids } = prepare(TEXT, characters());
const create = () => RecurrentModel.create({ tokenizer: characters(), vocabulary, hiddenSize: 5 });
let model: Uint8Array;
let checkpoint: Uint8Array;
beforeAll(async () => {
  const made = await create();
  model = saveModel(made);
  const training = train(made, ids, { windows: carriedWindows({ window: 5, batch: 3 }), steps: 4 });
  for await (const _ of training);
  checkpoint = saveCheckpoint(training);
});

/** Returns the message of a reader's error, which must be a FormatError of one short line. */
async function refusal(file: Uint8Array, read: (file: Uint8Array) => Promise<unknown> = loadModel): Promise<string> {
  const error = await read(file).then(
    () => new Error("it was accepted"),
    (thrown: Error) => thrown,
  );
  expect(error, `${error.name}: ${error.message}`).toBeInstanceOf(FormatError);
  expect(error.message.length).toBeLessThan(300);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal
  expect(error.message).not.toMatch(/[\x00-\x1f]/);
  return error.message;
}

const directory = mkdtempSync(join(tmpdir(), "rivulet-hostile-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

describe("what is no file", () => {
  it("is not waited for", () => {
    expect(() => readBytes("/dev/zero")).toThrow(
      'cannot read "/dev/zero": expected a file, got a device: copy it into a file first',
    );
    spawnSync("mkfifo", [at("pipe")]);
    expect(() => readBytes(at("pipe"))).toThrow(/cannot read ".*pipe": expected a file, got a pipe/);
    expect(() => readBytes(directory)).toThrow("it is a directory: name a file");
    expect(() => readBytes(at("nothing"))).toThrow("there is no such file");
  });

  it("and a file larger than any model is not read", () => {
    writeFileSync(at("huge"), "");
    expect(readBytes(at("huge")).length).toBe(0);
    truncateSync(at("huge"), 5 * 2 ** 30);
    expect(() => readBytes(at("huge"))).toThrow(
      'huge": expected at most 4.0 GiB, more than any model has, got 5.0 GiB: name another file',
    );
  });
});

describe("a file is named once", () => {
  it("whatever its name is, and whatever is wrong with it", async () => {
    writeFileSync(at("file"), "");
    const path = JSON.stringify(at("file"));
    await expect(readModel(at("file"))).rejects.toThrow(
      new FormatError(`${path}: expected a safetensors file, got only 0 bytes`),
    );
    const missing = readModel(at("missing")); // rejects, does not throw
    await expect(missing).rejects.toThrow(/^cannot read ".*missing": there is no such file/);
    await expect(missing).rejects.toBeInstanceOf(FileError);
    const file = new FileError("cannot read standard input: it is a directory");
    await expect(named("-", () => Promise.reject(file))).rejects.toThrow(/^cannot read standard input: it is/);
    await expect(named("-", () => Promise.reject(new Error("empty")))).rejects.toThrow(/^standard input: empty$/);
  });
});

describe("text from a pipe", () => {
  // readText reads file descriptor 0 only in a process of its own; what is written in one go is read in one go.
  const READER = `
    import { readText } from ${JSON.stringify(new URL("../dist/node.js", import.meta.url).href)};
    try {
      process.stdout.write(JSON.stringify([...readText("-")].join("")));
    } catch (error) {
      process.stdout.write(error.message);
    }`;
  async function read(pieces: number[][]): Promise<string> {
    const child = spawn(process.execPath, ["--input-type=module", "-e", READER], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
    });
    for (const piece of pieces) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      child.stdin.write(Uint8Array.from(piece));
    }
    child.stdin.end();
    await new Promise((resolve) => child.on("close", resolve));
    return output;
  }

  it("may be cut anywhere, by reads as short as a byte", async () => {
    const invalid = (byte: string, offset: number) =>
      `standard input expected UTF-8, got the byte 0x${byte} at offset ${offset}: convert it`;
    const [whole, cut, late, end] = await Promise.all([
      read([[0x61, 0xf0], [0x9f], [0x98], [0x80]]),
      read([[], [0xf0], [0x9f], [0x41]]),
      read([[0xc3, 0xa9, 0x61], [0xf0], [0x9f], [0x98], [0xf0]]),
      read([[0x61, 0xe6], [0x97]]),
    ]);
    expect(whole).toBe('"a😀"');
    expect(cut).toContain(invalid("F0", 0));
    expect(late).toContain(invalid("F0", 3));
    expect(end).toContain(invalid("E6", 1));
  });
});

describe("a model's description", () => {
  it.each<[string, (description: Json) => void, string | RegExp]>([
    ["vocabulary: a string", (d) => (d.vocabulary = d.vocabulary.join("")), '"tokens" expected an array of strings'],
    ["vocabulary: an object", (d) => (d.vocabulary = { length: 9 }), "an array of strings, got an Object"],
    ["vocabulary: null", (d) => (d.vocabulary = null), "an array of strings, got null"],
    ["vocabulary: missing", (d) => delete d.vocabulary, "an array of strings, got undefined"],
    ["vocabulary: numbers", (d) => (d.vocabulary = [1, 2]), '"tokens" expected strings, got 1 at 0'],
    ["vocabulary: a null in it", (d) => (d.vocabulary[1] = null), '"tokens" expected strings, got null at 1'],
    ["vocabulary: an object in it", (d) => (d.vocabulary[1] = {}), "strings, got an Object at 1"],
    ["network: null", (d) => (d.network = null), '"network" expected an object, got null'],
    ["network: missing", (d) => delete d.network, '"network" expected an object, got undefined'],
    ["network: a long size", (d) => (d.network.vocabularySize = "9".repeat(1e5)), 'got "9999'],
    ["tokenizer: null", (d) => (d.tokenizer = null), '"tokenizer" expected an object, got null'],
    ["tokenizer: a string", (d) => (d.tokenizer = "char"), '"tokenizer" expected an object, got "char"'],
    ["tokenizer: without fields", (d) => (d.tokenizer = { kind: "regex" }), '"source" expected a string'],
    [
      "tokenizer: a separator that is none",
      (d) => (d.tokenizer = { kind: "regex", source: "a", flags: "g", separator: {} }),
      '"separator" expected a string, got an Object',
    ],
    [
      "tokenizer: a bad expression",
      (d) => (d.tokenizer = { kind: "regex", source: "(\n\x1b[31m".repeat(1e4), flags: "g", separator: "" }),
      '"source" expected a regular expression, got "(',
    ],
    ["tokenizer: lowercase no", (d) => (d.tokenizer = { kind: "word", lowercase: "no" }), "expected true or false"],
    ["version: a string", (d) => (d.version = "1"), /"version" expected 1, got "1"$/],
    ["version: 0", (d) => (d.version = 0), /"version" expected 1, got 0$/],
    ["version: later", (d) => (d.version = 2), /"version" expected 1, got 2: use a newer rivulet$/],
    ["version: many lines", (d) => (d.version = "v\n\x1b[31m".repeat(1000)), '"version" expected 1, got "v\\n'],
  ])("%s", async (_, change, message) => {
    const read = (file: Uint8Array) => loadModel(file, { allowPattern: true });
    const said = await refusal(withDescription(model, "rivulet", change), read);
    expect(said).toMatch(/^expected a model's description in the metadata: /);
    if (message instanceof RegExp) expect(said).toMatch(message);
    else expect(said).toContain(message);
  });

  it("is an object in JSON", async () => {
    for (const json of ["null", "[]", "5", '"x"']) {
      expect(await refusal(withMetadata(model, (m) => (m.rivulet = json)))).toContain("it expected an object, got");
    }
    for (const json of ["{", "", "\x1b[31m\n", "[".repeat(99)]) {
      expect(await refusal(withMetadata(model, (m) => (m.rivulet = json)))).toContain(
        "it expected JSON, got something",
      );
    }
  });
});

describe("weights", () => {
  it.each([Number.NaN, Infinity, -Infinity])("of %d are refused", async (value) => {
    const damaged = withMetadata(model, () => {});
    new DataView(damaged.buffer).setFloat32(damaged.length - 4, value, true);
    expect(await refusal(damaged)).toBe(`tensor "output.bias": expected finite numbers, got ${value}`);
  });
});

describe("a message", () => {
  const bias = (change: (entry: Json) => void) => refusal(withHeader(model, (header) => change(header["output.bias"])));

  it("quotes the file in one short line", async () => {
    expect(await bias((e) => (e.shape = Array(300_000).fill(1)))).toContain("for shape [1, 1, 1, 1, …], got");
    expect(await bias((e) => (e.shape = Array(9).fill("x".repeat(1e5))))).toContain('integers >= 0, got ["xxx');
    expect(await bias((e) => (e.data_offsets = "\x1b[31m\n".repeat(99)))).toContain("expected two data_offsets, got");
    expect(await bias((e) => (e.dtype = { a: Array(2000).fill(7) }))).toContain("got an Object: convert it to float32");
    expect(await bias((e) => (e.dtype = "__proto__"))).toContain('got "__proto__": convert it to float32');
    const deep = `${"[".repeat(90)}${"]".repeat(90)}`;
    expect(await refusal(safetensors(`{"a": {"dtype": ${deep}, "shape": [], "data_offsets": [0, 0]}}`))).toContain(
      'tensor "a": expected dtype F32',
    );
    expect(await refusal(safetensors(`{"a": {"dtype": "F32", "shape": ${deep}, "data_offsets": [0, 0]}}`))).toContain(
      'tensor "a": expected a shape of integers >= 0, got [an Array]',
    );
    expect(await refusal(safetensors(`{"${"x".repeat(1e5)}": null}`))).toMatch(/^tensor "x{40}…": expected an object/);
    expect(await refusal(safetensors('{"a\\n\\u001b[31m": null}'))).toContain('tensor "a\\n\\u001b[31m": expected');
    expect(await refusal(safetensors(deep))).toBe("a safetensors header expected an object, got an Array");
    const sum = withHeader(model, (header) => (header.__metadata__.crc32 = "\x1b\n".repeat(1e5)));
    expect(await refusal(sum)).toMatch(/^expected the checksum "\\u001b\\n.*: the file was altered/);
    const metadata = withHeader(model, (header) => (header.__metadata__["\n".repeat(1e5)] = ["\n"]));
    expect(await refusal(metadata)).toContain('"__metadata__" expected strings, got an Array for');
  });

  it("comes before what a file claims is allocated", async () => {
    // Each of many tensors claims all bytes of the file.
    const entry = '{"dtype": "F32", "shape": [100000], "data_offsets": [0, 400000]}';
    const header = `{${Array.from({ length: 20_000 }, (_, i) => `"${i}": ${entry}`).join()}}`;
    expect(await refusal(safetensors(header, new Uint8Array(400_000)))).toContain("without gaps or overlaps");
  });
});

describe("a checkpoint's description", () => {
  const go = (file: Uint8Array) => resume(file, ids);
  it.each<[string, (training: Json) => void, string]>([
    ...["settings", "state", "text"].flatMap((part): [string, (t: Json) => void, string][] => [
      [`${part}: null`, (t) => (t[part] = null), `"${part}" expected an object, got null`],
      [`${part}: missing`, (t) => delete t[part], `"${part}" expected an object, got undefined`],
    ]),
    ...["windows", "optimizer", "schedule"].flatMap((part): [string, (t: Json) => void, string][] => [
      [`${part}: null`, (t) => (t.settings[part] = null), `"settings.${part}" expected an object, got null`],
      [`${part}: missing`, (t) => delete t.settings[part], `"settings.${part}" expected an object, got undefined`],
      [`${part}: empty`, (t) => (t.settings[part] = {}), `"${part}.kind" expected`],
    ]),
    ["windows without sizes", (t) => (t.settings.windows = { kind: "carried" }), '"settings.windows.window" expected'],
    ["windows without stride", (t) => (t.settings.windows.kind = "overlapping"), '"settings.windows.stride" expected'],
    ["a batch of 1e9", (t) => (t.settings.windows.batch = 1e9), '"settings.windows.batch" expected an integer from 1'],
    [
      "a random batch of 1e9",
      (t) => Object.assign(t.settings.windows, { kind: "random", batch: 1e9 }),
      "a batch of 1000000000 windows of 5 steps needs 93.1 GiB of memory",
    ],
    ["another batch", (t) => (t.settings.windows.batch = 4), 'tensor "carry": expected shape [20], got [15]'],
    [
      "a window of 1e9",
      (t) => (t.settings.windows.window = 1e9),
      '"settings.windows.window" expected an integer from 1',
    ],
    ["an optimizer without rate", (t) => delete t.settings.optimizer.learningRate, '"settings.optimizer.learningRate"'],
    ["a schedule without warmup", (t) => (t.settings.schedule = { kind: "cosine" }), '"settings.schedule.warmup"'],
    ["clip: null", (t) => (t.settings.clip = null), '"settings.clip" expected a number > 0, got null'],
    ["seed: a string", (t) => (t.settings.seed = "x"), '"settings.seed" expected an integer >= 0, got "x"'],
    ["steps: null", (t) => (t.settings.steps = null), '"settings.steps" expected an integer >= 1, got null'],
    ["two lengths", (t) => (t.settings.epochs = 1), 'expected one of "epochs", "steps" and "seconds", got 2'],
    ["patience: a string", (t) => (t.settings.patience = "x"), '"settings.patience" expected an integer >= 1'],
    ...["abc", 1e300, undefined, -1, 0.5, null].map((step): [string, (t: Json) => void, string] => [
      `step: ${step}`,
      (t) => (t.state.step = step),
      '"state.step" expected an integer >= 0, got',
    ]),
    ["seconds: a string", (t) => (t.state.seconds = "x"), '"state.seconds" expected a finite number >= 0, got "x"'],
    ["seconds: negative", (t) => (t.state.seconds = -1), '"state.seconds" expected a finite number >= 0, got -1'],
    ["tokens: a string", (t) => (t.state.tokens = "x"), '"state.tokens" expected an integer >= 0, got "x"'],
    ["bestNats: a string", (t) => (t.state.bestNats = "x"), '"state.bestNats" expected a number >= 0, got "x"'],
    ["text.tokens: a string", (t) => (t.text.tokens = "6597"), '"text.tokens" expected an integer >= 1, got "6597"'],
    ["text.hash: a long string", (t) => (t.text.hash = "\n".repeat(1e5)), '"text.hash" expected an integer >= 0, got'],
    ["the best weights are missing", (t) => (t.state.bestNats = 1), 'tensor "best.rnn.weight_ih_l0": expected shape'],
  ])("%s", async (_, change, message) => {
    const said = await refusal(withDescription(checkpoint, "training", change), go);
    expect(said).toContain(message);
    if (!message.startsWith("tensor")) expect(said).toMatch(/^expected a checkpoint's description in the metadata: /);
  });

  it("is an object in JSON", async () => {
    for (const json of ["null", "[]", "5"]) {
      expect(
        await refusal(
          withMetadata(checkpoint, (m) => (m.training = json)),
          go,
        ),
      ).toContain("expected a checkpoint's description in the metadata: it expected an object, got");
    }
    for (const json of ["{", "[".repeat(1e6), `{"a":${"[".repeat(1e6)}${"]".repeat(1e6)}}`]) {
      await refusal(
        withMetadata(checkpoint, (m) => (m.training = json)),
        go,
      );
    }
  });

  it("ignores unknown fields", async () => {
    const more = withDescription(checkpoint, "training", (t) => Object.assign(t.settings, { valid: [1], signal: {} }));
    const [{ training }, { training: plain }] = [await go(more), await go(checkpoint)];
    expect(training.settings).toEqual(plain.settings);
  });

  it("has tensors of finite numbers", async () => {
    const moment = withMetadata(checkpoint, () => {});
    const length = new DataView(moment.buffer).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(moment.subarray(8, 8 + length)));
    const [from] = header["moment1.output.bias"].data_offsets;
    new DataView(moment.buffer).setFloat32(8 + length + from, Number.NaN, true);
    expect(await refusal(moment, go)).toBe('tensor "moment1.output.bias": expected finite numbers, got NaN');
  });
});

describe("a checkpoint after a partial last batch", () => {
  it.each<[string, TrainOptions]>([
    ["random windows", { windows: randomWindows({ window: 5, batch: 30 }), clip: Infinity }],
    ["overlapping windows", { windows: overlappingWindows({ window: 5, batch: 50, stride: 2 }) }],
  ])("of %s goes on with the same bits", async (_, options) => {
    const whole = await create();
    for await (const _ of train(whole, ids, { ...options, epochs: 2 }));
    const half = train(await create(), ids, { ...options, epochs: 1 });
    for await (const _ of half);
    const { window, batch } = half.settings.windows!;
    expect(half.state.tokens % (window * batch)).not.toBe(0);
    const { model, training } = await resume(saveCheckpoint(half), ids, { epochs: 2 });
    for await (const _ of training);
    expect([...model.network.block("parameters")]).toEqual([...whole.network.block("parameters")]);
  });
});
