// Files, for Node: a text read in pieces, and a file that is replaced whole or not at all.

import {
  closeSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { size } from "../check.js";

const PIECE = 1 << 18;

/** What went wrong with a file: its name, what was expected, what to do. */
export class FileError extends Error {
  override name = "FileError";
}

const shown = (path: string) => (path === "-" ? "standard input" : JSON.stringify(path));

/** Runs an action on a file. Its error is given the file's name, but for a FileError, which has it already. */
export async function named<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Error && !(error instanceof FileError)) error.message = `${shown(path)}: ${error.message}`;
    throw error;
  }
}

/**
 * A UTF-8 text in pieces of up to 256 KiB, read as they are asked for. A byte order mark at its start is left out.
 * @param path a file, or "-" for standard input
 * @throws FileError (while reading) where there is no such file, or where and how it is not UTF-8
 */
export function* readText(path: string): Generator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let read = 0;
  let carried = new Uint8Array(0);
  const decode = (bytes: Uint8Array, stream: boolean) => {
    try {
      return decoder.decode(bytes, { stream });
    } catch (cause) {
      const all = Buffer.concat([carried, bytes]);
      const at = firstInvalid(all);
      const byte = all[at]?.toString(16).toUpperCase().padStart(2, "0");
      throw new FileError(
        `${shown(path)} expected UTF-8, got the byte 0x${byte} at offset ${read - carried.length + at}: ` +
          "convert it, for instance with iconv -f latin1 -t utf-8",
        { cause },
      );
    }
  };
  for (const bytes of readPieces(path)) {
    const piece = decode(bytes, true);
    if (piece !== "") yield piece;
    read += bytes.length;
    // A pipe may give a byte at a time: what was carried already goes on being carried.
    carried = unfinished(Buffer.concat([carried, bytes.subarray(-3)]));
  }
  decode(new Uint8Array(0), false);
}

/**
 * The bytes of a file in pieces of up to 256 KiB, read as they are asked for.
 * @param path a file, or "-" for standard input
 * @throws FileError (while reading) where there is no such file
 */
export function* readPieces(path: string): Generator<Uint8Array, void, undefined> {
  const what = `cannot read ${shown(path)}`;
  const buffer = new Uint8Array(PIECE);
  const file = attempt(what, () => (path === "-" ? 0 : openSync(path, "r")));
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

/** Reads what there is; 0 at the end. A terminal or pipe that has nothing yet is asked again. */
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

/** The last three bytes, from the start of a character on: there one begins that goes on in the next piece. */
function unfinished(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const last = bytes.slice(-3);
  const start = last.findIndex((byte) => (byte & 0xc0) !== 0x80);
  return last.slice(start < 0 ? last.length : start);
}

/** Offset of the first byte that begins no character. */
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

/** What a model and all that a checkpoint keeps beside it can take: a quarter of WebAssembly's memory each. */
const MOST = 2 ** 32;

/** The bytes of a file: not of a device or a pipe, which may never end. @throws FileError */
export function readBytes(path: string): Uint8Array {
  return attempt(`cannot read ${JSON.stringify(path)}`, () => {
    // Before it is opened: opening a pipe waits for its other end.
    const stats = statSync(path);
    if (stats.isDirectory()) throw new FileError(reasons.EISDIR);
    if (!stats.isFile()) {
      const kind = stats.isFIFO() ? "pipe" : stats.isSocket() ? "socket" : "device";
      throw new FileError(`expected a file, got a ${kind}: copy it into a file first`);
    }
    if (stats.size > MOST) {
      throw new FileError(
        `expected at most ${size(MOST)}, more than any model has, got ${size(stats.size)}: name another file`,
      );
    }
    const file = openSync(path, "r");
    try {
      const bytes = new Uint8Array(stats.size);
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
}

/**
 * Writes a file under a temporary name beside it, then renames it: whatever happens, the file is the old one or the new
 * one, whole. Where it is a link, what it points to is replaced; where it is a device or a pipe, it is written to.
 * @throws FileError; the file is then as it was
 */
export function writeWhole(path: string, bytes: Uint8Array | Iterable<Uint8Array>): void {
  const whole = bytes instanceof Uint8Array;
  attempt(`cannot save ${JSON.stringify(path)}${whole ? ` (${size(bytes.length)})` : ""}`, () => {
    const pieces = whole ? [bytes] : bytes;
    const target = existing(path);
    if (target && !target.file) {
      writeAll(path, pieces);
      return;
    }
    const final = target?.path ?? path;
    const temporary = join(dirname(final), `.${basename(final)}.${process.pid}.tmp`);
    try {
      writeAll(temporary, pieces, { mode: target?.mode ?? 0o666 });
      renameSync(temporary, final);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/** @param kept the rights of a file that is to outlast the machine: what cannot be, a device or a pipe, has none */
function writeAll(path: string, pieces: Iterable<Uint8Array>, kept?: { mode: number }): void {
  const file = openSync(path, "w", kept?.mode);
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at);
    }
    if (kept) fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Fails now where writing `bytes` bytes, as far as is known, would fail later, after an hour of training. @throws FileError */
export function checkWritable(path: string, bytes = 0): void {
  attempt(`cannot save ${JSON.stringify(path)}${bytes > 0 ? ` (${size(bytes)})` : ""}`, () => {
    const target = existing(path);
    if (target && !target.file) return;
    const final = target?.path ?? path;
    const probe = join(dirname(final), `.${basename(final)}.${process.pid}.tmp`);
    writeFileSync(probe, "");
    rmSync(probe, { force: true });
    const { bavail, bsize } = statfsSync(dirname(final));
    if (bavail * bsize < bytes) {
      throw new FileError(`only ${size(bavail * bsize)} are left on the device: free some, or save elsewhere`);
    }
  });
}

/** Whether a path names something that is written to, not replaced. */
export function isDevice(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}

/** What there is at a path, links followed. */
function existing(path: string): { path: string; file: boolean; mode: number } | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return undefined;
  if (stats.isDirectory()) throw new FileError("it is a directory: name a file in it");
  return { path: realpathSync(path), file: stats.isFile(), mode: stats.mode & 0o777 };
}

const reasons: Record<string, string> = {
  ENOENT: "there is no such file or directory",
  EACCES: "it is not permitted: check who owns it",
  EPERM: "it is not permitted: check who owns it",
  EISDIR: "it is a directory: name a file",
  ENOTDIR: "a part of the path is not a directory",
  ENOSPC: "no space is left on the device: free some, or save elsewhere",
  EDQUOT: "the disk quota is used up: free some, or save elsewhere",
  EFBIG: "the file is larger than is allowed here: save elsewhere",
  EROFS: "the file system is read-only: save elsewhere",
};

/** Why something could not be done with a file. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code && reasons[code]) ?? message;
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    if (cause instanceof FileError && cause.message.startsWith("cannot")) throw cause;
    throw new FileError(`${what}: ${reasonOf(cause)}`, { cause });
  }
}
