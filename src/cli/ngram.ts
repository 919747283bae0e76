import { POSITIVE, quote, SHARE } from "../check.js";
import { writeNgram } from "../entries/node.js";
import { named } from "../io/file-error.js";
import { readText } from "../io/files.js";
import { parquetWriter, readCounts, writeCounts } from "../io/parquet.js";
import { filesAt } from "../io/parquet-file.js";
import { checkWritable } from "../io/save.js";
import { evaluate } from "../lm/perplexity.js";
import { countNgrams } from "../ngram/count.js";
import type { NgramCounts } from "../ngram/counts.js";
import { kneserNey } from "../ngram/kneser-ney.js";
import { laplace } from "../ngram/laplace.js";
import { maximumLikelihood } from "../ngram/maximum-likelihood.js";
import type { NgramModel, Smoothing } from "../ngram/model.js";
import { stupidBackoff } from "../ngram/stupid-backoff.js";
import { countOf, MAX_ORDER } from "../ngram/trie.js";
import { perSecond } from "../pause.js";
import { type Args, UsageError } from "./args.js";
import { count, json } from "./numbers.js";
import { checkName, keepInputs, say, writing } from "./outputs.js";
import { sentenceTokenizerOf } from "./settings.js";

type Kind = Smoothing["kind"];
/** Flags that apply to each kind of smoothing. */
const FLAGS: Record<Kind, string[]> = {
  "kneser-ney": ["prune", "discount-fallback"],
  mle: [],
  laplace: ["k"],
  "stupid-backoff": ["alpha"],
};

export async function ngramCommand(args: Args): Promise<number> {
  const [text] = args.operands;
  const merged = args.file("counts");
  if ((text === undefined) === (merged === undefined)) {
    const got = text === undefined ? "neither (- is standard input)" : "both";
    throw new UsageError(`expected TEXT or "--counts", got ${got}`);
  }
  const validFile = args.file("valid-file");
  const order = orderOf(args);
  const estimate = estimateOf(args, order);
  const tokenizer = sentenceTokenizerOf(args);
  const sentences = tokenizer.spec.kind === "lines";
  if (merged !== undefined && args.has("skip-symbols")) {
    throw new UsageError('"--skip-symbols" expected TEXT, got "--counts", which has no symbols to skip');
  }
  // ARPA files do not store the tokenizer, so they are the default only for lines(), which readers assume.
  const out = args.file("out") ?? (sentences ? "model.arpa" : "model.ngram");
  const binary = /\.ngram$/i.test(out);
  if (args.has("quantize") && !binary) {
    throw new UsageError(`"--quantize" expected an "--out" that ends in .ngram, got ${quote(out)}`);
  }
  keepInputs(out, out, [text, validFile, ...(merged === undefined ? [] : await filesAt(merged))]);
  const untold = checkName("ngram", out);
  checkWritable(out);
  if (untold) say(untold);

  const start = performance.now();
  const counts =
    text === undefined
      ? await readCounts(merged!, { order, tokenizer })
      : await named(text, () => countNgrams(readText(text), { order, tokenizer }));
  const model = estimate(counts);
  const seconds = (performance.now() - start) / 1000;
  // Evaluated before saving, so that an existing model stays untouched if the text turns out to be bad.
  const valid = validFile && (await named(validFile, () => evaluate(model, readText(validFile))));
  await writing(() => named(out, () => writeNgram(out, model, { quantize: args.has("quantize") })));
  report(args, counts, model, seconds);
  if (args.has("json")) {
    console.log(
      json({
        done: true,
        valid: valid ?? null,
        tokensPerSecond: perSecond(tokensOf(counts), seconds),
        parameters: model.logP.length - 1 + (model.logB.length - 1),
        ngrams: lengths(model),
        smoothing: model.smoothing,
      }),
    );
  } else if (valid) {
    const infinite =
      valid.impossible > 0 ? `: the model gives ${valid.impossible.toLocaleString("en")} of them probability 0` : "";
    const perplexity = infinite ? "infinite" : valid.perplexity.toFixed(4);
    console.log(`perplexity ${perplexity} over ${count(valid.tokens, "held-out token")}${infinite}`);
    if (valid.unknown > 0) console.log(`${count(valid.unknown, "token")} unknown to the model`);
  }
  say(`saved ${out}`);
  if (!sentences && !binary) {
    const how = ["tokens", "lowercase", "wrapped"].flatMap((flag) =>
      args.has(flag) ? [`--${flag}`, args.text(flag)] : [],
    );
    const flags = how.filter((word) => typeof word === "string").join(" ");
    say(`an ARPA file does not store the tokenizer: pass ${flags} to eval and generate, too, or save as .ngram`);
  }
  return 0;
}

