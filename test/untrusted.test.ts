// Untrusted models: loading takes bounded time and memory, and runs no regular expression without permission.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  carriedWindows,
  characters,
  FormatError,
  generate,
  loadModel,
  pattern,
  prepare,
  RecurrentModel,
  resume,
  saveCheckpoint,
  saveModel,
  type Tokenizer,
  train,
} from "../src/entries/index.js";
import { countNgrams, laplace, loadNgram, saveNgram } from "../src/entries/ngram.js";
import { readModel, readNgram } from "../src/entries/node.js";
import { Numbering } from "../src/text/numbering.js";
import { type Json, withDescription, withMetadata } from "./altered.js";
import { CLI } from "./command.js";
import { HOSTILE } from "./hostile.js";

const directory = mkdtempSync(join(tmpdir(), "rivulet-untrusted-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);
const TEXT = "a whale, a ship, a whale. ".repeat(20);
writeFileSync(at("text.txt"), TEXT);

function command(args: string) {
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...args.split(" ")], {
    cwd: directory,
    encoding: "utf8",
    timeout: 20_000,
  });
  return { status, message: stderr };
}

describe("a file that is small, or claims much", () => {
  // test/slow/untrusted.test.ts measures what larger ones take.
  it.each(HOSTILE)("%s is refused before it is unpacked", async (name, make, expected) => {
    const bytes = make(0.12);
    const reading = name.endsWith(".safetensors") ? loadModel(bytes) : loadNgram(bytes);
    await expect(reading).rejects.toThrow(FormatError);
    await expect(reading).rejects.toThrow(expected);
  });

  it("gzip of as much as models have is unpacked", async () => {
    const words = Array.from({ length: 100_000 }, (_, i) => `-5.0\tx${i}\t0\n`).join("");
    const arpa = `\\data\\\nngram 1=100000\n\n\\1-grams:\n${words}\n\\end\\\n`;
    expect((await loadNgram(gzipSync(arpa))).vocabulary.size).toBe(100_001);
  });

  it("words chosen to have one hash are numbered as fast as others", () => {
    // FNV-1a has 32 bits, so two of about 2^16 blocks lead to the same state. Each such pair doubles the words.
    const step = (h: number, s: string) => {
      for (let i = 0; i < s.length; i++) h = Math.imul(h ^ s.charCodeAt(i), 0x01000193);
      return h | 0;
    };
    let words = [""];
    for (let state = 0x811c9dc5 | 0; words.length < 1 << 13; ) {
      const seen = new Map<number, string>();
      for (let i = 0; ; i++) {
        const random = Math.imul(i + 1, 0x9e3779b1);
        const block = String.fromCharCode(...[0, 4, 8, 12, 16, 20].map((bit) => 97 + ((random >>> bit) & 15)));
        const next = step(state, block);
        const other = seen.get(next);
        seen.set(next, block);
        if (other === undefined) continue;
        words = words.flatMap((word) => [word + other, word + block]);
        state = next;
        break;
      }
    }
    const time = (words: string[]) => {
      const started = performance.now();
      const numbering = new Numbering();
      for (const word of words) numbering.add(word);
      return performance.now() - started;
    };
    const others = words.map((word, i) => `${i}${word.slice(5)}`);
    time(others);
    expect(time(words)).toBeLessThan(20 * time(others) + 20);
  });
});

