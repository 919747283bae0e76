import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { defined, quote } from "../check.js";
import { DivergedError } from "../errors.js";
import { resumeFrom, saveCheckpoint, trainedTokens } from "../io/checkpoint.js";
import { FileError, named } from "../io/file-error.js";
import { readBytes, readText } from "../io/files.js";
import { FormatError } from "../io/format.js";
import { modelFrom, saveModel } from "../io/model.js";
import { readSafetensors } from "../io/safetensors.js";
import { checkWritable, isDevice, writeWhole } from "../io/save.js";
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
import { keepInputs, say } from "./outputs.js";
import { ProgressLine } from "./progress.js";
import { heldOutOf, lengthOf, networkOf, tokenizerOf, trainOptionsOf, vocabularyOf } from "./settings.js";
import { catchSignals } from "./signals.js";

/** Milliseconds between checkpoints that nobody asked for. */
const KEEP_EVERY = 5 * 60_000;

/** Flags that mean something beside --resume: all else is in the checkpoint. */
const WITH_RESUME =
  "resume out epochs steps seconds patience valid-file gradient-flow json kernels allow-pattern".split(" ");

const print = (value: unknown) => process.stdout.write(`${json(value)}\n`);

interface Run {
  training: Training;
  valid: TokenIds | undefined;
}

export async function trainCommand(args: Args): Promise<number> {
  const [text] = args.operands as [string];
  const from = args.file("resume");
  const out = args.file("out") ?? (from === undefined ? "model.safetensors" : modelBeside(from));
  const checkpoint = `${out.replace(/\.safetensors$/, "")}.checkpoint.safetensors`;
  const read = [text, args.file("valid-file")];
  for (const output of [out, checkpoint]) keepInputs(out, output, read);
  const stop = new AbortController();
  const run = await (from === undefined ? begin(args, text, stop.signal) : takeUp(args, text, from, stop.signal));
  const { training } = run;
  // A checkpoint may be replaced by the one that goes on from it, but not by a model.
  keepInputs(out, out, [from]);

  // Beside a device (--out /dev/null) there is no place for a checkpoint.
  const device = isDevice(out);
  const keep = device ? () => {} : () => save(checkpoint, saveCheckpoint(training));
  // The parameters once in the model; with two moments, and perhaps the best so far, in the checkpoint.
  const bytes = 4 * training.model.network.parameterCount;
  checkWritable(out, bytes);
  if (!device) checkWritable(checkpoint, 4 * bytes);
  describe(run, from);
  const goOn = goOnCommand(args, text, out, checkpoint);
  const piped = text === "-" || args.text("valid-file") === "-" ? ", with the same text piped in again" : "";

  // A first signal stops the training, which is then saved; more of them change nothing.
  let signaled: number | undefined;
  const release = catchSignals((code) => {
    if (signaled !== undefined) say(`saving after this step; kill -9 ${process.pid} ends it without`);
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
    last = await follow(training, args.has("json"), losses, keep);
    save(out, saveModel(training.model));
    keep();
    if (crashed) throw crashed;
  } catch (error) {
    if (error instanceof FileError) throw error; // it could not be saved
    if (signaled !== undefined) {
      keep();
      say(`stopped after step ${training.state.step}${device ? "" : `; to go on: ${goOn}${piped}`}`);
      return signaled;
    }
    const cause = crashed ?? (error as Error);
    try {
      keep();
      if (!device) {
        cause.message += error instanceof DivergedError ? `. They are in ${checkpoint}` : `. To go on: ${goOn}${piped}`;
      }
    } catch (unsaved) {
      cause.message += `. ${(unsaved as Error).message}`;
    }
    throw cause;
  } finally {
    // After a signal the command is about to end: another one is not to cut its words short.
    if (signaled === undefined) release();
    process.off("uncaughtException", crash);
  }

  // With patience the weights may be others than those evaluated last.
  const patient = training.settings.patience !== undefined;
  const result = (!patient && last?.valid) || (run.valid && evaluate(training.model, run.valid));
  report(args, run, result, losses, firstStep);
  if (device) {
    say(`saved ${out}`);
    return 0;
  }
  const { unit, done } = progressOf(training);
  say(`saved ${out}; to train on: ${goOn} --${unit} N${piped}, where N is the total, the ${done} so far included`);
  return 0;
}

/** Where a training that goes on from a checkpoint saves its model, unless it is told. */
const modelBeside = (checkpoint: string) => checkpoint.replace(/(\.checkpoint)?\.safetensors$/, ".safetensors");

/** The command that goes on from a checkpoint, with the flags that the checkpoint does not keep. */
function goOnCommand(args: Args, text: string, out: string, checkpoint: string): string {
  const flags = {
    resume: checkpoint,
    out: modelBeside(checkpoint) === out ? undefined : out,
    "valid-file": args.text("valid-file"),
    kernels: args.text("kernels"),
    "allow-pattern": args.has("allow-pattern") || undefined,
  };
  const words = Object.entries(flags).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return value === true ? [`--${name}`] : [`--${name}`, value];
  });
  return ["rivulet", "train", text, ...words].map(quoted).join(" ");
}

