// Checks shared by all file readers.

import { show } from "../check.js";
import { FormatError } from "../errors.js";

/** @param of the thing that has a version @throws FormatError if it is not the known version */
export function checkVersion(of: string, found: unknown, known: number): void {
  if (found === known) return;
  const advice = typeof found === "number" && found > known ? ": use a newer rivulet" : "";
  throw new FormatError(`expected version ${known} of ${of}, got ${show(found)}${advice}`);
}

/** Reads metadata; turns any error into a FormatError. @throws FormatError */
export function described<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new FormatError(`expected ${what} in the metadata: ${(cause as Error).message}`, { cause });
  }
}

/** Most values in a file's JSON: enough for 50,000 tensors. */
const MOST_VALUES = 500_000;
const MOST_DEPTH = 100;

/**
 * Parses JSON that contains an object.
 * @param most the number of values it may have in addition to half a million: they take up to 50 times their bytes in memory
 * @throws FormatError if it is not JSON, or not an object, or too large
 */
export function parseObject(name: string, json: string | Uint8Array, most = 0): Record<string, unknown> {
  let value: unknown;
  try {
    const text = typeof json === "string" ? json : new TextDecoder("utf-8", { fatal: true }).decode(json);
    checkExtent(name, text, MOST_VALUES + most);
    value = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    // The engine's message is not passed on: it quotes the file unescaped.
    throw new FormatError(`${name} expected JSON, got something else`, { cause });
  }
  return record(name, value);
}

/** Scans JSON before it is parsed. @throws FormatError if it has too many values, or they are nested too deeply */
function checkExtent(name: string, text: string, most: number): void {
  let values = 1;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      for (i++; i < text.length && text.charCodeAt(i) !== QUOTE; i++) if (text.charCodeAt(i) === BACKSLASH) i++;
    } else if (c === COMMA) {
      values++;
    } else if (c === BRACE || c === BRACKET) {
      values++;
      if (++depth > MOST_DEPTH) throw new FormatError(`${name} expected at most ${MOST_DEPTH} levels, got more`);
    } else if (c === BRACE + 2 || c === BRACKET + 2) {
      depth--;
    }
  }
  if (values > most) throw new FormatError(`${name} expected at most ${Math.floor(most)} values, got ${values}`);
}
const [QUOTE, COMMA, BRACKET, BACKSLASH, BRACE] = [34, 44, 91, 92, 123];

/** Checks that a value from JSON is an object. @throws FormatError if it is not */
export function record(name: string, value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FormatError(`${name} expected an object, got ${show(value)}`);
}
