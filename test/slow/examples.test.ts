// The examples print the output that the documents quote.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../../", import.meta.url);

it("docs/vanishing-gradients.md has the figures of examples/vanishing-gradients.mjs", () => {
  const printed = execFileSync(process.execPath, ["examples/vanishing-gradients.mjs"], { cwd: root, encoding: "utf8" });
  const quoted = readFileSync(new URL("docs/vanishing-gradients.md", root), "utf8")
    .split("\n")
    .filter((line) => /^ +\d+ {2}\d/.test(line));
  expect(quoted.length).toBe(15);
  const lines = printed.split("\n").map((line) => line.trimEnd());
  for (const line of quoted) expect(lines).toContain(line);
});

it("docs/ngrams.md has what examples/smoothing.mjs prints", () => {
  const printed = execFileSync(process.execPath, ["examples/smoothing.mjs"], { cwd: root, encoding: "utf8" });
  const document = readFileSync(new URL("docs/ngrams.md", root), "utf8").split("\n");
  const lines = printed.split("\n").filter((line) => line !== "");
  expect(lines.length).toBe(16);
  for (const line of lines) expect(document).toContain(line);
});

it("examples/shards counts eight shards in processes of their own, and merges them into the model of the whole", () => {
  const printed = execFileSync(process.execPath, ["examples/shards/shards.mjs"], { cwd: root, encoding: "utf8" });
  expect(printed).toMatch(/same/i);
});
