// The same seed, the same bits: a page in Chromium against this Node, on the strict build.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const CHROMIUM = "/usr/bin/chromium";
const dist = new URL("../../dist/", import.meta.url);

/** Runs where `rivulet` is the library, in Node and in the page alike. */
async function job(rivulet: typeof import("../../src/index.js")) {
  rivulet.selectKernels("strict");
  const tokenizer = rivulet.characters();
  const text = "He piled upon the whale’s white hump the sum of all the general rage. ".repeat(30);
  const { vocabulary, train: ids, valid } = rivulet.prepare(text, tokenizer);
  const results = [];
  for (const cell of ["rnn", "gru", "lstm"] as const) {
    const options = { cell, hiddenSize: 24, embeddingSize: 6, layers: 2, dropout: 0.1, seed: 3 };
    const model = await rivulet.RecurrentModel.create({ tokenizer, vocabulary, ...options });
    const losses: number[] = [];
    const windows = rivulet.randomWindows({ window: 16, batch: 8 });
    for await (const { loss } of rivulet.train(model, ids, { windows, schedule: rivulet.cosine(), steps: 40, valid })) {
      losses.push(loss);
    }
    const sample = [...rivulet.generate(model, { prompt: "He ", length: 200, temperature: 0.8, topP: 0.95, seed: 5 })];
    results.push({
      losses,
      perplexity: rivulet.perplexity(model, valid),
      sample: sample.join(""),
      bytes: [...rivulet.saveModel(model)],
    });
  }
  return results;
}

const PAGE = `<!doctype html><meta charset="utf-8"><pre></pre><script type="module">
import * as rivulet from "./index.js";
const result = await (${job})(rivulet).then(JSON.stringify, String);
await fetch("/result", { method: "POST", body: result });
</script>`;

describe("Chromium", () => {
  if (!existsSync(CHROMIUM)) {
    console.warn(`SKIPPED: no ${CHROMIUM} on this machine (Debian: apt-get install chromium)`);
  }

  it.runIf(existsSync(CHROMIUM))("has Node's losses, perplexity, sample and model file, to the bit", async () => {
    const profile = mkdtempSync(join(tmpdir(), "rivulet-chromium-"));
    let resolve: (body: string) => void = () => {};
    const result = new Promise<string>((done) => {
      resolve = done;
    });
    const server = createServer(async (request, response) => {
      const path = request.url!.slice(1);
      if (path === "result") {
        let body = "";
        for await (const piece of request) body += piece;
        resolve(body);
        response.end();
      } else if (path === "") {
        response.setHeader("content-type", "text/html");
        response.end(PAGE);
      } else if (/^[\w-]+\.js$/.test(path) && existsSync(new URL(path, dist))) {
        response.setHeader("content-type", "text/javascript");
        response.end(readFileSync(new URL(path, dist)));
      } else {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
    flags.push("--disable-background-networking", "--disable-component-update", "--disable-sync");
    const browser = spawn(CHROMIUM, [...flags, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`], {
      stdio: "ignore",
      detached: true, // a process group of its own, so that its children end with it
    });
    try {
      const here = await job(await import(new URL("index.js", dist).href));
      expect(JSON.parse(await result)).toEqual(JSON.parse(JSON.stringify(here)));
    } finally {
      const gone = new Promise((done) => browser.on("exit", done));
      process.kill(-browser.pid!);
      await gone;
      server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    }
  });
});
