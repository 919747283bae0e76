// The commands of n-gram models, ngram and count, and eval and generate on what they save: dist/cli.js in a process of its
// own. npm test builds it first.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { ByteWriter, parquetWrite } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNgram } from "../src/entries/node.js";
import { evaluate } from "../src/lm/perplexity.js";
import { Random } from "../src/random.js";
import { CLI, commandIn } from "./command.js";

const { directory, run } = commandIn("ngram-cli");
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const random = new Random(3);
/** A few words are frequent, and many are rare, as in a text. */
const word = () => `w${Math.floor(600 ** random.float())}`;
const LINES = Array.from({ length: 1500 }, () => Array.from({ length: random.below(12) }, word).join(" "));
const textOf = (lines: string[]) => lines.map((line) => `${line}\n`).join("");
const TEXT = textOf(LINES);
writeFileSync(at("text.txt"), TEXT);
writeFileSync(at("a.txt"), textOf(LINES.slice(0, 700)));
writeFileSync(at("b.txt"), textOf(LINES.slice(700)));
writeFileSync(at("held.txt"), textOf(LINES.slice(100, 200)));
writeFileSync(at("unseen.txt"), "w1 w2\nw1 nobody w2\n");
writeFileSync(at("one.txt"), "hello\n");
writeFileSync(at("repeats.txt"), "the cat sat\n".repeat(20));
writeFileSync(at("symbols.txt"), "w1 w2\nw3 <s> w4\nw5 w6 </s>\n");

/** Returns the standard output of a run that must succeed. */
function done(args: string | string[], input?: string): string {
  const { status, stdout, stderr } = run(args, input);
  expect(status, stderr).toBe(0);
  return stdout;
}
/** Returns the single line of JSON on standard output. */
function object(stdout: string) {
  expect(stdout).toMatch(/^\{.*\}\n$/);
  return JSON.parse(stdout);
}
const evaluated = (model: string, text = "held.txt") => object(done(`eval ${model} ${text} --json`));
const read = (name: string) => readFileSync(at(name));

describe("a text in prose, gzipped", () => {
  const prose = "Mr. Starbuck saw it.\n“A whale?” he asked. It was\na whale.\n\nThe end\n\n".repeat(30);
  const packed = gzipSync(prose);
  writeFileSync(at("prose.txt.gz"), packed);
  const flags = "--order 2 --tokens sentence --lowercase --wrapped --discount-fallback";

  it("is read as sentences of words, from a file or standard input, and the model keeps how", () => {
    done(`ngram prose.txt.gz ${flags} --out prose.ngram`);
    const piped = spawnSync(
      process.execPath,
      [CLI, ..."ngram -".split(" "), ...flags.split(" "), "--out", "piped.ngram"],
      {
        cwd: directory,
        input: packed,
      },
    );
    expect(piped.status).toBe(0);
    expect(read("piped.ngram")).toEqual(read("prose.ngram"));
    // Sentences of 7, 9, 6 and 3 tokens, with their </s>.
    expect(evaluated("prose.ngram", "prose.txt.gz").tokens).toBe(30 * (7 + 9 + 6 + 3));
    expect(done("generate prose.ngram --length 20 --temperature 0")).toMatch(/^\S.*\n$/);
  });
});

