// The command's output fits a terminal of any width: pure functions over all widths, and the command on a pseudo-terminal
// made by util-linux's script.

import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { gradientFlowChart, lossChart } from "../src/cli/chart.js";
import { type CommandName, commands } from "../src/cli/commands.js";
import { help } from "../src/cli/help.js";
import { progressLine } from "../src/cli/progress.js";
import { FileError } from "../src/io/file-error.js";
import { CLI, commandIn, inProcess } from "./command.js";

const WIDTHS = Array.from({ length: 281 }, (_, i) => i + 20);
const widest = (text: string) => Math.max(...text.split("\n").map((line) => [...line].length));
const names = Object.keys(commands) as CommandName[];

describe("every width from 20 to 300", () => {
  it.each([
    { done: 0.005, epoch: 1, loss: 4.13, held: Number.NaN, unit: "token", tokensPerSecond: 69600 },
    { done: 0.5, epoch: 7, loss: 2.345, held: 2.4567, unit: "token", tokensPerSecond: 123.4 },
    { done: 0.99, epoch: 12345, loss: 123.456, held: 1234.5, unit: "token", tokensPerSecond: 12.3e6 },
    { done: 1, epoch: 10, loss: 1.5, held: 1.6, unit: "token", tokensPerSecond: 1e6 },
    { done: 1.02, epoch: 10, loss: 1.5, held: 1.6, unit: "token", tokensPerSecond: 1e6 },
  ])("holds the progress line, what matters most first: %o", (shown) => {
    const all = progressLine(shown, 3600 * 30, 0, Number.POSITIVE_INFINITY);
    expect(all).toMatch(
      /^[█░]{24} {1,3}\d+ % {2}epoch \d+ {2}loss [\d.]+ {2}(held out [\d.]+ {2})?[\d.]+[kM]? tokens\/s/,
    );
    for (const width of WIDTHS) {
      const line = progressLine(shown, 3600 * 30, 0, width - 1);
      expect(line.length).toBeLessThan(width);
      expect(line).toMatch(/\d+ % {2}loss [\d.]+|\d+ % {2}epoch \d+ {2}loss/);
      if (width > all.length) expect(line).toBe(all);
    }
    // Even a terminal narrower than any real one.
    for (let width = 1; width < 20; width++) expect(progressLine(shown, 1, 0, width).length).toBeLessThanOrEqual(width);
  });

  it("holds the charts", () => {
    const losses = Array.from({ length: 12345 }, (_, i) => 5 / (1 + i / 100));
    const norms = Float64Array.from({ length: 100 }, (_, i) => 1e-30 * 2 ** i);
    for (const width of WIDTHS) {
      for (const first of [1, 123456789]) {
        for (const n of [2, 3, 30, losses.length]) {
          expect(widest(lossChart(losses.slice(0, n), first, width))).toBeLessThanOrEqual(width);
        }
      }
      for (const shown of [norms, norms.subarray(0, 1), new Float64Array(50)]) {
        expect(widest(gradientFlowChart(shown, " of layer 12", width))).toBeLessThanOrEqual(width);
      }
    }
    expect(widest(lossChart(losses, 1, 300))).toBe(widest(lossChart(losses, 1, 80)));
  });

  it("holds the help", () => {
    for (const width of WIDTHS) {
      for (const name of [undefined, ...names]) {
        expect(widest(help(name, width)), name).toBeLessThanOrEqual(Math.min(width, 80));
      }
    }
  });
});

const pseudo = spawnSync("script", ["-qec", "stty cols 33; stty size", "/dev/null"], { encoding: "utf8" });
const terminals = /\b33\s*$/.test(pseudo.stdout ?? "");
if (!terminals) console.warn('skipped: the command on a terminal, which needs the "script" of util-linux');

