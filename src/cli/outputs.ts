import { realpathSync } from "node:fs";
import { isDevice } from "../io/files.js";
import { UsageError } from "./args.js";

/** What is not the result goes to standard error. */
export const say = (sentence: string) => process.stderr.write(`${sentence}\n`);

/** Makes sure that what is saved as `output` is written over nothing that is read, whatever it is called there. */
export function keepInputs(out: string, output: string, inputs: (string | undefined)[]): void {
  const place = placeOf(output);
  if (place === undefined || isDevice(output)) return;
  const input = inputs.find((path) => path !== undefined && placeOf(path === "-" ? "/dev/stdin" : path) === place);
  if (input === undefined) return;
  throw new UsageError(
    `"--out" expected a file that is not read, got ${JSON.stringify(out)}: saving ${JSON.stringify(output)} would ` +
      `overwrite ${input === "-" ? "standard input" : JSON.stringify(input)}`,
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
