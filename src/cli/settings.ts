// Turns flags into the library's options. Every invalid flag is a UsageError.

import { defined, FRACTION, NOT_NEGATIVE, POSITIVE, show } from "../check.js";
import { carriedWindows, overlappingWindows, type Partition, randomWindows } from "../data/windows.js";
import { ACTIVATIONS, CELL_NAMES, MAX_LAYERS } from "../nn/config.js";
import { INITIALIZATIONS } from "../nn/initialize.js";
import { sentences, words } from "../text/sentences.js";
import { characters, lines, type Tokenizer, whitespace } from "../text/tokenizers.js";
import { adamw, checkOptimizer, type Optimizer, sgd } from "../train/optimizer.js";
import { constant, cosine, linear, step } from "../train/schedule.js";
import type { TrainSettings } from "../train/task.js";
import type { TrainOptions } from "../train/train.js";
import { type Args, UsageError } from "./args.js";

/** The tokenizer for n-grams: by default, white space separates words, and each line is a sentence. */
export function sentenceTokenizerOf(args: Args): Tokenizer {
  const skipSymbols = args.has("skip-symbols");
  const tokenizer = tokenizerOf(args, "whitespace", () => lines({ skipSymbols }));
  if (!skipSymbols || tokenizer.spec.kind === "lines") return tokenizer;
  throw new UsageError('"--skip-symbols" expected "--tokens whitespace"');
}

/** @param usual the kind of token without --tokens @param ofBlanks makes the tokenizer for "whitespace" */
export function tokenizerOf(args: Args, usual: "char" | "whitespace" = "char", ofBlanks = whitespace): Tokenizer {
  const kind = args.choice("tokens", ["char", "word", "sentence", "whitespace"]) ?? usual;
  const [lowercase, wrapped] = [args.has("lowercase"), args.has("wrapped")];
  if (lowercase && kind !== "word" && kind !== "sentence")
    throw new UsageError('"--lowercase" expected "--tokens word" or "--tokens sentence" with it');
  if (wrapped && kind !== "sentence") throw new UsageError('"--wrapped" expected "--tokens sentence" with it');
  return {
    char: characters,
    whitespace: ofBlanks,
    word: () => words({ lowercase }),
    sentence: () => sentences({ lowercase, wrapped }),
  }[kind]();
}

export function vocabularyOf(args: Args) {
  return defined({ minCount: args.integer("min-count"), maxSize: args.integer("max-vocabulary", 2) });
}

export function networkOf(args: Args) {
  const cell = args.choice("cell", CELL_NAMES);
  const tied = args.has("tied");
  const hiddenSize = args.integer("hidden") ?? 128;
  const embeddingSize = args.integer("embedding", 0) ?? (tied ? hiddenSize : 0);
  const forgetBias = args.number("forget-bias", "a finite number", Number.isFinite);
  if (tied && embeddingSize !== hiddenSize) {
    throw new UsageError(`"--tied" expected "--embedding" to equal "--hidden", ${hiddenSize}, got ${embeddingSize}`);
  }
  if (forgetBias !== undefined && cell !== "lstm") {
    throw new UsageError('"--forget-bias" expected "--cell lstm" with it');
  }
  const activation = args.choice("activation", ACTIVATIONS);
  if (cell !== undefined && cell !== "rnn" && activation !== undefined && activation !== "tanh") {
    throw new UsageError(`"--activation" expected "tanh", the only one of the ${cell} cell, got ${show(activation)}`);
  }
  return defined({
    cell,
    activation,
    hiddenSize,
    layers: args.integer("layers", 1, MAX_LAYERS),
    embeddingSize,
    tied,
    initialization: args.choice("init", INITIALIZATIONS),
    forgetBias,
    dropout: args.number("dropout", ...FRACTION),
    seed: args.integer("seed", 0),
  });
}

/** The held-out text: a fraction of the text, or a file. */
export function heldOutOf(args: Args): { share: number; file?: undefined } | { share: 0; file: string } {
  const file = args.file("valid-file");
  const share = args.number("valid", ...FRACTION);
  if (file === undefined) {
    if (share === 0 && args.has("patience")) {
      throw new UsageError('"--patience" expected "--valid" above 0 or "--valid-file", got "--valid 0"');
    }
    return { share: share ?? 0.1 };
  }
  if (share !== undefined) throw new UsageError('expected "--valid" or "--valid-file", got both');
  return { share: 0, file };
}

