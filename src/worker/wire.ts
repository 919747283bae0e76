// Messages between a page and its worker: requests one way, answers the other. Both contain forms, which stand for
// values that cannot be cloned (tokenizers, vocabularies, signals) or that stay in the worker (models, counts, token
// ids).

import { kindOf, show } from "../check.js";
import { DivergedError, FormatError } from "../errors.js";
import type { Tokenizer, TokenizerSpec } from "../text/tokenizers.js";
import { Vocabulary } from "../text/vocabulary.js";

/** From the page to the worker. */
export type Request =
  /** The first request: the name of a lock that the worker holds as long as it lives, or "" for none. */
  | { lock: string }
  /** Calls a function. */
  | { id: number; call: string; args: unknown[] }
  /** Takes the next value of an iteration, or ends it as `break` does. */
  | { id: number; next: number }
  | { id: number; end: number }
  /** The page no longer refers to an object. */
  | { drop: number }
  | { abort: number };

/** From the worker to the page. */
export type Answer = { ready: true } | { id: number; value: unknown } | { id: number; error: PlainError };

/** An object that stays in the worker: its number there, its kind, and the properties that the page sees. */
export interface Kept {
  handle: number;
  kind: "model" | "task" | "ngram" | "counts" | "ids" | "training" | "generation" | "pieces";
  about: Record<string, unknown>;
}

export interface Forms {
  tokenizer: TokenizerSpec;
  vocabulary: readonly string[];
  /** An object in the worker, as the worker sends it; its number, as the page sends it. */
  kept: Kept;
  object: number;
  /** An AbortSignal: the number under which the page reports that it was aborted. */
  signal: number;
}

const FORM = "rivulet:form";

export const form = <K extends keyof Forms>(kind: K, content: Forms[K]) => ({ [FORM]: kind, content });

/** Copies plain data, with each object replaced by the result of `replace`, if any. @throws TypeError at a function */
export function replaced(value: unknown, replace: (value: object) => unknown): unknown {
  if (typeof value === "function") throw new TypeError(`a worker expected plain data, got ${show(value)}`);
  if (typeof value !== "object" || value === null) return value;
  const other = replace(value);
  if (other !== undefined) return other;
  if (Array.isArray(value)) return value.map((element) => replaced(element, replace));
  if (kindOf(value) !== "Object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, replaced(field, replace)]));
}

/** Returns the form of a value that both sides can build from a description; undefined for others. */
export function toForm(value: object): unknown {
  if (value instanceof Vocabulary) return form("vocabulary", value.tokens);
  const { spec, piece } = value as Partial<Tokenizer>;
  if (spec && piece) return form("tokenizer", spec);
  return undefined;
}

/** Returns the value that a form stands for, built by the function for its kind. */
export function fromForm(value: object, make: { [K in keyof Forms]?: (content: Forms[K]) => unknown }): unknown {
  if (!(FORM in value)) return undefined;
  const { [FORM]: kind, content } = value as { [FORM]: keyof Forms; content: never };
  return make[kind]?.(content);
}

/** The buffer to move instead of copying, if the value spans all of it, which Node's small pooled ones do not. */
export function movable(value: unknown): ArrayBuffer[] {
  const buffer = value instanceof ArrayBuffer ? value : ArrayBuffer.isView(value) ? value.buffer : undefined;
  const whole = buffer instanceof ArrayBuffer && buffer.byteLength === (value as ArrayBuffer).byteLength;
  return whole && buffer.byteLength > 0 ? [buffer] : [];
}

export interface PlainError {
  name: string;
  message: string;
  stack?: string;
  cause?: PlainError;
}

const ERRORS: Record<string, new (message: string) => Error> = { TypeError, RangeError, FormatError, DivergedError };

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack, cause } = error;
  return { name, message, ...(stack && { stack }), ...(cause !== undefined && { cause: plainError(cause) }) };
}

/** Makes an error of the same class, with the stack that it has in the worker. */
export function errorFrom({ name, message, stack, cause }: PlainError): Error {
  const error = new (ERRORS[name] ?? Error)(message);
  if (error.name !== name) error.name = name;
  if (stack) error.stack = stack;
  if (cause) error.cause = errorFrom(cause);
  return error;
}
