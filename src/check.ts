// Every argument from outside passes one of these before it is used: TypeError for the kind, RangeError for the value.

import { closestMatch } from "leven";

/** "Uint8Array", "Array", "Promise", "Object" …: what instanceof does not say of a value from another page or worker. */
export const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/**
 * A text whose control characters are shown (as "\\u001b", say), so that a terminal does not obey them: those of C0 but line feed
 * and tab, delete, those of C1, and what embeds, overrides or isolates a direction of writing or separates lines.
 */
export const visible = (text: string): string => text.replace(CONTROLS, escaped);
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A text in quotation marks as an error message shows it. */
export const quote = (text: string): string => visible(JSON.stringify(text));

/** A value as an error message shows it. */
export function show(value: unknown): string {
  if (typeof value === "string") return quote(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return String(value);
  const kind = kindOf(value);
  return `${/^[AEIO]/.test(kind) ? "an" : "a"} ${kind}`;
}

export function integer(name: string, value: unknown, least = 1, most = Number.MAX_SAFE_INTEGER): number {
  const range = most === Number.MAX_SAFE_INTEGER ? `>= ${least}` : `from ${least} to ${most}`;
  if (typeof value !== "number") throw new TypeError(`"${name}" expected an integer ${range}, got ${show(value)}`);
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new RangeError(`"${name}" expected an integer ${range}, got ${value}`);
  }
  return value;
}

/** What number() can hold a number to, in words and as a test. */
export const POSITIVE = ["a number > 0", (x: number) => x > 0 && x < Infinity] as const;
export const NOT_NEGATIVE = ["a number >= 0", (x: number) => x >= 0 && x < Infinity] as const;
export const FRACTION = ["a number in [0, 1)", (x: number) => x >= 0 && x < 1] as const;
export const SHARE = ["a number in (0, 1]", (x: number) => x > 0 && x <= 1] as const;

/** A finite number for which `holds`; `expected` says which those are. */
export function number(name: string, value: unknown, expected: string, holds: (value: number) => boolean): number {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected ${expected}, got ${show(value)}`);
  if (Number.isNaN(value) || !holds(value)) throw new RangeError(`"${name}" expected ${expected}, got ${value}`);
  return value;
}

export function boolean(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError(`"${name}" expected true or false, got ${show(value)}`);
  return value;
}

/** What holds a function's options. */
export function object<T extends object>(name: string, value: T): T {
  if (typeof value === "object" && value !== null) return value;
  throw new TypeError(`"${name}" expected an object, got ${show(value)}`);
}

/** The name among `known` that a misspelled or shortened `name` was probably meant to be. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const start = name.toLowerCase();
  const completed = start.length > 2 && known.find((candidate) => candidate.toLowerCase().startsWith(start));
  return completed || closestMatch(name, known, { maxDistance: Math.max(1, Math.floor(name.length / 3)) });
}

export function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T;
  const expected = choices.map((choice) => JSON.stringify(choice)).join(" or ");
  throw new (typeof value === "string" ? RangeError : TypeError)(`"${name}" expected ${expected}, got ${show(value)}`);
}

/** A file's bytes: fetch() has them as an ArrayBuffer, Node as a Uint8Array. */
export function checkBytes(name: string, value: unknown): Uint8Array {
  const kind = kindOf(value);
  if (kind === "Uint8Array") return value as Uint8Array;
  if (kind === "ArrayBuffer") return new Uint8Array(value as ArrayBuffer);
  throw new TypeError(`"${name}" expected a Uint8Array or an ArrayBuffer, got ${show(value)}`);
}

/** 1.5 GiB, 320 KiB. */
export function size(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

/** The fields that are not undefined: what is left out and what is given as undefined mean the same. */
export function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