describe("rivulet ngram", () => {
  beforeAll(() => {
    expect(run("ngram text.txt --order 3 --out m.arpa").status).toBe(0);
  });

  it("saves one model as .arpa, .arpa.gz and .ngram, and says what it counted", async () => {
    const { status, stdout, stderr } = run("ngram text.txt --order 3 --out m.arpa");
    expect([status, stdout]).toEqual([0, ""]);
    const tokens = TEXT.split(/\s+/).filter(Boolean).length + LINES.length;
    const said = stderr.split("\n");
    expect(said[0]).toMatch(/^[\d,]+ tokens in \d+\.\d s: [\d,]+ tokens per second$/);
    expect(said[0]!.startsWith(`${tokens.toLocaleString("en")} tokens`)).toBe(true);
    expect(said.slice(-2)).toEqual(["saved m.arpa", ""]);
    const [, ...lengths] = /^\\data\\\nngram 1=(\d+)\nngram 2=(\d+)\nngram 3=(\d+)\n/.exec(read("m.arpa").toString())!;
    expect(said.slice(1, 4)).toEqual(lengths.map((n, i) => `${Number(n).toLocaleString("en")} ${i + 1}-grams`));

    done("ngram text.txt --order 3 --out m.arpa.gz");
    expect(gunzipSync(read("m.arpa.gz")).equals(read("m.arpa"))).toBe(true);
    done("ngram text.txt --order 3 --out m.ngram");
    const expected = evaluated("m.arpa");
    expect(expected).toEqual(evaluate(await readNgram(at("m.arpa")), read("held.txt").toString()));
    expect(expected.perplexity).toBeGreaterThan(2);
    for (const name of ["m.arpa.gz", "m.ngram"]) expect(evaluated(name), name).toEqual(expected);

    done("ngram text.txt --order 3 --out q.ngram --quantize");
    expect(read("q.ngram").length).toBeLessThan(0.7 * read("m.ngram").length);
    expect(evaluated("q.ngram").nats).toBeCloseTo(expected.nats, 2);
  });

  it("without --out saves model.arpa; of standard input, too", () => {
    done("ngram - --order 3", TEXT);
    expect(read("model.arpa").equals(read("m.arpa"))).toBe(true);
    rmSync(at("model.arpa"));
  });

  it("--json: one object, with what was held out and how the model was made", () => {
    const { status, stdout, stderr } = run("ngram text.txt --order 3 --out j.ngram --valid-file held.txt --json");
    expect([status, stderr]).toEqual([0, "saved j.ngram\n"]);
    const result = object(stdout);
    expect(Object.keys(result)).toEqual(["done", "valid", "tokensPerSecond", "parameters", "ngrams", "smoothing"]);
    expect(result.done).toBe(true);
    expect(result.valid).toEqual(evaluated("j.ngram"));
    expect(result.tokensPerSecond).toBeGreaterThan(0);
    // p of every n-gram, b of all but the longest.
    const [one, two, three] = result.ngrams;
    expect(result.parameters).toBe(2 * (one + two) + three);
    expect(result.smoothing.kind).toBe("kneser-ney");
    expect(result.smoothing.discounts.length).toBe(3);
    expect(result.smoothing.prune).toEqual([0, 0, 0]);
    expect(object(done("ngram text.txt --order 3 --out j.ngram --json")).valid).toBe(null);
  });

  it("--valid-file prints the perplexity, and how much is unknown", () => {
    const { perplexity, tokens } = evaluated("m.arpa");
    expect(done("ngram text.txt --order 3 --out v.arpa --valid-file held.txt")).toBe(
      `perplexity ${perplexity.toFixed(4)} over ${tokens} held-out tokens\n`,
    );
    expect(done("ngram text.txt --order 3 --out v.arpa --valid-file unseen.txt")).toMatch(
      /^perplexity [\d.]+ over 7 held-out tokens\n1 token unknown to the model\n$/,
    );
    expect(done("eval v.arpa -", "w1 w2\nw1 nobody w2\n")).toMatch(
      /^perplexity [\d.]+ over 7 tokens\n.*\n1 token unknown to the model; perplexity [\d.]+ without it\n$/,
    );
  });

  it.each([
    ["", { kind: "kneser-ney", discounts: expect.any(Array), prune: [0, 0, 0] }],
    [
      "--smoothing kneser-ney --discount-fallback",
      { kind: "kneser-ney", discounts: expect.any(Array), prune: [0, 0, 0] },
    ],
    ["--smoothing mle", { kind: "mle" }],
    ["--smoothing laplace", { kind: "laplace", k: 1 }],
    ["--smoothing laplace --k 0.25", { kind: "laplace", k: 0.25 }],
    ["--smoothing stupid-backoff", { kind: "stupid-backoff", alpha: 0.4 }],
    ["--smoothing stupid-backoff --alpha 0.5", { kind: "stupid-backoff", alpha: 0.5 }],
  ])("smoothing: %s", (flags, smoothing) => {
    const { valid, ...rest } = object(
      done(`ngram text.txt --order 3 --out s.ngram --valid-file held.txt --json ${flags}`),
    );
    expect(rest.smoothing).toEqual(smoothing);
    expect(valid.nats).toBeGreaterThan(0);
    expect(evaluated("s.ngram")).toEqual(valid);
  });

  it("--k and --alpha matter", () => {
    const perplexity = (flags: string) =>
      object(done(`ngram a.txt --order 2 --out k.ngram --valid-file b.txt --json --smoothing ${flags}`)).valid
        .perplexityExcludingUnknown;
    expect(perplexity("laplace --k 0.01")).not.toBe(perplexity("laplace --k 1"));
    expect(perplexity("stupid-backoff --alpha 0.1")).not.toBe(perplexity("stupid-backoff --alpha 0.9"));
  });

  it("--prune leaves out n-grams that were counted so often or less", () => {
    const [whole, pruned, words] = [[], ["--prune", "0 0 1"], ["--prune", "0", "0", "1"]].map((flags) =>
      object(done(["ngram", "text.txt", "--order", "3", "--out", "p.arpa", "--json", ...flags])),
    );
    expect(pruned.smoothing).toEqual({ ...whole.smoothing, prune: [0, 0, 1] });
    expect(pruned.ngrams.slice(0, 2)).toEqual(whole.ngrams.slice(0, 2));
    const trigrams = new Map<string, number>();
    for (const line of LINES) {
      const words = ["<s>", ...line.split(" ").filter(Boolean), "</s>"];
      for (let i = 2; i < words.length; i++) {
        const trigram = words.slice(i - 2, i + 1).join(" ");
        trigrams.set(trigram, (trigrams.get(trigram) ?? 0) + 1);
      }
    }
    expect(whole.ngrams[2]).toBe(trigrams.size);
    expect(pruned.ngrams[2]).toBe([...trigrams.values()].filter((n) => n > 1).length);
    expect(words.ngrams).toEqual(pruned.ngrams);
    for (const flags of [["--prune", "0,0,1"], ["--prune=0,0,1"], ["--prune=0 0 1"], ["--prune=0", "0", "1"]]) {
      // Numbers before the text are also thresholds.
      const same = object(done(["ngram", "--order", "3", "--out", "p.arpa", "--json", ...flags, "text.txt"]));
      expect(same.ngrams, flags.join(" ")).toEqual(pruned.ngrams);
    }
  });

  it("a text that leaves the discounts undefined is told of --discount-fallback, which takes it", () => {
    const { status, stdout, stderr } = run("ngram repeats.txt --order 2 --out r.arpa");
    expect([status, stdout, existsSync(at("r.arpa"))]).toEqual([1, "", false]);
    expect(stderr).toMatch(/^rivulet: Kneser–Ney smoothing expected .* --discount-fallback\)\n$/);
    const { smoothing } = object(done("ngram repeats.txt --order 2 --out r.arpa --discount-fallback --json"));
    expect(smoothing.discounts).toContainEqual([0.5, 1, 1.5]);
    expect(done("generate r.arpa --temperature 0")).toBe("the cat sat\n");
  });

  it("<s> and </s> in the text are refused with their line, or skipped", () => {
    for (const command of ["ngram symbols.txt --order 2 --smoothing mle", "count symbols.txt --order 2"]) {
      const file = command.startsWith("count") ? "x.parquet" : "x.arpa";
      const { status, stdout, stderr } = run(`${command} --out ${file}`);
      expect([status, stdout, existsSync(at(file))]).toEqual([1, "", false]);
      expect(stderr).toMatch(/^rivulet: "symbols\.txt": line 2: the text has the word "<s>".*--skip-symbols\)\n$/);
    }
    done("ngram symbols.txt --order 2 --smoothing mle --skip-symbols --out skipped.arpa");
    done("ngram - --order 2 --smoothing mle --out plain.arpa", "w1 w2\nw3 w4\nw5 w6\n");
    expect(read("skipped.arpa").equals(read("plain.arpa"))).toBe(true);
  });

  it("maximum likelihood of what was never seen is infinite, which JSON.parse reads", () => {
    const command = "ngram text.txt --order 2 --smoothing mle --out mle.arpa --valid-file unseen.txt";
    expect(done(command)).toMatch(
      /^perplexity infinite over 7 held-out tokens: the model gives \d of them probability 0\n1 token unknown/,
    );
    const json = done(`${command} --json`);
    expect(json).toContain('"perplexity":1e999');
    const { valid } = object(json);
    expect([valid.nats, valid.perplexity, valid.unknown, valid.tokens]).toEqual([Infinity, Infinity, 1, 7]);
    expect(evaluated("mle.arpa", "unseen.txt")).toEqual(valid);
    expect(done("eval mle.arpa unseen.txt")).toMatch(
      /^perplexity infinite: the model gives \d of 7 tokens probability 0\n.*--smoothing kneser-ney\n$/,
    );
    expect(Number.isFinite(evaluated("mle.arpa", "text.txt").nats)).toBe(true);
  });

  it("--tokens char: for a binary file, since ARPA has no word for a space", () => {
    const command = "ngram text.txt --order 4 --tokens char --discount-fallback";
    const { status, stdout, stderr } = run(`${command} --out c.arpa`);
    expect([status, stdout, existsSync(at("c.arpa"))]).toEqual([1, "", false]);
    expect(stderr).toBe(
      'rivulet: "c.arpa": an ARPA file expected words without white space, got " " (U+0020): save the model in binary form\n',
    );
    done(`${command} --out c.ngram`);
    expect(evaluated("c.ngram").tokens).toBe(read("held.txt").length);
    expect(done("generate c.ngram --prompt w1 --length 30").length).toBeGreaterThan(10);
  });

  it("--tokens word: the binary form keeps how a text is to be read", () => {
    const text = "The cat, the dog. ";
    done("ngram - --order 2 --tokens word --lowercase --smoothing mle --out w.ngram", text);
    const { nats, tokens, unknown } = object(done("eval w.ngram - --json", text));
    // the cat , the dog . </s>: only the word after "the", which occurs twice, is uncertain.
    expect([tokens, unknown]).toEqual([6, 0]);
    expect(nats).toBeCloseTo((2 * Math.LN2) / 6, 6);
  });
});

