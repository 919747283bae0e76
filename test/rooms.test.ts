// The rooms of src/, one folder each, and the direction of their imports: down only.

import { readdirSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { describe, expect, it } from "vitest";

const src = new URL("../src/", import.meta.url).pathname;

/** From the lowest room, which imports none of the others, to the highest. "." are the files beside the folders. */
const ROOMS = [
  ".", // checks, errors, arrays, random numbers, exact arithmetic
  "wasm", // the boundary to the kernels
  "text", // tokens and vocabularies
  "data", // batches
  "nn", // networks
  "lm", // language models
  "ngram", // n-gram models
  "train", // the training loop
  "vectors", // vectors of words
  "io", // files of all models
  "tasks", // models with data of their own
  "worker", // the library in a worker
  "entries", // what the package exports
  "cli", // the command
];

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const roomOf = (name: string) => (name.includes("/") ? name.slice(0, name.indexOf("/")) : ".");

/** Imports between files of src/, with those of types, and those on demand. */
function importsOf(name: string): string[] {
  const code = readFileSync(join(src, name), "utf8");
  return [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"(\.[^"]+)"/g)]
    .map(([, path]) => normalize(join(name, "..", path!)))
    .filter((path) => !path.startsWith(".."));
}

/** Imports of rooms above: "lm/next.ts imports io/model.js". */
const upward = (name: string, imports: readonly string[]) =>
  imports
    .filter((path) => ROOMS.indexOf(roomOf(path)) > ROOMS.indexOf(roomOf(name)))
    .map((path) => `${name} imports ${path}`);

describe("rooms", () => {
  it("are all in the table", () => {
    expect([...new Set(files.map(roomOf))].filter((room) => !ROOMS.includes(room))).toEqual([]);
  });

  it("import only from rooms below them", () => {
    const imports = files.map((name) => [name, importsOf(name)] as const);
    expect(imports.flatMap(([, paths]) => paths).length).toBeGreaterThan(200);
    expect(imports.flatMap(([name, paths]) => upward(name, paths))).toEqual([]);
  });

  it("are told apart from those above", () => {
    expect(upward("lm/next.ts", ["io/model.js", "text/ids.js"])).toEqual(["lm/next.ts imports io/model.js"]);
  });
});

/** A decision by the words of a message, such as `error.message.includes("…")` or `/…/.test(String(cause))`. */
const BY_WORDS = [
  /\bmessage\s*\??\.\s*(includes|startsWith|endsWith|match|matchAll|search|indexOf|replace|split|slice)\b/,
  /\bmessage\s*[!=]==/,
  /\.(test|exec)\(.*\b(message|String\((e|err|error|cause|reason)\))/,
  /\bString\((e|err|error|cause|reason)\)\s*\./,
];

describe("control flow", () => {
  it("does not depend on the words of messages", () => {
    const lines = files.flatMap((name) =>
      readFileSync(join(src, name), "utf8")
        .split("\n")
        .map((line) => `${name}: ${line.trim()}`),
    );
    expect(lines.filter((line) => BY_WORDS.some((pattern) => pattern.test(line)))).toEqual([]);
  });

  it.each([
    'if (error.message.includes("relaxed")) retry();',
    'throw new UsageError((error as Error).message.replace(/^"/, "--"));',
    "if (/out of memory/.test((cause as Error).message)) return;",
    'if (cause.message === "closed") return;',
    'if (String(error).startsWith("RangeError")) return;',
  ])("would be recognized in %s", (line) => {
    expect(BY_WORDS.some((pattern) => pattern.test(line))).toBe(true);
  });
});

describe("typed arrays", () => {
  it("are joined and grown in one place", () => {
    // Growing: a new array of a multiple of another's length. Joining: a length summed up by reduce().
    const byHand =
      /new \w*(Array|Type)\([^)]*(\* (1\.\d+|2)\b|\b2 \* \w+\.length)|Buffer\.concat|=> sum \+ length, 0\)\)/;
    const found = files.filter((name) => name !== "arrays.ts" && byHand.test(readFileSync(join(src, name), "utf8")));
    expect(found).toEqual([]);
  });
});
