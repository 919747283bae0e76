// Kernels given by the caller, and the messages if an engine lacks or refuses something. Each case has its own instance of
// the library, in which nothing is compiled yet.

import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type * as Rivulet from "../src/entries/index.js";

const wasm = readFileSync(new URL("../build/strict.wasm", import.meta.url));
/** The kernels with every `from` in their bytes replaced, which has to be as long. */
const altered = (from: string, to: string) =>
  new WebAssembly.Module(Buffer.from(wasm.toString("latin1").replaceAll(from, to), "latin1"));

let rivulet: typeof Rivulet;
beforeEach(async () => {
  vi.resetModules();
  rivulet = (await import("../src/entries/with-kernels.js")) as unknown as typeof Rivulet;
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const create = (options = {}) => {
  const tokenizer = rivulet.characters();
  const vocabulary = new rivulet.Vocabulary(["a", "b", "c"]);
  return rivulet.RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 5, ...options });
};

/** Returns the error that a call throws or its promise rejects with. */
async function failure(work: () => unknown): Promise<Error & { cause?: unknown }> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected a failure, got none");
}

describe("selectKernels", () => {
  /** Bytes of a model after two steps of training. */
  async function trained(options = {}): Promise<Uint8Array> {
    const model = await create({ cell: "lstm", ...options });
    const ids = rivulet.encode("abcab".repeat(20), model.tokenizer, model.vocabulary);
    for await (const _ of rivulet.train(model, ids, {
      steps: 2,
      windows: rivulet.carriedWindows({ window: 6, batch: 3 }),
    }));
    return rivulet.saveModel(model);
  }

  it.each([
    ["a module", () => new WebAssembly.Module(wasm)],
    ["a module of another realm", () => runInNewContext("new WebAssembly.Module(wasm)", { wasm })],
  ])("takes %s of the strict kernels, with their bits", async (_, module) => {
    rivulet.selectKernels("strict");
    const expected = await trained();
    rivulet.selectKernels(module());
    expect(rivulet.kernelVariant()).toBe("strict");
    expect(await trained()).toEqual(expected);
  });

  it("compiles nothing where it has a module", async () => {
    const module = new WebAssembly.Module(wasm);
    const compile = vi.spyOn(WebAssembly, "compile");
    rivulet.selectKernels(module);
    await create();
    expect(compile).not.toHaveBeenCalled();
  });

  it("has the same bits where no instance is made at once, and the memory grows where it is", async () => {
    rivulet.selectKernels("strict");
    const expected = await trained({ hiddenSize: 40 });
    const grow = vi.spyOn(WebAssembly.Memory.prototype, "grow");
    const refused = vi.spyOn(WebAssembly, "Instance").mockImplementation(
      class {
        constructor() {
          throw new RangeError("WebAssembly.Instance is disallowed on the main thread");
        }
      } as never,
    );
    expect(await trained({ hiddenSize: 40 })).toEqual(expected);
    expect(refused).toHaveBeenCalled();
    expect(grow).toHaveBeenCalled();
  });

  const start =
    '"kernels" expected the WebAssembly.Module of this release\'s "rivulet/strict.wasm" or "rivulet/relaxed.wasm"';
  it.each<[string, unknown, string, string]>([
    ["bytes", wasm, "TypeError", `${start}, got a Uint8Array`],
    ["a namespace", { default: 1 }, "TypeError", `${start}, got an Object`],
    ["null", null, "TypeError", '"kernels" expected "strict" or "relaxed" or "wide", got null'],
    ["a number", 1, "TypeError", '"kernels" expected "strict" or "relaxed" or "wide", got 1'],
    ["another name", "strct", "RangeError", '"kernels" expected "strict" or "relaxed" or "wide", got "strct"'],
    [
      "a build that is elsewhere",
      "wide",
      "RangeError",
      '"kernels" expected "strict" or "relaxed", got "wide": rivulet/node\'s useWideVectors() provides it',
    ],
    [
      "another module",
      new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)),
      "RangeError",
      `${start}, got another module`,
    ],
    [
      "another release's",
      altered("0.1.0 strict", "9.1.0 strict"),
      "RangeError",
      `${start} (0.1.0), got the one of release 9.1.0`,
    ],
    [
      "one that lacks a kernel",
      altered("lstmForward", "lstmForwurd"),
      "RangeError",
      `${start}, got one without its function "lstmForward"`,
    ],
  ])("refuses %s", async (_, kernels, name, message) => {
    expect(await failure(() => rivulet.selectKernels(kernels as "strict"))).toMatchObject({ name, message });
  });
});

