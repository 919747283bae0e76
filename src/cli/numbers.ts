// Formats numbers for people to read, and results as JSON.

/** 1 token, 12,345 tokens. */
export const count = (n: number, what: string): string => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

/**
 * Formats a value as a line of JSON, with null for undefined. JSON has no Infinity, but parsers read 1e999 as such.
 * @throws RangeError if a number is NaN
 */
export const json = (value: unknown): string => JSON.stringify(value, written).replaceAll(`"${INFINITE}"`, "1e999");
const INFINITE = "\uE000∞";

function written(key: string, value: unknown): unknown {
  if (Number.isNaN(value)) throw new RangeError(`"${key}" expected a number, got NaN`);
  return value === Infinity ? INFINITE : (value ?? null);
}

/** 1:05, 2:03:05. */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(s / 60);
  const two = (n: number) => String(n).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${two(s % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}

/** 950, 12.3k, 4.56M. */
export function short(n: number): string {
  if (n < 1000) return n.toFixed(0);
  if (n < 1e6) return `${(n / 1e3).toPrecision(3)}k`;
  return `${(n / 1e6).toPrecision(3)}M`;
}