export async function countCommand(args: Args): Promise<number> {
  const [text] = args.operands as [string];
  const out = args.file("out") ?? "counts.parquet";
  keepInputs(out, out, [text]);
  const untold = checkName("counts", out);
  const order = orderOf(args);
  const tokenizer = sentenceTokenizerOf(args);
  checkWritable(out);
  if (untold) say(untold);
  await parquetWriter();
  const start = performance.now();
  const counts = await named(text, () => countNgrams(readText(text), { order, tokenizer }));
  const seconds = (performance.now() - start) / 1000;
  await writing(() => named(out, () => writeCounts(out, counts)));
  report(args, counts, counts, seconds);
  if (args.has("json")) {
    console.log(json({ done: true, tokensPerSecond: perSecond(tokensOf(counts), seconds), ngrams: lengths(counts) }));
  }
  say(`saved ${out}`);
  return 0;
}

function orderOf(args: Args): number {
  const order = args.integer("order", 1, MAX_ORDER);
  if (order === undefined) throw new UsageError(`"--order" expected an integer from 1 to ${MAX_ORDER}, got none`);
  return order;
}

/** Turns flags into an estimator. @throws UsageError if a flag is invalid or belongs to another kind of smoothing */
function estimateOf(args: Args, order: number): (counts: NgramCounts) => NgramModel {
  const kind = args.choice("smoothing", Object.keys(FLAGS) as Kind[]) ?? "kneser-ney";
  for (const [other, flags] of Object.entries(FLAGS)) {
    const given = other !== kind && flags.find((flag) => args.has(flag));
    if (given) throw new UsageError(`"--${given}" expected "--smoothing ${other}" with it, got ${kind}`);
  }
  const prune = pruneOf(args, order);
  const k = args.number("k", ...POSITIVE);
  const alpha = args.number("alpha", ...SHARE);
  switch (kind) {
    case "kneser-ney":
      return (counts) => kneserNey(counts, { prune, discountFallback: args.has("discount-fallback") });
    case "mle":
      return maximumLikelihood;
    case "laplace":
      return (counts) => laplace(counts, { k });
    case "stupid-backoff":
      return (counts) => stupidBackoff(counts, { alpha });
  }
}

function pruneOf(args: Args, order: number): number[] | undefined {
  const text = args.text("prune");
  if (text === undefined) return undefined;
  const thresholds = text
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  const ascending = thresholds.every((t, i) => Number.isSafeInteger(t) && t >= (thresholds[i - 1] ?? 0));
  if (text.trim() !== "" && ascending && thresholds.length <= order) return thresholds;
  throw new UsageError(
    `"--prune" expected up to ${order} thresholds like 0 0 1, in ascending order, got ${quote(text)}`,
  );
}

const lengths = ({ trie }: Pick<NgramCounts, "trie">): number[] =>
  Array.from({ length: trie.order }, (_, i) => countOf(trie, i + 1));

/** Number of tokens counted: words and sentence ends. */
function tokensOf({ trie, occurrences: count }: NgramCounts): number {
  let tokens = 0;
  for (let node = trie.levels[1]!; node < trie.levels[2]!; node++) tokens += count[node]!;
  return tokens;
}

function report(args: Args, counts: NgramCounts, { trie }: Pick<NgramCounts, "trie">, seconds: number): void {
  if (args.has("json")) return;
  const tokens = tokensOf(counts);
  const speed = count(Math.round(perSecond(tokens, seconds)), "token");
  say(`${count(tokens, "token")} in ${seconds.toFixed(1)} s: ${speed} per second`);
  lengths({ trie }).forEach((n, i) => void say(`${count(n, `${i + 1}-gram`)}`));
}
