// The same seed, the same bits: a page in Chromium against this Node, on the strict build.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

const CHROMIUM = "/usr/bin/chromium";
const dist = new URL("../../dist/", import.meta.url);

/** Runs where `rivulet` is the library, in Node and in the page alike. */
async function job(rivulet: typeof import("../../src/entries/index.js")) {
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

type Ngrams = typeof import("../../src/entries/ngram.js");

/** The same of `rivulet/ngram`. @param compressed the body of a response that is a gzip file, which `arpa` is in */
async function ngramJob(rivulet: Ngrams, compressed: () => Promise<ReadableStream<Uint8Array>>) {
  let seed = 1;
  const below = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const word = () => `w${below(1 + below(1 + below(400)))}é`;
  const sentences = Array.from({ length: 2000 }, () => Array.from({ length: below(12) }, word).join(" "));
  const counts = rivulet.countNgrams(`${sentences.join("\n")}\n`, { order: 3 });
  const model = rivulet.kneserNey(counts, { discountFallback: true, prune: [0, 0, 1] });
  const loaded = [
    await rivulet.loadNgram(await compressed()),
    await rivulet.loadNgram((await new Response(await compressed()).blob()).stream()),
    await rivulet.loadNgram(rivulet.saveNgram(model)),
  ];
  return {
    binary: [...rivulet.saveNgram(model)],
    quantized: [...rivulet.saveNgram(model, { quantize: true })],
    arpa: (await new Blob([...rivulet.saveArpa(model)] as BlobPart[]).text()).split("\n"),
    sample: [...rivulet.generate(model, { length: 50, seed: 3 })].join(""),
    next: rivulet.nextTokens(model, rivulet.stateAfter(model, sentences[5]!)),
    loaded: loaded.map((copy) => ({
      evaluation: rivulet.evaluate(copy, "w0é w1é w2é\nw3é zz\n"),
      arpa: [...rivulet.saveArpa(copy)].map((piece) => new TextDecoder().decode(piece)).join(""),
    })),
  };
}

const page = (module: string, call: string) => `<!doctype html><meta charset="utf-8"><pre></pre><script type="module">
import * as rivulet from "./${module}";
const result = await (async () => ${call})().then(JSON.stringify, String);
await fetch("/result", { method: "POST", body: result });
</script>`;

/** What a page sends back. @param files what it can fetch beside dist/ */
async function inChromium(html: string, files: Record<string, Uint8Array> = {}): Promise<unknown> {
  const profile = mkdtempSync(join(tmpdir(), "rivulet-chromium-"));
  let resolve: (body: string) => void = () => {};
  const result = new Promise<string>((done) => {
    resolve = done;
  });
  const server = createServer(async (request, response) => {
    const path = request.url!.slice(1);
    if (path === "result") {
      let body = "";
      for await (const piece of request.setEncoding("utf8")) body += piece;
      resolve(body);
      response.end();
    } else if (path === "") {
      response.setHeader("content-type", "text/html");
      response.end(html);
    } else if (Object.hasOwn(files, path)) {
      response.setHeader("content-type", "application/gzip");
      response.end(files[path]);
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
    return JSON.parse(await result);
  } finally {
    const gone = new Promise((done) => browser.on("exit", done));
    process.kill(-browser.pid!);
    await gone;
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

describe("Chromium", () => {
  if (!existsSync(CHROMIUM)) {
    console.warn(`SKIPPED: no ${CHROMIUM} on this machine (Debian: apt-get install chromium)`);
  }

  it.runIf(existsSync(CHROMIUM))("has Node's losses, perplexity, sample and model file, to the bit", async () => {
    const here = await job(await import(new URL("index.js", dist).href));
    expect(await inChromium(page("index.js", `(${job})(rivulet)`))).toEqual(plain(here));
  });

  it.runIf(existsSync(CHROMIUM))("counts, smooths, saves and loads n-grams as Node does, to the bit", async () => {
    const ngram: Ngrams = await import(new URL("ngram.js", dist).href);
    const model = ngram.laplace(ngram.countNgrams("w0é w1é w2é\nw3é w1é\n".repeat(3000), { order: 3 }), { k: 0.3 });
    const file = gzipSync(Buffer.concat([...ngram.saveArpa(model)]));
    const here = await ngramJob(ngram, async () => new Blob([file]).stream());
    expect(here.loaded[1]).toEqual(here.loaded[0]);
    expect(here.loaded[0]!.arpa).toBe(Buffer.concat([...ngram.saveArpa(model)]).toString());
    expect(here.loaded[2]!.arpa).toBe(here.arpa.join("\n"));
    expect(here.next.length).toBe(10);
    const call = `(${ngramJob})(rivulet, async () => (await fetch("model.arpa.gz")).body)`;
    expect(await inChromium(page("ngram.js", call), { "model.arpa.gz": file })).toEqual(plain(here));
  });
});