describe("if networks cannot work, the message says why, and the cause is the engine's error:", () => {
  const refusal = new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
  const refuseBytes = () => vi.spyOn(WebAssembly, "compile").mockRejectedValue(refusal);
  const outOfMemory = new RangeError("could not allocate memory");
  const advice = "use a smaller hidden size, vocabulary, batch or window";

  it("no WebAssembly", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    const error = await failure(create);
    expect(error.message).toBe(
      "networks need WebAssembly, which this engine lacks or has turned off: rivulet/ngram works without it",
    );
    expect(error.cause).toBeInstanceOf(Error);
  });

  it("no SIMD", async () => {
    refuseBytes();
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    const error = await failure(create);
    expect(error.message).toMatch(/^networks need WebAssembly with SIMD, which this engine lacks/);
    expect(error.cause).toBe(refusal);
  });

  it("no relaxed SIMD, and the relaxed kernels chosen", async () => {
    refuseBytes();
    const validate = WebAssembly.validate;
    vi.spyOn(WebAssembly, "validate").mockImplementation((bytes) => bytes.byteLength < 100 && validate(bytes));
    rivulet.selectKernels("relaxed");
    const error = await failure(create);
    expect(error.message).toBe(
      'the relaxed kernels need WebAssembly with relaxed SIMD, which this engine lacks: use selectKernels("strict")',
    );
    expect(error.cause).toBe(refusal);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      "a Content-Security-Policy",
      () => vi.stubGlobal("navigator", {}),
      /Content-Security-Policy, add 'wasm-unsafe-eval' to its script-src/,
    ],
    [
      "Cloudflare Workers",
      () => vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" }),
      /^Cloudflare Workers does not compile WebAssembly from bytes: bundle with the condition "workerd"/,
    ],
    [
      "an edge runtime",
      () => vi.stubGlobal("EdgeRuntime", "edge-runtime"),
      /^the edge runtime does not compile WebAssembly from bytes: bundle with the condition "edge-light"/,
    ],
  ])("%s that forbids to compile", async (_, place, message) => {
    rivulet.selectKernels("strict");
    place();
    const refused = refuseBytes();
    const error = await failure(create);
    expect(error.message).toMatch(message);
    expect(error.message).toContain("selectKernels()");
    expect(error.cause).toBe(refusal);
    // A refusal is not permanent.
    refused.mockRestore();
    await create();
  });

  it("an edge runtime that cannot unpack the kernels either", async () => {
    vi.stubGlobal("EdgeRuntime", "edge-runtime");
    vi.stubGlobal("DecompressionStream", undefined);
    expect((await failure(create)).message).toMatch(/^the edge runtime does not compile WebAssembly from bytes/);
  });

  it("nothing to unpack the kernels with", async () => {
    vi.stubGlobal("DecompressionStream", undefined);
    const error = await failure(create);
    expect(error.message).toMatch(/DecompressionStream.*to selectKernels\(\) instead/);
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  it("no memory, when a network is made and when it grows: the same advice", async () => {
    const model = await create();
    const ids = rivulet.encode("abcab".repeat(20_000), model.tokenizer, model.vocabulary);
    vi.spyOn(WebAssembly.Memory.prototype, "grow").mockImplementation(() => {
      throw outOfMemory;
    });
    const options = { windows: rivulet.carriedWindows({ window: 500, batch: 100 }), steps: 1 };
    const Refused = class {
      constructor() {
        throw outOfMemory;
      }
    };
    vi.spyOn(WebAssembly, "Memory").mockImplementation(Refused as never);
    const growing = await failure(() => rivulet.train(model, ids, options)[Symbol.asyncIterator]().next());
    const making = await failure(create);
    for (const error of [growing, making]) {
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(new RegExp(`, and this machine gives no more: ${advice}$`));
      expect(error.cause).toBe(outOfMemory);
    }
  });
});
