// Small files with large claims: how to make each, and the expected message.

import { gzipSync } from "node:zlib";
import { crc32 } from "../src/io/crc32.js";
import { safetensors } from "./altered.js";

const many = (n: number, what: (i: number) => string) => Array.from({ length: n }, (_, i) => what(i)).join();
const word = (i: number) => `"${i.toString(36)}"`;
const metadata = (description: string) => safetensors(JSON.stringify({ __metadata__: { rivulet: description } }));
const deep = (scale: number) => "[".repeat(scale * 40e6);
const TENSOR = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
const UNIGRAMS = '"tokenizer":{"kind":"char"},"levels":[0,1,3000001,3000001],"trieBytes":0,"quantized":false';

/** Makes 3 MB of gzip that unpack to 3 GB. */
function bomb(scale: number, head: string, fill: string): Uint8Array {
  const part = gzipSync(Buffer.alloc(1 << 25, fill));
  return Buffer.concat([gzipSync(head), ...Array.from({ length: 90 * scale }, () => part)]);
}

function nested(depth: number): Uint8Array {
  let file: Uint8Array = gzipSync("\\data\\\n");
  for (let i = 0; i < depth; i++) file = gzipSync(file, { level: 0 });
  return file;
}

function ngram(description: string): Uint8Array {
  const bytes = Buffer.concat([Buffer.from("rivulet\n"), Buffer.alloc(12), Buffer.from(description)]);
  bytes.writeUInt32LE(1, 8);
  bytes.writeUInt32LE(description.length, 16);
  bytes.writeUInt32LE(crc32(bytes.subarray(16)), 12);
  return bytes;
}

export const HOSTILE: [name: string, make: (scale: number) => Uint8Array, expected: string][] = [
  ["zeros.gz", (x) => bomb(x, "", "\0"), "a longer one"],
  ["blank.arpa.gz", (x) => bomb(x, "", "\n"), "unpacks to at most 16 times its size plus 16.0 MiB"],
  ["comments.arpa.gz", (x) => bomb(x, "", "# a comment\n"), "if you trust the file, unpack it with gunzip"],
  ["binary.ngram.gz", (x) => bomb(x, "rivulet\n", "\0"), "unpacks to at most 8 times"],
  ["nested.gz", (x) => nested(5200 * x), "expected a model in gzip, got gzip in gzip: unpack it"],
  ["header.safetensors", (x) => safetensors(deep(x)), "expected at most 100 levels, got more"],
  ["objects.safetensors", (x) => safetensors('{"a":'.repeat(x * 8e6)), "expected at most 100 levels"],
  ["metadata.safetensors", (x) => metadata(deep(x)), "expected at most 100 levels"],
  [
    "tensors.safetensors",
    (x) => safetensors(`{${many(x * 1.5e6, (i) => `"${i}":${TENSOR}`)}}`),
    "at most 500000 values",
  ],
  ["keys.safetensors", (x) => safetensors(`{${many(x * 5e6, (i) => `${word(i)}:0`)}}`), "at most 500000 values"],
  ["shape.safetensors", (x) => safetensors(`{"a":{"shape":[${"1,".repeat(x * 2e7)}0]}}`), "at most 500000 values"],
  ["words.safetensors", (x) => metadata(`{"vocabulary":[${many(x * 5e6, word)}]}`), "at most 500000 values"],
  ["numbers.safetensors", (x) => metadata(`{"vocabulary":[${"1e999,".repeat(x * 6e6)}1]}`), "at most 500000 values"],
  ["deep.ngram", (x) => ngram(deep(x)), "expected at most 100 levels"],
  ["words.ngram", (x) => ngram(`{${UNIGRAMS},"vocabulary":[${many(x * 5e6, word)}]}`), "at most 500000 values"],
  ["claims.arpa", () => Buffer.from("\\data\\\nngram 1=999999999999\n\n\\1-grams:\n-1\ta\n"), "it is cut short"],
  ["blank.arpa", (x) => Buffer.alloc(x * 40e6, "\n"), "it is cut short"],
];