describe("an ARPA file does not say what a token is", () => {
  const text = "The cat, the dog. The DOG, the mat! ";
  const NGRAM = "ngram - --order 2 --tokens word --lowercase --smoothing mle";

  it("flags do, to eval and to generate, as they were when it was made", () => {
    const { stderr } = run(`${NGRAM} --out low.arpa`, text);
    expect(stderr).toContain("pass --tokens word --lowercase to eval and generate, too, or save as .ngram\n");
    done(`${NGRAM} --out low.ngram`, text);
    const expected = object(done("eval low.ngram - --json", text));
    expect(expected.unknown).toBe(0);
    expect(object(done("eval low.arpa - --json --tokens word --lowercase", text))).toEqual(expected);
    expect(object(done("eval low.arpa - --json", text)).unknown).toBeGreaterThan(0);
    const prompt = ["--prompt", "The CAT", "--temperature", "0", "--length", "4"];
    expect(done(["generate", "low.arpa", "--tokens", "word", "--lowercase", ...prompt])).toBe(
      done(["generate", "low.ngram", ...prompt]),
    );
    expect(object(done("eval low.arpa - --json --tokens whitespace", text))).toEqual(
      object(done("eval low.arpa - --json", text)),
    );
    const skipped = done("eval low.arpa - --json --skip-symbols", "<s> the cat </s>\n");
    expect(object(skipped).tokens).toBe(3);
  });

  it("--tokens whitespace reads a model without </s> as it is read without the flag", () => {
    writeFileSync(at("open.arpa"), "\\data\\\nngram 1=3\n\n\\1-grams:\n-1 <unk>\n-0.5 a\n-0.5 b\n\n\\end\\\n");
    const plain = object(done("eval open.arpa - --json", "a b\na b\n"));
    expect(plain.tokens).toBe(4);
    expect(object(done("eval open.arpa - --json --tokens whitespace", "a b\na b\n"))).toEqual(plain);
  });

  it.each(["--tokens word", "--tokens whitespace", "--tokens word --lowercase", "--skip-symbols"])(
    "where the file says it, %s is refused",
    (flags) => {
      done(`${NGRAM} --out low.ngram`, text);
      for (const command of ["eval low.ngram text.txt", "generate low.ngram"]) {
        const { status, stdout, stderr } = run(`${command} ${flags}`);
        expect(stderr).toMatch(
          /^rivulet: "low\.ngram": "--[a-z-]+" expected an ARPA file, got a model that stores its tokenizer/,
        );
        expect([status, stdout]).toEqual([2, ""]);
      }
    },
  );
});

