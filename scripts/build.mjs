// Builds everything from source, in order: kernels (assembly/ → build/*.wasm), the same as base64 in modules
// (build/kernels.ts; build/wide.ts, which only Node's entry needs), the bundles (src/ → dist/*.js) and their types (dist/types/).
//
//   node scripts/build.mjs            all of it
//   node scripts/build.mjs kernels    only what the tests need
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";
import { build } from "esbuild";
import { tiles } from "./tiles.mjs";

process.chdir(new URL("..", import.meta.url).pathname);
const targets = ["strict", "relaxed", "wide"];

mkdirSync("build", { recursive: true });
for (const target of targets) {
  writeFileSync("build/tiles.ts", tiles(target));
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", target]);
  const messages = stderr.toString();
  if (messages) process.stderr.write(messages);
  if (error) process.exit(1);
}

const base64 = (target) => readFileSync(`build/${target}.wasm`).toString("base64");
const module = (names) => names.map((name) => `export const ${name}: string =\n  "${base64(name)}";\n`).join("");
writeFileSync("build/kernels.ts", module(["strict", "relaxed"]));
writeFileSync("build/wide.ts", module(["wide"]));

if (process.argv[2] !== "kernels") {
  rmSync("dist", { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: { index: "src/index.ts", ngram: "src/ngram.ts", node: "src/node.ts", cli: "src/cli/main.ts" },
    outdir: "dist",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    external: ["node:*"],
    metafile: true,
    logLevel: "warning",
  });
  chmodSync("dist/cli.js", 0o755);
  writeFileSync("dist/THIRD-PARTY.txt", licenses(Object.keys(metafile.inputs)));
  execFileSync("node", ["node_modules/typescript/bin/tsc", "--project", "tsconfig.build.json"], { stdio: "inherit" });
}

/** The licenses of the packages that are bundled. */
function licenses(inputs) {
  const packages = new Set(inputs.flatMap((input) => input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []));
  const texts = [...packages].sort().map((name) => {
    const { version, license, homepage } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
    // The loader's is in the package it is a part of.
    const folder = `node_modules/${name === "@assemblyscript/loader" ? "assemblyscript" : name}`;
    const files = readdirSync(folder).filter((entry) => /^(licen[cs]e|notice)/i.test(entry));
    const text = files.map((file) => readFileSync(`${folder}/${file}`, "utf8")).join("\n");
    return `${name} ${version}, ${license}, ${homepage ?? ""}\n\n${text}`;
  });
  return `Parts of these packages are in the bundles beside this file.\n\n${texts.join("\n\n")}`;
}
