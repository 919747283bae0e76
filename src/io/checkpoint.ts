// Checkpoints, from which an interrupted training run resumes: a model file that also has the optimizer's moments, the state
// carried between windows, and the settings. A checkpoint also loads as a model.

import { checkBytes, checkOptions, defined, integer, type Names, number } from "../check.js";
import { checkPartition } from "../data/windows.js";
import { FormatError } from "../errors.js";
import type { RecurrentModel } from "../lm/recurrent.js";
import type { BlockName } from "../nn/network.js";
import { blockSize, readParameter, writeParameter } from "../nn/parameters.js";
import type { TokenIds } from "../text/ids.js";
import { taskOf } from "../train/language.js";
import { checkOptimizer } from "../train/optimizer.js";
import { checkSchedule } from "../train/schedule.js";
import type { AnyTask, TrainSettings } from "../train/task.js";
import {
  checkTraining,
  type DataOf,
  nameOf,
  type Trainable,
  Training,
  type TrainOptions,
  type TrainState,
} from "../train/train.js";
import { described, parseObject, record } from "./format.js";
import { type Kind, languageModel, modelFrom, writeModel } from "./model.js";
import { readSafetensors, type SafeTensors, type Tensor, valuesOf } from "./safetensors.js";
import { checkTokenizerOptions, TOKENIZER_OPTIONS, type TokenizerOptions } from "./tokenizer.js";

const MOMENTS = ["moment1", "moment2"] as const satisfies BlockName[];

interface Description {
  settings: TrainSettings;
  /** "best…" is the best value of the figure that the task watches. */
  state: Pick<TrainState, "step" | "tokens" | "seconds" | "sinceBest"> & Record<`best${string}`, number>;
  /** The data: number of tokens or examples, and a hash of them. */
  text: { tokens: number; hash: number };
}

/** Name in a description of the best value of a task's figure: "bestNats". */
const bestOf = ({ watched: { figure } }: AnyTask): `best${string}` =>
  `best${figure.charAt(0).toUpperCase()}${figure.slice(1)}`;

/**
 * Returns the bytes of a safetensors file from which resume() continues bit for bit.
 * @throws TypeError if `training` is of the wrong kind; Error if another run has trained the model since
 */
export function saveCheckpoint<M extends Trainable>(training: Training<M>): Uint8Array {
  checkTraining(training).checkModelIsOurs();
  const { model, prepared, settings, state } = training;
  const task = taskOf(model);
  const { network } = model;
  const { step, tokens: trained, seconds, sinceBest, best, carry } = state;
  const extra = new Map<string, Tensor>();
  for (const { name, shape } of network.parameters) {
    for (const moment of MOMENTS) extra.set(`${moment}.${name}`, { shape, values: network.read(name, moment) });
  }
  for (const parameter of best ? network.parameters : []) {
    extra.set(`best.${parameter.name}`, { shape: parameter.shape, values: readParameter(best!.parameters, parameter) });
  }
  if (settings.windows?.kind === "carried") extra.set("carry", { shape: [carry.length], values: carry });
  const description: Description = {
    settings,
    state: { step, tokens: trained, seconds, sinceBest, ...(best && { [bestOf(task)]: best.figure }) },
    text: task.fingerprint(prepared),
  };
  // JSON has no Infinity, which is the value of clip without gradient clipping.
  const json = JSON.stringify(description, (_, value) => (value === Infinity ? "Infinity" : value));
  return writeModel(model, extra, { training: json });
}

/** The options of resume(). */
export type ResumeOptions<D> = Pick<TrainOptions<D>, "epochs" | "steps" | "seconds" | "patience" | "valid" | "signal">;
const OPTIONS: Names<ResumeOptions<unknown> & TokenizerOptions> = {
  epochs: 1,
  steps: 1,
  seconds: 1,
  patience: 1,
  valid: 1,
  signal: 1,
  ...TOKENIZER_OPTIONS,
};

/**
 * Resumes the training of a language model from a checkpoint: iterate over `training`, or await it, to continue.
 * @param tokens the ids it was trained on
 * @param options settings to change, such as the total length; and those that a checkpoint cannot hold: `valid`, required with
 * patience, and `signal`
 * @throws TypeError if an argument is of the wrong kind, or if `valid` is missing with patience
 * @throws FormatError if the bytes are not a checkpoint; RangeError if the tokens are not those it was trained on
 */
export function resume(
  checkpoint: Uint8Array | ArrayBuffer,
  tokens: TokenIds,
  options: ResumeOptions<TokenIds> & TokenizerOptions = {},
): Promise<{ model: RecurrentModel; training: Training }> {
  return resumeKinds([languageModel], checkpoint, tokens, options);
}

/** resume() for models of other kinds. */
export async function resumeKinds<M extends Trainable>(
  kinds: readonly Kind<M>[],
  checkpoint: Uint8Array | ArrayBuffer,
  data: DataOf<M>,
  options: ResumeOptions<DataOf<M>> & TokenizerOptions,
): Promise<{ model: M; training: Training<M> }> {
  const { tokenizer, allowPattern, ...changed } = checkOptions("options", options, OPTIONS);
  const reads = checkTokenizerOptions({ tokenizer, allowPattern });
  const file = readSafetensors(checkBytes("checkpoint", checkpoint));
  const model = await modelFrom(file, reads, kinds);
  return { model, training: resumeFrom(file, model, data, changed as ResumeOptions<DataOf<M>>) };
}

