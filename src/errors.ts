// Errors that do not concern a single argument or file.

/** Thrown when the loss is no longer finite. The model then has the last weights whose loss was finite. */
export class DivergedError extends Error {
  override name = "DivergedError";
}

/** Thrown when a worker cannot be started, or ends before it answers. */
export class WorkerError extends Error {
  override name = "WorkerError";
}
