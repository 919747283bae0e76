// File-system errors in plain words: which file, what is wrong with it, what to do.

import { quote, string } from "../check.js";

/** Thrown when a file cannot be read or written: names the file, the cause and the remedy. */
export class FileError extends Error {
  override name = "FileError";
}

/** A cause and remedy in plain words, which fileError() turns into a FileError. */
export class Reason extends Error {}

/** Formats a path for error messages. */
export const shown = (path: string) => (path === "-" ? "standard input" : quote(path));

/** @throws TypeError if `path` is not a string */
export const pathOf = (path: unknown): string => string("path", path, "the name of a file");

/** @throws TypeError if `path` is not a string; Reason if no file can have that name */
export function checkPath(path: unknown): asserts path is string {
  if (pathOf(path) === "") throw new Reason("its name is empty: name a file");
  if (pathOf(path).includes("\0"))
    throw new Reason("its name contains a NUL character, which no file name can: name another file");
}

/** Runs an action on a file and prefixes its error's message with the file's name, which a FileError already has. */
export async function named<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Error && !(error instanceof FileError)) error.message = `${shown(path)}: ${error.message}`;
    throw error;
  }
}

const DENIED = "permission is denied: check the owner and the permissions of the file and of its directory";
const UNUSED = "the device is not connected or not ready: check it";
const NETWORK = "the network file system does not respond, or lost the file: check the connection";

const REASONS: Record<string, string> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EAGAIN: "it is locked or busy: try again",
  EBUSY: "it is in use by another program: close that program, or use another file",
  ECONNRESET: "the sender closed the connection",
  EDQUOT: "the disk quota is used up: free some space, or save elsewhere",
  EEXIST: "a file with that name already exists: use another name",
  EFBIG: "the file is larger than the system allows: save elsewhere",
  EHOSTDOWN: NETWORK,
  EILSEQ: "the file system does not allow a character of its name: use another name",
  EINVAL: "the file system does not support that name or this operation: use another name or location",
  EIO: "the device failed, or its terminal is gone: check the device",
  EISDIR: "it is a directory: name a file",
  ELOOP: "its links form a circle: check where they point",
  EMFILE: "too many files are open: close some, or raise the limit (ulimit -n)",
  EMLINK: "there are too many links to it: use another location",
  ENAMETOOLONG: "its name is too long for the file system: use a shorter one",
  ENFILE: "too many files are open on this machine: close some programs",
  ENODEV: UNUSED,
  ENOENT: "there is no such file or directory",
  ENOMEM: "the system is out of memory: close some programs",
  ENOSPC: "no space is left on the device: free some, or save elsewhere",
  ENOTCONN: NETWORK,
  ENOTDIR: "a part of its path is a file, not a directory: check the path",
  ENOTEMPTY: "it is a directory: name a file",
  ENOTSUP: "the file system does not support this: use another location",
  ENXIO: "it is a socket, or a device that does not exist: name a file",
  EOPNOTSUPP: "the file system does not support this: use another location",
  EOVERFLOW: "the file is too large for this system",
  EPIPE: "its reader has closed it",
  EROFS: "the file system is read-only: save elsewhere",
  ESTALE: NETWORK,
  ETIMEDOUT: NETWORK,
  ETXTBSY: "it is a program that is running: use another name",
  EXDEV: "it is on another file system: use another location",
};

/** Describes a system error in words; returns undefined for other errors. */
export function reasonOf(error: unknown): string | undefined {
  if (error instanceof Reason) return error.message;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) return undefined;
  return REASONS[code] ?? `the system refused it with the error ${code}`;
}

/** Returns the error to throw if `cause` prevented `what`: a FileError if a file is at fault, otherwise `cause`. */
export function fileError(what: string, cause: unknown): unknown {
  const reason = reasonOf(cause);
  return reason === undefined ? cause : new FileError(`${what}: ${reason}`, { cause });
}

/** Runs an action. @throws FileError, whose message begins with `what`, if a file is at fault */
export function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw fileError(what, cause);
  }
}
