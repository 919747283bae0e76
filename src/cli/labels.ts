// How the command trains and evaluates classifiers.

import { defined, FRACTION } from "../check.js";
import { type Example, LABEL_FORMATS, type LabelFormat, readLabels } from "../data/labels.js";
import { named } from "../io/file-error.js";
import { readText } from "../io/files.js";
import { CELL_NAMES } from "../nn/config.js";
import { mix, Random } from "../random.js";
import { Classifier } from "../tasks/classifier.js";
import { DEFAULTS } from "../tasks/classifier-config.js";
import type { LabelFigures } from "../tasks/label-figures.js";
import { type Training, train } from "../train/train.js";
import { kernelVariant } from "../wasm/load.js";
import { type Args, UsageError } from "./args.js";
import { count } from "./numbers.js";
import { type Checkpoint, layersOf, type Run, startOf } from "./run.js";
import { heldOutOf, taskOptionsOf } from "./settings.js";

type LabelRun = Run<Classifier>;

/** Flags of rivulet train that a classifier has no use for. */
const OF_TEXTS =
  "tokens lowercase wrapped min-count max-vocabulary activation tied init forget-bias from window overlap random sample gradient-flow".split(
    " ",
  );

/** The form of a file of labeled texts, if a flag says it. */
export const formatOf = (args: Args): { format?: LabelFormat } =>
  defined({ format: args.choice("format", LABEL_FORMATS) });

const read = (args: Args, path: string): Promise<Example[]> =>
  named(path, () => readLabels(readText(path), formatOf(args)));

/** Starts training a new classifier. */
export async function beginLabels(args: Args, path: string, signal: AbortSignal): Promise<LabelRun> {
  const other = args.given().find((flag) => OF_TEXTS.includes(flag));
  if (other) throw new UsageError(`"--${other}" is for language models: leave it out with --task classify`);
  const held = heldOutOf(args);
  const cell = args.choice("cell", CELL_NAMES);
  const options = defined({
    encoder: cell,
    hiddenSize: args.integer("hidden"),
    layers: args.integer("layers"),
    embeddingSize: args.integer("embedding"),
    dropout: args.number("dropout", ...FRACTION),
    several: args.has("several") || undefined,
    seed: args.integer("seed", 0),
  });
  const recurrent = ["hidden", "layers", "embedding"].find((flag) => args.has(flag));
  if (recurrent && !cell) throw new UsageError(`"--${recurrent}" expected "--cell" with it`);
  const settings = taskOptionsOf(args, DEFAULTS);
  const examples = await read(args, path);
  const { training: mine, valid } = await heldOut(args, path, examples, held.share, args.integer("seed", 0) ?? 1);
  const model = await named(path, () => Classifier.create({ ...options, examples: mine }));
  if (settings.patience !== undefined && !valid) {
    throw new UsageError('"--patience" expected held-out texts: give a larger "--valid", or "--valid-file"');
  }
  const { training } = await startOf(path, () => train(model, mine, { ...settings, ...defined({ valid }), signal }));
  return runOf(training, valid);
}

/** Resumes training. */
export async function resumeLabels(
  args: Args,
  path: string,
  { tokens, patience, seed, resume }: Checkpoint<Classifier>,
): Promise<LabelRun> {
  const examples = await read(args, path);
  const share = Math.max(0, examples.length - tokens) / examples.length;
  const { training: mine, valid } = await heldOut(args, path, examples, share, seed);
  if (patience !== undefined && !valid) {
    throw new UsageError('"--patience" expected the texts that were held out: give them with "--valid-file"');
  }
  const { training } = await resume(path, mine, valid);
  return runOf(training, valid);
}

/**
 * Splits the examples: a random part is held out, the same one for the same seed, since files are often sorted by label; or all of
 * another file is.
 */
async function heldOut(args: Args, path: string, examples: readonly Example[], share: number, seed: number) {
  const file = args.file("valid-file");
  if (file !== undefined) return { training: examples, valid: await read(args, file) };
  const order = new Random(mix(seed, examples.length)).permutation(examples.length);
  const held = new Set(order.subarray(0, Math.round(examples.length * share)));
  const part = (out: boolean) => examples.filter((_, i) => held.has(i) === out);
  const training = part(false);
  if (training.length === 0) throw new RangeError(`${path} expected more examples than are held out`);
  return { training, valid: held.size > 0 ? part(true) : undefined };
}

/** Describes a run to the command. */
function runOf(training: Training<Classifier>, valid: readonly Example[] | undefined): LabelRun {
  const { model, data } = training;
  const { labels, encoder } = model.config;
  return {
    training,
    valid,
    unit: "example",
    about() {
      const held = valid ? `, ${count(valid.length, "example")} held out` : "";
      const network = encoder === "bag" ? "bag of features" : `${encoder}, ${layersOf(model.config)}`;
      return [
        `${count(data.length, "example")} to train on${held}; ${count(labels.length, "label")}`,
        `${network}, ${count(model.network.parameterCount, "parameter")}, ${kernelVariant()} kernels`,
      ];
    },
    brief: ({ nats, accuracy, macroF1, examples }) => ({ nats, accuracy, macroF1, examples }),
    result: (figures) => `${accuracyOf(figures)} on ${count(figures.examples, "held-out example")}`,
  };
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const accuracyOf = ({ accuracy, macroF1 }: LabelFigures) =>
  `accuracy ${percent(accuracy)}, macro F1 ${macroF1.toFixed(4)}`;

/** Labels whose confusion matrix still fits on a terminal, and mistakes that are listed if there are more. */
const MOST_LABELS = 12;
const MOST_MISTAKES = 20;

/** The confusion matrix or, if it is large, the most frequent mistakes. */
function confusions(names: readonly string[], confusion: NonNullable<LabelFigures["confusion"]>): string[] {
  if (names.length <= MOST_LABELS) {
    const rows = names.map((truth) => [truth, ...names.map((found) => String(confusion[truth]?.[found] ?? 0))]);
    return ["rows: labels; columns: predictions", ...table([["", ...names], ...rows])];
  }
  const mistakes = Object.entries(confusion).flatMap(([truth, row]) =>
    Object.entries(row).flatMap(([found, n]) => (found === truth ? [] : [{ truth, found, n }])),
  );
  if (mistakes.length === 0) return ["no mistakes"];
  const most = mistakes.sort((a, b) => b.n - a.n).slice(0, MOST_MISTAKES);
  const rows = most.map(({ truth, found, n }) => [truth, found, String(n)]);
  return ["the most frequent mistakes:", ...table([["label", "prediction", "examples"], ...rows])];
}

/** The figures of a classifier, for people. */
export function labelFigures(figures: LabelFigures): string {
  const { nats, examples, unknown, calibrationError, perLabel, confusion } = figures;
  const lines = [
    `${accuracyOf(figures)} on ${count(examples, "example")}`,
    `${nats.toFixed(4)} nats per example, expected calibration error ${calibrationError.toFixed(4)}`,
  ];
  if (unknown > 0) lines.push(`${count(unknown, "example")} with a label that the model does not know`);
  const names = Object.keys(perLabel);
  const rows = Object.entries(perLabel).map(([label, { precision, recall, f1, support }]) => [
    label,
    precision.toFixed(3),
    recall.toFixed(3),
    f1.toFixed(3),
    String(support),
  ]);
  lines.push("", ...table([["label", "precision", "recall", "F1", "examples"], ...rows]));
  if (confusion) lines.push("", ...confusions(names, confusion));
  return lines.join("\n");
}

/** Lines of a table, the first column flush left, the others right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd(),
  );
}
