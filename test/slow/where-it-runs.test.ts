// The programs of the README's section on where the package runs, as they stand, with the package as it is packed.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, playwright, present } from "../browsers.js";
import { BUNDLERS, bundle, FIND_WORKERS } from "./runtimes/bundlers.js";
import { next, workerd, wrangler } from "./runtimes/edge.js";
import { folder, install, project, run, tool } from "./runtimes/project.js";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const LENGTH = 200;
const TIMEOUT = 300_000;

/** The program under a heading, and the code in the sentences there. */
function section(heading: string): { program: string; inline: string[] } {
  const [, text] = readme.match(new RegExp(`^### ${heading}\n(.*?)^##`, "ms"))!;
  const [fence, program] = text!.match(/^```\w+\n(.*?)^```/ms)!;
  const inline = [...text!.replace(fence, "").matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
  return { program: program!, inline };
}

/** Writes a model, and prints what it generates on either build of the kernels. */
const MODEL = `
import { writeFileSync } from "node:fs";
import { characters, generate, prepare, RecurrentModel, saveModel, loadModel, selectKernels, train } from "rivulet";
selectKernels("strict");
const tokenizer = characters();
const corpus = prepare("It was the best of times, it was the worst of times. ".repeat(50), tokenizer);
const model = await RecurrentModel.create({ tokenizer, vocabulary: corpus.vocabulary, hiddenSize: 16 });
await train(model, corpus.train, { steps: 20 });
const bytes = saveModel(model);
writeFileSync("book.safetensors", bytes);
const texts = [];
for (const kernels of ["strict", "relaxed"]) {
  selectKernels(kernels);
  texts.push([...generate(await loadModel(bytes), { prompt: "It was ", length: ${LENGTH} })].join(""));
}
console.log(JSON.stringify(texts));
`;

await install();
let book: Uint8Array;
let texts: string[];

beforeAll(async () => {
  writeFileSync(join(project, "model.mjs"), MODEL);
  texts = JSON.parse(await run(tool("node-26/bin/node"), ["model.mjs"], project));
  book = readFileSync(join(project, "book.safetensors"));
  expect(texts[0]).toHaveLength(LENGTH);
}, TIMEOUT);

/** Whichever kernels the runtime takes. */
const expectText = (text: string) => expect(texts).toContain(text);

describe("programs", () => {
  it.each([
    ["Deno", ".bin/deno", ["run", "--allow-read"]],
    ["Bun", ".bin/bun", []],
  ])(
    "%s",
    async (heading, command, args) => {
      const files = { "main.mjs": section(heading).program, "book.safetensors": book };
      const printed = await run(tool(command), [...args, "main.mjs"], folder(heading.toLowerCase(), files));
      expectText(printed.replace(/\n$/, ""));
    },
    TIMEOUT,
  );

  it(
    "Cloudflare Workers",
    async () => {
      const settings = { name: "book", main: "index.js", compatibility_date: "2026-04-01" };
      const { program } = section("Cloudflare Workers");
      const files = { "index.js": program, "book.bin": book, "wrangler.jsonc": JSON.stringify(settings) };
      expectText(await workerd(await wrangler(folder("cloudflare", files))));
    },
    TIMEOUT,
  );

  it(
    "Vercel",
    async () => {
      const files = { "app/route.js": section("Vercel").program, "app/book.safetensors": book };
      expectText(await next(folder("vercel", files), "/"));
    },
    TIMEOUT,
  );
});

describe.runIf(present(CHROMIUM))("in Chromium", () => {
  let browser: Awaited<ReturnType<typeof playwright>>;
  beforeAll(async () => {
    browser = await playwright(tool("playwright-core/index.mjs"));
  }, TIMEOUT);
  afterAll(() => browser?.close());

  it(
    "a page without a bundler",
    async () => {
      writeFileSync(join(project, "index.html"), section("A page without a bundler").program);
      expectText(await browser.text(project, LENGTH));
    },
    TIMEOUT,
  );

  const bundled = section("Vite, webpack, Rollup, esbuild, Parcel").program;
  const { program, inline } = section("A worker, off the main thread");
  const [ownFile] = inline.filter((code) => code.includes("worker-thread"));
  const [connected] = inline.filter((code) => code.startsWith("connectWorker("));
  const byHand = program.replace("startWorker()", connected!).replace("startWorker", "connectWorker");

  for (const bundler of BUNDLERS) {
    /** A page bundled, served with the model beside it. */
    const written = async (files: Record<string, string>) => {
      const modules = Object.keys(files);
      const dist = await bundle(bundler, modules[0]!, modules.slice(1), files);
      writeFileSync(join(dist, "book.safetensors"), book);
      return browser.text(dist, LENGTH);
    };
    it(bundler, async () => expectText(await written({ "app.js": bundled })), TIMEOUT);
    const own = { "with-worker.js": byHand, "my-worker.js": ownFile! };
    const files = FIND_WORKERS.includes(bundler) ? { "with-worker.js": program } : own;
    it(`${bundler}, with a worker`, async () => expectText(await written(files)), TIMEOUT);
  }
});
