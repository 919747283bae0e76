// Errors that are not about one argument or one file.

/** The loss is no longer a finite number. The model has the last weights whose loss was. */
export class DivergedError extends Error {
  override name = "DivergedError";
}

/** A worker could not be started, or ended before it answered. */
export class WorkerError extends Error {
  override name = "WorkerError";
}
