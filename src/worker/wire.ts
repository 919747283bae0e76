// What goes between a page and its worker: requests one way, answers the other, and in both of them forms that stand for
// what cannot be cloned (tokenizers, vocabularies, signals) or stays where it is (models, counts, token ids).

import { kindOf, show } from "../check.js";
import { DivergedError } from "../errors.js";
import { FormatError } from "../io/format.js";
import type { Tokenizer, TokenizerSpec } from "../text/tokenizers.js";
import { Vocabulary } from "../text/vocabulary.js";

/** From the page to the worker. */
export type Request =
  /** The first: the name of a lock for the worker to hold as long as it lives, or none. */
  | { lock: string }
  /** Calls a function. */
  | { id: number; call: string; args: unknown[] }
  /** Takes the next value of what is iterated over, or ends the iteration as `break` does. */
  | { id: number; next: number }
  | { id: number; end: number }
  /** The page does not refer to an object anymore. */
  | { drop: number }
  | { abort: number };

/** From the worker to the page. */
export type Answer = { ready: true } | { id: number; value: unknown } | { id: number; error: PlainError };

/** An object that stays in the worker: its number there, what it is, and what the page is to know of it. */
export interface Kept {
  handle: number;
  kind: "model" | "ngram" | "counts" | "ids" | "training" | "generation" | "pieces";
  about: Record<string, unknown>;
}

export interface Forms {
  tokenizer: TokenizerSpec;
  vocabulary: readonly string[];
  /** An object of the worker's, as the worker sends it, and its number, as the page does. */
  kept: Kept;
  object: number;
  /** An AbortSignal: the number under which the page tells that it was aborted. */
  signal: number;
}

const FORM = "rivulet:form";

export const form = <K extends keyof Forms>(kind: K, content: Forms[K]) => ({ [FORM]: kind, content });

/** Plain data in which each object for which `replace` has something else is replaced. @throws TypeError at a function */
export function replaced(value: unknown, replace: (value: object) => unknown): unknown {
  if (typeof value === "function") throw new TypeError(`a worker expected plain data, got ${show(value)}`);
  if (typeof value !== "object" || value === null) return value;
  const other = replace(value);
  if (other !== undefined) return other;
  if (Array.isArray(value)) return value.map((element) => replaced(element, replace));
  if (kindOf(value) !== "Object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, replaced(field, replace)]));
}

/** The form of what both sides can make of its description. */
export function toForm(value: object): unknown {
  if (value instanceof Vocabulary) return form("vocabulary", value.tokens);
  const { spec, piece } = value as Partial<Tokenizer>;
  if (spec && piece) return form("tokenizer", spec);
  return undefined;
}

/** What a form stands for, by a function for each kind. */
export function fromForm(value: object, make: { [K in keyof Forms]?: (content: Forms[K]) => unknown }): unknown {
  if (!(FORM in value)) return undefined;
  const { [FORM]: kind, content } = value as { [FORM]: keyof Forms; content: never };
  return make[kind]?.(content);
}

/** Arrays and buffers that are moved, not copied: those that are a whole buffer, which Node's small ones are not. */
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

/** An error of the same class, with the stack that it has in the worker. */
export function errorFrom({ name, message, stack, cause }: PlainError): Error {
  const error = new (ERRORS[name] ?? Error)(message);
  if (error.name !== name) error.name = name;
  if (stack) error.stack = stack;
  if (cause) error.cause = errorFrom(cause);
  return error;
}
