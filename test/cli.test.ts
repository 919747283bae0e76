// The command as people and programs run it: dist/cli.js in a process of its own. npm test builds it first.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../src/cli/args.js";
import { checkName } from "../src/cli/outputs.js";
import { readModel, readNgram } from "../src/entries/node.js";
import { generate } from "../src/lm/generate.js";
import { type NextToken, nextTokens, stateAfter } from "../src/lm/next.js";
import { evaluate } from "../src/lm/perplexity.js";
import { selectKernels } from "../src/wasm/load.js";
import { CLI, commandIn, inProcess } from "./command.js";

// Results of the command are computed again here and must be equal bit for bit.
selectKernels("strict");

const { directory, run } = commandIn("cli");
afterAll(() => rmSync(directory, { recursive: true }));

const TEXT = "The sea had jeeringly kept his finite body up, but drowned the infinite of his soul. ".repeat(60);
writeFileSync(join(directory, "text.txt"), TEXT);

const lines = (stdout: string) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
/** The fields of a progress line that do not depend on speed. */
const timeless = ({ tokensPerSecond: _, ...rest }: Record<string, unknown>) => rest;
const SMALL = "--hidden 16 --window 16 --batch 8 --lr 0.01";

describe("rivulet train", () => {
  it("--json: a line a step, one at the end; standard error has the rest", () => {
    const { status, stdout, stderr } = run(`train text.txt ${SMALL} --epochs 2 --json --out a.safetensors`);
    expect(status).toBe(0);
    const all = lines(stdout);
    const end = all.pop();
    expect(all.map(({ step }) => step)).toEqual(all.map((_, i) => i + 1));
    for (const line of all) {
      expect(Object.keys(line).slice(0, 7)).toEqual([
        "step",
        "epoch",
        "tokens",
        "loss",
        "perplexity",
        "gradNorm",
        "tokensPerSecond",
      ]);
    }
    expect(Object.keys(end)).toEqual(["done", "valid", "tokensPerSecond", "parameters"]);
    expect(end.done).toBe(true);
    expect(Object.keys(end.valid)).toEqual(["nats", "perplexity", "tokens"]);
    expect(end.valid).toEqual(all.at(-1).valid);
    expect(end.valid.tokens).toBe(Math.floor(TEXT.length * 0.1) - 1);
    const V = new Set(TEXT).size + 1; // and <unk>
    expect(end.parameters).toBe(16 * V + 16 * 16 + 32 + V * 16 + V);
    expect(stderr).toContain(
      "saved a.safetensors; to train it longer: rivulet train text.txt --resume a.checkpoint.safetensors",
    );
    expect(readdirSync(directory).sort()).toEqual(["a.checkpoint.safetensors", "a.safetensors", "text.txt"]);
  });

  it("without --json: a progress bar with speed and time left, a chart, the perplexity on standard output", () => {
    const { status, stdout, stderr } = run(`train text.txt ${SMALL} --epochs 3 --gradient-flow --out b.safetensors`);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^perplexity [\d.]+ on 509 held-out tokens \([\d.]+ nats, [\d.]+ bits per token\)\n$/);
    expect(stderr).toMatch(/4,590 tokens to train on, 510 tokens held out; \d+ distinct/);
    expect(stderr).toMatch(/[█░]{24}\s+\d+ % {2}epoch 1 {2}loss [\d.]+ {2}[\d.]+k? tokens\/s {2}\d:\d\d left/);
    expect(stderr).toMatch(/█{24} 100 % {2}epoch 3 .* held out [\d.]+/);
    expect(stderr).toContain("loss in nats, by step");
    expect(stderr).toContain("‖∂L/∂h_t‖, by step t; L is the loss at the last step");
  });

  it("gives the same losses twice, from a file or from standard input; other kinds of windows and tokens train too", () => {
    const losses = (args: string, input?: string) => {
      const { status, stdout, stderr } = run(`${args} ${SMALL} --steps 6 --json --out c.safetensors`, input);
      expect(status, stderr).toBe(0);
      return lines(stdout).map(timeless);
    };
    const first = losses("train text.txt --seed 5");
    expect(losses("train text.txt --seed 5")).toEqual(first);
    expect(losses("train - --seed 5", TEXT)).toEqual(first);
    expect(losses("train text.txt --seed 6")).not.toEqual(first);
    for (const more of [
      "--overlap 8",
      "--random",
      "--tokens word --lowercase",
      "--tokens whitespace --max-vocabulary 9",
      "--embedding 8 --layers 2 --dropout 0.2 --activation relu",
      "--optimizer sgd --momentum 0.5 --schedule step --clip 0",
      "--valid-file text.txt --schedule cosine --weight-decay 0",
      "--kernels strict",
    ]) {
      const all = losses(`train text.txt ${more}`);
      expect(all.length, more).toBe(7);
      expect((all.at(-1) as { valid: { nats: number } }).valid.nats, more).toBeGreaterThan(0);
    }
    expect(lines(run(`train text.txt ${SMALL} --steps 2 --valid 0 --json`).stdout).at(-1).valid).toBe(null);
    const early = run(`train text.txt --hidden 16 --window 16 --batch 8 --lr 3 --epochs 40 --patience 2 --json`);
    expect(lines(early.stdout).length).toBeLessThan(41 * 35);
  });

  it("Ctrl-C saves a checkpoint; the resumed run has the lines of the uninterrupted one", async () => {
    const args = `train text.txt ${SMALL} --epochs 12 --dropout 0.1 --layers 2 --json`;
    const whole = lines(run(`${args} --out whole.safetensors`).stdout);
    const child = spawn(process.execPath, [CLI, ...`${args} --out cut.safetensors`.split(" ")], { cwd: directory });
    let stdout = "";
    let stderr = "";
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.stdout.on("data", (data) => {
      stdout += data;
      if (stdout.split("\n").length > 60 && !child.killed) child.kill("SIGINT");
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect(status, stderr).toBe(130);
    const cut = lines(stdout);
    const [, resume] = /to resume: rivulet (train text\.txt --resume cut\.checkpoint\.safetensors)/.exec(stderr)!;
    expect(existsSync(join(directory, "cut.safetensors"))).toBe(false);
    const rest = lines(run(`${resume} --json`).stdout);
    expect([...cut, ...rest].map(timeless)).toEqual(whole.map(timeless));
    const files = ["whole", "cut"].map((name) => readFileSync(join(directory, `${name}.safetensors`)));
    expect(files[1]!.equals(files[0]!)).toBe(true);

    // Also longer than originally planned.
    const longer = lines(run("train text.txt --resume cut.checkpoint.safetensors --epochs 13 --json").stdout);
    expect(longer[0].step).toBe(whole.length);
    expect(longer.at(-2).epoch).toBe(13);
  });

  it("the command to go on is one that a shell takes, with the held-out file, the kernels and the total it needs", () => {
    const files = ["a text's.txt", "held out.txt"] as const;
    for (const name of files) writeFileSync(join(directory, name), TEXT);
    const flags = `${SMALL} --epochs 2 --patience 9 --kernels strict --json`.split(" ");
    const first = run(["train", files[0], "--valid-file", files[1], "--out", "of two.model", ...flags]);
    expect(first.stderr).toMatch(/ --epochs N, where N includes the 2 epochs so far\n$/);
    const [, command] = /to train it longer: rivulet (.*) --epochs N/.exec(first.stderr)!;
    expect(command).toBe(
      "train 'a text'\\''s.txt' --resume 'of two.model.checkpoint.safetensors' --out 'of two.model' " +
        "--valid-file 'held out.txt' --kernels strict",
    );
    const again = (more: string) =>
      spawnSync("bash", ["-c", `${process.execPath} ${CLI} ${command} ${more}`], { cwd: directory, encoding: "utf8" });
    const longer = again("--epochs 3 --json");
    expect(longer.stderr).toContain("resuming from step");
    expect(lines(longer.stdout).at(-2).epoch).toBe(3);
    expect(lines(longer.stdout).at(-1).valid.tokens).toBe(TEXT.length - 1);
    for (const more of ["--epochs 3", "--epochs 1", ""]) {
      const { status, stdout, stderr } = again(`${more} --json`);
      expect(stderr).toContain("nothing left to train: 3 epochs done; --epochs N is the total");
      expect([status, lines(stdout).length]).toEqual([0, 1]);
    }
    for (const name of [...files, "of two.model", "of two.model.checkpoint.safetensors"]) rmSync(join(directory, name));
  });

  it("the command to go on says what else it needs: text piped in, steps counted in all", () => {
    expect(run(`train - ${SMALL} --steps 2 --out p.safetensors`, TEXT).stderr).toContain(
      "to train it longer: rivulet train - --resume p.checkpoint.safetensors --steps N, with the same text piped in again, " +
        "where N includes the 2 steps so far",
    );
    expect(run(`train text.txt ${SMALL} --steps 2 --out /dev/null`).stderr).toMatch(/saved \/dev\/null\n$/);
    rmSync(join(directory, "p.safetensors"));
    rmSync(join(directory, "p.checkpoint.safetensors"));
  });

  it.each([
    "--cell lstm --forget-bias 1 --layers 2 --dropout 0.2",
    "--cell gru --init orthogonal --layers 2 --dropout 0.2",
    "--cell lstm --init xavier --tied",
    "--tied --embedding 16 --layers 2",
  ])("%s: trains, is evaluated, writes, and goes on with the same bits", (network) => {
    const train = (more: string) => {
      const { status, stdout, stderr } = run(`train text.txt ${more} --json`);
      expect(status, stderr).toBe(0);
      return lines(stdout).map(timeless);
    };
    const args = `--valid-file text.txt ${SMALL} ${network}`;
    const whole = train(`${args} --epochs 3 --out r1.safetensors`);
    const first = train(`${args} --epochs 1 --out r2.safetensors`).slice(0, -1);
    const rest = train("--resume r2.checkpoint.safetensors --valid-file text.txt --epochs 3");
    expect([...first, ...rest]).toEqual(whole);
    const [one, two] = ["r1", "r2"].map((name) => readFileSync(join(directory, `${name}.safetensors`)));
    expect(two!.equals(one!)).toBe(true);
    const [{ nats }] = lines(run("eval r2.safetensors text.txt --json").stdout);
    expect(nats).toBe((whole.at(-1) as { valid: { nats: number } }).valid.nats);
    const written = run("generate r2.safetensors --prompt The --length 40");
    expect([written.status, written.stdout.length]).toEqual([0, 44]);
    for (const name of ["r1", "r2"]) {
      for (const end of ["", ".checkpoint"]) rmSync(join(directory, `${name}${end}.safetensors`));
    }
  });

  it("a loss that diverges ends it with 1 and the last good weights, an earlier model untouched", () => {
    run(`train text.txt ${SMALL} --steps 3 --out d.safetensors`);
    const before = readFileSync(join(directory, "d.safetensors"));
    const more = "--steps 50 --optimizer sgd --activation relu --clip 0";
    const { status, stderr } = run(
      `train text.txt --hidden 16 --window 16 --batch 8 ${more} --lr 1e20 --out d.safetensors`,
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /the (loss|norm of the gradients) became \S+ at step \d+ .*They are saved in d\.checkpoint\.safetensors/,
    );
    expect(readFileSync(join(directory, "d.safetensors")).equals(before)).toBe(true);
    expect(run("eval d.checkpoint.safetensors text.txt").status).toBe(0);
  });
});

describe("rivulet train --sample", () => {
  it("shows the same sample that generate() makes after each evaluation, and leaves the training as it is", async () => {
    const args = `train text.txt ${SMALL} --epochs 3 --kernels strict --seed 4`;
    const plain = lines(run(`${args} --json --out plain.safetensors`).stdout);
    const shown = lines(run(`${args} --json --sample 20 --out shown.safetensors`).stdout);
    const [one, two] = ["plain", "shown"].map((name) => readFileSync(join(directory, `${name}.safetensors`)));
    expect(two!.equals(one!)).toBe(true);
    expect(shown.map(({ sample: _, ...rest }) => timeless(rest))).toEqual(plain.map(timeless));
    for (const line of shown) expect("sample" in line).toBe("step" in line && "valid" in line);
    const samples = shown.flatMap(({ sample }) => sample ?? []);
    expect(samples.length).toBe(3);
    const model = await readModel(join(directory, "shown.safetensors"));
    expect(samples.at(-1)).toBe([...generate(model, { length: 20, seed: 4 })].join(""));
    const { stderr } = run(`${args} --sample 20 --out shown.safetensors`);
    for (const sample of samples) expect(stderr).toContain(`:\n${sample}\n`);
    // Without held-out text one sample is printed at the end.
    const end = lines(
      run(`train text.txt ${SMALL} --steps 3 --valid 0 --sample 5 --json --out plain.safetensors`).stdout,
    );
    expect(end.map((line) => "sample" in line)).toEqual([false, false, true, false]);
    for (const name of ["plain", "shown"]) {
      for (const more of ["", ".checkpoint"]) rmSync(join(directory, `${name}${more}.safetensors`));
    }
  });
});

describe("rivulet train --from", () => {
  const SHORT = "--window 16 --batch 4 --lr 0.01";
  beforeAll(() => {
    writeFileSync(join(directory, "other.txt"), "His soul had kept the sea; zwölf ☃ drowned. ".repeat(40));
    expect(run(`train text.txt ${SMALL} --cell gru --epochs 8 --out base.safetensors`).status).toBe(0);
  });
  afterAll(() => {
    for (const name of readdirSync(directory)) if (/^(base|fine|cut|other)/.test(name)) rmSync(join(directory, name));
  });

  it("trains a model further: its network and vocabulary, new moments, another file", () => {
    const before = readFileSync(join(directory, "base.safetensors"));
    const { status, stdout, stderr } = run(
      `train other.txt --from base.safetensors ${SHORT} --epochs 4 --out fine.safetensors`,
    );
    expect([status, stderr.split("\n")[0]]).toEqual([0, "training base.safetensors further"]);
    expect(stderr).toMatch(/^\d+ tokens of the text \([\d.]+ %\) unknown to the model: read as <unk>$/m);
    expect(stdout).toMatch(/^perplexity/);
    const nats = (name: string) => lines(run(`eval ${name} other.txt --json`).stdout)[0].nats;
    expect(nats("fine.safetensors")).toBeLessThan(nats("base.safetensors") - 0.2);
    expect(readFileSync(join(directory, "base.safetensors")).equals(before)).toBe(true);
    // Only the weights of a checkpoint are used.
    const again = run(`train other.txt --from base.checkpoint.safetensors ${SHORT} --epochs 4 --out fine2.safetensors`);
    expect(again.status, again.stderr).toBe(0);
    const [one, two] = ["fine", "fine2"].map((name) => readFileSync(join(directory, `${name}.safetensors`)));
    expect(two!.equals(one!)).toBe(true);
  });

  it("can be resumed, with the same bits", () => {
    const args = `train other.txt --from base.safetensors ${SHORT} --json`;
    const whole = lines(run(`${args} --epochs 3 --out fine.safetensors`).stdout).map(timeless);
    const first = lines(run(`${args} --epochs 1 --out cut.safetensors`).stdout)
      .map(timeless)
      .slice(0, -1);
    const rest = lines(run("train other.txt --resume cut.checkpoint.safetensors --epochs 3 --json").stdout).map(
      timeless,
    );
    expect([...first, ...rest]).toEqual(whole);
  });

  it("replaces the model only where --out says so", () => {
    const path = join(directory, "base.safetensors");
    const before = readFileSync(path);
    const into = (more: string) => run(`train other.txt ${SHORT} --steps 1 ${more}`);
    symlinkSync("base.safetensors", join(directory, "model-link.safetensors"));
    rmSync(join(directory, "model.safetensors"), { force: true });
    symlinkSync("base.safetensors", join(directory, "model.safetensors"));
    for (const more of [
      "--from base.safetensors",
      "--from model.safetensors",
      "--from base.checkpoint.safetensors --out base.safetensors",
    ]) {
      const { status, stderr } = into(more);
      expect(stderr).toContain("would overwrite");
      expect(status).toBe(2);
    }
    expect(readFileSync(path).equals(before)).toBe(true);
    rmSync(join(directory, "model.safetensors"));
    rmSync(join(directory, "model-link.safetensors"));
    expect(into("--from base.safetensors --out base.safetensors").status).toBe(0);
    expect(readFileSync(path).equals(before)).toBe(false);
  });

  it.each([
    "tokens word",
    "lowercase",
    "min-count 2",
    "max-vocabulary 9",
    "cell rnn",
    "activation relu",
    "hidden 8",
    "layers 2",
    "embedding 2",
    "tied",
    "dropout 0.1",
    "init xavier",
    "forget-bias 1",
  ])("refuses --%s, which the model fixes", async (flag) => {
    const message = `"--${flag.split(" ")[0]}" is fixed by the model: leave it out with --from`;
    await expect(inProcess(`train other.txt --from base.safetensors --${flag}`)).rejects.toThrow(
      new UsageError(message),
    );
  });

  it("refuses an n-gram model, and --resume beside it", () => {
    writeFileSync(join(directory, "other.arpa"), "\\data\\\nngram 1=2\n\n\\1-grams:\n-1 <unk>\n-1 a\n\n\\end\\\n");
    const ngram = run("train other.txt --from other.arpa --out fine.safetensors");
    expect([ngram.status, ngram.stderr]).toEqual([2, expect.stringContaining("got the n-gram model other.arpa")]);
    const both = run("train other.txt --from base.safetensors --resume base.checkpoint.safetensors");
    expect([both.status, both.stderr]).toEqual([
      2,
      expect.stringContaining('expected "--from" or "--resume", got both'),
    ]);
  });
});

describe("the name that --out gives", () => {
  const kinds = [
    ["model", ["safetensors", "SafeTensors"], "a safetensors file"],
    ["ngram", ["arpa", "ngram", "arpa.gz", "NGRAM"], "an ARPA file"],
    ["counts", ["parquet"], "a Parquet file"],
  ] as const;

  it.each(kinds)("of a %s is refused where it promises another format", (kind, own, format) => {
    const promises = "bin pt onnx txt json safetensors arpa ngram parquet csv.gz ngram.gz PT h5 zip";
    for (const ending of promises.split(" ").filter((name) => !(own as readonly string[]).includes(name))) {
      const refused = () => checkName(kind, `saved.${ending}`);
      expect(refused).toThrow(UsageError);
      expect(refused).toThrow(`it will be ${format}, not what .`);
    }
    for (const ending of own) expect(checkName(kind, `saved.${ending}`)).toBe(undefined);
    for (const name of ["saved", "saved.v2", ".saved", ".pt"]) {
      expect(checkName(kind, name)).toBe(`${name} will be ${format}`);
    }
    if (kind === "ngram") expect(checkName(kind, "saved.gz")).toBe("saved.gz will be a gzipped ARPA file");
  });

  it.each([
    ["train text.txt --hidden 2 --window 4 --batch 2 --steps 1", "a safetensors file"],
    ["ngram text.txt --order 1 --smoothing mle", "an ARPA file"],
    ["count text.txt --order 1", "a Parquet file"],
  ])("%s: is checked before anything is done", (command, format) => {
    const files = readdirSync(directory);
    const refused = run(`${command} --out saved.bin`);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringContaining(`it will be ${format}, not what .bin`),
    ]);
    expect(readdirSync(directory)).toEqual(files);
    const taken = run(`${command} --out saved`);
    expect([taken.status, taken.stderr]).toEqual([0, expect.stringContaining(`saved will be ${format}\n`)]);
    for (const name of readdirSync(directory)) if (name.startsWith("saved")) rmSync(join(directory, name));
  });
});