/** Resumes from a file that has already been read, because its model was needed to encode the text. */
export function resumeFrom<M extends Trainable>(
  file: SafeTensors,
  model: M,
  data: DataOf<M>,
  { epochs, steps, seconds, ...options }: ResumeOptions<DataOf<M>> = {},
): Training<M> {
  const task = taskOf(model);
  const { settings, state, text } = readTraining(file, task);
  const unit = task.cut === "windows" ? "tokens" : "examples";
  const prepared = task.prepare(nameOf(task), data);
  const found = task.fingerprint(prepared);
  if (found.tokens !== text.tokens || found.hash !== text.hash) {
    const other = found.tokens === text.tokens ? "others" : `${found.tokens}`;
    throw new RangeError(`the checkpoint expected the ${text.tokens} ${unit} it was trained on, got ${other}`);
  }

  const { network } = task;
  // Checked before allocation: a batch's states have to fit into a WebAssembly memory.
  const { length } = described(DESCRIPTION, () => task.firstState?.(settings) ?? new Float32Array(0));
  // Windows that are not carried start from zeros.
  const carried = settings.windows?.kind === "carried";
  const carry = carried ? valuesOf(file, "carry", [length]).slice() : new Float32Array(0);
  for (const { name, shape } of network.parameters) {
    for (const moment of MOMENTS) network.write(name, valuesOf(file, `${moment}.${name}`, shape), moment);
  }
  const { [bestOf(task)]: figure, ...counts } = state;
  let best: TrainState["best"];
  if (figure !== undefined) {
    const parameters = new Float32Array(blockSize(network.parameters));
    best = { figure, parameters };
    for (const parameter of network.parameters) {
      writeParameter(parameters, parameter, valuesOf(file, `best.${parameter.name}`, parameter.shape));
    }
  }

  const asked = defined({ epochs, steps, seconds });
  const { epochs: _, steps: __, seconds: ___, ...rest } = settings;
  const kept = Object.keys(asked).length > 0 ? { ...rest, ...asked } : settings;
  const resumed = { state: { ...counts, carry, ...(best && { best }) }, prepared };
  return new Training(model, data, { ...kept, ...defined(options) } as TrainOptions<DataOf<M>>, resumed);
}

/**
 * Number of tokens or examples that a checkpoint was trained on, which says what was held out; its patience and its seed.
 * @throws FormatError if the file is not a checkpoint
 */
export function trainedOn(
  file: SafeTensors,
  model: Trainable,
): { tokens: number; patience?: number | undefined; seed: number } {
  const { settings, text } = readTraining(file, taskOf(model));
  return { tokens: text.tokens, patience: settings.patience, seed: settings.seed };
}

const DESCRIPTION = "a checkpoint's description";

type Rule = (name: string, value: unknown) => unknown;
const optional =
  (rule: Rule): Rule =>
  (name, value) =>
    value === undefined ? undefined : rule(name, value);
const natural: Rule = (name, value) => integer(name, value, 0);
const amount =
  (expected: string, holds: (x: number) => boolean): Rule =>
  (name, value) =>
    number(name, value === "Infinity" ? Infinity : value, expected, holds);
/** Requires every field of settings: unlike those written by hand, settings in a file have no defaults. */
const complete =
  <T extends object>(check: (settings: T) => T): Rule =>
  (name, value) => {
    const given = record(`"${name}"`, value);
    const all = check(given as T);
    for (const key of Object.keys(all)) {
      if (given[key] === undefined) throw new TypeError(`"${name}.${key}" expected a value, got none`);
    }
    return all;
  };

/** The rule for each field of a description; other fields are ignored. */
const rulesOf = (task: AnyTask): Record<keyof Description, Record<string, Rule>> => ({
  settings: {
    ...(task.cut === "windows" ? { windows: complete(checkPartition) } : { batch: integer }),
    optimizer: complete(checkOptimizer),
    schedule: complete(checkSchedule),
    clip: amount("a number > 0", (x) => x > 0),
    seed: natural,
    epochs: optional(integer),
    steps: optional(integer),
    seconds: optional(amount("a finite number > 0", (x) => x > 0 && x < Infinity)),
    patience: optional(integer),
  },
  state: {
    step: natural,
    tokens: natural,
    seconds: amount("a finite number >= 0", (x) => x >= 0 && x < Infinity),
    sinceBest: natural,
    [bestOf(task)]: optional(amount("a number >= 0", (x) => x >= 0)),
  },
  text: { tokens: integer, hash: natural },
});

function readTraining({ metadata }: SafeTensors, task: AnyTask): Description {
  const { training } = metadata;
  if (training === undefined)
    throw new FormatError("expected a checkpoint, got a model without the state of its training");
  return described(DESCRIPTION, () => {
    const file = parseObject("it", training);
    const sections = Object.entries(rulesOf(task)).map(([section, rules]) => {
      const given = record(`"${section}"`, file[section]);
      const fields = Object.entries(rules).map(([key, rule]) => [key, rule(`${section}.${key}`, given[key])]);
      return [section, Object.fromEntries(fields)];
    });
    const description = Object.fromEntries(sections) as Description;
    const { epochs, steps, seconds, windows } = description.settings;
    const lengths = [epochs, steps, seconds].filter((length) => length !== undefined).length;
    if (lengths !== 1) {
      throw new RangeError(`"settings" expected one of "epochs", "steps" and "seconds", got ${lengths}`);
    }
    if (!windows) return description;
    // The text was long enough to be trained on.
    const room = description.text.tokens - 1;
    integer("settings.windows.window", windows.window, 1, room);
    if (windows.kind === "carried") {
      integer("settings.windows.batch", windows.batch, 1, Math.floor(room / windows.window));
    }
    return description;
  });
}
