// The command on a real terminal (made by script(1) of util-linux), and under the signals that can end it.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { quote, visible } from "../src/check.js";
import { loadModel, prepare, RecurrentModel, saveModel, whitespace } from "../src/entries/index.js";
import { readSafetensors } from "../src/io/safetensors.js";
import { CLI, commandIn } from "./command.js";

const { directory, run } = commandIn("terminal");
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const TEXT = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail. ".repeat(60);
writeFileSync(at("text.txt"), TEXT);

const hasScript = spawnSync("script", ["--version"]).status === 0;
if (!hasScript) console.warn("script(1) is not installed: nothing is tried at a terminal");
const shell = (args: string[]) =>
  [process.execPath, CLI, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");

/** Returns what the command writes to a terminal, whose line ends are \r\n. */
function atTerminal(args: string[]): string {
  const { stdout } = spawnSync("script", ["-qec", shell(args), "/dev/null"], { cwd: directory, encoding: "latin1" });
  return Buffer.from(stdout, "latin1").toString("utf8").replaceAll("\r\n", "\n");
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal
const SENT = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

describe("control characters", () => {
  const HOSTILE = ["\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\x7f\x08", "\r", "\u202eevil", "\u2066", "\u2028", "\0"];

  it("are shown in every message, and nothing else is", () => {
    for (let code = 0; code < 0x3000; code++) {
      const character = String.fromCharCode(code);
      expect(SENT.test(visible(`a${character}b`)), `U+${code.toString(16)}`).toBe(false);
      if (!SENT.test(character)) expect(visible(character)).toBe(character);
      expect(JSON.parse(quote(character))).toBe(character);
    }
    expect(visible("می\u200cخواهد 👩\u200d🔬 ❤\ufe0f\n\t")).toBe("می\u200cخواهد 👩\u200d🔬 ❤\ufe0f\n\t");
  });

  it.skipIf(!hasScript)("of a vocabulary are shown at a terminal, and are as they are in a pipe", async () => {
    // Tokens that no built-in tokenizer makes, but a hostile file may have.
    const { vocabulary } = prepare("a", whitespace(), { valid: 0, specials: ["<unk>", ...HOSTILE] });
    const model = await RecurrentModel.create({ tokenizer: whitespace(), vocabulary, hiddenSize: 2 });
    writeFileSync(at("hostile.safetensors"), saveModel(model));
    const args = ["generate", "hostile.safetensors", "--length", "300", "--prompt", "a \x1b[31m"];
    const shown = atTerminal(args);
    expect(shown).not.toMatch(SENT);
    for (const token of HOSTILE) expect(shown).toContain(visible(token));
    const piped = run(args);
    expect(piped.status).toBe(0);
    expect(visible(piped.stdout)).toBe(shown.slice(shown.lastIndexOf("\na ") + 1));
    for (const token of HOSTILE) expect(piped.stdout).toContain(token);
    expect(piped.stderr).not.toMatch(SENT);
  });

  it.skipIf(!hasScript).each([[], ["--json"]])(
    "of a training text are shown in samples at a terminal: %j",
    (...json) => {
      writeFileSync(at("hostile.txt"), `${HOSTILE.join(" ")} `.repeat(200));
      const flags = "--hidden 4 --window 8 --batch 4 --steps 2 --sample 300 --kernels strict --out sampled.safetensors";
      const args = ["train", "hostile.txt", "--tokens", "whitespace", ...flags.split(" "), ...json];
      const shown = atTerminal(args).replaceAll("\r\x1b[K", ""); // the progress line redraws itself
      expect(shown).not.toMatch(SENT);
      for (const token of ["\x9b31m", "\u202eevil", "\u2066"]) expect(shown).toContain(visible(token));
      if (json.length === 0) return;
      const piped = run(args);
      expect(piped.stdout).toContain("\x9b31m");
      const sampleIn = (output: string) => JSON.parse(/^{.*"sample".*}$/m.exec(output)![0]).sample;
      expect(sampleIn(shown)).toBe(sampleIn(piped.stdout));
    },
  );

  it.each([
    ["eval", "a\x9b31m\u202e.arpa", "text.txt"],
    ["generate", "a\x1b[31m\x07"],
    ["train", "text.txt", "--out", "no\x1b[2J/\x9bm"],
    ["train", "text.txt", "--cell", "\x1b[31m\x9b"],
    ["ngram", "text.txt", "--order", "\x1b[31m\u202e"],
    ["\x1b[31m\x9b"],
    ["train", "text.txt", "--\x1b[31m\x9b"],
  ])("of arguments are shown: %j", (...args) => {
    const { status, stderr, stdout } = run(args);
    expect(status).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/\\u00(9b|1b)/);
    expect(stderr).not.toMatch(SENT);
  });
});

describe("signals", () => {
  const TRAIN = "train text.txt --hidden 16 --window 16 --batch 8 --epochs 100000 --json --out";

  /** Starts a training run and waits for its first step. */
  async function training(
    out: string,
  ): Promise<{ child: ChildProcess; ended: Promise<{ code: number; stderr: string }> }> {
    const child = spawn(process.execPath, [CLI, ...`${TRAIN} ${out}`.split(" ")], { cwd: directory });
    let stderr = "";
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    const ended = new Promise<{ code: number; stderr: string }>((resolve) =>
      child.on("close", (code, signal) => resolve({ code: code ?? -constants.signals[signal!], stderr })),
    );
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.stdout.resume();
    return { child, ended };
  }

  async function stepsIn(out: string): Promise<number> {
    const bytes = readFileSync(at(`${out}.checkpoint.safetensors`));
    await loadModel(bytes);
    return JSON.parse(readSafetensors(bytes).metadata.training!).state.step;
  }

  it.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGUSR2", "SIGALRM", "SIGXCPU"] as const)(
    "%s: what was trained is saved, and the exit code is 128 and its number",
    async (signal) => {
      const { child, ended } = await training(signal);
      child.kill(signal);
      const { code, stderr } = await ended;
      expect(stderr).toContain(`to resume: rivulet train text.txt --resume ${signal}.checkpoint.safetensors`);
      expect(code).toBe(128 + constants.signals[signal]);
      expect(await stepsIn(signal)).toBeGreaterThan(0);
    },
  );

  it("several in a row save once", async () => {
    for (const others of [["SIGINT"], ["SIGINT", "SIGTERM", "SIGHUP", "SIGINT"]] as const) {
      const { child, ended } = await training("twice");
      child.kill("SIGINT");
      for (const signal of others) child.kill(signal);
      const { code, stderr } = await ended;
      // Where several are pending, the least number comes first.
      expect(others.length > 1 ? [129, 130, 143] : [130]).toContain(code);
      expect(stderr.split("to resume: ").length).toBe(2);
      expect(await stepsIn("twice")).toBeGreaterThan(0);
    }
  });

  it.each([
    ["outside of it", 'throw new Error("out of luck")'],
    ["in a step", 'performance.now = () => { delete performance.now; throw new Error("out of luck") }'],
  ])("a training that an error ends is saved, too: %s", (_, script) => {
    // After the first step, however long it takes to come.
    const hook = `const { write } = process.stdout;
      process.stdout.write = (...args) => {
        process.stdout.write = write;
        setTimeout(() => { ${script} }, 50);
        return write.apply(process.stdout, args);
      };`;
    const args = [`--import=data:text/javascript,${encodeURIComponent(hook)}`, CLI, ...`${TRAIN} crash`.split(" ")];
    // Without standard output: spawnSync would end the command at 1 MiB, which a fast machine prints in half a second.
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: directory,
      encoding: "utf8",
      timeout: 20_000,
      stdio: ["ignore", "ignore", "pipe"],
    });
    expect(stderr).toMatch(
      /rivulet: out of luck. To resume: rivulet train text.txt --resume crash.checkpoint.safetensors/,
    );
    expect(status).toBe(1);
  });

  it.skipIf(!hasScript)("a terminal that is gone: what was trained is saved", async () => {
    const command = shell(`${TRAIN} gone`.split(" "));
    const terminal = spawn("script", ["-qec", `${command}; echo $? >status`, "/dev/null"], { cwd: directory });
    await new Promise((resolve) => terminal.stdout.once("data", resolve));
    terminal.stdout.resume();
    await new Promise((resolve) => setTimeout(resolve, 200));
    terminal.kill("SIGKILL");
    const deadline = Date.now() + 15_000;
    while (!existsSync(at("gone.checkpoint.safetensors")) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await stepsIn("gone")).toBeGreaterThan(0);
  });

  it("while an n-gram model is written: nothing is left of it", async () => {
    writeFileSync(at("words.txt"), Array.from({ length: 400_000 }, (_, i) => `x${i}`).join(" "));
    for (const out of ["w.arpa", "w.arpa.gz"]) {
      const args = `ngram words.txt --order 2 --smoothing mle --out ${out}`;
      const child = spawn(process.execPath, [CLI, ...args.split(" ")], { cwd: directory, stdio: "ignore" });
      const ended = new Promise((resolve) => child.on("close", resolve));
      const unfinished = () => readdirSync(directory).filter((name) => name.startsWith(".rivulet-"));
      // An empty one only tests if the directory is writable.
      const length = () => unfinished().map((name) => statSync(at(name), { throwIfNoEntry: false })?.size)[0] ?? 0;
      while (length() === 0 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 1));
      child.kill("SIGTERM");
      expect(await ended).toBe(143);
      expect(unfinished()).toEqual([]);
      expect(existsSync(at(out))).toBe(false);
    }
  });
});