describe("a regular expression in a model's file", () => {
  const EVIL = { kind: "regex", source: "(a+)+$", flags: "g", separator: " " };
  const windows = carriedWindows({ window: 4, batch: 2 });
  const ours = pattern(/\w+/u);
  const REFUSED =
    'expected a tokenizer that cannot run forever, got the regular expression "(a+)+$": if you trust the file, load it ' +
    "with its tokenizer, { tokenizer: pattern(…) }, or with { allowPattern: true } (--allow-pattern)";
  let evil: Uint8Array;
  let evilCheckpoint: Uint8Array;
  let evilNgram: Uint8Array;
  let made: RecurrentModel;
  let ids: ReturnType<typeof prepare>["train"];

  beforeAll(async () => {
    const corpus = prepare(TEXT, ours, { valid: 0 });
    ids = corpus.train;
    made = await RecurrentModel.create({ tokenizer: ours, vocabulary: corpus.vocabulary, hiddenSize: 3 });
    const training = train(made, ids, { steps: 1, windows });
    for await (const _ of training);
    const change = (d: Json) => (d.tokenizer = EVIL);
    evil = withDescription(saveModel(made), "rivulet", change);
    evilCheckpoint = withDescription(saveCheckpoint(training), "rivulet", change);
    const hostile: Tokenizer = { ...ours, spec: EVIL as Tokenizer["spec"] };
    evilNgram = saveNgram(laplace(countNgrams(TEXT, { order: 2, tokenizer: hostile })));
  });

  it("is refused by every reader, which says what to do", async () => {
    writeFileSync(at("evil.safetensors"), evil);
    writeFileSync(at("evil.checkpoint.safetensors"), evilCheckpoint);
    writeFileSync(at("evil.ngram"), evilNgram);
    await expect(loadModel(evil)).rejects.toThrow(new FormatError(REFUSED));
    await expect(loadModel(evilCheckpoint)).rejects.toThrow(new FormatError(REFUSED));
    await expect(resume(evilCheckpoint, ids)).rejects.toThrow(new FormatError(REFUSED));
    await expect(loadNgram(evilNgram)).rejects.toThrow(new FormatError(REFUSED));
    await expect(loadNgram(gzipSync(evilNgram))).rejects.toThrow(new FormatError(REFUSED));
    await expect(readModel(at("evil.safetensors"))).rejects.toThrow(REFUSED);
    await expect(readNgram(at("evil.ngram"))).rejects.toThrow(REFUSED);
    for (const args of [
      "eval evil.safetensors text.txt",
      "eval evil.ngram text.txt",
      "generate evil.safetensors --prompt aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
      "generate evil.ngram",
      "train text.txt --resume evil.checkpoint.safetensors",
    ]) {
      const { status, message } = command(args);
      expect([status, message], args).toEqual([1, expect.stringContaining(REFUSED)]);
    }
  });

  it("is used where its owner gives it, or allows it", async () => {
    const bytes = saveModel(made);
    await expect(loadModel(bytes)).rejects.toThrow(FormatError);
    const text = [...generate(made, { length: 9 })].join("");
    for (const options of [{ tokenizer: pattern(/\w+/u) }, { allowPattern: true }]) {
      const again = await loadModel(bytes, options);
      expect(again.tokenizer.spec).toMatchObject({ kind: "regex", source: "\\w+" });
      expect([...generate(again, { length: 9 })].join("")).toBe(text);
      writeFileSync(at("ours.safetensors"), bytes);
      await readModel(at("ours.safetensors"), options);
      const counts = countNgrams(TEXT, { order: 2, tokenizer: ours });
      const ngram = saveNgram(laplace(counts));
      expect((await loadNgram(ngram, options)).tokenizer.spec.kind).toBe("regex");
      writeFileSync(at("ours.ngram"), ngram);
      await readNgram(at("ours.ngram"), options);
    }
    for (const args of [
      "eval ours.safetensors text.txt --allow-pattern",
      "eval ours.ngram text.txt --allow-pattern",
      "generate ours.safetensors --allow-pattern --length 3",
    ]) {
      expect(command(args).status, args).toBe(0);
    }
    const training = train(await loadModel(bytes, { allowPattern: true }), ids, { steps: 1, windows });
    for await (const _ of training);
    const checkpoint = saveCheckpoint(training);
    await resume(checkpoint, ids, { tokenizer: pattern(/\w+/u) });
    await resume(checkpoint, ids, { allowPattern: true });
    writeFileSync(at("ours.checkpoint.safetensors"), checkpoint);
    const resumed = command("train text.txt --resume ours.checkpoint.safetensors --steps 2 --allow-pattern");
    expect(resumed.message).toContain("--resume ours.checkpoint.safetensors --allow-pattern --steps N");
  });

  it("refuses a tokenizer other than the model's, and values that are not tokenizers", async () => {
    const bytes = saveModel(made);
    await expect(loadModel(bytes, { tokenizer: characters() })).rejects.toThrow(
      /^"tokenizer" expected the one that the model was made with, .*regex.*, got .*char/,
    );
    await expect(loadModel(bytes, { tokenizer: pattern(/\w/u) })).rejects.toThrow(RangeError);
    await expect(loadModel(bytes, { tokenizer: 5 as never })).rejects.toThrow(TypeError);
    await expect(loadModel(bytes, { allowPattern: 1 as never })).rejects.toThrow(TypeError);
    const plain = withMetadata(evil, () => {});
    await expect(loadModel(plain, { allowPattern: true })).resolves.toBeDefined(); // loading does not run it
  });
});
