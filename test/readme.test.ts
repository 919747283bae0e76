// The README's program runs as it stands, on the library as it is built.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("..", import.meta.url).pathname;

/** What the nth program of the README prints. In the repository the package knows itself by its name. */
function printed(nth: number): string {
  const programs = [...readFileSync(`${root}README.md`, "utf8").matchAll(/```js\n(.*?)```/gs)];
  const node = ["--input-type=module", "--eval", programs[nth]![1]!];
  const env = { ...process.env, FORCE_COLOR: "0" };
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { cwd: root, encoding: "utf8", env });
  expect(status, stderr).toBe(0);
  return stdout;
}

it("the program in the README trains, evaluates, writes and loads a model", () => {
  const stdout = printed(0);
  expect(stdout).toMatch(/^100 [\d.]+ [\d.]+$/m);
  expect(stdout).toContain("perplexityExcludingUnknown");
  expect(stdout).toContain("the worst of times");
});

it("the one with n-grams counts, estimates, and says what comes next", () => {
  const stdout = printed(1);
  expect(stdout).toContain("impossible: 0");
  expect(stdout).toContain("token: 'swims'");
});
