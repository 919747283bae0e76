import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { defined, quote } from "../check.js";
import { DivergedError } from "../errors.js";
import { resumeFrom, saveCheckpoint, trainedOn } from "../io/checkpoint.js";
import { FileError, named } from "../io/file-error.js";
import { readBytes, readText } from "../io/files.js";
import { FormatError } from "../io/format.js";
import { languageModel, modelFrom, saveModel } from "../io/model.js";
import { isQuantized } from "../io/quantize.js";
import { readSafetensors } from "../io/safetensors.js";
import { checkWritable, isDevice, writeWhole } from "../io/save.js";
import { generate } from "../lm/generate.js";
import { type Evaluation, evaluate } from "../lm/perplexity.js";
import { RecurrentModel } from "../lm/recurrent.js";
import { perSecond } from "../pause.js";
import { encode, prepare } from "../text/corpus.js";
import type { TokenIds } from "../text/ids.js";
import { gradientFlow } from "../train/gradient-flow.js";
import { type Progress, type Training, train } from "../train/train.js";
import { kernelVariant } from "../wasm/load.js";
import { type Args, quoted, UsageError } from "./args.js";
import { gradientFlowChart, lossChart } from "./chart.js";
import { count, json } from "./numbers.js";
import { checkName, keepInputs, say, write } from "./outputs.js";
import { ProgressLine } from "./progress.js";
import { readModel } from "./read-model.js";
import { heldOutOf, lengthOf, networkOf, tokenizerOf, trainOptionsOf, vocabularyOf } from "./settings.js";
import { catchSignals } from "./signals.js";
import { columnsOf } from "./terminal.js";

/** Milliseconds between automatic checkpoints. */
const KEEP_EVERY = 5 * 60_000;

/** Flags allowed with --resume; everything else is in the checkpoint. */
const WITH_RESUME =
  "resume out epochs steps seconds patience valid-file sample gradient-flow json kernels allow-pattern".split(" ");

/** Flags not allowed with --from: the model already has a network, a tokenizer and a vocabulary. */
const IN_MODEL =
  "tokens lowercase wrapped min-count max-vocabulary cell activation hidden layers embedding tied dropout init forget-bias".split(
    " ",
  );

const print = (value: unknown) => write(`${json(value)}\n`);

interface Run {
  training: Training;
  valid: TokenIds | undefined;
}

