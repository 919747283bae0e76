// Clocks that stand still, as in Cloudflare Workers between I/O operations: nothing waits for time to pass, and long
// computations still yield to the event loop.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  carriedWindows,
  characters,
  encode,
  evaluate,
  evaluateAsync,
  generate,
  RecurrentModel,
  train,
  Vocabulary,
} from "../src/entries/index.js";
import { pause } from "../src/pause.js";
import { CLI } from "./command.js";

const TEXT = "abcab bac ".repeat(600);
const tokenizer = characters();
const vocabulary = new Vocabulary(["a", "b", "c", " "]);
const ids = encode(TEXT, tokenizer, vocabulary);
const create = () => RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 8 });

const STILL: [string, () => unknown][] = [
  ["a clock that stands still", () => vi.spyOn(performance, "now").mockReturnValue(1234)],
  [
    "no performance, and a Date that stands still",
    () => {
      vi.stubGlobal("performance", undefined);
      vi.spyOn(Date, "now").mockReturnValue(1234);
    },
  ],
];

describe.each(STILL)("with %s", (_, stop) => {
  beforeEach(() => {
    stop();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  /** Returns the number of turns of the event loop during `work`. */
  async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
    let turns = 0;
    let working = true;
    const tick = () => {
      turns++;
      if (working) setImmediate(tick);
    };
    setImmediate(tick);
    await work();
    working = false;
    return turns;
  }

  it("train() yields, and says no speed that is none", async () => {
    const model = await create();
    const speeds: number[] = [];
    const turns = await turnsDuring(async () => {
      for await (const { tokensPerSecond } of train(model, ids, {
        steps: 40,
        windows: carriedWindows({ window: 8, batch: 8 }),
      })) {
        speeds.push(tokensPerSecond);
      }
    });
    expect(speeds).toEqual(Array(40).fill(0));
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('train() refuses "seconds" before the first step, and in a checkpoint of elsewhere, too', async () => {
    const model = await create();
    const before = model.network.read("output.weight");
    const training = train(model, ids, { seconds: 1 });
    await expect(training[Symbol.asyncIterator]().next()).rejects.toThrow(
      new RangeError(
        '"seconds" expected a clock that moves while a program computes, got one that stands still, as on Cloudflare Workers: use "steps" or "epochs"',
      ),
    );
    expect(model.network.read("output.weight")).toEqual(before);
    expect(training.state.step).toBe(0);
  });

  it("evaluateAsync() yields, and finds what evaluate() does, to the bit", async () => {
    const model = await create();
    const expected = evaluate(model, ids);
    let found: unknown;
    const turns = await turnsDuring(async () => {
      found = await evaluateAsync(model, ids);
    });
    expect(found).toEqual(expected);
    expect(turns).toBeGreaterThanOrEqual(2);
  });

  it("generate() yields", async () => {
    const model = await create();
    const turns = await turnsDuring(async () => {
      for await (const _ of generate(model, { length: 1000 }));
    });
    expect(turns).toBeGreaterThanOrEqual(10);
  });
});

describe("the command with a clock that stands still", () => {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-clock-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const still = "data:text/javascript,performance.now = () => 1234";

  it.each<[string, string[], number, RegExp]>([
    [
      "trains for steps",
      ["train", "--steps", "20", "--hidden", "8", "--window", "8", "--batch", "8", "--json"],
      0,
      /"tokensPerSecond":0,/,
    ],
    ["refuses seconds", ["train", "--seconds", "2", "--hidden", "8"], 1, /"?seconds"? expected a clock that moves/],
    [
      "counts",
      ["ngram", "--order", "2", "--smoothing", "laplace", "--json", "--out", "m.arpa"],
      0,
      /"tokensPerSecond":0,/,
    ],
  ])("%s", (_, [command, ...args], status, said) => {
    writeFileSync(join(folder, "text.txt"), TEXT);
    const argv = ["--import", still, CLI, command!, "text.txt", ...args];
    const {
      status: found,
      stdout,
      stderr,
    } = spawnSync(process.execPath, argv, { cwd: folder, encoding: "utf8", timeout: 20_000 });
    expect(stdout + stderr).toMatch(said);
    expect(stdout + stderr).not.toMatch(/Infinity|NaN|∞/);
    expect(found).toBe(status);
  });
});

describe("pause()", () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each<[string, () => unknown]>([
    [
      "a setImmediate that throws",
      () =>
        vi.stubGlobal("setImmediate", () => {
          throw new Error("a stub");
        }),
    ],
    ["a setImmediate that never calls", () => vi.stubGlobal("setImmediate", () => {})],
    [
      "a MessageChannel that throws",
      () =>
        vi.stubGlobal("MessageChannel", function MessageChannel() {
          throw new Error("A Node.js API is used (MessageChannel) which is not supported in the Edge Runtime.");
        }),
    ],
    [
      "neither setImmediate nor MessageChannel",
      () => {
        vi.stubGlobal("setImmediate", undefined);
        vi.stubGlobal("MessageChannel", undefined);
      },
    ],
  ])("yields with %s", async (_, stub) => {
    stub();
    const breath = pause(1);
    await new Promise((resolve) => setTimeout(resolve, 25));
    expect(breath()).toBeInstanceOf(Promise);
    await breath();
  });

  it("yields every 20 ms, whatever the calls, where the clock moves", async () => {
    let time = 0;
    const spy = vi.spyOn(performance, "now").mockImplementation(() => (time += 1));
    const breath = pause(1);
    let yields = 0;
    for (let i = 0; i < 200; i++) {
      const turn = breath();
      if (turn) yields++;
      await turn;
    }
    spy.mockRestore();
    expect(yields).toBe(10);
  });

  it("lets timers in, and keeps no process alive", () => {
    const code = `
      import { generate, RecurrentModel, characters, Vocabulary } from ${JSON.stringify(new URL("../dist/index.js", import.meta.url).href)};
      const model = await RecurrentModel.create({ tokenizer: characters(), vocabulary: new Vocabulary(["a", "b"]), hiddenSize: 64 });
      let stop = false;
      setTimeout(() => { stop = true; }, 50);
      for await (const _ of generate(model, { length: 1e9 })) if (stop) break;
      console.log("stopped");`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", code], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect([stdout, status]).toEqual(["stopped\n", 0]);
  });
});
