// examples/cloudflare from the packed package, bundled by wrangler, in workerd.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

const root = new URL("../..", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "rivulet-cloudflare-"));
const app = join(folder, "app");
const COMPATIBILITY = "2026-04-01";

beforeAll(() => {
  // npm run test:slow has built it.
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  const tarball = join(folder, execFileSync("npm", pack, { cwd: root, encoding: "utf8" }).trim());
  execFileSync("tar", ["xzf", tarball, "-C", folder]);
  cpSync(join(folder, "package/examples/cloudflare"), app, { recursive: true });
  const settings = JSON.parse(readFileSync(join(app, "package.json"), "utf8"));
  settings.dependencies.rivulet = tarball;
  writeFileSync(join(app, "package.json"), JSON.stringify(settings));
  const quiet = { cwd: app, stdio: "pipe", env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" } } as const;
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline"], quiet);
  // The usual command, up to where it would upload. It makes the model, too.
  const deploy = ["node_modules/wrangler/bin/wrangler.js", "deploy", "--dry-run"];
  execFileSync(process.execPath, [...deploy, "--outdir", join(app, "bundle")], quiet);
  mkdirSync(join(app, "memory"));
  writeFileSync(join(app, "memory/index.js"), MEMORY);
  const rules = [{ type: "Data", globs: ["**/*.safetensors"], fallthrough: true }];
  const config = { name: "memory", main: "index.js", compatibility_date: COMPATIBILITY, rules };
  writeFileSync(join(app, "memory/wrangler.json"), JSON.stringify(config));
  execFileSync(
    process.execPath,
    [...deploy, "-c", "memory/wrangler.json", "--outdir", join(app, "memory/bundle")],
    quiet,
  );
}, 900_000);

/** A worker that loads a model for each request, or many in one. */
const MEMORY = `
import * as rivulet from "rivulet";
import bundled from "../src/model.safetensors";
export default {
  async fetch(request) {
    const times = Number(new URL(request.url).searchParams.get("times"));
    for (let i = 0; i < times; i++) {
      const model = await rivulet.loadModel(bundled);
      rivulet.nextTokens(model, rivulet.stateAfter(model, "the whale"), 3);
    }
    return new Response();
  },
};`;

interface Server {
  url: URL;
  pid: number;
  stop(): Promise<void>;
}
const running = new Set<Server>();
afterEach(async () => {
  for (const server of running) await server.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts workerd with what wrangler bundled. @param storage where sessions are kept: a directory's name */
async function start(bundle: string, storage?: string): Promise<Server> {
  const { Miniflare } = createRequire(join(app, "package.json"))("miniflare");
  const kinds = { js: "ESModule", wasm: "CompiledWasm", html: "Text", safetensors: "Data" } as Record<string, string>;
  const kindOf = (path: string) => kinds[path.split(".").at(-1)!];
  const names = readdirSync(join(app, bundle)).filter(kindOf);
  const modules = names
    .sort((a, b) => Number(b === "index.js") - Number(a === "index.js"))
    .map((path) => ({ type: kindOf(path), path, contents: readFileSync(join(app, bundle, path)) }));
  const before = new Set(children());
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    modules,
    compatibilityDate: COMPATIBILITY,
    ...(storage !== undefined && {
      durableObjects: { SESSION: { className: "Session", useSQLite: true } },
      durableObjectsPersist: join(folder, storage),
    }),
  });
  const url: URL = await miniflare.ready;
  const server: Server = {
    url,
    pid: children().find((pid) => !before.has(pid))!,
    async stop() {
      running.delete(server);
      await miniflare.dispose();
    },
  };
  running.add(server);
  return server;
}

const statusOf = (pid: number) => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
/** This process's children that are workerd. */
function children(): number[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      const [command, rest] = /^\d+$/.test(name) ? statusOf(Number(name)) : [];
      return command?.endsWith("(workerd") && Number(rest!.split(" ")[1]) === process.pid ? [Number(name)] : [];
    } catch {
      return []; // it has ended
    }
  });
}

