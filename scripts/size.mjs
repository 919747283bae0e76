// Prints the gzipped sizes of what users download, compares them with their budgets, and fails if one is exceeded.
// Programs that use parts of the library are bundled by esbuild and by Vite, because bundlers remove different parts of
// unused code; the larger result counts. Four budgets are above their goals: those rows print the goal, too.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import * as vite from "vite";

process.chdir(new URL("..", import.meta.url).pathname);
const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;
const file = (path) => ({ file: gzipped(readFileSync(path)) });

/** Size of the files that a page loads to run a program: its bundle, and the chunks that it imports before it runs. */
async function bundled(program) {
  // Inside the package, where programs can import it by its name.
  const folder = mkdtempSync(join("build", "size-"));
  try {
    const entry = join(folder, "program.js");
    writeFileSync(entry, program);
    return { esbuild: await byEsbuild(entry), vite: await byVite(entry) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function byEsbuild(entry) {
  const { outputFiles, metafile } = await esbuild.build({
    entryPoints: [entry],
    outdir: "out",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    write: false,
    metafile: true,
  });
  const chunks = outputFiles.map(({ path, contents }) => {
    const name = relative(process.cwd(), path);
    const imports = metafile.outputs[name].imports.filter(({ kind }) => kind === "import-statement");
    return { name, code: contents, imports: imports.map((chunk) => chunk.path) };
  });
  return loaded(chunks, join("out", "program.js"));
}

async function byVite(entry) {
  const { output } = await vite.build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rollupOptions: { input: entry, preserveEntrySignatures: "strict" },
    },
  });
  const chunks = output.map(({ fileName, code, imports }) => ({ name: fileName, code, imports }));
  return loaded(chunks, chunks[output.findIndex(({ isEntry }) => isEntry)].name);
}

/** Total size of a chunk and everything that it imports, each gzipped. */
function loaded(chunks, entry) {
  const names = new Set([entry]);
  for (const name of names) for (const other of chunks.find((chunk) => chunk.name === name).imports) names.add(other);
  return chunks.filter(({ name }) => names.has(name)).reduce((sum, { code }) => sum + gzipped(code), 0);
}

const KB = 1024;
const rows = [
  ["kernels, strict", file("build/strict.wasm"), 16 * KB],
  ["kernels, relaxed", file("build/relaxed.wasm"), 16 * KB],
  ["rivulet, kernels inlined", await bundled('export * from "rivulet";'), 48 * KB, 40 * KB],
  ["rivulet/ngram", await bundled('export * from "rivulet/ngram";'), 25 * KB, 20 * KB],
  [
    "to load a network and generate",
    await bundled(`import { generate, loadModel } from "rivulet";
      export const write = async (file) => [...generate(await loadModel(file), { prompt: "It was " })].join("");`),
    37.5 * KB,
    24 * KB,
  ],
  [
    "to load n-grams and ask for words",
    await bundled(`import { loadNgram, nextTokens, stateAfter } from "rivulet/ngram";
      export const next = async (file, text) => {
        const model = await loadNgram(file);
        return nextTokens(model, stateAfter(model, text), 3);
      };`),
    14.5 * KB,
    10 * KB,
  ],
];
for (const [name, sizes, budget, goal] of rows) {
  const over = Math.max(...Object.values(sizes)) > budget;
  const verdict = over ? "  OVER BUDGET" : goal ? `  (goal: ${goal.toLocaleString("en")})` : "";
  const found = Object.entries(sizes).map(
    ([by, size]) => `${by === "file" ? "" : `${by} `}${size.toLocaleString("en")}`,
  );
  console.log(`${name.padEnd(34)} ${found.join(", ").padStart(28)} of ${budget.toLocaleString("en")} bytes${verdict}`);
  if (over) process.exitCode = 1;
}
