import { realpathSync } from "node:fs";
import { basename } from "node:path";
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

/** What the commands save: an example of its name, the endings that say what it is, and what it is under another name. */
const SAVED = {
  model: { example: "model.safetensors", endings: [".safetensors"], format: "a safetensors file" },
  ngram: { example: "model.arpa or model.ngram", endings: [".arpa", ".arpa.gz", ".ngram"], format: "an ARPA file" },
  counts: { example: "counts.parquet", endings: [".parquet"], format: "a Parquet file" },
};

/** Endings that promise a format. */
const PROMISES = new Set(
  `arpa ngram parquet safetensors bin pt pth ckpt onnx pb tflite keras h5 hdf5 gguf ggml npy npz mat pkl pickle joblib
  mmap trie klm binlm blm fst txt text md json jsonl ndjson csv tsv yaml yml toml xml html pdf doc docx js mjs ts py wasm
  db sqlite gz zip tar tgz bz2 xz zst 7z`.split(/\s+/),
);

/**
 * Refuses a name that promises another format than the one saved under it.
 * @returns what will be saved, where the name does not tell
 * @throws UsageError
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

/** Makes sure that saving `output` overwrites nothing that is read, under whatever name. */
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
