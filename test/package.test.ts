// The package as bundlers and runtimes see it, from dist/.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import * as ngram from "../src/entries/ngram.js";
import * as rivulet from "../src/entries/with-kernels.js";

const root = new URL("..", import.meta.url).pathname;

/** Each export in a bundle of its own, under a condition of the package's exports; WebAssembly stays outside. */
async function bundles(condition: string): Promise<Map<string, string>> {
  const names = Object.keys(rivulet);
  const { outputFiles } = await build({
    entryPoints: names.map((name) => ({ in: name, out: name })),
    plugins: [
      {
        name: "one export",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /./ }, ({ kind, path }) => (kind === "entry-point" ? { path, namespace: "one" } : null));
          onLoad({ filter: /./, namespace: "one" }, ({ path }) => ({
            contents: `export { ${path} } from "rivulet";`,
            resolveDir: root,
          }));
        },
      },
    ],
    outdir: "out",
    bundle: true,
    format: "esm",
    write: false,
    conditions: [condition],
    external: ["*.wasm", "*.wasm?module"],
  });
  return new Map(outputFiles.map(({ path, text }) => [basename(path, ".js"), text]));
}

describe("kernels come with the exports that make networks, and only with them", () => {
  const WITH = ["RecurrentModel", "kernelVariant", "loadModel", "resume", "selectKernels"];
  /** They have what makes a network, and are given one that is made. */
  const GIVEN = ["gradientFlow", "loadWeights", "saveCheckpoint", "saveModel", "tokenGradients", "trace", "train"];

  it.each([
    ["workerd", '"./strict.wasm"'],
    ["edge-light", '"./strict.wasm?module"'],
    ["default", "deflated ="],
  ])("%s", async (condition, mark) => {
    const found = [...(await bundles(condition))];
    const names = (of: (code: string) => boolean) => found.filter(([, code]) => of(code)).map(([name]) => name);
    expect(names((code) => code.includes(mark)).sort()).toEqual(WITH);
    // A new one that compiles kernels belongs to one of the two: src/entries/with-kernels.ts has the first.
    const compiling = names((code) => code.includes("function compileKernels("));
    expect(compiling.filter((name) => !WITH.includes(name)).sort()).toEqual(GIVEN);
  });
});

it("what loads a model does not bring what trains one", async () => {
  const found = await bundles("default");
  const training = [...found].filter(([, code]) => code.includes("batchesPerEpoch")).map(([name]) => name);
  expect(training.sort()).toEqual(["resume", "saveCheckpoint", "train"]);
});

it("the conditions of the exports differ only in the module that holds the kernels", () => {
  const [plain, workerd, edge] = ["index", "index.workerd", "index.edge-light"].map((name) =>
    readFileSync(`${root}dist/${name}.js`, "utf8"),
  );
  expect(workerd!.replaceAll("workerd", "edge-light")).toBe(edge);
  const chunks = (code: string) => [...code.matchAll(/from "\.\/(chunk-[^"]+)"/g)].map(([, chunk]) => chunk!);
  expect(chunks(workerd!).length).toBeGreaterThan(0);
  const loaded = new Set(chunks(plain!));
  for (const chunk of loaded)
    for (const other of chunks(readFileSync(`${root}dist/${chunk}`, "utf8"))) loaded.add(other);
  expect([...loaded]).toEqual(expect.arrayContaining(chunks(workerd!)));
});

it("does nothing when it is imported", () => {
  const code = `
    for (const name of ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch", "atob"])
      globalThis[name] = () => { throw new Error(name + " was called"); };
    for (const [of, name] of [[Math, "random"], [Date, "now"], [performance, "now"], [crypto, "getRandomValues"],
      [WebAssembly, "compile"], [WebAssembly, "validate"], [WebAssembly, "instantiate"]])
      of[name] = () => { throw new Error(name + " was called"); };
    WebAssembly.Module = WebAssembly.Memory = WebAssembly.Instance = undefined;
    const [rivulet, ngram] = await Promise.all([import("rivulet"), import("rivulet/ngram")]);
    process.stdout.write(JSON.stringify([rivulet, ngram].map((module) => Object.keys(module))));`;
  const out = execFileSync(process.execPath, ["--input-type=module", "--eval", code], { cwd: root, encoding: "utf8" });
  expect(JSON.parse(out)).toEqual([Object.keys(rivulet).sort(), Object.keys(ngram).sort()]);
});
