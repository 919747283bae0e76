// Platforms at the edge, on this machine: workerd, Vercel's edge-runtime, Next's edge routes.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { run, tool } from "./project.js";

/** A folder's wrangler.jsonc, bundled as it is for deployment. @return the folder of the bundle */
export async function wrangler(folder: string): Promise<string> {
  await run(tool(".bin/wrangler"), ["deploy", "--dry-run", "--outdir", "dist"], folder);
  return join(folder, "dist");
}

/** What a bundle of modules answers to GET / in workerd. */
export async function workerd(bundle: string): Promise<string> {
  const { Miniflare } = await import(tool("miniflare/dist/src/index.js"));
  const files = readdirSync(bundle);
  const of = (type: string, end: RegExp) =>
    files.filter((file) => end.test(file)).map((file) => ({ type, path: join(bundle, file) }));
  const modules = [...of("ESModule", /\.js$/), ...of("CompiledWasm", /\.wasm$/), ...of("Data", /\.bin$/)];
  const miniflare = new Miniflare({ modules, modulesRoot: bundle, compatibilityDate: "2026-04-01" });
  try {
    return await (await miniflare.dispatchFetch("http://localhost/")).text();
  } finally {
    await miniflare.dispose();
  }
}

/**
 * What a module answers in edge-runtime, and its bundle.
 * @param conditions Vercel's
 */
export async function edgeRuntime(
  module: string,
  conditions = ["edge-light"],
): Promise<{ body: string; code: string }> {
  const { EdgeRuntime } = await import(tool("edge-runtime/dist/index.js"));
  const { build } = await import(tool("esbuild/lib/main.js"));
  const modules: Record<string, WebAssembly.Module> = {};
  const wasm = {
    name: "wasm",
    setup({ onResolve, onLoad }: import("esbuild").PluginBuild) {
      // Vercel compiles what is imported so, and hands it to the module as a variable.
      onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => ({
        path: join(resolveDir, path.replace("?module", "")),
        namespace: "wasm",
      }));
      onLoad({ filter: /.*/, namespace: "wasm" }, ({ path }) => {
        const name = `wasm_${Object.keys(modules).length}`;
        modules[name] = new WebAssembly.Module(readFileSync(path));
        return { contents: `export default ${name};` };
      });
    },
  };
  const settings = { bundle: true, minify: true, write: false, conditions, plugins: [wasm] };
  const { outputFiles } = await build({ entryPoints: [module], ...settings });
  const code = outputFiles[0].text;
  const runtime = new EdgeRuntime({
    initialCode: code,
    extend: (context: object) => Object.assign(context, modules),
  });
  const response = await runtime.dispatchFetch("http://localhost/");
  return { body: await response.text(), code };
}

/** What a project's route answers once Next has built and started it. */
export async function next(folder: string, route: string): Promise<string> {
  await run(tool(".bin/next"), ["build"], folder, 240);
  const port = await freePort();
  const args = ["start", "--port", `${port}`, "--hostname", "127.0.0.1"];
  const server = spawn(tool(".bin/next"), args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  server.stderr.setEncoding("utf8").on("data", (piece: string) => {
    said += piece;
  });
  try {
    await new Promise<void>((ready, failed) => {
      server.stdout.setEncoding("utf8").on("data", (piece: string) => piece.includes("Ready") && ready());
      server.on("exit", (code) => failed(new Error(`next start ended with ${code}:\n${said}`)));
      setTimeout(() => failed(new Error("next start: not ready in 60 seconds")), 60_000).unref();
    });
    const response = await fetch(`http://127.0.0.1:${port}${route}`, { signal: AbortSignal.timeout(60_000) });
    if (!response.ok) throw new Error(`next start answered ${response.status}:\n${said}`);
    return await response.text();
  } finally {
    process.kill(-server.pid!);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
