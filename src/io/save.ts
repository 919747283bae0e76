// Writes files completely or not at all.

import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { quote, size } from "../check.js";
import { pause } from "../pause.js";
import { crc32, hex } from "./crc32.js";
import { attempt, checkPath, fileError, Reason } from "./file-error.js";

/** Bytes written between two checks whether to yield to the event loop. */
const PIECE = 1 << 22;

/**
 * Writes a file under a temporary name in the same directory, then renames it: whatever happens, the file is either the old one
 * or the complete new one. Permissions are kept. If it is a link, its target is replaced or created; a device or pipe is
 * written to directly.
 * @throws FileError if it cannot be written; the file is then unchanged
 */
export function writeWhole(path: string, bytes: Uint8Array): void {
  attempt(saving(path, bytes.length), () => {
    const output = open(path);
    try {
      output.write(bytes);
      output.finish();
    } finally {
      output.close();
    }
  });
}

/** Writes a file as writeWhole() does, but in pieces, yielding to the event loop. @throws FileError, and errors of `pieces` */
export async function writePieces(path: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  const breath = pause();
  try {
    const output = open(path);
    try {
      for await (const piece of pieces) {
        for (let at = 0; at < piece.length; at += PIECE) {
          output.write(piece.subarray(at, at + PIECE));
          await breath();
        }
      }
      output.finish();
    } finally {
      output.close();
    }
  } catch (cause) {
    throw fileError(saving(path), cause);
  }
}

/** Checks in advance, before hours of training, that `bytes` bytes can be written. @throws FileError if they cannot */
export function checkWritable(path: string, bytes = 0): void {
  attempt(saving(path, bytes), () => {
    const target = targetOf(path);
    if (target.device) return;
    open(path).close();
    const { bavail, bsize } = statfsSync(dirname(target.path));
    if (bavail * bsize < bytes) {
      throw new Reason(`only ${size(bavail * bsize)} are left on the device: free some, or save elsewhere`);
    }
  });
}

/** Returns true if a path is a device or pipe, which is written to rather than replaced. @throws FileError */
export const isDevice = (path: string): boolean => attempt(saving(path), () => targetOf(path).device);

/** Removes this process's unfinished temporary files. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

const saving = (path: string, bytes = 0) => `cannot save ${quote(path)}${bytes > 0 ? ` (${size(bytes)})` : ""}`;

interface Output {
  write(bytes: Uint8Array): void;
  /** Renames the temporary file to the target. */
  finish(): void;
  /** Closes the file; removes the temporary file if not finished. */
  close(): void;
}

function open(path: string): Output {
  const target = targetOf(path);
  const temporary = target.device ? undefined : createTemporary(target);
  const file = temporary?.file ?? openSync(path, "w");
  let closed = false;
  const close = () => {
    if (!closed) closeSync(file);
    closed = true;
  };
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    },
    finish() {
      // Devices and pipes cannot be synced.
      if (temporary) fsyncSync(file);
      close();
      if (!temporary) return;
      renameSync(temporary.path, target.path);
      unfinished.delete(temporary.path);
    },
    close() {
      close();
      if (temporary && unfinished.delete(temporary.path)) rmSync(temporary.path, { force: true });
    },
  };
}

/** The path after following links, and the file there, if any. */
interface Target {
  path: string;
  stats: Stats | undefined;
  device: boolean;
}

function targetOf(path: string): Target {
  checkPath(path);
  const stats = statOf(path);
  if (stats?.isDirectory()) throw new Reason("it is a directory: name a file in it");
  if (!stats && /[\\/]$/.test(path)) throw new Reason("its name ends like a directory's: name a file in it");
  if (stats?.isFile()) accessSync(path, constants.W_OK);
  return { path: stats ? realpathSync(path) : endOfLinks(path), stats, device: stats !== undefined && !stats.isFile() };
}

/** @returns undefined if there is no file, or only a dangling link */
const statOf = (path: string) => statSync(path, { throwIfNoEntry: false });

/** Returns the path that a dangling link points to. */
function endOfLinks(path: string): string {
  let end = path;
  // Bounded, since a circle of links can appear after the earlier check.
  for (let links = 0; links < 40; links++) {
    try {
      end = resolve(realpathSync(dirname(end)), readlinkSync(end));
    } catch {
      break;
    }
  }
  const directory = dirname(end);
  if (statOf(directory)) return end;
  const link = end === path ? "" : `it is a link to ${quote(end)}, and `;
  throw new Reason(`${link}the directory ${quote(directory)} does not exist: create it, or save elsewhere`);
}

/** The temporary files that this process is writing. */
const unfinished = new Set<string>();

/**
 * Creates a temporary file in the target's directory. Its name begins with a dot, identifies the process and cannot be guessed;
 * the flag "x" fails if the name exists, even as a link. The name does not contain the target's, which may already be as long
 * as the file system allows.
 */
function createTemporary({ path, stats }: Target): { file: number; path: string } {
  const directory = dirname(path);
  removeLeftovers(directory);
  const name = `.rivulet-${machine()}-${process.pid}-${randomBytes(8).toString("hex")}.tmp`;
  const temporary = join(directory, name);
  const file = openSync(temporary, "wx", stats ? stats.mode & 0o777 : 0o666);
  unfinished.add(temporary);
  if (stats) {
    // Only the superuser may change a file's owner.
    if (process.getuid?.() === 0) fchownSync(file, stats.uid, stats.gid);
    fchmodSync(file, stats.mode & 0o777); // regardless of the umask
  }
  return { file, path: temporary };
}

const TEMPORARY = /^\.rivulet-([0-9a-f]{8})-(\d+)-[0-9a-f]{16}\.tmp$/;
const DAY = 86_400_000;

/** Removes temporary files of killed processes: of this machine if the process has ended, of others if a day old. */
function removeLeftovers(directory: string): void {
  try {
    for (const name of readdirSync(directory)) {
      const [, at, process] = TEMPORARY.exec(name) ?? [];
      if (at === undefined) continue;
      const path = join(directory, name);
      const left = at === machine() ? !isAlive(Number(process)) : Date.now() - (statOf(path)?.mtimeMs ?? 0) > DAY;
      if (left) rmSync(path, { force: true });
    }
  } catch {
    // The directory cannot be listed, or a file belongs to another user: leftovers stay.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Identifies the scope of process ids: this boot of this machine and, on Linux, this container. */
function machine(): string {
  if (identity !== undefined) return identity;
  let name = hostname();
  try {
    name += readFileSync("/proc/sys/kernel/random/boot_id", "utf8") + readlinkSync("/proc/self/ns/pid");
  } catch {
    // Not on Linux.
  }
  identity = hex(crc32(new TextEncoder().encode(name)));
  return identity;
}
let identity: string | undefined;