export async function trainCommand(args: Args): Promise<number> {
  const [text] = args.operands as [string];
  const from = args.file("resume");
  const base = args.file("from");
  if (from !== undefined && base !== undefined) {
    throw new UsageError('expected "--from" or "--resume", got both: a checkpoint has the weights to resume from');
  }
  const sample = args.integer("sample");
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
  let last: Progress | undefined;
  try {
    last = await follow(training, { json: args.has("json"), sample }, losses, keep);
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
  const result = (!patient && last?.valid) || (run.valid && evaluate(training.model, run.valid));
  report(args, run, result, losses, firstStep);
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

/** The unit of the run's length, and how much of it is done. */
function progressOf(training: Training): { unit: "epochs" | "steps" | "seconds"; done: string } {
  const { settings } = training;
  const unit = settings.steps !== undefined ? "steps" : settings.seconds !== undefined ? "seconds" : "epochs";
  const n = training.done() * settings[unit]!;
  return { unit, done: count(Number(n.toFixed(1)), unit.slice(0, -1)) };
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

async function begin(args: Args, path: string, signal: AbortSignal): Promise<Run> {
  const base = args.file("from");
  if (base !== undefined) return further(args, path, base, signal);
  const tokenizer = tokenizerOf(args);
  const options = trainOptionsOf(args);
  const network = networkOf(args);
  const held = heldOutOf(args);
  const wanted = { ...vocabularyOf(args), valid: held.share };
  const corpus = await named(path, () => {
    const corpus = prepare(readText(path), tokenizer, wanted);
    // A vocabulary of <unk> alone leaves nothing to learn.
    if (corpus.vocabulary.size > 1) return corpus;
    throw new RangeError(`no token occurs that often: "--min-count" expected fewer, got ${wanted.minCount}`);
  });
  const { vocabulary } = corpus;
  const valid = await heldOut(held.file, corpus.valid, (file) => encode(readText(file), tokenizer, vocabulary));
  const model = await RecurrentModel.create({ tokenizer, vocabulary, ...network });
  checkPatience(options.patience, valid, MORE_HELD_OUT);
  const { training } = await startOf(path, () =>
    train(model, corpus.train, { ...options, ...defined({ valid }), signal }),
  );
  return { training, valid };
}

/** Trains a model further on another text, starting from its weights and keeping its vocabulary. */
async function further(args: Args, path: string, base: string, signal: AbortSignal): Promise<Run> {
  const other = args.given().find((flag) => IN_MODEL.includes(flag));
  if (other) throw new UsageError(`"--${other}" is fixed by the model: leave it out with --from`);
  const options = trainOptionsOf(args);
  const held = heldOutOf(args);
  const model = await readModel(base, args);
  if (!(model instanceof RecurrentModel)) {
    throw new UsageError(`"--from" expected a model that rivulet train saved, got the n-gram model ${quoted(base)}`);
  }
  if (statSync(base).isFile() && isQuantized(readSafetensors(readBytes(base)))) {
    say(`converting the int8 weights of ${base} to float32 for training`);
  }
  const { tokenizer, vocabulary } = model;
  const ids = await named(path, () => encode(readText(path), tokenizer, vocabulary));
  const trained = ids.length - Math.floor(ids.length * held.share);
  const tokens = ids.subarray(0, trained);
  const valid = await heldOut(held.file, ids.subarray(trained), (file) =>
    encode(readText(file), tokenizer, vocabulary),
  );
  checkPatience(options.patience, valid, MORE_HELD_OUT);
  const { training } = await startOf(path, () => train(model, tokens, { ...options, ...defined({ valid }), signal }));
  say(`training ${base} further`);
  let unknown = 0;
  for (const id of tokens) if (id === vocabulary.unknown) unknown++;
  if (unknown > 0) {
    const share = ((100 * unknown) / tokens.length).toPrecision(2);
    say(`${count(unknown, "token")} of the text (${share} %) unknown to the model: read as <unk>`);
  }
  return { training, valid };
}

async function takeUp(args: Args, path: string, checkpoint: string, signal: AbortSignal): Promise<Run> {
  const other = args.given().find((flag) => !WITH_RESUME.includes(flag));
  if (other) throw new UsageError(`"--${other}" is fixed by the checkpoint: leave it out with --resume`);
  const length = { ...lengthOf(args), ...defined({ patience: args.integer("patience") }) };
  const { file, model, trained } = await named(checkpoint, async () => {
    const file = readSafetensors(readBytes(checkpoint));
    const model = await modelFrom(file, { allowPattern: args.has("allow-pattern") }, [languageModel]);
    return {
      file,
      model,
      trained: trainedOn(file, model),
    };
  });
  const { tokenizer, vocabulary } = model;
  const ids = await named(path, () => encode(readText(path), tokenizer, vocabulary));
  const valid = await heldOut(args.file("valid-file"), ids.subarray(trained.tokens), (validPath) =>
    encode(readText(validPath), tokenizer, vocabulary),
  );
  // A text shorter than the checkpoint's is the wrong one, which resumeFrom() reports.
  if (ids.length >= trained.tokens) {
    const expected = 'the text that was held out: give it with "--valid-file"';
    checkPatience(length.patience ?? trained.patience, valid, expected);
  }
  const options = { ...length, ...defined({ valid }), signal };
  const { training } = await startOf(path, () => {
    try {
      return resumeFrom(file, model, ids.subarray(0, trained.tokens), options);
    } catch (error) {
      // An invalid checkpoint must not be reported as a fault of the text.
      throw error instanceof FormatError ? new FileError(`${quote(checkpoint)}: ${error.message}`) : error;
    }
  });
  return { training, valid };
}

/** Starts training on the text at `path`. The result is wrapped, because awaiting a Training itself would train it. */
const startOf = (path: string, start: () => Training) => named(path, () => ({ training: start() }));

const MORE_HELD_OUT = 'at least 2 held-out tokens: give a larger "--valid", or "--valid-file"';

/** @throws UsageError if the run has patience but no held-out tokens to evaluate it on */
function checkPatience(patience: number | undefined, valid: TokenIds | undefined, expected: string): void {
  if (patience !== undefined && valid === undefined) throw new UsageError(`"--patience" expected ${expected}`);
}

/** The held-out tokens: those of a file, or the end of the text; undefined if that is too short to predict a token. */
async function heldOut(path: string | undefined, end: TokenIds, read: (path: string) => TokenIds) {
  if (path === undefined) return end.length >= 2 ? end : undefined;
  return named(path, () => {
    const ids = read(path);
    if (ids.length < 2) throw new RangeError(`a held-out text expected at least 2 tokens, got ${ids.length}`);
    return ids;
  });
}

/**
 * Runs the training loop and shows its progress.
 * @param sample length in tokens of the samples to print after each evaluation, or at the end if there is none
 */
async function follow(
  training: Training,
  { json, sample }: { json: boolean; sample: number | undefined },
  losses: number[],
  keep: () => void,
) {
  const line = new ProgressLine(training.done());
  let kept = performance.now();
  let last: Progress | undefined;
  try {
    for await (const progress of training) {
      last = progress;
      losses.push(progress.loss);
      const { step, epoch, tokens, loss, perplexity, gradNorm, tokensPerSecond, valid } = progress;
      const written =
        sample !== undefined && (valid || progress.done >= 1)
          ? [...generate(training.model, { length: sample, seed: training.settings.seed })].join("")
          : undefined;
      if (json) {
        const shown = { step, epoch, tokens, loss, perplexity, gradNorm, tokensPerSecond };
        print({ ...shown, ...(valid && { valid: brief(valid) }), ...(written !== undefined && { sample: written }) });
      } else {
        line.show(progress);
        if (written !== undefined) {
          line.end();
          say(`\nsample after step ${step}:\n${written}\n`);
        }
      }
      if (performance.now() - kept > KEEP_EVERY) {
        keep();
        kept = performance.now();
      }
    }
  } catch (error) {
    if (!json) line.end();
    throw error;
  }
  return last;
}

const brief = ({ nats, perplexity, tokens }: Evaluation) => ({ nats, perplexity, tokens });

function describe({ training, valid }: Run, resumed: string | undefined): void {
  const { model, data: tokens, state } = training;
  const { cell, hiddenSize, layers } = model.config;
  const held = valid ? `, ${count(valid.length, "token")} held out` : "";
  say(`${count(tokens.length, "token")} to train on${held}; ${model.vocabulary.size.toLocaleString("en")} distinct`);
  const units = layers > 1 ? `${layers} layers of ${hiddenSize} units` : `${hiddenSize} units`;
  say(`${cell}, ${units}, ${count(model.network.parameterCount, "parameter")}, ${kernelVariant()} kernels`);
  if (layers === 1 && model.config.dropout > 0)
    say("dropout has no effect: it applies between layers, and there is only one");
  if (!resumed) return;
  if (training.done() < 1) {
    say(`resuming from step ${state.step} of ${resumed}`);
  } else {
    const { unit, done } = progressOf(training);
    say(`nothing left to train: ${done} done; --${unit} N is the total`);
  }
}

function report(
  args: Args,
  { training, valid }: Run,
  result: Evaluation | undefined,
  losses: number[],
  firstStep: number,
) {
  const { model, state, settings, data: tokens } = training;
  const steps = settings.windows!.window;
  const flow = args.has("gradient-flow")
    ? gradientFlow(model, valid && valid.length > steps ? valid : tokens, { steps })
    : undefined;
  const tokensPerSecond = perSecond(state.tokens, state.seconds);
  if (args.has("json")) {
    print({
      done: true,
      valid: result ? brief(result) : null,
      tokensPerSecond,
      parameters: model.network.parameterCount,
      ...(flow && { gradientFlow: flow.map((layer) => [...layer]) }),
    });
    return;
  }
  const columns = columnsOf(process.stderr);
  if (losses.length > 1) say(lossChart(losses, firstStep, columns));
  for (const [l, norms] of flow?.entries() ?? []) {
    say(gradientFlowChart(norms, flow!.length > 1 ? ` of layer ${l + 1}` : "", columns));
  }
  const speed = count(Math.round(tokensPerSecond), "token");
  say(`${count(state.tokens, "token")} in ${state.seconds.toFixed(1)} s: ${speed} per second`);
  if (!result) return;
  const on = count(result.tokens, "held-out token");
  const means = `${result.nats.toFixed(4)} nats, ${result.bits.toFixed(4)} bits per token`;
  process.stdout.write(`perplexity ${result.perplexity.toFixed(3)} on ${on} (${means})\n`);
}
