// The site as it is built, without a browser: sizes, the policy, quoted sources, links, and the numbers of the figures.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { PASSAGE } from "../site/course/kit.js";
import { loss, numeric } from "../site/figures/bptt.js";
import { clipped } from "../site/figures/clipping.js";
import { classify, EXAMPLES } from "../site/figures/labels.js";
import { halves, shuffled } from "../site/figures/order.js";
import { smoothed } from "../site/figures/smoothing.js";
import { surprise } from "../site/figures/surprise.js";
import { forward, gradients, NAMES, network, start, write } from "../site/figures/three-units.js";
import { flow } from "../site/figures/vanishing.js";
import { Curve, windowsFor } from "../site/lab/session.js";
import { defaults, fromLink, toLink } from "../site/lab/settings.js";
import { fingerprint, opening, split } from "../site/lab/text.js";
import { countNgrams, kneserNey, maximumLikelihood, perplexity, probability } from "../src/entries/ngram.js";
import { characters } from "../src/entries/with-kernels.js";

const root = new URL("..", import.meta.url).pathname;
const out = join(root, "build/site");
const read = (name: string) => readFileSync(join(out, name));

describe("the built site", () => {
  let files: string[];
  beforeAll(() => {
    execFileSync("node", ["site/build.mjs"], { cwd: root });
    files = readdirSync(out);
  });

  it("is at most 150 KB gzipped in all, without the default text", () => {
    const sizes = files
      .filter((name) => name !== "moby-dick.txt")
      .map((name) => gzipSync(read(name), { level: 9 }).length);
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThan(150 * 1024);
  });

  it("has what the policy allows, and only relative addresses, so that it works under any path", () => {
    const pages = files.filter((name) => name.endsWith(".html"));
    expect(pages).toHaveLength(12);
    for (const name of pages) {
      const html = read(name).toString();
      expect(html).toContain("script-src 'self' 'wasm-unsafe-eval'");
      expect(html).not.toMatch(/\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=/);
      expect(html).not.toMatch(/(?:src|href)="(?:\/|https?:)/);
      expect(html).not.toMatch(/\$\$|\{\{/);
      for (const [, to] of html.matchAll(/href="([\w-]+\.\w+)"/g)) expect(files).toContain(to);
    }
    for (const name of files.filter((name) => name.endsWith(".js")))
      expect(read(name).toString()).not.toMatch(/innerHTML/);
  });
});

describe("links", () => {
  it("hold the settings that differ from the defaults, and nothing else", () => {
    expect(toLink(defaults())).toBe("");
    const changed = {
      ...defaults(),
      cell: "gru" as const,
      size: 64,
      clip: 0.5,
      seed: 0,
      changes: [[30, 0.001] as [number, number]],
    };
    expect(fromLink(`#${toLink(changed)}`)).toEqual({ settings: changed, odd: [] });
  });

  it.each([
    "cell=transformer",
    "size=1e99",
    "size=1.5",
    "size=",
    "steps=-1",
    "seed=NaN",
    "rate=0",
    "text=http://x",
    "tokens=__proto__",
    "__proto__=1",
    "constructor=1",
    "toString=2",
    "changes=1:2:3",
    "changes=1:99",
    `changes=${"1:1,".repeat(1000)}1:1`,
    "is=<b>",
    "%00=1",
    "layers=5",
    "window=0",
    "batch=1e3",
    "clip=-1",
    "=",
    "size=Infinity",
    "size=0x10",
  ])("ignore %s", (link) => {
    const { settings, odd } = fromLink(`#${link}`);
    const hexadecimal = link === "size=0x10"; // 16 by any name
    expect(settings).toEqual(hexadecimal ? { ...defaults(), size: 16 } : defaults());
    expect(odd).toHaveLength(hexadecimal ? 0 : 1);
  });

  it("know a text by its length and checksum", () => {
    expect(fingerprint("a")).toBe("1-e40c292c"); // FNV-1a of "a"
    expect(fingerprint("ab")).not.toBe(fingerprint("ba"));
  });
});

describe("texts", () => {
  it("are split between characters, and begin with a few words", () => {
    const { train, held } = split("😀".repeat(25));
    for (const part of [train, held]) expect(encodeURIComponent(part)).toContain("%F0"); // throws at half a character
    expect(train + held).toBe("😀".repeat(25));
    expect(opening("Call me Ishmael. Some years ago")).toBe("Call me ");
    expect(opening("")).toBe("");
  });

  it("of any length have windows that fit", () => {
    for (const n of [2, 3, 50, 51, 52, 800, 801, 1e6]) {
      const { window, batch } = windowsFor({ window: 50, batch: 16 }, n);
      expect(window * batch + 1).toBeLessThanOrEqual(n);
    }
    expect(() => windowsFor({ window: 50, batch: 16 }, 1)).toThrow("at least two tokens");
  });

  it("give curves that stay short", () => {
    const curve = new Curve();
    for (let step = 1; step <= 40_000; step++) curve.add(step, 2);
    expect(curve.points.length).toBeLessThan(1000);
    expect(curve.points.every(({ value }) => Math.abs(value - 2) < 1e-9)).toBe(true);
  });
});

describe("the figures have the library's numbers:", () => {
  it("1: order helps as written, and not when shuffled", () => {
    const middle = Math.floor([...PASSAGE].length / 2);
    const counts = countNgrams(PASSAGE.slice(0, middle), { order: 4, tokenizer: characters() });
    expect(halves(PASSAGE, 4)).toBe(perplexity(kneserNey(counts, { discountFallback: true }), PASSAGE.slice(middle)));
    expect(halves(PASSAGE, 4)).toBeLessThan(0.8 * halves(PASSAGE, 1));
    const mixed = shuffled([...PASSAGE]).join("");
    expect([...mixed].sort()).toEqual([...PASSAGE].sort());
    expect(halves(mixed, 4)).toBeGreaterThan(0.95 * halves(mixed, 1));
  });

  it("3: surprise is −ln p", () => {
    const model = kneserNey(countNgrams(PASSAGE, { order: 3, tokenizer: characters() }), { discountFallback: true });
    const { p, perplexity: shown } = surprise("ngram", "the sea", 3);
    expect(p[0]).toBeCloseTo(probability(model, "t"), 6);
    expect(shown).toBeCloseTo(perplexity(model, "the sea"), 6);
    expect(surprise("perfect", "the sea", 3).perplexity).toBe(1);
    expect(surprise("random", "the sea", 3).perplexity).toBeCloseTo(new Set(PASSAGE).size, 9);
  });

  it("4: smoothing", () => {
    const { seen, perplexities } = smoothed(PASSAGE, "the whale", 3);
    expect(seen).toBeGreaterThan(0);
    const counts = countNgrams(PASSAGE, { order: 3, tokenizer: characters() });
    expect(perplexities[0]!.perplexity).toBe(perplexity(maximumLikelihood(counts), "the whale"));
    expect(perplexities.at(-1)!.perplexity).toBe(
      perplexity(kneserNey(counts, { discountFallback: true }), "the whale"),
    );
  });

  it("5 and 6: states, losses and all 33 gradients, against float64 and differences", async () => {
    const model = await network();
    const weights = start();
    write(model, weights);
    const text = [0, 1, 2, 0];
    const steps = forward(model, text.slice(0, 3));
    const total = steps.reduce((sum, { p }, t) => sum - Math.log(p[text[t + 1]!]!), 0);
    expect(total).toBeCloseTo(loss(weights, text), 5);
    expect(steps.map(({ h }) => h[0]!.toFixed(2))).toEqual(["0.76", "0.17", "0.21"]);
    const found = gradients(model, text.slice(0, 3), text.slice(1));
    for (const name of NAMES) {
      weights[name].forEach((values, row) => {
        values.forEach((_, column) => {
          expect(Math.abs(3 * found[name][row]![column]! - numeric(weights, name, row, column, text))).toBeLessThan(
            1e-5,
          );
        });
      });
    }
  });

  it("7: clipping keeps the direction", () => {
    const [x, y] = clipped([3, 4], 1) as [number, number];
    expect(Math.hypot(x, y)).toBeCloseTo(1, 5);
    expect(y / x).toBeCloseTo(4 / 3, 9);
    expect(clipped([0.3, 0.4], 1)).toEqual([0.3, 0.4]);
  });

  it("8: a small Wh vanishes, and with ReLU a large one explodes", async () => {
    const ratio = async (...args: Parameters<typeof flow>) => {
      const norms = await flow(...args);
      return norms[0]! / norms.at(-1)!;
    };
    expect(await ratio("rnn", "tanh", 0.5)).toBeLessThan(1e-8);
    expect(await ratio("rnn", "relu", 3)).toBeGreaterThan(1e3);
  });

  it("10: two models make a classifier", () => {
    const of = (text: string) => classify(EXAMPLES, text, 2).reduce((a, b) => (a.p > b.p ? a : b)).label;
    expect([of("the captain saw the sea"), of("stir the soup")]).toEqual(["sea", "kitchen"]);
  });
});