/** In what a training's length is counted, and how much of it is done. */
function progressOf(training: Training): { unit: "epochs" | "steps" | "seconds"; done: string } {
  const { settings } = training;
  const unit = settings.steps !== undefined ? "steps" : settings.seconds !== undefined ? "seconds" : "epochs";
  const n = training.done() * settings[unit]!;
  return { unit, done: count(Number(n.toFixed(1)), unit.slice(0, -1)) };
}

/** Saves what was trained; where that fails, in the system's temporary folder: nothing is to be lost. */
function save(path: string, bytes: Uint8Array): void {
  try {
    writeWhole(path, bytes);
  } catch (error) {
    const rescue = rescued(basename(path), bytes);
    if (rescue !== undefined) (error as Error).message += `. It is saved as ${rescue} instead`;
    throw error;
  }
}

/** Saves a file in a new folder, which only its owner may use; undefined where there is no place for it. */
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
  const tokenizer = tokenizerOf(args);
  const options = trainOptionsOf(args);
  const network = networkOf(args);
  const held = heldOutOf(args);
  const wanted = { ...vocabularyOf(args), valid: held.share };
  const corpus = await named(path, () => {
    const corpus = prepare(readText(path), tokenizer, wanted);
    // With <unk> alone there is nothing to learn.
    if (corpus.vocabulary.size > 1) return corpus;
    throw new RangeError(`no token is that frequent: "--min-count" expected fewer, got ${wanted.minCount}`);
  });
  const { vocabulary } = corpus;
  const valid = await heldOut(held.file, corpus.valid, (file) => encode(readText(file), tokenizer, vocabulary));
  const model = await RecurrentModel.create({ tokenizer, vocabulary, ...network });
  const { training } = await patient('at least 2 held-out tokens: give a larger "--valid", or "--valid-file"', () =>
    named(path, () => ({ training: train(model, corpus.train, { ...options, ...defined({ valid }), signal }) })),
  );
  return { training, valid };
}

async function takeUp(args: Args, path: string, checkpoint: string, signal: AbortSignal): Promise<Run> {
  const other = args.given().find((flag) => !WITH_RESUME.includes(flag));
  if (other) throw new UsageError(`"--${other}" is fixed by the checkpoint: leave it out beside --resume`);
  const length = { ...lengthOf(args), ...defined({ patience: args.integer("patience") }) };
  const { file, model, trained } = await named(checkpoint, async () => {
    const file = readSafetensors(readBytes(checkpoint));
    return {
      file,
      model: await modelFrom(file, { allowPattern: args.has("allow-pattern") }),
      trained: trainedTokens(file),
    };
  });
  const { tokenizer, vocabulary } = model;
  const ids = await named(path, () => encode(readText(path), tokenizer, vocabulary));
  const valid = await heldOut(args.file("valid-file"), ids.subarray(trained), (validPath) =>
    encode(readText(validPath), tokenizer, vocabulary),
  );
  const options = { ...length, ...defined({ valid }), signal };
  const { training } = await patient('the text that was held out: give it with "--valid-file"', () =>
    named(path, () => {
      try {
        return { training: resumeFrom(file, model, ids.subarray(0, trained), options) };
      } catch (error) {
        // What is wrong with the checkpoint is not the text's fault.
        throw error instanceof FormatError ? new FileError(`${quote(checkpoint)}: ${error.message}`) : error;
      }
    }),
  );
  return { training, valid };
}

