// A project that has the packed package installed, beside the runtimes and bundlers of package.json.

import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const here = new URL(".", import.meta.url).pathname;
const repository = new URL("../../..", import.meta.url).pathname;
const journey = join(repository, "test/journey");
/** A folder from which "rivulet" is the packed package; the tools are found above it. */
export const project = join(here, "build");

/** Installs the tools, where the lockfile has changed since. */
export async function installTools(): Promise<void> {
  const installed = join(here, "node_modules/.installed");
  const lock = readFileSync(join(here, "package-lock.json"), "utf8");
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== lock) {
    await run("npm", ["ci", "--no-audit", "--no-fund"], here, 900);
    writeFileSync(installed, lock);
  }
}

/** Installs the tools, and the package, packed from dist/. */
export async function install(): Promise<void> {
  await installTools();
  rmSync(project, { recursive: true, force: true });
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }\n');
  const packing = ["pack", "--ignore-scripts", "--json", "--pack-destination", project];
  const packed = execFileSync("npm", packing, { cwd: repository, encoding: "utf8" });
  const [{ filename }] = Object.values(JSON.parse(packed)) as [{ filename: string }];
  await run("npm", ["install", "--no-audit", "--no-fund", "--install-links", `./${filename}`], project);
}

/** Makes a folder of the project. @param files their contents by name; those of test/journey/ are there, too */
export function folder(name: string, files: Record<string, string | Uint8Array> = {}): string {
  const path = join(project, name);
  cpSync(journey, path, { recursive: true });
  for (const [file, contents] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true });
    writeFileSync(join(path, file), contents);
  }
  return path;
}

export const tool = (path: string) => join(here, "node_modules", path);
export const version = (name: string): string => JSON.parse(readFileSync(tool(`${name}/package.json`), "utf8")).version;

/** Returns a command's output. @throws Error with the output if it fails or takes longer than `seconds` */
export function run(command: string, args: string[], cwd: string, seconds = 120): Promise<string> {
  // The settings of the npm that runs the tests, and of vitest, are no concern of theirs.
  const environment = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITE|TEST|DEV|PROD)/.test(name));
  const env = {
    ...Object.fromEntries(environment),
    NO_COLOR: "1",
    WRANGLER_SEND_METRICS: "false",
    NEXT_TELEMETRY_DISABLED: "1",
  };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: seconds * 1000 });
    let output = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (piece) => {
      output += piece;
      all += piece;
    });
    child.stderr.setEncoding("utf8").on("data", (piece) => {
      all += piece;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}:\n${all.slice(-4000)}`));
    });
  });
}

/** Bytes of files, each gzipped. */
export const gzipped = (paths: string[]): number =>
  paths.reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0);

/** Bytes of code that a folder ships. */
export const shipped = (folder: string): number =>
  gzipped(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => /\.(m?js|wasm)$/.test(file))
      .map((file) => join(folder, file)),
  );
