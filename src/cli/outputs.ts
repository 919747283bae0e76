import { realpathSync } from "node:fs";
import { quote, visible } from "../check.js";
import { isDevice, removeUnfinished } from "../io/save.js";
import { UsageError } from "./args.js";
import { catchSignals } from "./signals.js";

/** Writes what is not the result, to standard error; control characters in it are shown. */
export const say = (sentence: string) => process.stderr.write(`${visible(sentence)}\n`);

/** Writes a part of the result: on a terminal control characters are shown, anywhere else the bytes are as they are. */
export const write = (text: string) => process.stdout.write(process.stdout.isTTY ? visible(text) : text);

/** Runs what writes a file. A signal ends the command, and nothing is left of a file that is not complete. */
export async function writing(action: () => Promise<void>): Promise<void> {
  const release = catchSignals((code) => {
    removeUnfinished();
    process.exit(code);
  });
  try {
    await action();
  } finally {
    release();
  }
}

/** Makes sure that what is saved as `output` is written over nothing that is read, whatever it is called there. */
export function keepInputs(out: string, output: string, inputs: (string | undefined)[]): void {
  const place = placeOf(output);
  if (place === undefined || isDevice(output)) return;
  const input = inputs.find((path) => path !== undefined && placeOf(path === "-" ? "/dev/stdin" : path) === place);
  if (input === undefined) return;
  throw new UsageError(
    `"--out" expected a file that is not read, got ${quote(out)}: saving ${quote(output)} would ` +
      `overwrite ${input === "-" ? "standard input" : quote(input)}`,
  );
}

/** What a path leads to, links followed; undefined where there is nothing. */
function placeOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
