// The package as it is packed, in every runtime and with every bundler that the README names: the same bits in all of them.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, CHROMIUM, FIREFOX, firefox, inBrowser, playwright, present } from "../browsers.js";
import { BUNDLERS, bundle, FIND_WORKERS } from "./runtimes/bundlers.js";
import { edgeRuntime, next, workerd, wrangler } from "./runtimes/edge.js";
import { folder, gzipped, install, project, run, shipped, tool, version } from "./runtimes/project.js";

interface Journeys {
  networks: unknown;
  ngrams?: unknown;
}

const NODES = [20, 22, 24, 26];
const TIMEOUT = 300_000;

const table: { runtime: string; works: boolean; shipped?: number; sameBits: boolean }[] = [];
let expected: Journeys;

/** A runtime has to come to the same results as Node 20. @param size bytes that are shipped, gzipped */
function same(runtime: string, journeys: () => Promise<[Journeys, size?: number]>): void {
  it(runtime, { timeout: TIMEOUT }, async () => {
    const row = { runtime, works: false, sameBits: false };
    table.push(row);
    const [found, size] = await journeys();
    Object.assign(row, { works: true, shipped: size });
    expect(found).toEqual("ngrams" in found ? expected : { networks: expected.networks });
    row.sameBits = true;
  });
}

/** What a program prints. */
async function program(command: string, args: string[], module = "program.mjs"): Promise<[Journeys]> {
  return [JSON.parse(await run(command, [...args, module], folder("program")))];
}

// Here, since the names of the tests have the versions.
await install();

beforeAll(async () => {
  [expected] = await program(tool("node-20/bin/node"), []);
}, TIMEOUT);

afterAll(() => {
  const size = (bytes?: number) => (bytes ? `${(bytes / 1000).toFixed(1)} kB` : "");
  const yes = (is: boolean) => (is ? "yes" : "NO");
  const rows = table.map((row) => [row.runtime, yes(row.works), size(row.shipped), yes(row.sameBits)]);
  const all = [["runtime", "works", "shipped", "same bits"], ["---", "---", "---:", "---"], ...rows];
  console.log(all.map((cells) => `| ${cells.join(" | ")} |`).join("\n"));
  writeFileSync(new URL("../../build/runtimes.json", import.meta.url), JSON.stringify(table, null, 2));
});

describe("programs", () => {
  for (const node of NODES) {
    same(`Node ${version(`node-${node}`)}`, () => program(tool(`node-${node}/bin/node`), []));
  }
  const deno = ["run", "--allow-read=.,../node_modules"];
  same(`Deno ${version("deno")}`, () => program(tool(".bin/deno"), deno));
  same(`Bun ${version("bun")}`, () => program(tool(".bin/bun"), []));
  const worker = "program-with-worker.mjs";
  same("Node 26, rivulet/worker", () => program(tool("node-26/bin/node"), [], worker));
  same("Deno, rivulet/worker", () => program(tool(".bin/deno"), deno, worker));
  same("Bun, rivulet/worker", () => program(tool(".bin/bun"), [], worker));
});

describe("at the edge", () => {
  same(`workerd ${version("workerd")}, bundled by Wrangler ${version("wrangler")}, with rivulet/ngram`, async () => {
    const settings = { name: "journey", main: "workerd.mjs", compatibility_date: "2026-04-01" };
    const dist = await wrangler(folder("wrangler", { "wrangler.jsonc": JSON.stringify(settings) }));
    return [JSON.parse(await workerd(dist)), shipped(dist)];
  });

  same(`edge-runtime ${version("edge-runtime")}`, async () => {
    const { body, code } = await edgeRuntime(join(folder("edge"), "edge.mjs"));
    return [JSON.parse(body), gzipSync(code, { level: 9 }).length];
  });

  same(`Next ${version("next")}, an edge route`, async () => {
    const handler = "export const GET = async () => Response.json({ networks: await local() });";
    const route = `import { local } from "../local.mjs";\nexport const runtime = "edge";\n${handler}\n`;
    const app = folder("next", { "app/route.js": route });
    return [JSON.parse(await next(app, "/"))];
  });

  /** Bundled as for a page, and what is said then. */
  const unconditional = "without the condition of the exports, the error names it";
  it(`workerd ${unconditional}`, { timeout: TIMEOUT }, async () => {
    const path = folder("unconditional", { "index.js": errorOf("export default { fetch }") });
    await run(tool(".bin/esbuild"), ["index.js", "--bundle", "--format=esm", "--outdir=dist"], path);
    expect(await workerd(join(path, "dist"))).toMatch(
      /^Error: Cloudflare Workers does not compile .* bundle with the condition "workerd".* CompileError: /,
    );
  });
  it(`edge-runtime ${unconditional}`, { timeout: TIMEOUT }, async () => {
    const listener = 'addEventListener("fetch", (event) => event.respondWith(fetch()))';
    const path = folder("unconditional-edge", { "index.js": errorOf(listener) });
    expect((await edgeRuntime(join(path, "index.js"), [])).body).toMatch(
      /^Error: the edge runtime does not compile .* bundle with the condition "edge-light"/,
    );
  });
});

