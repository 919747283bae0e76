// Builds everything from source, in order: the kernels (assembly/ → build/*.wasm), the kernels as TypeScript modules
// (build/kernels.ts, and build/wide.ts, which only Node's entry needs), the exports that a module of kernels must have
// (build/abi.ts), the bundles (src/ → dist/*.js) and their types (dist/types/).
//
//   node scripts/build.mjs            everything
//   node scripts/build.mjs kernels    only the kernels, for the tests
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { zlibAsync } from "@gfx/zopfli";
import asc from "assemblyscript/asc";
import { build } from "esbuild";
import { tiles } from "./tiles.mjs";

process.chdir(new URL("..", import.meta.url).pathname);
const targets = ["strict", "relaxed", "wide"];

/** Files of dist/ with the kernels of each platform, by the condition of the package's exports that selects them. */
const KERNELS = { inlined: "kernels", workerd: "kernels.workerd", "edge-light": "kernels.edge-light" };
/** The entries that come with kernels, and so in a variant for each of those files: "index.workerd". */
const WITH_KERNELS = { index: "src/entries/with-kernels.ts", classify: "src/entries/classify-with-kernels.ts" };
const variants = Object.keys(WITH_KERNELS).flatMap((entry) =>
  ["workerd", "edge-light"].map((condition) => `${entry}.${condition}`),
);
/** Keeps the kernels out of the bundles, and makes the variants of the entries that come with them. */
const kernels = {
  name: "kernels",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/wasm\/(inlined|workerd|edge-light)\.js$/ }, ({ path }) => ({
      path: `./${KERNELS[path.match(/([\w-]+)\.js$/)[1]]}.js`,
      external: true,
    }));
    onResolve({ filter: /^\w+\.(workerd|edge-light)$/ }, ({ path }) => ({ path, namespace: "variant" }));
    onLoad({ filter: /.*/, namespace: "variant" }, ({ path }) => {
      const [entry, condition] = path.split(".");
      const source = readFileSync(WITH_KERNELS[entry], "utf8");
      return { contents: source.replace("/inlined.js", `/${condition}.js`), loader: "ts", resolveDir: "src/entries" };
    });
  },
};
const { version } = JSON.parse(readFileSync("package.json", "utf8"));

mkdirSync("build", { recursive: true });
for (const target of targets) {
  writeFileSync("build/tiles.ts", tiles(target));
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", target]);
  const messages = stderr.toString();
  if (messages) process.stderr.write(messages);
  if (error) process.exit(1);
  const file = `build/${target}.wasm`;
  writeFileSync(file, Buffer.concat([readFileSync(file), customSection("rivulet", `${version} ${target}`)]));
}

const bytes = (target) => readFileSync(`build/${target}.wasm`);
/**
 * Writes a module with the bytes of some builds, deflated together (Zopfli saves 6 % over zlib), and the length of
 * each.
 */
async function inlined(file, names) {
  const deflated = Buffer.from(await zlibAsync(Buffer.concat(names.map(bytes)), {}));
  const lengths = names.map((name) => `export const ${name} = ${bytes(name).length};\n`).join("");
  writeFileSync(file, `${lengths}export const deflated: string =\n  "${deflated.toString("base64")}";\n`);
}
await inlined("build/kernels.ts", ["relaxed", "strict"]);
await inlined("build/wide.ts", ["wide"]);
const exported = WebAssembly.Module.exports(new WebAssembly.Module(bytes("strict"))).map(({ name }) => name);
writeFileSync(
  "build/abi.ts",
  `export const release: string = "${version}";\nexport const exported: readonly string[] = ${JSON.stringify(exported)};\n`,
);

if (process.argv[2] !== "kernels") {
  rmSync("dist", { recursive: true, force: true });
  const settings = { outdir: "dist", bundle: true, format: "esm", target: "es2022", logLevel: "warning" };
  const { metafile } = await build({
    ...settings,
    entryPoints: {
      ...WITH_KERNELS,
      ...Object.fromEntries(variants.map((variant) => [variant, variant])),
      ngram: "src/entries/ngram.ts",
      node: "src/entries/node.ts",
      worker: "src/entries/worker.ts",
      cli: "src/cli/main.ts",
      // A temporary entry, deleted below: it keeps the modules that are loaded on demand in chunks of their own.
      unused: "src/text/vocabulary.ts",
    },
    plugins: [kernels],
    splitting: true,
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["node:*"],
    alias: { fs: "node:fs" }, // for chardet, which can also read files
    metafile: true,
  });
  // Without chunks: Parcel 2.16 loses some of a worker's, Vite 7 refuses a worker that has any.
  await build({
    ...settings,
    entryPoints: { "worker-thread": "src/entries/worker-thread.ts" },
    plugins: [kernels],
    platform: "neutral",
    mainFields: ["module", "main"],
  });
  await build({
    ...settings,
    entryPoints: Object.entries(KERNELS).map(([source, out]) => ({ in: `src/wasm/${source}.ts`, out })),
    external: ["*.wasm", "*.wasm?module"],
  });
  rmSync("dist/unused.js");
  // Remove imports of chunks only for their side effects: there are none, and bundlers warn about them.
  for (const name of readdirSync("dist").filter((name) => name.endsWith(".js"))) {
    const code = readFileSync(`dist/${name}`, "utf8");
    writeFileSync(`dist/${name}`, code.replace(/^import "\.\/[\w-]+\.js";\n/gm, ""));
  }
  chmodSync("dist/cli.js", 0o755);
  for (const target of ["strict", "relaxed"]) copyFileSync(`build/${target}.wasm`, `dist/${target}.wasm`);
  writeFileSync("dist/THIRD-PARTY.txt", licenses(Object.keys(metafile.inputs)));
  execFileSync("node", ["node_modules/typescript/bin/tsc", "--project", "tsconfig.build.json"], { stdio: "inherit" });
  writeFileSync(
    "dist/types/wasm.d.ts",
    "/** A WebAssembly.Module. */\ndeclare const module: object;\nexport default module;\n",
  );
}

/** Returns a custom section of WebAssembly with a short name and a short text. */
function customSection(name, text) {
  const content = Buffer.from(`${String.fromCharCode(name.length)}${name}${text}`);
  return Buffer.concat([Buffer.from([0, content.length]), content]);
}

/** Returns the licenses of the bundled packages. */
function licenses(inputs) {
  const packages = new Set(inputs.flatMap((input) => input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []));
  const texts = [...packages].sort().map((name) => {
    const { version, license, homepage } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
    const folder = `node_modules/${name}`;
    const files = readdirSync(folder).filter((entry) => /^(licen[cs]e|notice)/i.test(entry));
    const text = files.map((file) => readFileSync(`${folder}/${file}`, "utf8")).join("\n");
    return `${name} ${version}, ${license}, ${homepage ?? ""}\n\n${text}`;
  });
  return `The bundles beside this file contain parts of these packages.\n\n${texts.join("\n\n")}`;
}
