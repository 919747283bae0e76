// 256-bit vectors: when they are on, and that they do not change the strict kernels' results. Each case has its own process,
// since the engine reads its flags only once.

import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";

const dist = new URL("../dist/", import.meta.url);
const capable = Number.parseInt(process.versions.node, 10) >= 24 && process.arch === "x64";

/** Runs a module that can use `rivulet`, `useWideVectors` and train() (the last loss of a small LSTM); returns its output. */
function run(code: string, flags: string[] = [], before = ""): unknown {
  const module = `
    ${before}
    import * as rivulet from "${new URL("index.js", dist)}";
    import { useWideVectors } from "${new URL("node.js", dist)}";
    async function train() {
      const tokenizer = rivulet.characters();
      const { vocabulary, train } = rivulet.prepare("How much wood would a woodchuck chuck? ".repeat(40), tokenizer);
      const sizes = { cell: "lstm", hiddenSize: 33, embeddingSize: 20, layers: 2 };
      const model = await rivulet.RecurrentModel.create({ tokenizer, vocabulary, ...sizes });
      const windows = rivulet.carriedWindows({ window: 9, batch: 7 });
      let last;
      for await (const { loss } of rivulet.train(model, train, { windows, steps: 30 })) last = loss;
      return last;
    }
    ${code}`;
  const out = execFileSync(process.execPath, [...flags, "--input-type=module", "--eval", module], {
    encoding: "utf8",
  });
  return JSON.parse(out);
}

describe("useWideVectors", () => {
  it("says whether this Node can, and selects the wide kernels where it can", () => {
    const found = run("console.log(JSON.stringify([useWideVectors(), rivulet.kernelVariant()]))");
    const otherwise = Number.parseInt(process.versions.node, 10) >= 22 ? "relaxed" : "strict";
    expect(found).toEqual(capable ? [true, "wide"] : [false, otherwise]);
  });

  it.runIf(capable).each([
    ["the processor has no AVX2", ["--no-enable-avx2"], ""],
    [
      "V8 does not know the flag",
      [],
      'const v8 = "15.7.1"; globalThis.process = { ...process, versions: { ...process.versions, v8 } };',
    ],
  ])("changes nothing where %s", (_, flags, before) => {
    expect(run("console.log(JSON.stringify([useWideVectors(), rivulet.kernelVariant()]))", flags, before)).toEqual([
      false,
      "relaxed",
    ]);
  });

  it.runIf(capable)("finds that the flag was set before", () => {
    expect(run("console.log(JSON.stringify(useWideVectors()))", ["--experimental-wasm-revectorize"])).toBe(true);
  });

  it.runIf(capable)("comes too late after the first model", () => {
    const code = "await train(); try { useWideVectors() } catch (error) { console.log(JSON.stringify(error.message)) }";
    expect(run(code)).toBe("wide kernels expected to be selected before the first model is created");
  });

  it.runIf(capable)("leaves the strict kernels their bits; the wide ones agree within 1e-5", () => {
    const strict = run('rivulet.selectKernels("strict"); console.log(await train())') as number;
    expect(run('useWideVectors(); rivulet.selectKernels("strict"); console.log(await train())')).toBe(strict);
    expect(Math.abs((run("useWideVectors(); console.log(await train())") as number) - strict)).toBeLessThan(1e-5);
  });
});