describe.runIf(present(FIREFOX))("Firefox", () => {
  same("Firefox ESR, no bundler, with rivulet/ngram", async () => {
    return loaded(await inBrowser(firefox, project, bare("page-with-ngrams.mjs")));
  });
});

describe.runIf(present(CHROMIUM))("Chromium", () => {
  let browser: Awaited<ReturnType<typeof playwright>>;
  beforeAll(async () => {
    browser = await playwright(tool("playwright-core/index.mjs"));
  }, TIMEOUT);
  afterAll(() => browser?.close());

  same("Chromium, no bundler, with rivulet/ngram", async () =>
    loaded(await browser.answer(project, bare("page-with-ngrams.mjs"))),
  );
  same("Chromium, no bundler, in a module worker", async () => {
    const page = bare("page-in-worker.mjs");
    // Import maps are for pages alone.
    const local = join(project, "bare/local.mjs");
    writeFileSync(local, readFileSync(local, "utf8").replace('"rivulet"', '"/node_modules/rivulet/dist/index.js"'));
    return loaded(await browser.answer(project, page));
  });
  same("Chromium, no bundler, rivulet/worker", async () =>
    loaded(await browser.answer(project, bare("page-with-worker.mjs"))),
  );

  for (const bundler of BUNDLERS) {
    const name = `Chromium, ${bundler} ${version(bundler.toLowerCase())}`;
    same(name, async () => {
      const dist = await bundle(bundler, "page.mjs");
      return result(await browser.answer(dist), shipped(dist));
    });
    const finds = FIND_WORKERS.includes(bundler);
    same(`${name}, rivulet/worker${finds ? "" : " by connectWorker()"}`, async () => {
      const dist = finds
        ? await bundle(bundler, "page-with-worker.mjs")
        : await bundle(bundler, "page-with-own-worker.mjs", ["own-worker.mjs"]);
      return result(await browser.answer(dist), shipped(dist));
    });
  }

  const policy = (sources: string) => ({ "content-security-policy": `script-src ${sources}` });
  same("Chromium, script-src 'self' 'wasm-unsafe-eval'", async () =>
    result(
      await browser.answer(await bundle("esbuild", "page.mjs"), "index.html", policy("'self' 'wasm-unsafe-eval'")),
    ),
  );

  it(
    "under script-src 'self' the error names the directive, and the cause is the browser's",
    async () => {
      const dist = await bundle("esbuild", "page.mjs");
      const { error, cause } = await browser.answer(dist, "index.html", policy("'self'"));
      expect(error).toMatch(/Content-Security-Policy, add 'wasm-unsafe-eval' to its script-src/);
      expect(cause).toMatch(/^CompileError/);
    },
    TIMEOUT,
  );

  it(
    "a worker that is terminated behind rivulet's back rejects what waits for it",
    async () => {
      const { error } = await browser.answer(project, bare("page-with-killed-worker.mjs"));
      expect(error).toMatch(/^WorkerError: the worker ended: it was terminated/);
    },
    TIMEOUT,
  );
});

/** A module that answers with the error and its cause. @param serve exports or registers `fetch` */
const errorOf = (serve: string) => `import { local } from "./local.mjs";
const fetch = () => local().then(() => new Response("none"), (error) => new Response(error + " " + error.cause));
${serve};
`;

/** A page without a bundler. @return its path in the project */
function bare(module: string): string {
  const imports = { rivulet: "index", "rivulet/ngram": "ngram", "rivulet/worker": "worker" };
  const urls = Object.entries(imports).map(([name, file]) => [name, `/node_modules/rivulet/dist/${file}.js`]);
  const map = `<script type="importmap">${JSON.stringify({ imports: Object.fromEntries(urls) })}</script>`;
  folder("bare", { "index.html": `<!doctype html>${map}<script type="module" src="./${module}"></script>` });
  return "bare/index.html";
}

/** The result of a page that loads the package's own modules. */
const loaded = (answer: Answer) =>
  result(answer, gzipped(answer.loaded.filter((path) => path.includes("node_modules/rivulet/"))));

/** @throws Error where the page had one */
function result({ result, error, cause }: Answer, size?: number): [Journeys, size?: number] {
  if (error !== undefined) throw new Error(error, { cause });
  return [Array.isArray(result) ? { networks: result } : (result as Journeys), size];
}
