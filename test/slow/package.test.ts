// The package as npm packs it: what linters of packages say, and its types in programs of all kinds.

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = new URL("../..", import.meta.url).pathname;
const modules = `${root}node_modules/`;
const folder = mkdtempSync(join(tmpdir(), "rivulet-package-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let tarball = "";
beforeAll(() => {
  // npm run test:slow has built it.
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  tarball = join(folder, execFileSync("npm", pack, { cwd: root, encoding: "utf8" }).trim());
  const installed = join(folder, "node_modules/rivulet");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["xzf", tarball, "-C", installed, "--strip-components=1"]);
  // The optional peers are not there.
  for (const name of ["@types/node", "undici-types"]) {
    cpSync(modules + name, join(folder, "node_modules", name), { recursive: true });
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "program.ts"), PROGRAM);
}, 120_000);

const run = (command: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [modules + command, ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { status, said: stdout + stderr };
};

describe("linters of packages find nothing", () => {
  it("publint", () => {
    const { status, said } = run("publint/src/cli.js", "--strict", tarball);
    expect([status, said]).toEqual([0, expect.stringContaining("All good!")]);
  });

  it("are the types wrong?", () => {
    const { status, said } = run("@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only");
    expect(status, said).toBe(0);
  });
});

const PROGRAM = `
import * as rivulet from "rivulet";
import * as ngram from "rivulet/ngram";
import * as node from "rivulet/node";
import * as worker from "rivulet/worker";
import relaxed from "rivulet/relaxed.wasm";
import strict from "rivulet/strict.wasm";

export const all = [rivulet, ngram, node, worker];
rivulet.selectKernels(strict);
rivulet.selectKernels(relaxed);
rivulet.selectKernels("strict");
// @ts-expect-error
rivulet.selectKernels("strct");
declare const signal: { readonly aborted: boolean; throwIfAborted(): void };
export async function train(model: rivulet.RecurrentModel, ids: rivulet.TokenIds): Promise<number> {
  let last = 0;
  for await (const { loss } of rivulet.train(model, ids, { steps: 3, signal })) last = loss;
  return last;
}
`;

describe.each(["typescript", "typescript-5.9"])("the types compile without skipLibCheck: %s", (typescript) => {
  it.each([
    ["ES2022 alone", ["ES2022"], []],
    ["DOM", ["ES2022", "DOM"], []],
    ["@types/node", ["ES2022"], ["node"]],
    ["both", ["ES2022", "DOM"], ["node"]],
  ])("%s", (_, lib, types) => {
    for (const [moduleResolution, module] of [
      ["bundler", "esnext"],
      ["nodenext", "nodenext"],
    ]) {
      const given = { lib, types, moduleResolution, module, target: "ES2022" };
      const compilerOptions = { ...given, strict: true, exactOptionalPropertyTypes: true, noEmit: true };
      writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
      const { status, said } = run(`${typescript}/bin/tsc`, "--project", "tsconfig.json");
      expect([status, said], moduleResolution).toEqual([0, ""]);
    }
  });
});
