// The command as people and programs run it: dist/cli.js in a process of its own, in a directory of its own. npm test builds
// it first.

import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