/** Starts a training; where it has patience and nothing to evaluate it on, says so in terms of flags. */
async function patient(
  expected: string,
  start: () => Promise<{ training: Training }>,
): Promise<{ training: Training }> {
  try {
    return await start();
  } catch (error) {
    if (!(error as Error).message.includes('"patience" expected "valid"')) throw error;
    throw new UsageError(`"--patience" expected ${expected}`);
  }
}

/** The held-out tokens: of a file, or of the end of the text; none where that is too short to predict one. */
async function heldOut(path: string | undefined, end: TokenIds, read: (path: string) => TokenIds) {
  if (path === undefined) return end.length >= 2 ? end : undefined;
  return named(path, () => {
    const ids = read(path);
    if (ids.length < 2) throw new RangeError(`a text to hold out expected at least 2 tokens, got ${ids.length}`);
    return ids;
  });
}

/** Goes through a training, showing it. */
async function follow(training: Training, json: boolean, losses: number[], keep: () => void) {
  const line = new ProgressLine(training.done());
  let kept = performance.now();
  let last: Progress | undefined;
  try {
    for await (const progress of training) {
      last = progress;
      losses.push(progress.loss);
      const { step, epoch, tokens, loss, perplexity, gradNorm, tokensPerSecond, valid } = progress;
      if (json) {
        const shown = { step, epoch, tokens, loss, perplexity, gradNorm, tokensPerSecond };
        print(valid ? { ...shown, valid: brief(valid) } : shown);
      } else {
        line.show(progress);
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
  const { model, tokens, state } = training;
  const { cell, hiddenSize, layers } = model.network.config;
  const held = valid ? `, ${count(valid.length, "token")} held out` : "";
  say(
    `${count(tokens.length, "token")} to train on${held}; ${model.vocabulary.size.toLocaleString("en")} different ones`,
  );
  const what = `${cell} of ${layers > 1 ? `${layers} layers of ` : ""}${hiddenSize}`;
  say(`${what}, ${count(model.network.parameterCount, "parameter")}, ${kernelVariant()} kernels`);
  if (layers === 1 && model.network.config.dropout > 0) say("dropout is between layers: one layer has none");
  if (!resumed) return;
  if (training.done() < 1) {
    say(`going on from step ${state.step} of ${resumed}`);
  } else {
    const { unit, done } = progressOf(training);
    say(`nothing was left to train: ${done} are done; --${unit} N takes the total`);
  }
}

function report(
  args: Args,
  { training, valid }: Run,
  result: Evaluation | undefined,
  losses: number[],
  firstStep: number,
) {
  const { model, state, settings, tokens } = training;
  const steps = settings.windows.window;
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
  if (losses.length > 1) say(lossChart(losses, firstStep));
  for (const [l, norms] of flow?.entries() ?? []) {
    say(gradientFlowChart(norms, flow!.length > 1 ? ` of layer ${l + 1}` : ""));
  }
  const speed = count(Math.round(tokensPerSecond), "token");
  say(`${count(state.tokens, "token")} in ${state.seconds.toFixed(1)} s: ${speed} a second`);
  if (!result) return;
  const on = count(result.tokens, "held-out token");
  const means = `${result.nats.toFixed(4)} nats, ${result.bits.toFixed(4)} bits a token`;
  process.stdout.write(`perplexity ${result.perplexity.toFixed(3)} on ${on} (${means})\n`);
}
