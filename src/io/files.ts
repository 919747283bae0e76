// Reading files in Node: texts in pieces, models whole.

import { closeSync, fstatSync, lstatSync, openSync, readlinkSync, readSync, type Stats, statSync } from "node:fs";
import { concat } from "../arrays.js";
import { quote, size } from "../check.js";
import { FormatError } from "../errors.js";
import { encodingAdvice } from "./encoding.js";
import { attempt, checkPath, FileError, pathOf, Reason, shown } from "./file-error.js";
import { gunzip } from "./gunzip.js";
import { isGzip } from "./gzip.js";
import { HEAD, notModel, notText } from "./kinds.js";

const PIECE = 1 << 18;

/**
 * Reads a UTF-8 text, gzipped or not, lazily in pieces. A leading byte order mark is skipped.
 * @param path a file, or "-" for standard input
 * @throws FileError (while reading) if there is no such file; if it is not UTF-8 text, saying what it is and what to do; or
 * if it is gzipped and was cut short or altered
 */
export function* readText(path: string): Generator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let read = 0;
  let carried: Uint8Array = new Uint8Array(0);
  const decode = (bytes: Uint8Array, stream: boolean) => {
    try {
      return decoder.decode(bytes, { stream });
    } catch (cause) {
      const all = concat([carried, bytes]);
      const at = firstInvalid(all);
      const byte = all[at]?.toString(16).toUpperCase().padStart(2, "0");
      const offset = read - carried.length + at;
      throw new FileError(
        `${shown(path)} expected UTF-8, got the byte 0x${byte} at offset ${offset}: ${encodingAdvice(all)}`,
        { cause },
      );
    }
  };
  for (const bytes of textBytes(pathOf(path))) {
    const piece = decode(bytes, true);
    if (piece !== "") yield piece;
    read += bytes.length;
    // A pipe may deliver one byte at a time, so bytes can stay carried over several pieces.
    carried = unfinished(concat([carried, bytes.subarray(-3)]));
  }
  decode(new Uint8Array(0), false);
}

/** Reads the bytes of a text, unpacked. @throws FileError if it is another kind of file */
function* textBytes(path: string): Generator<Uint8Array, void, undefined> {
  const file = readPieces(path);
  try {
    let [head, pieces] = peek(file);
    if (isGzip(head)) [head, pieces] = peek(gunzip(pieces, shown(path)));
    const other = notText(head);
    if (other !== undefined) throw new FileError(`${shown(path)} expected a text in UTF-8, got ${other}`);
    yield* pieces;
  } finally {
    file.return();
  }
}

/** Returns the first bytes, enough to recognize the kind of file, and an iterator over all bytes. */
function peek(pieces: Iterator<Uint8Array, void>): [Uint8Array, Generator<Uint8Array, void, undefined>] {
  const taken: Uint8Array[] = [];
  for (let length = 0; length < HEAD; length += taken.at(-1)!.length) {
    const { done, value } = pieces.next();
    if (done) break;
    taken.push(value);
  }
  const all = (function* () {
    yield* taken;
    for (let { done, value } = pieces.next(); !done; { done, value } = pieces.next()) yield value!;
  })();
  return [concat(taken), all];
}

/**
 * Reads the bytes of a file lazily, in pieces of up to 256 KiB.
 * @param path a file, or "-" for standard input
 * @throws FileError (while reading) if there is no such file
 */
export function* readPieces(path: string): Generator<Uint8Array, void, undefined> {
  const what = `cannot read ${shown(path)}`;
  const buffer = new Uint8Array(PIECE);
  const file = attempt(what, () => {
    if (path === "-") return 0;
    statOf(path);
    return openSync(path, "r");
  });
  try {
    for (;;) {
      const n = attempt(what, () => readSome(file, buffer));
      if (n === 0) return;
      yield buffer.slice(0, n);
    }
  } finally {
    if (file !== 0) closeSync(file);
  }
}

/** Reads available bytes and returns their number, 0 at the end. Waits for a terminal or pipe that has none yet. */
function readSome(file: number, buffer: Uint8Array): number {
  for (;;) {
    try {
      return readSync(file, buffer, 0, buffer.length, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

/** Returns the last bytes, at most three, from the start of a character on: it may continue in the next piece. */
function unfinished(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const last = bytes.slice(-3);
  const start = last.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return last.slice(start < 0 ? last.length : start);
}

/** Returns the offset of the first byte that does not begin a valid character. */
function firstInvalid(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i]!;
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    try {
      if (length > 1) decoder.decode(bytes.subarray(i, i + length));
    } catch {
      return i;
    }
    i += length;
  }
  return bytes.length;
}

/** Largest file in bytes: the weights, moments and best weights of a checkpoint take up to 1 GiB each. */
const MOST = 2 ** 32;

/** Reads an n-gram model's file in pieces. @throws FormatError (while reading) if it is another kind of file */
export function* modelPieces(path: string): Generator<Uint8Array, void, undefined> {
  const file = readPieces(path);
  try {
    const [head, pieces] = peek(file);
    checkModel(head);
    yield* pieces;
  } finally {
    file.return();
  }
}

function checkModel(head: Uint8Array): void {
  const other = notModel(head);
  if (other !== undefined) throw new FormatError(`expected a model, got ${other}`);
}

/** Reads a regular file: a device or a pipe may never end. @throws FileError; FormatError if it is another kind of file */
export function readBytes(path: string): Uint8Array {
  const bytes = attempt(`cannot read ${quote(path)}`, () => {
    // Checked before opening, since opening a pipe waits for its other end.
    checkFile(statOf(path));
    const file = openSync(path, "r");
    try {
      // Checked again: the file may have been replaced since.
      const { size: length } = checkFile(fstatSync(file));
      const bytes = new Uint8Array(length);
      for (let read = 0; ; ) {
        // One call reads less than 2 GiB.
        const n = readSync(file, bytes, read, Math.min(bytes.length - read, 2 ** 30), null);
        if (n === 0) return bytes.subarray(0, read);
        read += n;
      }
    } finally {
      closeSync(file);
    }
  });
  checkModel(bytes);
  return bytes;
}

function checkFile(stats: Stats): Stats {
  if (stats.isDirectory()) throw new Reason("it is a directory: name a file");
  if (!stats.isFile()) {
    const kind = stats.isFIFO() ? "pipe" : stats.isSocket() ? "socket" : "device";
    throw new Reason(`expected a file, got a ${kind}: copy it into a file first`);
  }
  if (stats.size <= MOST) return stats;
  throw new Reason(
    `expected at most ${size(MOST)}, more than any model has, got ${size(stats.size)}: name another file`,
  );
}

/** @throws Reason if no file can have that name or there is none, also at the end of a link */
function statOf(path: string): Stats {
  checkPath(path);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats) return stats;
  const link = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
  throw new Reason(
    link ? `it is a link to ${quote(readlinkSync(path))}, which does not exist` : "there is no such file or directory",
  );
}
