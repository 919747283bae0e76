import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { defined } from "../check.js";
import { DivergedError } from "../errors.js";
import { saveCheckpoint } from "../io/checkpoint.js";
import { FileError } from "../io/file-error.js";
import { saveModel } from "../io/model.js";
import { checkWritable, isDevice, writeWhole } from "../io/save.js";
import { evaluate } from "../lm/perplexity.js";
import type { RecurrentModel } from "../lm/recurrent.js";
import { Classifier } from "../tasks/classifier.js";
import type { AnyTask, Figures } from "../train/task.js";
import type { Progress, Trainable } from "../train/train.js";
import { type Args, quoted, UsageError } from "./args.js";
import { beginLabels, resumeLabels } from "./labels.js";
import { beginLanguage, resumeLanguage } from "./language.js";
import { checkName, keepInputs, say } from "./outputs.js";
import { KINDS } from "./read-model.js";
import { type AnyRun, type Checkpoint, describe, follow, progressOf, readCheckpoint, report } from "./run.js";
import { lengthOf } from "./settings.js";
import { catchSignals } from "./signals.js";

/** Flags allowed with --resume; everything else is in the checkpoint. */
const WITH_RESUME =
  "format resume out epochs steps seconds patience valid-file sample gradient-flow json kernels allow-pattern".split(
    " ",
  );

export async function trainCommand(args: Args): Promise<number> {
  const [text] = args.operands as [string];
  const from = args.file("resume");
  const base = args.file("from");
  if (from !== undefined && base !== undefined) {
    throw new UsageError('expected "--from" or "--resume", got both: a checkpoint has the weights to resume from');
  }
  const out = args.file("out") ?? (from === undefined ? "model.safetensors" : modelBeside(from));
  const checkpoint = `${out.replace(/\.safetensors$/, "")}.checkpoint.safetensors`;
  const read = [text, args.file("valid-file")];
  for (const output of [out, checkpoint]) keepInputs(out, output, read);
  // The model that is trained further is overwritten only if --out names it.
  keepInputs(out, checkpoint, [base]);
  if (!args.has("out")) keepInputs(out, out, [base]);
  const untold = checkName("model", out);
  const stop = new AbortController();
  const run = await (from === undefined ? begin(args, text, stop.signal) : takeUp(args, text, from, stop.signal));
  const { training } = run;
  // A newer checkpoint may overwrite the one that is resumed, but a model may not.
  keepInputs(out, out, [from]);

  // A device, such as --out /dev/null, gets no checkpoint beside it.
  const device = isDevice(out);
  const keep = device ? () => {} : () => save(checkpoint, saveCheckpoint(training));
  // The checkpoint holds the parameters, two moments and, with patience, the best parameters so far.
  const bytes = 4 * training.model.network.parameterCount;
  checkWritable(out, bytes);
  if (!device) checkWritable(checkpoint, 4 * bytes);
  if (untold) say(untold);
  describe(run, from);
  const goOn = goOnCommand(args, text, out, checkpoint);
  const piped = text === "-" || args.text("valid-file") === "-" ? ", with the same text piped in again" : "";

  // The first signal stops training after the current step, and the run is saved; further signals change nothing.
  let signaled: number | undefined;
  const release = catchSignals((code) => {
    if (signaled !== undefined) say(`saving after this step; kill -9 ${process.pid} quits without saving`);
    signaled ??= code;
    stop.abort();
  });
  let crashed: Error | undefined;
  const crash = (error: Error) => {
    crashed ??= error;
    stop.abort();
  };
  process.on("uncaughtException", crash);
  const firstStep = training.state.step + 1;
  const losses: number[] = [];
  let last: Progress<Figures> | undefined;
  try {
    last = await follow(run, args.has("json"), losses, keep);
    save(out, saveModel(training.model));
    keep();
    if (crashed) throw crashed;
  } catch (error) {
    if (error instanceof FileError) throw error; // it could not be saved
    if (signaled !== undefined) {
      keep();
      say(`stopped after step ${training.state.step}${device ? "" : `; to resume: ${goOn}${piped}`}`);
      return signaled;
    }
    const cause = crashed ?? (error as Error);
    try {
      keep();
      if (!device) {
        cause.message +=
          error instanceof DivergedError ? `. They are saved in ${checkpoint}` : `. To resume: ${goOn}${piped}`;
      }
    } catch (unsaved) {
      cause.message += `. ${(unsaved as Error).message}`;
    }
    throw cause;
  } finally {
    // After a signal, keep catching further ones, so that they do not cut off the last messages.
    if (signaled === undefined) release();
    process.off("uncaughtException", crash);
  }

  // With patience, the final weights may not be the ones that were evaluated last.
  const patient = training.settings.patience !== undefined;
  const evaluated = patient ? undefined : last?.valid;
  const result = evaluated ?? (run.valid && evaluate(training.model as AnyTask, run.valid));
  report(run, args.has("json"), result, losses, firstStep);
  if (device) {
    say(`saved ${out}`);
    return 0;
  }
  const { unit, done } = progressOf(training);
  say(`saved ${out}; to train it longer: ${goOn} --${unit} N${piped}, where N includes the ${done} so far`);
  return 0;
}

