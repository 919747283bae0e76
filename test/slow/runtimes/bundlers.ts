// Bundlers, with the settings they have by themselves.

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, run, tool } from "./project.js";

/** How each bundles a module, or the page with it, into dist/. */
const COMMANDS = {
  Vite: "vite build",
  webpack: "webpack --mode production --entry ./ENTRY --output-path dist --output-filename NAME.js",
  Rollup: "rollup ENTRY --plugin @rollup/plugin-node-resolve --dir dist",
  esbuild: "esbuild ENTRY --bundle --minify --format=esm --outfile=dist/NAME.js",
  Parcel: "parcel build index.html --dist-dir dist --no-cache",
} as const;
export type Bundler = keyof typeof COMMANDS;
export const BUNDLERS = Object.keys(COMMANDS) as Bundler[];
/** Those that make a file of their own of each worker they see. */
export const FIND_WORKERS: Bundler[] = ["Vite", "webpack", "Parcel"];

const page = (script: string) =>
  `<!doctype html><meta charset="utf-8"><body></body><script type="module" src="./${script}"></script>`;

/**
 * A page with a module, bundled.
 * @param others modules that get bundles of their own
 * @param files what the folder has beside the journey
 * @return the folder to serve
 */
export async function bundle(
  bundler: Bundler,
  entry: string,
  others: string[] = [],
  files: Record<string, string | Uint8Array> = {},
): Promise<string> {
  const path = folder(`${bundler}-${entry}`, { "index.html": page(entry), ...files });
  for (const module of [entry, ...others]) {
    const names = COMMANDS[bundler].replace("ENTRY", module).replace("NAME", module.replace(/\.\w+$/, ""));
    const [command, ...args] = names.split(" ");
    await run(tool(`.bin/${command}`), args, path);
  }
  const dist = join(path, "dist");
  const html = join(dist, "index.html");
  if (!existsSync(html)) writeFileSync(html, page(entry.replace(/\.\w+$/, ".js")));
  return dist;
}
