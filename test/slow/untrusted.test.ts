// How much memory and time a hostile file takes: at most twice its size and 200 MB, and seconds.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { CLI } from "../command.js";
import { HOSTILE } from "../hostile.js";

const directory = mkdtempSync(join(tmpdir(), "rivulet-hostile-"));
afterAll(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, "text.txt"), "a whale");

const USAGE = `process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  console.error('usage', maxRSS, userCPUTime + systemCPUTime);
})`;

/** Runs the command on a file: what it says is one line. */
function check(name: string, bytes: Uint8Array, args: string[], expected: string): void {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  const length = statSync(path).size;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`--import=data:text/javascript,${encodeURIComponent(USAGE)}`, CLI, ...args],
    { cwd: directory, encoding: "utf8", timeout: 120_000 },
  );
  rmSync(path);
  const [, message, kilobytes, microseconds] = /^(.*)\nusage (\d+) (\d+)\n$/.exec(stderr) ?? [];
  expect(message).toMatch(/^rivulet: .{1,300}$/);
  expect(message).toContain(expected);
  expect([status, stdout]).toEqual([1, ""]);
  const [peak, seconds] = [1024 * Number(kilobytes), Number(microseconds) / 1e6];
  const allowed = 2 * length + 200e6;
  console.info(
    `${name}: ${(peak / 1e6).toFixed(0)} MB, allowed ${(allowed / 1e6).toFixed(0)}; ${seconds.toFixed(1)} s`,
  );
  expect(peak).toBeLessThan(allowed);
  expect(seconds).toBeLessThan(5);
}

it.each(HOSTILE)("%s", (name, make, expected) => check(name, make(1), ["eval", name, "text.txt"], expected));

it.each(HOSTILE.slice(0, 3).filter(([name]) => name !== "blank.arpa.gz"))("%s as a text", (name, make) =>
  check(name, make(1), ["train", name], "unpack to more than 100 times as many"),
);