describe("did you mean", () => {
  it.each([
    ["trian x", "train"],
    ["evaluate m x", "eval"],
    ["gen m", "generate"],
    ["n-gram x", "ngram"],
    ["counts x", "count"],
    ["--versoin", "--version"],
    ["train x --hiden 3", "--hidden"],
    ["train x --epoch 3", "--epochs"],
    ["train x --learning-rate 1", "--lr"],
    ["train x --batch-size 1", "--batch"],
    ["train x --num-layers 2", "--layers"],
    ["train x --output m", "--out"],
    ["train x -o m", "--out"],
    ["train x --weight_decay 0", "--weight-decay"],
    ["train x --smaple 3", "--sample"],
    ["generate x --temp 1", "--temperature"],
    ["generate x --topk 1", "--top-k"],
    ["generate x --max-tokens 1", "--length"],
    ["ngram x --discount_fallback", "--discount-fallback"],
    ["ngram x -o 5", "--order"],
    ["count x -o 5", "--order"],
    ["ngram x --arpa m", "--out"],
    ["eval m x --lower", "--lowercase"],
    ["train x --cell LSTM", "lstm"],
    ["train x --optimizer adam", "adamw"],
    ["train x --tokens words", "word"],
    ["train x --tokens characters", "char"],
    ["train x --activation ReLU", "relu"],
    ["train x --schedule cos", "cosine"],
    ["train x --init Xavier", "xavier"],
    ["ngram x --order 2 --smoothing kneser_ney", "kneser-ney"],
    ["ngram x --order 2 --smoothing backoff", "stupid-backoff"],
  ])("%s", async (line, meant) => {
    const usage = inProcess(line);
    await expect(usage).rejects.toThrow(UsageError);
    await expect(usage).rejects.toThrow(`: did you mean ${JSON.stringify(meant)}?`);
  });

  it.each([
    ["help genrate", 'did you mean "generate"?'],
    ["train x --kernels relax", 'did you mean "relaxed"?'],
    ["train x --order 3", "it belongs to rivulet ngram and rivulet count"],
  ])("%s ends in %s", (args, advice) => {
    const { status, stderr } = run(args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(advice)]);
  });

  it.each([
    ["ngram --text x --order 5", "name the text without a flag"],
    ["ngram x --order 5 -S 80%", "no limit on memory is needed"],
  ])("%s says what to do instead", async (line, advice) => {
    await expect(inProcess(line)).rejects.toThrow(advice);
  });
});

