// Files, pipes and descriptions made to break what reads them: each is refused with one clear line.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { characters, FormatError, loadModel, prepare, RecurrentModel, saveModel } from "../src/index.js";
import { named, readBytes } from "../src/io/files.js";
import { FileError, readModel } from "../src/node.js";
import { type Json, safetensors, withHeader } from "./altered.js";

const TEXT = "Towards thee I roll, thou all-destroying but unconquering whale. ".repeat(4);
const { vocabulary } = prepare(TEXT, characters());
const create = () => RecurrentModel.create({ tokenizer: characters(), vocabulary, hiddenSize: 5 });
let model: Uint8Array;
beforeAll(async () => {
  model = saveModel(await create());
});

/** What is said of a file: a FormatError of one short line, whatever is in the file. */
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

describe("a message", () => {
  const bias = (change: (entry: Json) => void) => refusal(withHeader(model, (header) => change(header["output.bias"])));

  it("quotes the file in one short line", async () => {
    expect(await bias((e) => (e.shape = Array(300_000).fill(1)))).toContain("for shape [1, 1, 1, 1, …], got");
    expect(await bias((e) => (e.shape = Array(9).fill("x".repeat(1e5))))).toContain('integers >= 0, got ["xxx');
    expect(await bias((e) => (e.data_offsets = "\x1b[31m\n".repeat(99)))).toContain("expected two data_offsets, got");
    expect(await bias((e) => (e.dtype = { a: Array(2000).fill(7) }))).toContain("got an object: convert it to float32");
    expect(await bias((e) => (e.dtype = "__proto__"))).toContain('got "__proto__": convert it to float32');
    const deep = `${"[".repeat(2e5)}${"]".repeat(2e5)}`;
    expect(await refusal(safetensors(`{"a": {"dtype": ${deep}, "shape": [], "data_offsets": [0, 0]}}`))).toContain(
      'tensor "a": expected dtype F32',
    );
    expect(await refusal(safetensors(`{"a": {"dtype": "F32", "shape": ${deep}, "data_offsets": [0, 0]}}`))).toContain(
      'tensor "a": expected a shape of integers >= 0, got [an array]',
    );
    expect(await refusal(safetensors(`{"${"x".repeat(1e5)}": null}`))).toMatch(/^tensor "x{40}…": expected an object/);
    expect(await refusal(safetensors('{"a\\n\\u001b[31m": null}'))).toContain('tensor "a\\n\\u001b[31m": expected');
    expect(await refusal(safetensors(deep))).toBe("a safetensors header expected an object, got an array");
    const metadata = withHeader(model, (header) => (header.__metadata__["\n".repeat(1e5)] = ["\n"]));
    expect(await refusal(metadata)).toContain('"__metadata__" expected strings, got an array for');
  });

  it("comes before what a file claims is allocated", async () => {
    // Each of many tensors claims all of the bytes there are.
    const entry = '{"dtype": "F32", "shape": [100000], "data_offsets": [0, 400000]}';
    const header = `{${Array.from({ length: 20_000 }, (_, i) => `"${i}": ${entry}`).join()}}`;
    expect(await refusal(safetensors(header, new Uint8Array(400_000)))).toContain("without gap or overlap");
  });
});