describe("rivulet count", () => {
  beforeAll(() => {
    mkdirSync(at("shards"));
    expect(run("count a.txt --order 3 --out shards/a.parquet").status).toBe(0);
    expect(run("count - --order 3 --out shards/b.parquet", textOf(LINES.slice(700))).status).toBe(0);
  });

  it("what is counted in parts makes the same model, to the byte", () => {
    const { status, stdout, stderr } = run("count text.txt --order 3 --out whole.parquet");
    expect([status, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(
      /^[\d,]+ tokens in .*\n[\d,]+ 1-grams\n[\d,]+ 2-grams\n[\d,]+ 3-grams\nsaved whole\.parquet\n$/,
    );
    for (const flags of ["--order 3", "--order 2", "--order 3 --smoothing laplace"]) {
      done(`ngram text.txt --out piece.arpa ${flags}`);
      for (const counts of ["whole.parquet", "shards"]) {
        done(`ngram --counts ${counts} --out sum.arpa ${flags}`);
        expect(read("sum.arpa").equals(read("piece.arpa")), `${counts} ${flags}`).toBe(true);
      }
    }
    done("ngram --counts shards/a.parquet --out sum.arpa --order 3");
    done("ngram a.txt --out piece.arpa --order 3");
    expect(read("sum.arpa").equals(read("piece.arpa"))).toBe(true);
  });

  it("without --out saves counts.parquet; --json has how many there are", () => {
    const { status, stdout, stderr } = run("count a.txt --order 3 --json");
    expect([status, stderr]).toEqual([0, "saved counts.parquet\n"]);
    const { ngrams, tokensPerSecond, ...rest } = object(stdout);
    expect(rest).toEqual({ done: true });
    expect(tokensPerSecond).toBeGreaterThan(0);
    expect(ngrams).toEqual(object(done("ngram a.txt --order 3 --out n.arpa --json")).ngrams);
    expect(read("counts.parquet").equals(read("shards/a.parquet"))).toBe(true);
    rmSync(at("counts.parquet"));
  });
});

describe("rivulet generate, of an n-gram model", () => {
  beforeAll(() => {
    for (const name of ["g.arpa", "g.ngram"]) expect(run(`ngram text.txt --order 3 --out ${name}`).status).toBe(0);
  });

  it("writes one sentence, the same for one seed, from whichever file", () => {
    const all = Array.from({ length: 6 }, (_, seed) => done(`generate g.arpa --seed ${seed}`));
    for (const [seed, sentence] of all.entries()) {
      expect(sentence).toMatch(/^(w\d+( w\d+)*)?\n$/);
      expect(sentence.split(" ").length).toBeLessThan(100);
      for (const name of ["g.arpa", "g.ngram"]) expect(done(`generate ${name} --seed ${seed}`), name).toBe(sentence);
    }
    expect(new Set(all).size).toBeGreaterThan(3);
  });

  it("goes on from a prompt, up to --length words", () => {
    expect(done(["generate", "g.ngram", "--prompt", "w1 w2", "--length", "1", "--top-k", "2"])).toMatch(
      /^w1 w2( w\d+)?\n$/,
    );
    const { stdout, stderr } = run("generate g.ngram --prompt nobody");
    expect(stdout).toMatch(/^nobody( w\d+)*\n$/);
    expect(stderr).toBe('the model has never seen "nobody": read as <unk>\n');
  });
});

describe("what is wrong", () => {
  const KEPT = ["text.txt", "kept.arpa", "kept.ngram", "kept.parquet", "only/a.parquet"];
  const before = new Map<string, Buffer>();

  beforeAll(() => {
    mkdirSync(at("only"));
    mkdirSync(at("bare"));
    symlinkSync("text.txt", at("link.txt"));
    for (const command of [
      "ngram a.txt --order 3 --out kept.arpa",
      "ngram a.txt --order 3 --out kept.ngram",
      "ngram a.txt --order 3 --out whole.arpa.gz",
      "count a.txt --order 2 --out kept.parquet",
      "count a.txt --order 2 --out only/a.parquet",
    ]) {
      expect(run(command).status, command).toBe(0);
    }
    writeFileSync(at("cut.arpa.gz"), read("whole.arpa.gz").subarray(0, 3000));
    writeFileSync(at("cut.arpa"), read("kept.arpa").subarray(0, 3000));
    writeFileSync(at("cut.ngram"), read("kept.ngram").subarray(0, 3000));
    writeFileSync(at("latin.txt"), Uint8Array.of(0x61, 0x20, 0xe9, 0x20, 0x62));
    const writer = new ByteWriter();
    parquetWrite({ writer, columnData: [{ name: "word", data: ["w1", "w2"], type: "STRING" }] });
    writeFileSync(at("other.parquet"), writer.getBytes());
    for (const name of KEPT) before.set(name, read(name));
  });

  it.each([
    ["ngram text.txt", 2, '"--order" expected an integer from 1 to 10, got none'],
    ["ngram --counts only --order 2 --out only/a.parquet", 2, '"--out" expected a file that is not an input'],
    ["ngram a.txt --order 3 --out kept.arpa --valid-file nothing", 1, 'cannot read "nothing"'],
    ["ngram a.txt --order 2 --out kept.safetensors", 2, '"--out" expected a name like model.arpa or model.ngram'],
    ["ngram a.txt --order 2 --prune 0,0,1", 2, '"--prune" expected up to 2 thresholds'],
    ["ngram --counts kept.parquet --order 2 --skip-symbols", 2, '"--skip-symbols" expected TEXT'],
    ["ngram text.txt --order 0", 2, '"--order" expected an integer from 1 to 10, got 0'],
    ["ngram text.txt --order 12", 2, '"--order" expected an integer from 1 to 10, got 12'],
    ["ngram text.txt --order 1.5", 2, '"--order" expected an integer from 1 to 10, got 1.5'],
    ["ngram text.txt --order three", 2, '"--order" expected a number, got "three"'],
    ["ngram text.txt --order", 2, '"--order" expected a value (N), got nothing'],
    ["ngram text.txt --counts kept.parquet --order 2", 2, 'expected TEXT or "--counts", got both'],
    ["ngram --order 2", 2, 'expected TEXT or "--counts", got neither'],
    ["ngram --order 2 --counts=", 2, '"--counts" expected the name of a file, got ""'],
    ["ngram text.txt a.txt --order 2", 2, 'expected ngram TEXT, got "text.txt" "a.txt"'],
    ["ngram text.txt --order 2 --quantize --out kept.arpa", 2, '"--quantize" expected an "--out" that ends in .ngram'],
    [
      "ngram text.txt --order 2 --quantize",
      2,
      '"--quantize" expected an "--out" that ends in .ngram, got "model.arpa"',
    ],
    ["ngram text.txt --order 2 --k 1", 2, '"--k" expected "--smoothing laplace" with it, got kneser-ney'],
    ["ngram text.txt --order 2 --smoothing stupid-backoff --k 1", 2, '"--k" expected "--smoothing laplace" with it'],
    ["ngram text.txt --order 2 --smoothing laplace --k 0", 2, '"--k" expected a number > 0, got 0'],
    ["ngram text.txt --order 2 --alpha 0.4", 2, '"--alpha" expected "--smoothing stupid-backoff" with it'],
    [
      "ngram text.txt --order 2 --smoothing stupid-backoff --alpha 2",
      2,
      '"--alpha" expected a number in (0, 1], got 2',
    ],
    ["ngram text.txt --order 2 --smoothing mle --prune 0", 2, '"--prune" expected "--smoothing kneser-ney" with it'],
    [
      "ngram text.txt --order 2 --smoothing laplace --discount-fallback",
      2,
      '"--discount-fallback" expected "--smoothing kneser-ney" with it, got laplace',
    ],
    ["ngram text.txt --order 2 --prune 1,0", 2, '"--prune" expected up to 2 thresholds like 0 0 1, in ascending order'],
    ["ngram text.txt --order 2 --prune x", 2, '"--prune" expected up to 2 thresholds like 0 0 1'],
    ["ngram text.txt --order 2 --prune=", 2, '"--prune" expected up to 2 thresholds like 0 0 1'],
    ["ngram text.txt --order 2 --prune=-1", 2, '"--prune" expected up to 2 thresholds like 0 0 1'],
    ["ngram text.txt --order 2 --prune 0.5", 2, '"--prune" expected up to 2 thresholds like 0 0 1'],
    [
      "ngram text.txt --order 2 --smoothing good-turing",
      2,
      '"--smoothing" expected "kneser-ney" or "mle" or "laplace" or "stupid-backoff", got "good-turing"',
    ],
    ["ngram text.txt --order 2 --tokens byte", 2, '"--tokens" expected "char" or "word" or "sentence" or "whitespace"'],
    ["ngram text.txt --order 2 --lowercase", 2, '"--lowercase" expected "--tokens word" or "--tokens sentence"'],
    ["ngram text.txt --order 2 --tokens word --wrapped", 2, '"--wrapped" expected "--tokens sentence" with it'],
    ["ngram text.txt --order 2 --tokens char --skip-symbols", 2, '"--skip-symbols" expected "--tokens whitespace"'],
    ["ngram text.txt --order 2 --seed 1", 2, 'unknown flag "--seed"'],
    ["ngram text.txt --order 2 --out text.txt", 2, '"--out" expected a file that is not an input, got "text.txt"'],
    ["ngram link.txt --order 2 --out ./text.txt", 2, 'saving "./text.txt" would overwrite "link.txt"'],
    ["ngram a.txt --order 2 --valid-file text.txt --out link.txt", 2, 'saving "link.txt" would overwrite "text.txt"'],
    ["ngram --counts kept.parquet --order 2 --out kept.parquet", 2, 'saving "kept.parquet" would overwrite'],
    ["count text.txt", 2, '"--order" expected an integer from 1 to 10, got none'],
    ["count --order 2", 2, "expected count TEXT, got none"],
    ["count text.txt --order 11", 2, '"--order" expected an integer from 1 to 10, got 11'],
    ["count text.txt --order 2 --out text.txt", 2, '"--out" expected a file that is not an input, got "text.txt"'],
    ["count text.txt --order 2 --smoothing mle", 2, 'unknown flag "--smoothing"'],

    ["ngram nothing.txt --order 2 --out kept.arpa", 1, 'cannot read "nothing.txt": there is no such file'],
    [
      "ngram one.txt --order 2 --out kept.arpa",
      1,
      '"one.txt": a text to count n-grams in expected at least 2 words, got 1',
    ],
    ["ngram latin.txt --order 2 --out kept.arpa", 1, '"latin.txt" expected UTF-8, got the byte 0xE9 at offset 2'],
    ["ngram symbols.txt --order 2 --out kept.ngram", 1, '"symbols.txt": line 2: the text has the word "<s>"'],
    ["ngram repeats.txt --order 2 --out kept.ngram", 1, "use fixed discounts (discountFallback, --discount-fallback)"],
    ["ngram text.txt --order 2 --tokens char --discount-fallback --out kept.arpa", 1, "save the model in binary form"],
    ["ngram text.txt --order 2 --out no/dir/m.arpa", 1, 'cannot save "no/dir/m.arpa"'],
    ["ngram text.txt --order 2 --out only", 1, 'cannot save "only"'],
    [
      "ngram --counts other.parquet --order 2 --out kept.arpa",
      1,
      '"other.parquet": expected columns "ngram" (string) and "count"',
    ],
    ["ngram --counts text.txt --order 2 --out kept.arpa", 1, '"text.txt": expected a Parquet file'],
    [
      "ngram --counts nothing --order 2 --out kept.arpa",
      1,
      'cannot read "nothing": there is no such file or directory',
    ],
    ["ngram --counts bare --order 2 --out kept.arpa", 1, 'cannot read "bare": it has no files named *.parquet'],
    [
      "ngram --counts only --order 3 --out kept.arpa",
      1,
      "expected an integer from 1 to 2, the longest n-grams in the counts",
    ],
    ["count nothing.txt --order 2 --out kept.parquet", 1, 'cannot read "nothing.txt"'],
    [
      "count one.txt --order 2 --out kept.parquet",
      1,
      '"one.txt": a text to count n-grams in expected at least 2 words',
    ],
    ["count text.txt --order 2 --tokens char --out kept.parquet", 1, "without white space, got"],
    ["eval cut.arpa.gz text.txt", 1, '"cut.arpa.gz": expected a gzip file, got one that is cut short or altered'],
    ["eval cut.arpa text.txt", 1, '"cut.arpa": line '],
    ["eval cut.ngram text.txt", 1, '"cut.ngram": '],
    ["eval text.txt text.txt", 1, '"text.txt": '],
    ["generate cut.arpa.gz", 1, '"cut.arpa.gz": '],
  ])("%s", (args, status, message) => {
    const files = readdirSync(directory);
    const result = run(args);
    expect(result.stderr).toContain(message);
    expect([result.status, result.stdout]).toEqual([status, ""]);
    // One line, and for wrong usage a second one that says where to look it up.
    const more = status === 2 ? `see rivulet ${args.split(" ")[0]} --help\n` : "";
    expect(result.stderr).toMatch(/^rivulet: [^\n]+\n/);
    expect(result.stderr.slice(result.stderr.indexOf("\n") + 1)).toBe(more);
    expect(readdirSync(directory)).toEqual(files);
    for (const name of KEPT) expect(read(name).equals(before.get(name)!), name).toBe(true);
  });

  it("a model is read from a pipe, which can be read once", () => {
    const command = `${process.execPath} ${CLI} eval <(cat kept.arpa) text.txt --json`;
    const { stdout, stderr } = spawnSync("bash", ["-c", command], { cwd: directory, encoding: "utf8" });
    expect(stdout, stderr).toBe(done("eval kept.arpa text.txt --json"));
  });

  it("a text that is piped in from the file that --out names is still there", () => {
    const command = `${process.execPath} ${CLI} ngram - --order 2 --out text.txt < text.txt`;
    const { status, stdout, stderr } = spawnSync("bash", ["-c", command], { cwd: directory, encoding: "utf8" });
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain('saving "text.txt" would overwrite standard input');
    expect(read("text.txt").toString()).toBe(TEXT);
  });

  it("a disk that fills up leaves the model that was there", () => {
    // A limit on file sizes makes writes fail halfway, like a full disk, and needs no privileges.
    for (const [command, name] of [
      ["ngram text.txt --order 3", "kept.arpa"],
      ["ngram text.txt --order 3", "kept.ngram"],
      ["count text.txt --order 3", "kept.parquet"],
    ] as const) {
      const files = readdirSync(directory);
      const limited = `ulimit -f 4; exec ${process.execPath} ${CLI} ${command} --out ${name}`;
      const { status, stderr } = spawnSync("bash", ["-c", limited], { cwd: directory, encoding: "utf8" });
      expect(status, stderr).toBe(1);
      expect(stderr).toMatch(/^rivulet: cannot save "kept\.\w+".*\n$/);
      expect(read(name).equals(before.get(name)!), name).toBe(true);
      expect(readdirSync(directory)).toEqual(files);
    }
  });

  it("help is no error", () => {
    for (const command of ["ngram", "count"]) {
      const { status, stdout, stderr } = run(`${command} --help`);
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toMatch(new RegExp(`^usage: rivulet ${command} TEXT \\[flags\\]\n`));
      expect(stdout).toContain("--skip-symbols");
    }
  });
});
