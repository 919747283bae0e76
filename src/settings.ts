// Settings that are plain data of one of several kinds, such as the optimizers: a table has the fields of each kind, the
// value of a field that is left out, and what a field is held to. Settings are frozen: a training relies on them.

import { checkOptions, integer, number, object, oneOf } from "./check.js";

/** A default, and what a value is held to: an integer from 1 on unless a rule says otherwise. */
type Field = readonly [usual: number, rule?: readonly [expected: string, holds: (value: number) => boolean]];
type Kinds<T extends { kind: string }> = {
  readonly [K in T["kind"]]: {
    readonly [F in Exclude<keyof Extract<T, { kind: K }>, "kind">]: Field;
  };
};
/** What can be said of one kind of settings. */
export type Given<T extends { kind: string }, K extends T["kind"]> = Partial<Omit<Extract<T, { kind: K }>, "kind">>;

/** Settings of one kind. @param name what the caller knows `given` by @throws TypeError, RangeError */
export function settings<T extends { kind: string }>(
  kinds: Kinds<T>,
  kind: T["kind"],
  given: object,
  name = "options",
): T {
  const fields: Record<string, Field> = kinds[kind];
  const values: Record<string, unknown> = { ...checkOptions(name, given, fields as never) };
  const all = Object.entries(fields).map(([field, [usual, rule]]) => {
    const value = values[field] === undefined ? usual : values[field];
    return [field, rule ? number(field, value, ...rule) : integer(field, value)];
  });
  return Object.freeze({ kind, ...Object.fromEntries(all) });
}

/** Holds settings that may have been written by hand to the same rules and defaults. @throws TypeError, RangeError */
export function checkSettings<T extends { kind: string }>(
  kinds: Kinds<T>,
  name: string,
  value: T,
  expected: string,
): T {
  const { kind, ...given } = object(name, value, expected);
  return settings(kinds, oneOf(`${name}.kind`, kind, Object.keys(kinds) as T["kind"][]), given, name);
}