const SCHEDULES = { constant, linear, cosine, step };

/** The options of train() for language models. */
export const trainOptionsOf = (args: Args): TrainOptions => ({
  windows: windowsOf(args),
  ...(lengthOf(args) ? {} : { epochs: 10 }),
  ...givenOptions(args),
});

/** The options of train() for models with defaults of their own. */
export const taskOptionsOf = (args: Args, { optimizer: usual }: Partial<TrainSettings>): Partial<TrainSettings> =>
  defined({ batch: args.integer("batch"), ...givenOptions(args, usual) });

/** The options that flags set. @param usual the optimizer whose settings are the defaults, if it is the one that is chosen */
function givenOptions(args: Args, usual?: Optimizer): Partial<TrainSettings> {
  if ((args.integer("threads") ?? 1) > 1) {
    throw new UsageError(`"--threads" expected 1, got ${args.text("threads")}: this version trains on one thread`);
  }
  const clip = args.number("clip", "a number >= 0", (x) => x >= 0);
  const schedule = args.choice("schedule", Object.keys(SCHEDULES) as (keyof typeof SCHEDULES)[]);
  const chosen = ["optimizer", "lr", "momentum", "weight-decay"].some((flag) => args.has(flag));
  return defined({
    optimizer: chosen ? optimizerOf(args, usual) : undefined,
    schedule: schedule && SCHEDULES[schedule](),
    clip: clip === 0 ? Infinity : clip,
    seed: args.integer("seed", 0),
    ...lengthOf(args),
    patience: args.integer("patience"),
  });
}

/** The length of the run, if a flag sets it. */
export function lengthOf(args: Args): Pick<TrainOptions, "epochs" | "steps" | "seconds"> | undefined {
  const length = defined({
    epochs: args.integer("epochs"),
    steps: args.integer("steps"),
    seconds: args.number("seconds", ...POSITIVE),
  });
  const given = Object.keys(length).map((name) => `"--${name}"`);
  if (given.length > 1)
    throw new UsageError(`expected one of ${given.join(" and ")}, got ${given.length > 2 ? "all" : "both"}`);
  return given.length === 1 ? length : undefined;
}

function windowsOf(args: Args): Partition {
  const sizes = defined({ window: args.integer("window"), batch: args.integer("batch") });
  const window = sizes.window ?? 64;
  const overlap = args.integer("overlap", 0) ?? 0;
  if (overlap >= window) throw new UsageError(`"--overlap" expected less than the window of ${window}, got ${overlap}`);
  if (args.has("random") && overlap > 0) throw new UsageError('expected "--random" or "--overlap", got both');
  if (args.has("random")) return randomWindows(sizes);
  return overlap > 0 ? overlappingWindows({ ...sizes, stride: window - overlap }) : carriedWindows(sizes);
}

/** @param usual the optimizer whose settings are the defaults, if it is the one that is chosen */
function optimizerOf(args: Args, usual?: Optimizer): Optimizer {
  const kind = args.choice("optimizer", ["adamw", "sgd"]) ?? "adamw";
  const learningRate = args.number("lr", ...POSITIVE);
  const momentum = args.number("momentum", ...FRACTION);
  const weightDecay = args.number("weight-decay", ...NOT_NEGATIVE);
  if (kind === "adamw" && momentum !== undefined)
    throw new UsageError('"--momentum" expected "--optimizer sgd" with it, got adamw');
  if (kind === "sgd" && weightDecay !== undefined)
    throw new UsageError('"--weight-decay" expected "--optimizer adamw" with it, got sgd');
  const set = kind === "adamw" ? defined({ learningRate, weightDecay }) : defined({ learningRate, momentum });
  if (usual?.kind === kind) return checkOptimizer({ ...usual, ...set } as Optimizer);
  return kind === "adamw" ? adamw(set) : sgd(set);
}
