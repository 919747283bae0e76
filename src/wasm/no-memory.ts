/** Returns an error that says what could not be allocated, and what to do about it. */
export function noMemory(need: string, cause?: unknown, limit = "this machine gives no more"): RangeError {
  const advice = "use a smaller hidden size, vocabulary, batch or window";
  return new RangeError(`${need}, and ${limit}: ${advice}`, { cause });
}
