// Parses the command line and checks it against the table of commands.

import { parseArgs } from "node:util";
import { integer, nearest, number, quote } from "../check.js";
import { type Command, type CommandName, commands, type Flags, flagsOf } from "./commands.js";

/** Wrong usage: the command exits with code 2. */
export class UsageError extends Error {}

/** @throws UsageError if there is no such command */
export function commandNamed(name: string): CommandName {
  if (Object.hasOwn(commands, name)) return name as CommandName;
  const names = Object.keys(commands);
  const meant = didYouMean(name, [...names, "help", "--help", "--version"], (command) => command);
  throw new UsageError(`expected a command (${names.join(", ")}), got ${quote(name)}${meant}`);
}

/** The operands and flags of one command line, read through methods that check each value. */
export class Args {
  private constructor(
    readonly operands: string[],
    private readonly values: Record<string, string | boolean | undefined>,
  ) {}

  /** @throws UsageError if the arguments do not match the command's operands and flags */
  static parse(command: CommandName, argv: string[]): Args {
    const { operands, usage } = commands[command];
    const flags = flagsOf(command);
    const options = Object.entries(flags).map(([name, { value }]) => [name, { type: value ? "string" : "boolean" }]);
    // Not strict: the errors below name the expected value and suggest a flag.
    const { positionals, values, tokens } = parseArgs({
      args: joined(argv, flags),
      options: { ...Object.fromEntries(options), help: { type: "boolean", short: "h" } },
      allowPositionals: true,
      strict: false,
      tokens: true,
    });
    // --help takes precedence over mistakes in the other arguments.
    if (values.help) return new Args([], { help: true });
    const seen = new Set<string>();
    for (const token of tokens) {
      if (token.kind !== "option") continue;
      const { name, rawName, value, inlineValue } = token;
      if (!Object.hasOwn(flags, name)) throw unknownFlag(rawName, name, flags, command);
      if (seen.has(name)) throw new UsageError(`"${rawName}" expected once, got it twice`);
      seen.add(name);
      const expected = flags[name]!.value;
      if (expected === undefined) {
        if (inlineValue) throw new UsageError(`"${rawName}" expected no value, got ${quote(value)}`);
      } else if (value === undefined) {
        throw new UsageError(`"${rawName}" expected a value (${expected}), got nothing`);
      } else if (!inlineValue && value.length > 1 && value.startsWith("-")) {
        const got = `got ${quote(value)}, which looks like a flag`;
        throw new UsageError(`"${rawName}" expected ${expected}, ${got}: write ${rawName}=${quoted(value)}`);
      }
    }
    const needed = operands.filter((operand) => !operand.startsWith("[")).length;
    if (positionals.length < needed || positionals.length > operands.length) {
      const found = positionals.length === 0 ? "none" : positionals.map((word) => quote(word)).join(" ");
      throw new UsageError(`expected ${usage.replace("rivulet ", "")}, got ${found}`);
    }
    return new Args(positionals, values);
  }

  has(name: string): boolean {
    return this.values[name] !== undefined;
  }

  /** Names of the flags that were given. */
  given(): string[] {
    return Object.keys(this.values);
  }

  text(name: string): string | undefined {
    return this.values[name] as string | undefined;
  }

  /** @throws UsageError if the value is empty */
  file(name: string): string | undefined {
    const path = this.text(name);
    if (path === "") throw new UsageError(`"--${name}" expected the name of a file, got ""`);
    return path;
  }

  /** @throws UsageError if the value is not an integer from `least` to `most` */
  integer(name: string, least = 1, most?: number): number | undefined {
    const value = this.numeric(name);
    return value === undefined ? undefined : usage(() => integer(`--${name}`, value, least, most));
  }

  /** @throws UsageError if the value is not a number for which `holds` returns true */
  number(name: string, expected: string, holds: (value: number) => boolean): number | undefined {
    const value = this.numeric(name);
    return value === undefined ? undefined : usage(() => number(`--${name}`, value, expected, holds));
  }

  /** @throws UsageError if the value is not one of the choices */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined || choices.includes(text as T)) return text as T | undefined;
    const expected = choices.map((choice) => quote(choice)).join(" or ");
    const meant = didYouMean(text, choices, (choice) => choice);
    throw new UsageError(`"--${name}" expected ${expected}, got ${quote(text)}${meant}`);
  }

  private numeric(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isNaN(value)) throw new UsageError(`"--${name}" expected a number, got ${quote(text)}`);
    return value;
  }
}

/** Quotes a word for a POSIX shell, if it needs quotes. */
export const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function usage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Returns ": did you mean …?", or "" if no name is close. @param written formats the suggestion, such as with "--" */
export function didYouMean(given: string, known: readonly string[], written: (meant: string) => string): string {
  const meant = nearest(given, known) ?? permuted(given, known);
  return meant === undefined ? "" : `: did you mean ${quote(written(meant))}?`;
}

/** Finds the name with the same letters in another order: "train" for "trian". */
const permuted = (given: string, known: readonly string[]) =>
  known.find((name) => [...name].sort().join() === [...given].sort().join());

function unknownFlag(rawName: string, name: string, flags: Flags, command: CommandName): UsageError {
  const unknown = `unknown flag ${quote(rawName)}`;
  const { elsewhere } = commands[command] as Command;
  if (elsewhere && Object.hasOwn(elsewhere, name)) return new UsageError(`${unknown}: ${elsewhere[name]}`);
  const from = Object.entries(flags).find(([, flag]) => flag.elsewhere?.includes(name.replaceAll("_", "-")));
  if (from) return new UsageError(`${unknown}: did you mean "--${from[0]}"?`);
  const mine = didYouMean(name, Object.keys(flags), (flag) => `--${flag}`);
  if (mine) return new UsageError(unknown + mine);
  const others = (Object.keys(commands) as CommandName[]).filter((other) => Object.hasOwn(flagsOf(other), name));
  const of = others.length > 0 ? `: it belongs to rivulet ${others.join(" and rivulet ")}` : "";
  return new UsageError(unknown + of);
}

/** Joins the values of each flag that takes several: --prune 0 0 1 becomes --prune="0 0 1". */
function joined(argv: readonly string[], flags: Flags): string[] {
  const words: string[] = [];
  const end = argv.indexOf("--");
  for (let i = 0; i < argv.length; i++) {
    const [, name, inline] = /^--([^=]+)(?:=(.*))?$/s.exec(argv[i]!) ?? [];
    const several = name !== undefined && flags[name]?.several && (end < 0 || i < end);
    const values = inline === undefined ? [] : [inline];
    while (several && /^\d+$/.test(argv[i + 1] ?? "")) values.push(argv[++i]!);
    words.push(several && values.length > 0 ? `--${name}=${values.join(" ")}` : argv[i]!);
  }
  return words;
}
