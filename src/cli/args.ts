// The command line: which flags there are, and what they mean.

import { parseArgs } from "node:util";
import { integer, number, oneOf } from "../check.js";

/** Wrong usage: the command ends with 2. */
export class UsageError extends Error {}

interface Flag {
  /** What stands for its value in the help; without one the flag is a switch. */
  value?: string;
  help: string;
}

type Flags = Record<string, Flag>;

const PATTERN: Flags = {
  "allow-pattern": { help: "use the regular expression that a model you trust has as its tokenizer" },
};
const HELP: Flags = { help: { help: "this text" } };
const COMMON: Flags = {
  kernels: {
    value: "strict|relaxed|wide",
    help: "build of the kernels; strict gives the same bits everywhere (default: fastest)",
  },
  ...HELP,
};

/** Of --tokens word and sentence. */
const WORDS: Flags = {
  lowercase: { help: "lower-case the text (with --tokens word or sentence)" },
  wrapped: { help: "lines are wrapped: only a blank line ends a sentence (with --tokens sentence)" },
};

/** How a text is counted. */
const COUNTED: Flags = {
  order: { value: "N", help: "length of the longest n-grams, 1 to 10 (needed)" },
  tokens: {
    value: "char|word|sentence|whitespace",
    help: "what a token is; sentence: words, in sentences; whitespace: each line is a sentence (default)",
  },
  ...WORDS,
  "skip-symbols": { help: "leave <s>, </s> and <unk> out where the text has them" },
};

const ONE_OBJECT = "one JSON object on standard output";

export const commands = {
  train: {
    usage: "rivulet train TEXT",
    about: "Trains a recurrent language model on a text (- for standard input).",
    operands: ["TEXT"],
    flags: {
      out: { value: "FILE", help: "where to save the model (default model.safetensors)" },
      cell: { value: "rnn|gru|lstm", help: "recurrent cell (default rnn)" },
      activation: { value: "tanh|relu", help: "of the rnn cell (default tanh)" },
      tokens: { value: "char|word|sentence|whitespace", help: "what a token is (default char)" },
      ...WORDS,
      "min-count": { value: "N", help: "tokens seen less often become <unk> (default 1)" },
      "max-vocabulary": { value: "N", help: "keep the N most frequent tokens (default: all)" },
      hidden: { value: "N", help: "width of the hidden state (default 128)" },
      layers: { value: "N", help: "recurrent layers (default 1)" },
      embedding: { value: "N", help: "width of the embedding, 0 for one-hot (default 0)" },
      tied: { help: "embedding and output share their weights: an embedding of the hidden state's width" },
      init: { value: "pytorch|xavier|orthogonal", help: "how the weights start (default pytorch)" },
      "forget-bias": {
        value: "X",
        help: "at which the lstm's forget gate starts: 1 has it remember (default: random)",
      },
      window: { value: "N", help: "time steps of BPTT (default 64)" },
      batch: { value: "N", help: "windows in a batch (default 32)" },
      overlap: { value: "N", help: "tokens by which windows overlap; 0 carries the state instead (default 0)" },
      random: { help: "windows from a random offset, in random order" },
      optimizer: { value: "adamw|sgd", help: "(default adamw)" },
      lr: { value: "X", help: "learning rate (default 0.002 for adamw, 1 for sgd)" },
      momentum: { value: "X", help: "of sgd (default 0)" },
      "weight-decay": { value: "X", help: "of adamw (default 0.01)" },
      schedule: { value: "constant|cosine|step", help: "of the learning rate (default constant)" },
      clip: { value: "X", help: "limit on the gradients' global norm, 0 for none (default 1)" },
      dropout: { value: "P", help: "between layers (default 0)" },
      epochs: { value: "N", help: "passes over the text (default 10)" },
      steps: { value: "N", help: "or: batches" },
      seconds: { value: "N", help: "or: seconds of training" },
      valid: { value: "X", help: "last part of the text to hold out, 0 for none (default 0.1)" },
      "valid-file": { value: "FILE", help: "or: a text to hold out" },
      patience: { value: "N", help: "stop after N epochs without a better one, keep the best weights" },
      seed: { value: "N", help: "fixes everything random (default 1)" },
      threads: { value: "N", help: "1: this version trains on one thread" },
      resume: {
        value: "CHECKPOINT",
        help: "go on from a checkpoint, on the same text; N of --epochs, … is then the total",
      },
      ...PATTERN,
      "gradient-flow": { help: "draw how the gradient fades over the window" },
      json: { help: "one JSON object a line on standard output" },
      ...COMMON,
    },
  },
  eval: {
    usage: "rivulet eval MODEL TEXT",
    about: "Prints the perplexity of a text (- for standard input) under a model.",
    operands: ["MODEL", "TEXT"],
    flags: { json: { help: ONE_OBJECT }, ...PATTERN, ...COMMON },
  },
  ngram: {
    usage: "rivulet ngram TEXT",
    about: "Estimates an n-gram model from a text (- for standard input), a sentence a line, or from counts.",
    operands: ["[TEXT]"],
    flags: {
      ...COUNTED,
      out: {
        value: "FILE",
        help: "where to save the model: .arpa, .arpa.gz, or .ngram, the binary form (default model.arpa)",
      },
      counts: { value: "FILE", help: "instead of TEXT: a Parquet file of counts, or a directory of some" },
      smoothing: { value: "kneser-ney|mle|laplace|stupid-backoff", help: "of the estimate (default kneser-ney)" },
      prune: { value: '"0 0 1"', help: "kneser-ney: leave out n-grams counted so often or less, by length" },
      "discount-fallback": { help: "kneser-ney: discounts of 0.5, 1 and 1.5 where the text leaves them undefined" },
      k: { value: "X", help: "laplace: what is added to each count (default 1)" },
      alpha: { value: "X", help: "stupid-backoff: the weight of a shorter context (default 0.4)" },
      quantize: { help: "binary form: half the size, slightly worse" },
      "valid-file": { value: "FILE", help: "a text to hold out, whose perplexity is printed" },
      json: { help: ONE_OBJECT },
      ...HELP,
    },
  },
  count: {
    usage: "rivulet count TEXT",
    about: "Counts the n-grams of a text (- for standard input) for ngram --counts, which adds up those of many.",
    operands: ["TEXT"],
    flags: {
      ...COUNTED,
      out: { value: "FILE", help: "where to save the counts, a Parquet file (default counts.parquet)" },
      json: { help: ONE_OBJECT },
      ...HELP,
    },
  },
  generate: {
    usage: "rivulet generate MODEL",
    about: "Writes text.",
    operands: ["MODEL"],
    flags: {
      prompt: { value: "TEXT", help: "text to go on from (default: none)" },
      length: { value: "N", help: "tokens to write (default 500)" },
      temperature: { value: "X", help: "below 1 more cautious, above 1 wilder, 0 always the likeliest (default 1)" },
      "top-k": { value: "N", help: "choose among the N likeliest (default: all)" },
      "top-p": { value: "X", help: "choose among the likeliest that make up X (default 1)" },
      seed: { value: "N", help: "fixes what is chosen (default 1)" },
      ...PATTERN,
      ...COMMON,
    },
  },
} satisfies Record<string, { usage: string; about: string; operands: string[]; flags: Flags }>;