describe("a last update that goes too far", () => {
  it.each(["", "--valid 0", "--patience 1"])("ends it with 1 and saves no model: %s", (more) => {
    const { status, stdout, stderr } = run(
      `train text.txt --batch 8 --steps 1 --lr 1e38 ${more} --out far.safetensors`,
    );
    expect(stderr).toMatch(
      /the loss .* became (NaN|Infinity) at step 1 .*They are saved in far\.checkpoint\.safetensors\n$/,
    );
    expect([status, stdout, existsSync(join(directory, "far.safetensors"))]).toEqual([1, "", false]);
    const [{ nats }] = lines(run("eval far.checkpoint.safetensors text.txt --json").stdout);
    expect(nats).toBeGreaterThan(1);
    rmSync(join(directory, "far.checkpoint.safetensors"));
  });
});

describe("output that cannot be written", () => {
  const shell = (command: string) =>
    spawnSync("bash", ["-o", "pipefail", "-c", command.replaceAll("rivulet", `${process.execPath} ${CLI}`)], {
      cwd: directory,
      encoding: "utf8",
    });
  const train = `rivulet train text.txt ${SMALL} --steps 300 --json --out o.safetensors`;
  const FULL =
    "rivulet: cannot write to standard output: no space is left on the device: free some, or save elsewhere\n";
  afterEach(() => {
    for (const name of ["o.safetensors", "o.checkpoint.safetensors"]) rmSync(join(directory, name), { force: true });
  });

  it("does not end a training run, which continues and is saved", () => {
    const untold = shell(`${train} | head -1`);
    expect([untold.status, lines(untold.stdout).length]).toEqual([0, 1]);
    expect(untold.stderr).toContain("saved o.safetensors");
    const reference = readFileSync(join(directory, "o.safetensors"));
    for (const [more, status] of [
      ["2>&1 >/dev/null | head -1", 0],
      [">/dev/full", 1],
    ] as const) {
      rmSync(join(directory, "o.safetensors"));
      const result = shell(`${train} ${more}`);
      expect(result.status).toBe(status);
      expect(readFileSync(join(directory, "o.safetensors")).equals(reference), more).toBe(true);
      expect(result.stderr.split(FULL).length - 1).toBe(status);
    }
  });

  it("is one line of eval and generate, and no failure where the reader has left", () => {
    expect(shell(train).status).toBe(0);
    for (const command of ["rivulet eval o.safetensors text.txt", "rivulet generate o.safetensors --length 50000"]) {
      const full = shell(`${command} >/dev/full`);
      expect([full.status, full.stderr]).toEqual([1, FULL]);
      const left = shell(`${command} | true`);
      expect([left.status, left.stderr]).toEqual([0, ""]);
    }
  });
});

