// Checks for arguments from outside: TypeError for a wrong kind, RangeError for a wrong value.

/** Returns "Uint8Array", "Array", "Promise", "Object", …, also for values from another realm, where instanceof fails. */
export const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/**
 * Escapes the control characters of a text (as "\\u001b", say), so that a terminal does not obey them: C0 except line feed and
 * tab, delete, C1, bidirectional embeddings, overrides and isolates, and line separators.
 */
export const visible = (text: string): string => text.replace(CONTROLS, escaped);
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches them
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Formats a text for an error message, in quotation marks. */
export const quote = (text: string): string => visible(JSON.stringify(text));

/** Formats a value for an error message. */
export function show(value: unknown): string {
  if (typeof value === "string") return quote(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return String(value);
  const kind = kindOf(value);
  const awaited = kind === "Promise" ? " (did you forget to await it?)" : "";
  return `${/^[AEIO]|^Ng/.test(kind) ? "an" : "a"} ${kind}${awaited}`;
}

export function string(name: string, value: unknown, expected = "a string"): string {
  if (typeof value !== "string") throw new TypeError(`"${name}" expected ${expected}, got ${show(value)}`);
  return value;
}

export function integer(name: string, value: unknown, least = 1, most = Number.MAX_SAFE_INTEGER): number {
  const range = most === Number.MAX_SAFE_INTEGER ? `>= ${least}` : `from ${least} to ${most}`;
  if (typeof value !== "number") throw new TypeError(`"${name}" expected an integer ${range}, got ${show(value)}`);
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new RangeError(`"${name}" expected an integer ${range}, got ${value}`);
  }
  return value;
}

/** Conditions for number(): in words, and as a function. */
export const POSITIVE = ["a number > 0", (x: number) => x > 0 && x < Infinity] as const;
export const NOT_NEGATIVE = ["a number >= 0", (x: number) => x >= 0 && x < Infinity] as const;
export const FRACTION = ["a number in [0, 1)", (x: number) => x >= 0 && x < 1] as const;
export const SHARE = ["a number in (0, 1]", (x: number) => x > 0 && x <= 1] as const;

/** Checks a number by `holds`; `expected` is the condition in words. */
export function number(name: string, value: unknown, expected: string, holds: (value: number) => boolean): number {
  if (typeof value !== "number") throw new TypeError(`"${name}" expected ${expected}, got ${show(value)}`);
  if (Number.isNaN(value) || !holds(value)) throw new RangeError(`"${name}" expected ${expected}, got ${value}`);
  return value;
}

export function boolean(name: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw new TypeError(`"${name}" expected true or false, got ${show(value)}`);
  return value;
}

/** Checks a plain object. @param expected describes the value in the message */
export function object<T extends object>(name: string, value: T, expected = "an object"): T {
  if (kindOf(value) === "Object") return value;
  throw new TypeError(`"${name}" expected ${expected}, got ${show(value)}`);
}

/** Every name that an options object of a type can have. */
export type Names<T> = { readonly [name in keyof T]-?: 1 };
/** The options of a function without options. */
export type NoOptions = Record<string, never>;

/** Checks the names of a function's options; in plain JavaScript nothing else catches a misspelled one. */
export function checkOptions<T extends object>(name: string, value: T, names: Names<T>): T {
  for (const key of Object.keys(object(name, value))) {
    if (Object.hasOwn(names, key)) continue;
    const known = Object.keys(names);
    const meant = nearest(key, known);
    const has = `it has ${known.join(", ") || "none"}`;
    const advice = meant ? `did you mean ${show(meant)}? I${has.slice(1)}` : has;
    throw new TypeError(`"${name}" has no ${show(key)}: ${advice}`);
  }
  return value;
}

/** Returns the name among `known` that `name`, misspelled, shortened or in another case, was probably meant to be. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (spelled: string) => spelled.toLowerCase().replace(/[^a-z0-9]/g, "");
  const start = plain(name);
  // lr → learningRate, hidden → hiddenSize, num_layers → layers, lowrecase → lowercase.
  const far = (candidate: string) => {
    const whole = plain(candidate);
    const initials = candidate.replace(/(?<=.)[a-z]+/g, "").toLowerCase();
    if (start === whole || (start.length > 1 && start === initials)) return 0;
    if (start.length > 2 && whole.startsWith(start)) return 0.5;
    const within = Math.min(start.length, whole.length) > 3 && (start.includes(whole) || whole.includes(start));
    return within ? 0.6 : edits(start, whole);
  };
  const [best] = known.map((candidate) => [far(candidate), candidate] as const).sort(([a], [b]) => a - b);
  return best && best[0] <= Math.max(1, start.length / 3) ? best[1] : undefined;
}

/** Levenshtein distance (1966). Written here, since a library would add a thirtieth to the bundle. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++)
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + Number(a[i] !== b[j])));
    row = next;
  }
  return row[b.length]!;
}

export function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T;
  const expected = choices.map((choice) => JSON.stringify(choice)).join(" or ");
  throw new (typeof value === "string" ? RangeError : TypeError)(`"${name}" expected ${expected}, got ${show(value)}`);
}

/** Checks a file's bytes: an ArrayBuffer, as from fetch(), or a Uint8Array, as from Node. */
export function checkBytes(name: string, value: unknown): Uint8Array {
  const kind = kindOf(value);
  if (kind !== "Uint8Array" && kind !== "ArrayBuffer") {
    throw new TypeError(`"${name}" expected a Uint8Array or an ArrayBuffer, got ${show(value)}`);
  }
  return kind === "Uint8Array"
    ? checkAttached(name, value as Uint8Array)
    : new Uint8Array(checkAttached(name, value as ArrayBuffer));
}

/** Checks an iterable, which must not be a detached typed array. @param expected describes the value in the message */
export function iterable<T>(name: string, value: T, expected: string): T {
  if (typeof (value as Iterable<unknown> | undefined)?.[Symbol.iterator] !== "function") {
    throw new TypeError(`"${name}" expected ${expected}, got ${show(value)}`);
  }
  return ArrayBuffer.isView(value) ? checkAttached(name, value) : value;
}

/** @throws TypeError if an array's buffer was transferred, or resized so that the array no longer fits */
export function checkAttached<T extends ArrayBufferLike | ArrayBufferView>(name: string, value: T): T {
  if (value.byteLength > 0) return value;
  const [buffer, start] = ArrayBuffer.isView(value) ? [value.buffer, value.byteOffset] : [value as ArrayBufferLike, 0];
  try {
    new Uint8Array(buffer, start);
  } catch {
    throw new TypeError(
      `"${name}" expected an array with its buffer, got a detached ${kindOf(value)}: its buffer was transferred`,
    );
  }
  return value;
}

/** Formats a number of bytes: 1.5 GiB, 320 KiB. */
export function size(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

/** Drops undefined fields: an option given as undefined means the same as one left out. */
export function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
