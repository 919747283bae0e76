// The README's program runs as it stands, on the library as it is built.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("..", import.meta.url).pathname;

it("the program in the README trains, evaluates, writes and loads a model", () => {
  const [, program] = /```js\n(.*?)```/s.exec(readFileSync(`${root}README.md`, "utf8"))!;
  // In the repository the package knows itself by its name.
  const node = ["--input-type=module", "--eval", program!];
  const env = { ...process.env, FORCE_COLOR: "0" };
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { cwd: root, encoding: "utf8", env });
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/^100 [\d.]+ [\d.]+$/m);
  expect(stdout).toContain("perplexityExcludingUnknown");
  expect(stdout).toContain("the worst of times");
});
