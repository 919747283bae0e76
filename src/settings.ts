// Settings that are plain data of one of several kinds, such as optimizers: a table lists the fields of each kind, with the
// default and the valid values of each field. Settings are frozen, since a training run relies on them.

import { checkOptions, integer, number, object, oneOf } from "./check.js";

/** A default and a condition: an integer >= 1 unless a rule says otherwise. */
type Field = readonly [usual: number, rule?: readonly [expected: string, holds: (value: number) => boolean]];
type Kinds<T extends { kind: string }> = {
  readonly [K in T["kind"]]: {
    readonly [F in Exclude<keyof Extract<T, { kind: K }>, "kind">]: Field;
  };
};
/** The optional fields of one kind of settings. */
export type Given<T extends { kind: string }, K extends T["kind"]> = Partial<Omit<Extract<T, { kind: K }>, "kind">>;

/** Makes settings of one kind. @param name names `given` in messages @throws TypeError, RangeError naming the invalid field */
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

/** Checks settings that may have been written by hand and fills in defaults. @throws TypeError, RangeError naming the field */
export function checkSettings<T extends { kind: string }>(
  kinds: Kinds<T>,
  name: string,
  value: T,
  expected: string,
): T {
  const { kind, ...given } = object(name, value, expected);
  return settings(kinds, oneOf(`${name}.kind`, kind, Object.keys(kinds) as T["kind"][]), given, name);
}