describe("a disk that fills up", () => {
  // A limit on file sizes makes writes fail halfway, like a full disk, and needs no privileges.
  const limited = (kilobytes: number, args: string) =>
    spawnSync("bash", ["-c", `ulimit -f ${kilobytes}; exec ${process.execPath} ${CLI} ${args}`], {
      cwd: directory,
      encoding: "utf8",
    });

  it("leaves the old model, no half-written new one, and saves whatever fits", () => {
    expect(run(`train text.txt ${SMALL} --steps 2 --out full.safetensors`).status).toBe(0);
    const before = readFileSync(join(directory, "full.safetensors"));
    const nothing = limited(2, `train text.txt --hidden 64 --window 16 --batch 8 --steps 2 --out full.safetensors`);
    expect(nothing.status).toBe(1);
    expect(nothing.stderr).toContain('cannot save "full.safetensors"');
    expect(nothing.stderr).toContain("the file is larger than the system allows: save elsewhere");
    expect(readFileSync(join(directory, "full.safetensors")).equals(before)).toBe(true);
    // The model fits, but its checkpoint does not.
    const model = limited(40, `train text.txt --hidden 64 --window 16 --batch 8 --steps 2 --out full.safetensors`);
    expect(model.status).toBe(1);
    expect(model.stderr).toContain('cannot save "full.checkpoint.safetensors"');
    expect(readFileSync(join(directory, "full.safetensors")).equals(before)).toBe(false);
    expect(run("eval full.safetensors text.txt").status).toBe(0);
    expect(readdirSync(directory).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe("rivulet eval and generate", () => {
  beforeAll(() => {
    expect(run(`train text.txt ${SMALL} --epochs 40 --valid 0 --out m.safetensors`).status).toBe(0);
  });

  it("eval --json has all that evaluate() has, and agrees with the training's", async () => {
    const [result] = lines(run("eval m.safetensors text.txt --json --kernels strict").stdout);
    expect(result).toEqual(
      JSON.parse(JSON.stringify(evaluate(await readModel(join(directory, "m.safetensors")), TEXT))),
    );
    expect(result.tokens).toBe(TEXT.length - 1);
    expect(result.perplexity / Math.exp(result.nats)).toBeCloseTo(1, 9);
    const trained = lines(run(`train text.txt ${SMALL} --steps 4 --valid-file text.txt --json`).stdout);
    const [same] = lines(run("eval model.safetensors - --json", TEXT).stdout);
    expect(same.nats).toBe(trained.at(-1).valid.nats);
  });

  it("eval counts what the model has never seen, and says it in words", () => {
    const [result] = lines(run("eval m.safetensors - --json", "The zéa 😀 had").stdout);
    expect([result.unknown, result.tokens]).toEqual([3, 12]);
    expect(result.perplexityExcludingUnknown).toBeLessThan(result.perplexity);
    const { stdout } = run("eval m.safetensors -", "The zéa 😀 had");
    expect(stdout).toMatch(
      /^perplexity [\d.]+ over 12 tokens\n[\d.]+ nats or [\d.]+ bits per token\n3 tokens unknown to the model/,
    );
  });

  it("generate writes the prompt and `length` tokens, the same for the same seed", () => {
    const write = (args: string) => {
      const { status, stdout } = run(`generate m.safetensors ${args}`);
      expect(status).toBe(0);
      return stdout;
    };
    const first = write("--prompt The --length 60 --seed 3 --temperature 0.7 --top-k 8 --top-p 0.9");
    expect(first).toMatch(/^The/);
    expect([...first].length).toBe(3 + 60 + 1);
    expect(write("--prompt The --length 60 --seed 3 --temperature 0.7 --top-k 8 --top-p 0.9")).toBe(first);
    const wild = [4, 5].map((seed) => write(`--prompt The --length 60 --temperature 9 --seed ${seed}`));
    expect(wild[0]).not.toBe(wild[1]);
    expect(write("--length 10").length).toBe(11);
    expect(TEXT).toContain(write("--prompt jeering --length 8 --temperature 0").trim());
    expect(run("generate m.safetensors --prompt zé --length 3").stderr).toContain(
      'the model has never seen "z" (U+007A), "é" (U+00E9): read as <unk>',
    );
  });
});

describe("rivulet next", () => {
  it("prints what nextTokens() returns after the text, of a network and of an n-gram model", async () => {
    expect(run("ngram text.txt --order 3 --tokens whitespace --discount-fallback --out n.arpa").status).toBe(0);
    for (const [file, text] of [["m.safetensors", "The "] as const, ["n.arpa", "The"] as const]) {
      const flags = ["--top", "4", "--kernels", "strict"];
      const { next } = JSON.parse(run(["next", file, text, "--json", ...flags]).stdout);
      const path = join(directory, file);
      const model = file.endsWith("arpa") ? await readNgram(path) : await readModel(path);
      expect(next).toEqual(nextTokens<never>(model as never, stateAfter<never>(model as never, text), 4));
      const { stdout } = run(["next", file, text, ...flags]);
      const shown = (next as NextToken[]).map(
        ({ token, probability }) => `${(100 * probability).toFixed(2).padStart(6)} %  ${JSON.stringify(token)}\n`,
      );
      expect(stdout).toBe(shown.join(""));
    }
    expect(run("next m.safetensors").stdout.trimEnd().split("\n")).toHaveLength(10);
    expect(run("next m.safetensors zT").stderr).toContain('the model has never seen "z"');
  });
});

describe("rivulet quantize", () => {
  it("saves a quarter of a network, which eval reads and train --from widens", async () => {
    run(`train text.txt --cell lstm --hidden 96 ${"--window 16 --batch 8"} --steps 2 --out whole.safetensors`);
    const { status, stderr } = run("quantize whole.safetensors --out small.safetensors");
    expect([status, stderr]).toEqual([
      0,
      expect.stringMatching(/^saved small.safetensors: [\d.]+ KiB, was [\d.]+ KiB\n$/),
    ]);
    const [whole, small] = ["whole", "small"].map(
      (name) => readFileSync(join(directory, `${name}.safetensors`)).length,
    );
    expect(small! / whole!).toBeLessThan(0.3);
    const model = await readModel(join(directory, "small.safetensors"));
    expect(lines(run("eval small.safetensors text.txt --json").stdout)[0]).toEqual(evaluate(model, TEXT));
    expect(lines(run("quantize whole.safetensors --out small.safetensors --json").stdout)).toEqual([
      { bytes: small, before: whole },
    ]);
    const further = run(
      "train text.txt --from small.safetensors --window 16 --batch 8 --steps 1 --out further.safetensors",
    );
    expect(further.stderr).toContain("converting the int8 weights of small.safetensors to float32 for training");
  });

  it("saves half of an n-gram model in binary form", () => {
    run("ngram text.txt --order 2 --tokens word --discount-fallback --out whole.ngram");
    expect(run("quantize whole.ngram --out small.ngram").status).toBe(0);
    expect(run("eval small.ngram text.txt").status).toBe(0);
    run("ngram text.txt --order 2 --tokens word --discount-fallback --quantize --out direct.ngram");
    expect(readFileSync(join(directory, "small.ngram"))).toEqual(readFileSync(join(directory, "direct.ngram")));
  });

  it.each([
    ["quantize whole.safetensors", '"--out" expected a file to save to, got none: MODEL itself is not changed'],
    ["quantize whole.safetensors --out whole.safetensors", "would overwrite"],
    ["quantize whole.safetensors --out small.onnx", "not what .onnx promises"],
    ["quantize whole.ngram --out small.arpa", "expected a name that ends in .ngram for an n-gram model"],
  ])("%s is refused", (line, message) => {
    const { status, stderr } = run(line);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("white space at the end of a prompt", () => {
  const write = (tokens: string, prompt: string) => {
    expect(run(`train text.txt --tokens ${tokens} --hidden 4 --window 4 --batch 2 --steps 1 --out w`).status).toBe(0);
    const { stdout } = run(["generate", "w", "--prompt", prompt, "--length", "1", "--temperature", "0"]);
    for (const name of ["w", "w.checkpoint.safetensors"]) rmSync(join(directory, name));
    return stdout;
  };

  it("of words is the space before the next one; of characters it is a token", () => {
    expect(write("word", "The sea  ")).toMatch(/^The sea( \w+|[,.])\n$/);
    expect(write("whitespace", "The sea\n")).toMatch(/^The sea \S+\n$/);
    expect(write("char", "The sea  ")).toMatch(/^The sea {2}.\n$/);
  });
});

describe("what is wrong", () => {
  beforeAll(() => {
    writeFileSync(join(directory, "empty.txt"), "");
    writeFileSync(join(directory, "short.txt"), "hello");
    writeFileSync(join(directory, "latin.txt"), Uint8Array.of(0x61, 0xe9, 0x62));
    for (const name of ["own.txt", "own.checkpoint.safetensors"]) writeFileSync(join(directory, name), TEXT);
    symlinkSync("own.txt", join(directory, "link.txt"));
    run(`train text.txt --valid-file text.txt ${SMALL} --epochs 1 --patience 2 --out patient.safetensors`);
    const model = readFileSync(join(directory, "m.safetensors"));
    writeFileSync(join(directory, "cut.bin"), model.subarray(0, 2000));
    model[model.length - 9]! ^= 64;
    writeFileSync(join(directory, "altered.bin"), model);
  });

  it.each([
    [
      "train short.txt",
      1,
      '"short.txt": the text to train on has 5 tokens, and 32 streams of a window of 64 need 2049',
    ],
    ["train empty.txt", 1, '"empty.txt": a text to train on expected at least one token, got none'],
    ["train latin.txt", 1, '"latin.txt" expected UTF-8, got the byte 0xE9 at offset 1: convert it'],
    ["train nothing.txt", 1, 'cannot read "nothing.txt": there is no such file'],
    ["train text.txt --valid-file empty.txt", 1, '"empty.txt": a held-out text expected at least 2 tokens, got 0'],
    [
      "train text.txt --resume m.checkpoint.safetensors --valid-file empty.txt",
      1,
      '"empty.txt": a held-out text expected at least 2 tokens, got 0',
    ],
    [
      "train text.txt --min-count 1000000",
      1,
      '"text.txt": no token occurs that often: "--min-count" expected fewer, got 1000000',
    ],
    ["train text.txt --out no/dir/m", 1, 'cannot save "no/dir/m": the directory "no/dir" does not exist: create it'],
    ["train text.txt --hidden 50000", 1, "GiB of memory, and WebAssembly has 4 GiB: use a smaller hidden size"],
    ["train text.txt --random --batch 1e9", 1, "a batch of 1000000000 windows of 64 steps needs"],
    ["train text.txt --resume m.safetensors", 1, '"m.safetensors": expected a checkpoint'],
    [
      "train short.txt --resume m.checkpoint.safetensors",
      1,
      "the checkpoint expected the 5100 tokens it was trained on, got 5",
    ],
    ["eval cut.bin text.txt", 1, '"cut.bin": '],
    ["eval altered.bin text.txt", 1, "the file was altered since it was saved"],
    ["eval text.txt text.txt", 1, '"text.txt": line 1: expected \\data\\, got "The sea had'],
    ["eval text.txt text.txt", 1, "is it an ARPA file?"],
    ["eval m.safetensors empty.txt", 1, '"empty.txt": a text to evaluate expected at least 2 tokens, got 0'],
    ["generate nothing", 1, 'cannot read "nothing"'],
    ["train text.txt --cell lru", 2, '"--cell" expected "rnn" or "gru" or "lstm", got "lru"'],
    ["train text.txt --hidden 1.5", 2, '"--hidden" expected an integer >= 1, got 1.5'],
    ["train text.txt --hidden=", 2, '"--hidden" expected a number, got ""'],
    ["train text.txt --valid 1", 2, '"--valid" expected a number in [0, 1), got 1'],
    ["train text.txt --valid 0.1 --valid-file text.txt", 2, 'expected "--valid" or "--valid-file", got both'],
    ["train text.txt --epochs 1 --steps 2", 2, 'expected one of "--epochs" and "--steps", got both'],
    ["train text.txt --overlap 64", 2, '"--overlap" expected less than the window of 64, got 64'],
    ["train text.txt --overlap 2 --random", 2, 'expected "--random" or "--overlap", got both'],
    ["train text.txt --momentum 0.5", 2, '"--momentum" expected "--optimizer sgd"'],
    ["train text.txt --optimizer sgd --weight-decay 1", 2, '"--weight-decay" expected "--optimizer adamw"'],
    ["train text.txt --lowercase", 2, '"--lowercase" expected "--tokens word"'],
    ["train text.txt --threads 4", 2, '"--threads" expected 1, got 4'],
    ["train text.txt --layers 1e9", 2, '"--layers" expected an integer from 1 to 1000, got 1000000000'],
    ["train text.txt --cell gru --activation relu", 2, '"--activation" expected "tanh"'],
    ["train text.txt --init zeros", 2, '"--init" expected "pytorch" or "xavier" or "orthogonal", got "zeros"'],
    ["train text.txt --forget-bias 1", 2, '"--forget-bias" expected "--cell lstm" with it'],
    ["train text.txt --cell lstm --forget-bias Infinity", 2, '"--forget-bias" expected a finite number, got Infinity'],
    ["train text.txt --tied --embedding 8", 2, '"--tied" expected "--embedding" to equal "--hidden", 128, got 8'],
    ["train text.txt --resume x --tied", 2, '"--tied" is fixed by the checkpoint'],
    ["train text.txt --patience 2 --valid 0", 2, '"--patience" expected "--valid" above 0 or "--valid-file"'],
    ["train short.txt --window 1 --batch 1 --patience 2", 2, '"--patience" expected at least 2 held-out tokens'],
    [
      "train text.txt --resume patient.checkpoint.safetensors",
      2,
      '"--patience" expected the text that was held out: give it with "--valid-file"\n',
    ],
    ["train own.txt --out own.txt", 2, '"--out" expected a file that is not an input, got "own.txt"'],
    ["train own.txt --out ./own.txt", 2, 'saving "./own.txt" would overwrite "own.txt"'],
    ["train own.txt --out link.txt", 2, 'saving "link.txt" would overwrite "own.txt"'],
    ["train link.txt --out own.txt", 2, 'saving "own.txt" would overwrite "link.txt"'],
    ["train text.txt --valid-file own.txt --out own.txt", 2, 'saving "own.txt" would overwrite "own.txt"'],
    [
      "train own.checkpoint.safetensors --out own.safetensors",
      2,
      'saving "own.checkpoint.safetensors" would overwrite "own.checkpoint.safetensors"',
    ],
    [
      "train text.txt --resume patient.checkpoint.safetensors --valid-file text.txt --out patient.checkpoint.safetensors",
      2,
      'would overwrite "patient.checkpoint.safetensors"',
    ],
    ["train text.txt --resume x --lr 1", 2, '"--lr" is fixed by the checkpoint'],
    ["train text.txt --frobnicate", 2, 'unknown flag "--frobnicate"'],
    ["train text.txt --foo.bar", 2, 'unknown flag "--foo.bar"'],
    ["train text.txt -x", 2, 'unknown flag "-x"'],
    ["train text.txt --constructor", 2, 'unknown flag "--constructor"'],
    ["train text.txt --hidden", 2, '"--hidden" expected a value (N), got nothing'],
    ["train text.txt --hidden -5", 2, '"--hidden" expected N, got "-5", which looks like a flag: write --hidden=-5'],
    ["train text.txt --hidden=-5", 2, '"--hidden" expected an integer >= 1, got -5'],
    ["train text.txt --out --json", 2, '"--out" expected FILE, got "--json", which looks like a flag'],
    ["train text.txt --json=5", 2, '"--json" expected no value, got "5"'],
    ["train text.txt --hidden 5 --hidden=6", 2, '"--hidden" expected once, got it twice'],
    ["train text.txt --json --json", 2, '"--json" expected once, got it twice'],
    ["train text.txt --out=", 2, '"--out" expected the name of a file, got ""'],
    ["train text.txt --valid-file=", 2, '"--valid-file" expected the name of a file, got ""'],
    ["train text.txt --resume=", 2, '"--resume" expected the name of a file, got ""'],
    ["train text.txt --kernels fast", 2, '"--kernels" expected "strict" or "relaxed" or "wide", got "fast"'],
    ["generate m.safetensors --top-k 0", 2, '"--top-k" expected an integer >= 1, got 0'],
    ["train", 2, "expected train TEXT, got none"],
    ["eval m.safetensors", 2, 'expected eval MODEL TEXT, got "m.safetensors"'],
    ["dance", 2, 'expected a command (train, eval, generate, predict, next, ngram, count, quantize), got "dance"'],
  ])("%s", (args, status, message) => {
    const result = run(args);
    expect(result.stderr).toContain(message);
    expect(result.status).toBe(status);
    expect(result.stdout).toBe("");
    expect(result.stderr).not.toMatch(/^\s+at /m); // no stack trace
  });

  it("a text is not overwritten by --out, even if piped in", () => {
    const command = `${process.execPath} ${CLI} train - --out own.txt < own.txt`;
    const { status, stderr } = spawnSync("bash", ["-c", command], { cwd: directory, encoding: "utf8" });
    expect(stderr).toContain('saving "own.txt" would overwrite standard input');
    expect(status).toBe(2);
    for (const name of ["own.txt", "own.checkpoint.safetensors"]) {
      expect(readFileSync(join(directory, name), "utf8"), name).toBe(TEXT);
    }
  });

  it("a prompt that begins with a dash is asked for as a shell takes it, and taken", () => {
    const { status, stderr } = run(["generate", "m.safetensors", "--prompt", "- hi"]);
    expect(status).toBe(2);
    expect(stderr).toContain(`"--prompt" expected TEXT, got "- hi", which looks like a flag: write --prompt='- hi'\n`);
    expect(run(["generate", "m.safetensors", "--prompt=- hi", "--length", "0"]).stdout).toBe("- hi\n");
  });

  it("help is no error", () => {
    for (const args of ["--help", "train --help", "eval --help", "generate --help"]) {
      const { status, stdout, stderr } = run(args);
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toContain("usage:");
    }
    expect(run("").status).toBe(2);
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(run("--version")).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
    expect(run("generate --help").stdout).toContain("below 1 is more cautious, above 1 wilder");
  });

  it("a reader that stops early is no error", async () => {
    const command = `${process.execPath} ${CLI} generate m.safetensors --length 20000 | head -c 100`;
    const { status, stderr } = spawnSync("bash", ["-o", "pipefail", "-c", command], {
      cwd: directory,
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
  });
});