describe.skipIf(!terminals)("on a terminal", () => {
  const { directory } = commandIn("width");
  afterAll(() => rmSync(directory, { recursive: true }));
  const TEXT = "The sea had jeeringly kept his finite body up. 海は広いな。\n".repeat(200);
  writeFileSync(join(directory, "text.txt"), TEXT);
  const NETWORK = "--hidden 8 --window 16 --batch 4 --out t.safetensors";
  /** Returns what a command writes to a terminal of a given width; standard output goes to a file. */
  function shown(columns: number, args: string, meanwhile = "") {
    const line = `stty cols ${columns}; ${meanwhile} ${process.execPath} ${CLI} ${args} > out`;
    const { stdout } = spawnSync("script", ["-qefc", line, "log"], { cwd: directory, encoding: "utf8" });
    return stdout;
  }
  const redraws = (output: string) =>
    output
      .split("\r\x1b[K")
      .slice(1)
      .map((part) => part.split("\r\n")[0]!);

  it.each([20, 40, 55, 80, 120])("of %i columns nothing that is redrawn or drawn wraps", (columns) => {
    const output = shown(columns, `train text.txt ${NETWORK} --epochs 4 --gradient-flow`);
    const lines = redraws(output);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect([...line].length).toBeLessThan(columns);
    expect(lines.at(-1)).toMatch(/100 % .*loss [\d.]+/);
    const last = lines.at(-1)!;
    const drawn = output
      .slice(output.indexOf(last) + last.length)
      .split("\r\n")
      .filter((line) => /[┤└┬]/.test(line));
    expect(drawn.length).toBe(22);
    for (const line of drawn) expect([...line].length).toBeLessThanOrEqual(columns);
  });

  it("the line follows a resize", () => {
    const resize = "( until grep -q loss log; do sleep 0.1; done; stty cols 30 < /dev/tty ) &";
    const lines = redraws(shown(100, `train text.txt ${NETWORK} --seconds 2.5 --valid 0`, resize));
    expect([...lines[0]!].length).toBeGreaterThan(50);
    expect([...lines.at(-1)!].length).toBeLessThan(30);
  });

  it("the help is as wide as it, and elsewhere 80 columns", () => {
    const args = ["-qec", `stty cols 44; ${process.execPath} ${CLI} help train`, "/dev/null"];
    const { stdout } = spawnSync("script", args, { encoding: "utf8" });
    expect(widest(stdout.replaceAll("\r", ""))).toBeLessThanOrEqual(44);
    expect(stdout).toContain("--hidden N");
  });
});

it("nothing is redrawn if it is not a terminal", () => {
  const { directory, run } = commandIn("no-terminal");
  writeFileSync(join(directory, "text.txt"), "The sea had jeeringly kept his finite body up. ".repeat(60));
  const { stderr } = run("train text.txt --hidden 8 --window 8 --batch 4 --epochs 3");
  for (const control of ["\r", "\x1b"]) expect(stderr).not.toContain(control);
  expect(stderr).toMatch(/█{24} 100 %/);
  rmSync(directory, { recursive: true });
});

it("help names every flag under a heading, and ends in examples that the command takes", async () => {
  for (const name of names) {
    const { groups, examples } = commands[name];
    const text = help(name, 80);
    for (const [heading, flags] of Object.entries(groups)) {
      expect(text).toContain(`\n${heading}:\n`);
      for (const flag of Object.keys(flags)) expect(text).toContain(`--${flag}`);
    }
    expect(examples.length).toBeGreaterThan(0);
    for (const [line] of examples) {
      expect(line).toMatch(new RegExp(`^rivulet ${name} `));
      // There are no such files, and nothing else is wrong.
      await expect(inProcess(line.replace("rivulet ", ""))).rejects.toThrow(FileError);
    }
  }
});

it.each(["train --help", "train -h", "help train", "--help train", "train --nonsense x y z -h"])(
  "%s is the help",
  (args) => {
    const { directory, run } = commandIn("help");
    expect(run(args)).toEqual({ status: 0, stdout: `${help("train", 80)}\n`, stderr: "" });
    rmSync(directory, { recursive: true });
  },
);
