import { realpathSync } from "node:fs";
import { basename } from "node:path";
import { quote, visible } from "../check.js";
import { isDevice, removeUnfinished } from "../io/save.js";
import { UsageError } from "./args.js";
import { catchSignals } from "./signals.js";

/** Writes a message to standard error, with control characters shown as escapes. */
export const say = (sentence: string) => process.stderr.write(`${visible(sentence)}\n`);

/** Writes part of the result to standard output: on a terminal with control characters as escapes, else unchanged. */
export const write = (text: string) => process.stdout.write(process.stdout.isTTY ? visible(text) : text);

/** Runs an action that writes a file. A signal ends the command and removes the incomplete file. */
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

/** The files that commands save: an example name, the extensions of its format, and the format under any other name. */
const SAVED = {
  model: { example: "model.safetensors", endings: [".safetensors"], format: "a safetensors file" },
  ngram: { example: "model.arpa or model.ngram", endings: [".arpa", ".arpa.gz", ".ngram"], format: "an ARPA file" },
  counts: { example: "counts.parquet", endings: [".parquet"], format: "a Parquet file" },
};

/** Extensions that stand for a file format. */
const PROMISES = new Set(
  `arpa ngram parquet safetensors bin pt pth ckpt onnx pb tflite keras h5 hdf5 gguf ggml npy npz mat pkl pickle joblib
  mmap trie klm binlm blm fst txt text md json jsonl ndjson csv tsv yaml yml toml xml html pdf doc docx js mjs ts py wasm
  db sqlite gz zip tar tgz bz2 xz zst 7z`.split(/\s+/),
);

/**
 * Checks that a file name does not stand for a format other than the one saved under it.
 * @returns a sentence that says what will be saved, if the name does not tell
 * @throws UsageError if the extension stands for another format
 */
export function checkName(kind: keyof typeof SAVED, path: string): string | undefined {
  const { example, endings, format } = SAVED[kind];
  const name = basename(path).toLowerCase();
  if (isDevice(path) || endings.some((ending) => name.endsWith(ending))) return undefined;
  // An ARPA file is compressed under any name that ends in .gz.
  const zipped = kind === "ngram" && name.endsWith(".gz");
  const [, ending] = /.\.([^.]+)$/.exec(zipped ? name.slice(0, -3) : name) ?? [];
  if (ending === undefined || !PROMISES.has(ending))
    return `${path} will be ${zipped ? "a gzipped ARPA file" : format}`;
  throw new UsageError(
    `"--out" expected a name like ${example}, got ${quote(path)}: it will be ${format}, not what .${ending} promises`,
  );
}

/** Checks that saving `output` overwrites no input, even one given by another path. @throws UsageError if it would */
export function keepInputs(out: string, output: string, inputs: (string | undefined)[]): void {
  const place = placeOf(output);
  if (place === undefined || isDevice(output)) return;
  const input = inputs.find((path) => path !== undefined && placeOf(path === "-" ? "/dev/stdin" : path) === place);
  if (input === undefined) return;
  throw new UsageError(
    `"--out" expected a file that is not an input, got ${quote(out)}: saving ${quote(output)} would ` +
      `overwrite ${input === "-" ? "standard input" : quote(input)}`,
  );
}

/** Resolves a path and its links; undefined if nothing is there. */
function placeOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
