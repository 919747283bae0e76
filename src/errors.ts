// Errors that do not concern a single argument. Those of the file system are in io/file-error.ts.

/** Thrown when a file's contents are invalid: says what is wrong and what to do. */
export class FormatError extends Error {
  override name = "FormatError";
}

/** Thrown when the loss is no longer finite. The model then has the last weights whose loss was finite. */
export class DivergedError extends Error {
  override name = "DivergedError";
}

/** Thrown when a worker cannot be started, or ends before it answers. */
export class WorkerError extends Error {
  override name = "WorkerError";
}