/** Default path for the model of a resumed run. */
const modelBeside = (checkpoint: string) => checkpoint.replace(/(\.checkpoint)?\.safetensors$/, ".safetensors");

/** The command that resumes from a checkpoint, with the flags that the checkpoint does not store. */
function goOnCommand(args: Args, text: string, out: string, checkpoint: string): string {
  const flags = {
    resume: checkpoint,
    format: args.text("format"),
    out: modelBeside(checkpoint) === out ? undefined : out,
    "valid-file": args.text("valid-file"),
    sample: args.text("sample"),
    kernels: args.text("kernels"),
    "allow-pattern": args.has("allow-pattern") || undefined,
  };
  const words = Object.entries(flags).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return value === true ? [`--${name}`] : [`--${name}`, value];
  });
  return ["rivulet", "train", text, ...words].map(quoted).join(" ");
}

/** Saves a file, or, if that fails, saves it in the system's temporary folder, so that no training is lost. */
function save(path: string, bytes: Uint8Array): void {
  try {
    writeWhole(path, bytes);
  } catch (error) {
    const rescue = rescued(basename(path), bytes);
    if (rescue !== undefined) (error as Error).message += `. It was saved as ${rescue} instead`;
    throw error;
  }
}

/** Saves a file in a new folder that only its owner can read; undefined if that fails, too. */
function rescued(name: string, bytes: Uint8Array): string | undefined {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), "rivulet-"));
    writeWhole(join(folder, name), bytes);
    return join(folder, name);
  } catch {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
}

/** How each task begins: --task. */
const BEGIN: Record<string, (args: Args, path: string, signal: AbortSignal) => Promise<AnyRun>> = {
  lm: beginLanguage,
  classify: beginLabels,
};
/** The flags of tasks other than language models. */
const OF_LABELS = ["format", "several"];

function begin(args: Args, path: string, signal: AbortSignal): Promise<AnyRun> {
  const task = args.choice("task", Object.keys(BEGIN)) ?? "lm";
  const other = args.given().find((flag) => OF_LABELS.includes(flag));
  if (other && task === "lm") throw new UsageError(`"--${other}" expected "--task classify" with it`);
  return BEGIN[task]!(args, path, signal);
}

/** Resumes a run. */
async function takeUp(args: Args, path: string, checkpoint: string, signal: AbortSignal): Promise<AnyRun> {
  const other = args.given().find((flag) => !WITH_RESUME.includes(flag));
  if (other) throw new UsageError(`"--${other}" is fixed by the checkpoint: leave it out with --resume`);
  const changed = { ...lengthOf(args), ...defined({ patience: args.integer("patience") }), signal };
  const read = await readCheckpoint<Trainable>(checkpoint, args.has("allow-pattern"), KINDS, changed);
  return read.model instanceof Classifier
    ? resumeLabels(args, path, read as Checkpoint<Classifier>)
    : resumeLanguage(args, path, read as Checkpoint<RecurrentModel>);
}
