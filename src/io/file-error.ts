// Errors of the file system in words: which file, what is wrong with it, what to do.

import { quote, string } from "../check.js";

/** A file that cannot be read or written: its name, what is wrong, what to do. */
export class FileError extends Error {
  override name = "FileError";
}

/** A reason, in plain words, that fileError() makes a FileError of. */
export class Reason extends Error {}

/** A path as error messages show it. */
export const shown = (path: string) => (path === "-" ? "standard input" : quote(path));

/** @throws TypeError */
export const pathOf = (path: unknown): string => string("path", path, "the name of a file");

/** @throws TypeError, or a Reason where no file can have such a name */
export function checkPath(path: unknown): asserts path is string {
  if (pathOf(path) === "") throw new Reason("its name is empty: name a file");
  if (pathOf(path).includes("\0"))
    throw new Reason("its name has a NUL character, which no file's name has: name another file");
}

/** Runs an action on a file, and puts the file's name before the message of its error; a FileError already has it. */
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
const NETWORK = "the network file system does not answer, or lost the file: check the connection";

const REASONS: Record<string, string> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EAGAIN: "it is locked or busy: try again",
  EBUSY: "it is in use by another program: close that, or use another file",
  ECONNRESET: "what sent it closed the connection",
  EDQUOT: "the disk quota is used up: free some space, or save elsewhere",
  EEXIST: "a file of that name is there already: use another name",
  EFBIG: "the file is larger than is allowed here: save elsewhere",
  EHOSTDOWN: NETWORK,
  EILSEQ: "the file system does not allow a character of its name: use another name",
  EINVAL: "the file system does not allow that name, or cannot do this: use another name or place",
  EIO: "the device failed, or its terminal is gone: check the device",
  EISDIR: "it is a directory: name a file",
  ELOOP: "its links lead in a circle: check where they point",
  EMFILE: "too many files are open: close some, or raise the limit (ulimit -n)",
  EMLINK: "there are too many links to it: use another place",
  ENAMETOOLONG: "its name is too long for the file system: use a shorter one",
  ENFILE: "too many files are open on this machine: close some programs",
  ENODEV: UNUSED,
  ENOENT: "there is no such file or directory",
  ENOMEM: "the system is out of memory: close some programs",
  ENOSPC: "no space is left on the device: free some, or save elsewhere",
  ENOTCONN: NETWORK,
  ENOTDIR: "a part of its path is a file, not a directory: check the path",
  ENOTEMPTY: "it is a directory: name a file",
  ENOTSUP: "the file system cannot do this: use another place",
  ENXIO: "it is a socket, or a device that is not there: name a file",
  EOPNOTSUPP: "the file system cannot do this: use another place",
  EOVERFLOW: "the file is too large for this system",
  EPIPE: "its reader has closed it",
  EROFS: "the file system is read-only: save elsewhere",
  ESTALE: NETWORK,
  ETIMEDOUT: NETWORK,
  ETXTBSY: "it is a program that is running: use another name",
  EXDEV: "it is on another file system: use another place",
};

/** The words for a system error; undefined for an error of another kind. */
export function reasonOf(error: unknown): string | undefined {
  if (error instanceof Reason) return error.message;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined || code === undefined) return undefined;
  return REASONS[code] ?? `the system refused it with the error ${code}`;
}

/** What to throw for an error that kept `what` from being done: a FileError where a file is at fault. */
export function fileError(what: string, cause: unknown): unknown {
  const reason = reasonOf(cause);
  return reason === undefined ? cause : new FileError(`${what}: ${reason}`, { cause });
}

/** @throws FileError, beginning with `what`, where a file is at fault */
export function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw fileError(what, cause);
  }
}
