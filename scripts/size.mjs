// What a user downloads, gzipped, against its budget. Fails where one is over.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

process.chdir(new URL("..", import.meta.url).pathname);
const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** An entry in one file, as a bundler would ship it. */
async function bundled(entry) {
  const settings = { bundle: true, minify: true, format: "esm", write: false };
  const { outputFiles } = await build({ entryPoints: [`dist/${entry}.js`], ...settings });
  return gzipped(outputFiles[0].contents);
}

const rows = [
  ["kernels, strict", gzipped(readFileSync("build/strict.wasm")), 16 * 1024],
  ["kernels, relaxed", gzipped(readFileSync("build/relaxed.wasm")), 16 * 1024],
  ["library with kernels inlined", await bundled("index"), 40 * 1024],
  ["n-gram models alone", await bundled("ngram"), 20 * 1024],
];
for (const [name, size, budget] of rows) {
  const verdict = size <= budget ? "" : "  OVER BUDGET";
  console.log(
    `${name.padEnd(30)} ${size.toLocaleString("en").padStart(7)} of ${budget.toLocaleString("en")} bytes${verdict}`,
  );
  if (verdict) process.exitCode = 1;
}