export type CommandName = keyof typeof commands;

/** The flags that were given, by name, and how to read them. */
export class Args {
  private constructor(
    readonly operands: string[],
    private readonly values: Record<string, string | boolean | undefined>,
  ) {}

  /** @throws UsageError */
  static parse(command: CommandName, argv: string[]): Args {
    const { flags, operands, usage } = commands[command];
    const options = Object.entries<Flag>(flags).map(([name, { value }]) => [
      name,
      { type: value ? "string" : "boolean" },
    ]);
    // Not strict: what is wrong is said in our words.
    const { positionals, values, tokens } = parseArgs({
      args: argv,
      options: Object.fromEntries(options),
      allowPositionals: true,
      strict: false,
      tokens: true,
    });
    const seen = new Set<string>();
    for (const token of tokens) {
      if (token.kind !== "option") continue;
      const { name, rawName, value, inlineValue } = token;
      if (!Object.hasOwn(flags, name)) throw new UsageError(`Unknown option '${rawName}'`);
      if (seen.has(name)) throw new UsageError(`"${rawName}" expected once, got it twice`);
      seen.add(name);
      const expected = (flags as Flags)[name]!.value;
      if (expected === undefined) {
        if (inlineValue) throw new UsageError(`"${rawName}" expected no value, got ${JSON.stringify(value)}`);
      } else if (value === undefined) {
        throw new UsageError(`"${rawName}" expected ${expected} behind it, got nothing`);
      } else if (!inlineValue && value.length > 1 && value.startsWith("-")) {
        const got = `got ${JSON.stringify(value)}, which could be a flag`;
        throw new UsageError(`"${rawName}" expected ${expected}, ${got}: write ${rawName}=${quoted(value)}`);
      }
    }
    const needed = operands.filter((operand) => !operand.startsWith("[")).length;
    if (!values.help && (positionals.length < needed || positionals.length > operands.length)) {
      throw new UsageError(`expected ${usage.replace("rivulet ", "")}, got ${positionals.length} operands`);
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

  /** @throws UsageError where it is given and empty */
  file(name: string): string | undefined {
    const path = this.text(name);
    if (path === "") throw new UsageError(`"--${name}" expected the name of a file, got ""`);
    return path;
  }

  /** @throws UsageError where it is given and no integer from `least` to `most` */
  integer(name: string, least = 1, most?: number): number | undefined {
    const value = this.numeric(name);
    return value === undefined ? undefined : usage(() => integer(`--${name}`, value, least, most));
  }

  /** @throws UsageError where it is given and not what `expected` says */
  number(name: string, expected: string, holds: (value: number) => boolean): number | undefined {
    const value = this.numeric(name);
    return value === undefined ? undefined : usage(() => number(`--${name}`, value, expected, holds));
  }

  /** @throws UsageError where it is given and none of the choices */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : usage(() => oneOf(`--${name}`, text, choices));
  }

  private numeric(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isNaN(value)) throw new UsageError(`"--${name}" expected a number, got ${JSON.stringify(text)}`);
    return value;
  }
}

/** A word as a POSIX shell takes it. */
export const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function usage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

export function help(command?: CommandName): string {
  if (!command) {
    const lines = Object.values(commands).map(({ usage, about }) => `  ${usage.padEnd(26)} ${about}`);
    return `usage:\n${lines.join("\n")}\n\nrivulet COMMAND --help lists a command's flags; rivulet --version is its version.`;
  }
  const { usage, about, flags } = commands[command];
  const lines = Object.entries<Flag>(flags).map(([name, flag]) => {
    const left = `--${name}${flag.value ? ` ${flag.value}` : ""}`;
    return `  ${left.padEnd(32)} ${flag.help}`;
  });
  return `usage: ${usage} [flags]\n${about}\n\n${lines.join("\n")}`;
}
