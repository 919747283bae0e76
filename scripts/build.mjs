// Builds everything from source, in order: kernels (assembly/ → build/*.wasm), the same as base64 in a module
// (build/kernels.ts), the bundles (src/ → dist/*.js) and their types (dist/types/).
//
//   node scripts/build.mjs            all of it
//   node scripts/build.mjs kernels    only what the tests need
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import asc from "assemblyscript/asc";
import { build } from "esbuild";

process.chdir(new URL("..", import.meta.url).pathname);
const targets = ["strict", "relaxed"];

for (const target of targets) {
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", target]);
  const messages = stderr.toString();
  if (messages) process.stderr.write(messages);
  if (error) process.exit(1);
}

const base64 = (target) => readFileSync(`build/${target}.wasm`).toString("base64");
writeFileSync(
  "build/kernels.ts",
  targets.map((target) => `export const ${target}: string =\n  "${base64(target)}";\n`).join(""),
);

if (process.argv[2] !== "kernels") {
  rmSync("dist", { recursive: true, force: true });
  await build({
    entryPoints: { index: "src/index.ts", node: "src/node.ts", cli: "src/cli/main.ts" },
    outdir: "dist",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    external: ["node:*"],
    logLevel: "warning",
  });
  chmodSync("dist/cli.js", 0o755);
  execFileSync("node", ["node_modules/typescript/bin/tsc", "--project", "tsconfig.build.json"], { stdio: "inherit" });
}
