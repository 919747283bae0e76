// The command as people and programs run it: dist/cli.js in a process of its own, in a directory of its own. npm test builds
// it first.

import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Args, commandNamed } from "../src/cli/args.js";
import { evaluateCommand } from "../src/cli/eval.js";
import { generateCommand } from "../src/cli/generate.js";
import { nextCommand } from "../src/cli/next.js";
import { countCommand, ngramCommand } from "../src/cli/ngram.js";
import { predictCommand } from "../src/cli/predict.js";
import { quantizeCommand } from "../src/cli/quantize.js";
import { trainCommand } from "../src/cli/train.js";

export const CLI = new URL("../dist/cli.js", import.meta.url).pathname;

/** A new directory, and how to run the command there. */
export function commandIn(name: string) {
  const directory = mkdtempSync(join(tmpdir(), `rivulet-${name}-`));
  function run(args: string | string[], input?: string) {
    const words = typeof args === "string" ? args.split(" ").filter(Boolean) : args;
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], {
      cwd: directory,
      encoding: "utf8",
      ...(input !== undefined && { input }),
    });
    return { status, stdout, stderr };
  }
  return { directory, run };
}

/** Runs a command line in this process, far enough for usage errors. */
export async function inProcess(line: string): Promise<number> {
  const words = Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain!);
  const command = commandNamed(words[0]!);
  const args = Args.parse(command, words.slice(1));
  return {
    train: trainCommand,
    eval: evaluateCommand,
    generate: generateCommand,
    ngram: ngramCommand,
    count: countCommand,
    next: nextCommand,
    predict: predictCommand,
    quantize: quantizeCommand,
  }[command](args);
}