/** Milliseconds of processor time. */
function cpu(pid: number): number {
  const fields = statusOf(pid)[1]!.split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Resident memory in MB. */
const resident = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;

const request = (server: Server, method: string, path: string, init: RequestInit = {}) =>
  fetch(new URL(path, server.url), { method, signal: AbortSignal.timeout(60_000), ...init });

const json = (value: unknown): RequestInit => ({
  body: JSON.stringify(value),
  headers: { "content-type": "application/json" },
});

async function answer(server: Server, method: string, path: string, init?: RequestInit) {
  const response = await request(server, method, path, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text;
}

const create = async (server: Server): Promise<string> => JSON.parse(await answer(server, "POST", "/sessions")).id;
const type = (server: Server, id: string, text: string) =>
  answer(server, "POST", `/sessions/${id}/type`, json({ text }));
const suggest = (server: Server, id: string) => answer(server, "GET", `/sessions/${id}/suggest`);
const generate = (server: Server, id: string, length = 20) =>
  answer(server, "GET", `/sessions/${id}/generate?length=${length}&seed=5`);

/** Does all of `work`, eight at a time. */
async function all<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return results;
}

const SCRIPTS = [
  ["the white whale swims in a green field , ", "and the green field is the sea . "],
  ["my captain walks the deck at night ; ", "his leg of bone is heard below . "],
  ["i have no money in my purse , ", "and nothing to keep me on shore . "],
  ["the old man and the boy went fishing ", "unknownwordone 12 unknownwordtwo ! "],
  ["a", " "],
];

describe("sessions", () => {
  it("learn what is typed, and forget it", async () => {
    const server = await start("bundle", "learning");
    const id = await create(server);
    const fresh = await suggest(server, id);
    const typed = "the white whale sleeps in a green ";
    const before = JSON.parse(await type(server, id, typed)).suggestions;
    for (let i = 0; i < 12; i++) await type(server, id, `field . ${typed}`);
    const after = JSON.parse(await suggest(server, id)).suggestions;
    const words = (suggestions: { token: string }[]) => suggestions.map(({ token }) => token);
    expect(words(before)).not.toContain("field");
    expect(words(after)[0]).toBe("field");
    const response = await request(server, "DELETE", `/sessions/${id}`);
    expect(response.status).toBe(204);
    expect(await suggest(server, id)).toBe(fresh);
  });

  it("go on in the stream of server-sent events, which ends when the client goes", async () => {
    const server = await start("bundle", "streams");
    const id = await create(server);
    await type(server, id, "call me ");
    const text = await generate(server, id, 7);
    const events = text.trim().split("\n\n");
    expect(events.length).toBe(8);
    for (const event of events.slice(0, -1)) expect(JSON.parse(event.slice("data: ".length))).toBeTypeOf("string");
    expect(events.at(-1)).toBe("event: end\ndata:");
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController();
      const { signal } = controller;
      const response = await request(server, "GET", `/sessions/${id}/generate?length=200`, { signal });
      await response.body!.getReader().read();
      controller.abort();
    }
    expect(await generate(server, id, 7)).toBe(text);
  });

  it("1,000 interleaved, with a restart in the middle, answer bit for bit as each alone", async () => {
    const alone = await start("bundle", "alone");
    const expected: string[][] = [];
    for (const script of SCRIPTS) {
      const id = await create(alone);
      const answers = [];
      for (const text of script) answers.push(await type(alone, id, text));
      expected.push([...answers, await suggest(alone, id), await generate(alone, id)]);
    }
    expect(new Set(expected.map((answers) => answers.join())).size).toBe(SCRIPTS.length);
    await alone.stop();

    let server = await start("bundle", "interleaved");
    const sessions = await all(Array.from({ length: 1000 }), async (_) => create(server));
    const numbered = sessions.map((id, i) => ({ id, script: i % SCRIPTS.length }));
    for (let round = 0; round < 2; round++) {
      const answers = await all(numbered, ({ id, script }) => type(server, id, SCRIPTS[script]![round]!));
      for (const [i, { script }] of numbered.entries()) expect(answers[i]).toBe(expected[script]![round]);
      numbered.reverse();
      await server.stop();
      server = await start("bundle", "interleaved");
    }
    const answers = await all(numbered, async ({ id }) => [await suggest(server, id), await generate(server, id)]);
    for (const [i, { script }] of numbered.entries()) expect(answers[i]).toEqual(expected[script]!.slice(2));
  });

  it("killed in the middle of a request are as before it or after it", async () => {
    let server = await start("bundle", "killed");
    const ids = await all(Array.from({ length: 24 }), async (_) => create(server));
    const [first, second] = SCRIPTS[0] as [string, string];
    await all(ids, (id) => type(server, id, first));
    const before = await suggest(server, ids[0]!);
    const work = all(ids, (id) => type(server, id, second).catch(() => "killed"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    process.kill(server.pid, "SIGKILL");
    const results = await work;
    await server.stop();
    expect(results).toContain("killed");
    server = await start("bundle", "killed");
    const id = await create(server);
    await type(server, id, first);
    const after = await type(server, id, second);
    for (const one of ids) expect([before, after]).toContain(await suggest(server, one));
  });
});

it("hostile requests get a 4xx, and a sentence", async () => {
  const server = await start("bundle", "hostile");
  const id = await create(server);
  const known = `/sessions/${id}`;
  const guessed = id.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  const raw = (body: BodyInit, contentType = "application/json"): RequestInit => ({
    body,
    headers: { "content-type": contentType },
  });
  const cases: [status: number, method: string, path: string, init?: RequestInit][] = [
    [404, "GET", `/sessions/${guessed}/suggest`],
    [404, "GET", `/sessions/${"0".repeat(64)}/generate`],
    [404, "POST", "/sessions/x/type", json({ text: "a" })],
    [404, "POST", "/sessions/..%2f..%2fx/type", json({ text: "a" })],
    [404, "DELETE", `/sessions/${"f".repeat(10_000)}`],
    [404, "GET", "/favicon.ico"],
    [404, "POST", `${known}/type/more`, json({ text: "a" })],
    [405, "PUT", "/sessions"],
    [405, "GET", "/sessions"],
    [405, "POST", `${known}/suggest`],
    [405, "DELETE", `${known}/type`],
    [405, "OPTIONS", `${known}/generate`],
    [415, "POST", `${known}/type`, raw('{"text":"a"}', "text/plain")],
    [415, "POST", `${known}/type`, raw("text=a", "application/x-www-form-urlencoded")],
    [400, "POST", `${known}/type`, raw("{")],
    [400, "POST", `${known}/type`, raw("")],
    [400, "POST", `${known}/type`, raw("null")],
    [400, "POST", `${known}/type`, raw('"text"')],
    [400, "POST", `${known}/type`, json({ text: 5 })],
    [400, "POST", `${known}/type`, json({ text: ["a"] })],
    [400, "POST", `${known}/type`, json({ __proto__: { text: "a" } })],
    [400, "POST", `${known}/type`, raw(Uint8Array.of(0x22, 0xff, 0x22))],
    [413, "POST", `${known}/type`, json({ text: "a ".repeat(501) })],
    [413, "POST", `${known}/type`, json({ text: "a".repeat(1_000_000) })],
    [413, "POST", `${known}/type`, raw("[".repeat(100_000))],
    [400, "GET", `${known}/generate?length=0`],
    [400, "GET", `${known}/generate?length=201`],
    [400, "GET", `${known}/generate?length=1e2`],
    [400, "GET", `${known}/generate?length=-5`],
    [400, "GET", `${known}/generate?seed=x`],
    [400, "GET", `${known}/generate?seed=99999999999`],
  ];
  for (const [status, method, path, init] of cases) {
    const response = await request(server, method, path, init);
    const body = await response.text();
    const what = `${method} ${path.slice(0, 100)} ${String(init?.body).slice(0, 40)}: ${body}`;
    expect(response.status, what).toBe(status);
    expect(Object.keys(JSON.parse(body)), what).toEqual(["error"]);
    if (status === 405) expect(response.headers.get("allow"), what).toMatch(/^[A-Z]+$/);
  }
  // What is odd, and no harm.
  for (const text of ["", " ", "\u0000", "\ud800", "<unk> <bos>", "a".repeat(1000), ". ".repeat(500)]) {
    await type(server, id, text);
  }
  expect(JSON.parse(await suggest(server, id)).suggestions.length).toBe(3);
});

describe("figures", () => {
  const report = (line: string) => process.stdout.write(`cloudflare: ${line}\n`);
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

  it("the first token comes at most 100 ms after a cold start", async () => {
    let server = await start("bundle", "cold");
    const id = await create(server);
    await type(server, id, "the white whale ");
    await server.stop();
    const times: number[] = [];
    for (let i = 0; i < 9; i++) {
      server = await start("bundle", "cold");
      const started = performance.now();
      const response = await request(server, "GET", `/sessions/${id}/generate`);
      const reader = response.body!.getReader();
      await reader.read();
      times.push(performance.now() - started);
      await reader.cancel();
      await server.stop();
    }
    const least = Math.min(...times);
    report(`first token after a cold start ${least.toFixed(0)} ms at best, ${median(times).toFixed(0)} ms the median`);
    // The best of nine: others use this machine.
    expect(least).toBeLessThan(100);
  });

  it("a suggestion takes at most 10 ms of processor time", async () => {
    const server = await start("bundle", "suggestions");
    const id = await create(server);
    /** The least of several rounds, since company on the machine makes processor time longer, too. */
    const each = async (work: () => Promise<unknown>) => {
      for (let i = 0; i < 50; i++) await work();
      const rounds: number[] = [];
      for (let round = 0; round < 6; round++) {
        const before = cpu(server.pid);
        for (let i = 0; i < 50; i++) await work();
        rounds.push((cpu(server.pid) - before) / 50);
      }
      return rounds;
    };
    const learning = await each(() => type(server, id, "the white whale swims in the sea "));
    const suggesting = await each(() => suggest(server, id));
    for (const [what, rounds] of Object.entries({ suggestion: suggesting, "text learned": learning })) {
      report(`a ${what}: ${Math.min(...rounds).toFixed(1)} ms of CPU at best, ${median(rounds).toFixed(1)} the median`);
    }
    expect(Math.min(...suggesting)).toBeLessThan(10);
  });

  const once = Array.from({ length: 1000 }, () => "/?times=1");
  it.each([
    ["100 models loaded and dropped in one request", "memory/bundle", ["/?times=100"]],
    ["a model reloaded per request, 1,000 times", "memory/bundle", once],
    ["a session that learns 300 texts", "bundle", undefined],
  ])("%s: less than 128 MB", async (what, bundle, paths) => {
    const server = await start(bundle, paths ? undefined : "memory");
    const base = resident(server.pid);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, resident(server.pid) - base);
    }, 20);
    try {
      for (const path of paths ?? []) await answer(server, "GET", path);
      const id = paths ? "" : await create(server);
      for (let i = 0; !paths && i < 300; i++) await type(server, id, "the white whale swims in the sea ");
    } finally {
      clearInterval(watch);
    }
    report(`${what}: ${most.toFixed(0)} MB above the ${base.toFixed(0)} MB of workerd without a request`);
    expect(most).toBeLessThan(128);
  });
});
