#!/usr/bin/env node
import { inspect } from "node:util";
import { version } from "../../package.json";
import { reasonOf } from "../io/file-error.js";
import { kernels as inlined } from "../wasm/inlined.js";
import { KERNEL_VARIANTS, provideKernels, selectKernels } from "../wasm/load.js";
import { useWideVectors } from "../wasm/wide.js";
import { Args, commandNamed, UsageError } from "./args.js";
import { type CommandName, commands } from "./commands.js";
import { evaluateCommand } from "./eval.js";
import { generateCommand } from "./generate.js";
import { help } from "./help.js";
import { nextCommand } from "./next.js";
import { countCommand, ngramCommand } from "./ngram.js";
import { say } from "./outputs.js";
import { predictCommand } from "./predict.js";
import { quantizeCommand } from "./quantize.js";
import { columnsOf } from "./terminal.js";
import { trainCommand } from "./train.js";

const run: Record<CommandName, (args: Args) => Promise<number>> = {
  train: trainCommand,
  eval: evaluateCommand,
  ngram: ngramCommand,
  count: countCommand,
  generate: generateCommand,
  predict: predictCommand,
  next: nextCommand,
  quantize: quantizeCommand,
};

async function main([name, ...argv]: string[]): Promise<number> {
  const columns = columnsOf(process.stdout);
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const about = argv.find((word) => !word.startsWith("-"));
    console.log(help(about === undefined ? undefined : commandNamed(about), columns));
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    console.log(version);
    return 0;
  }
  const command = commandNamed(name);
  const args = Args.parse(command, argv);
  if (args.has("help")) {
    console.log(help(command, columns));
    return 0;
  }
  const kernels = args.choice("kernels", KERNEL_VARIANTS);
  provideKernels(inlined);
  useWideVectors();
  if (kernels) selectKernels(kernels);
  return run[command](args);
}

// A closed pipe (rivulet generate … | head) is not a failure. It ends a command that only prints; training continues,
// so that the model is saved.
let unwritable = false;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  const closed = error.code === "EPIPE";
  if (!closed && !unwritable) {
    unwritable = true;
    process.exitCode = 1;
    say(`rivulet: cannot write to standard output: ${reasonOf(error) ?? error.message}`);
  }
  if (process.argv[2] !== "train") process.exit(closed ? 0 : 1);
});
// A failure of standard error cannot be reported anywhere.
process.stderr.on("error", () => {});

/**
 * Lets V8's compiler threads finish while the event loop still runs. At its end Node waits for them, and one that waits
 * for a garbage collection of the main thread then never ends (https://github.com/nodejs/node/issues/54918).
 */
const settle = () => new Promise((resolve) => setTimeout(resolve, 20));

const helpFor = (name = "") => (Object.hasOwn(commands, name) ? `${name} --help` : "--help");

main(process.argv.slice(2)).then(
  async (code) => {
    await settle();
    process.exitCode = code || (unwritable ? 1 : 0);
  },
  async (error: Error) => {
    say(`rivulet: ${error.message}`);
    if (error instanceof UsageError) say(`see rivulet ${helpFor(process.argv[2])}`);
    else if (process.env.RIVULET_DEBUG) say(inspect(error));
    process.exitCode = error instanceof UsageError ? 2 : 1;
    await settle();
  },
);
