// What all readers of files say in the same way.

import { show } from "../check.js";

/** What is wrong with a file, and what to do about it. */
export class FormatError extends Error {
  override name = "FormatError";
}

/** @param of what has a version @throws FormatError where it is not the one that is known */
export function checkVersion(of: string, found: unknown, known: number): void {
  if (found === known) return;
  const advice = typeof found === "number" && found > known ? ": use a newer rivulet" : "";
  throw new FormatError(`expected version ${known} of ${of}, got ${show(found)}${advice}`);
}

/** Reads what the metadata say; what is wrong with it is wrong with the file. @throws FormatError */
export function described<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new FormatError(`expected ${what} in the metadata: ${(cause as Error).message}`, { cause });
  }
}

/** The object that JSON has. @throws FormatError where it has something else, or is none */
export function parseObject(name: string, json: string | Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(typeof json === "string" ? json : new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch (cause) {
    // The engine's message quotes what it found, raw.
    throw new FormatError(`${name} expected JSON, got something else`, { cause });
  }
  return record(name, value);
}

/** A value from JSON that is to be an object. @throws FormatError */
export function record(name: string, value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FormatError(`${name} expected an object, got ${show(value)}`);
}
