import { defined } from "../check.js";
import { carriedWindows, overlappingWindows, type Partition, randomWindows } from "../data/windows.js";
import { resumeFrom, saveCheckpoint, trainedTokens } from "../io/checkpoint.js";
import { checkWritable, readBytes, readText, writeWhole } from "../io/files.js";
import { modelFrom, saveModel } from "../io/model.js";
import { readSafetensors } from "../io/safetensors.js";
import { evaluate } from "../lm/perplexity.js";
import { RecurrentModel } from "../lm/recurrent.js";
import { ACTIVATIONS, CELLS } from "../nn/config.js";
import { encode, prepare } from "../text/corpus.js";
import type { TokenIds } from "../text/ids.js";
import { characters, type Tokenizer, whitespace, words } from "../text/tokenizers.js";
import { gradientFlow } from "../train/gradient-flow.js";
import { adamw, type Optimizer, sgd } from "../train/optimizer.js";
import { constant, cosine, step } from "../train/schedule.js";
import { DivergedError, type Training, type TrainOptions, train } from "../train/train.js";
import { kernelVariant } from "../wasm/load.js";
import { type Args, UsageError } from "./args.js";
import { gradientFlowChart, lossChart } from "./chart.js";
import { named } from "./errors.js";
import { ProgressLine } from "./progress.js";
import { count } from "./words.js";

/** Milliseconds between checkpoints that nobody asked for. */
const KEEP_EVERY = 5 * 60_000;

const say = (sentence: string) => process.stderr.write(`${sentence}\n`);

export async function trainCommand(args: Args): Promise<number> {
  const [textPath] = args.operands as [string];
  const resumed = args.text("resume");
  const out =
    args.text("out") ?? resumed?.replace(/(\.checkpoint)?\.safetensors$/, ".safetensors") ?? "model.safetensors";
  const checkpoint = `${out.replace(/\.safetensors$/, "")}.checkpoint.safetensors`;
  const stop = new AbortController();
  const { training, valid } = resumed
    ? await resumeTraining(args, textPath, resumed, stop.signal)
    : await newTraining(args, textPath, stop.signal);
  checkWritable(out);
  checkWritable(checkpoint);
  describe(training, valid, resumed);

  const keep = () => writeWhole(checkpoint, saveCheckpoint(training));
  const interrupt = () => (stop.signal.aborted ? process.exit(130) : stop.abort());
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  const losses: number[] = [];
  const firstStep = training.state.step + 1;
  try {
    await follow(training, args.has("json"), losses, keep);
  } catch (error) {
    if (stop.signal.aborted) {
      keep();
      say(`stopped after step ${training.state.step}; to go on: rivulet train ${textPath} --resume ${checkpoint}`);
      return 130;
    }
    if (error instanceof DivergedError) {
      keep();
      error.message += `. They are in ${checkpoint}`;
    }
    throw error;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }

  keep();
  writeWhole(out, saveModel(training.model));
  report(training, valid, args, losses, firstStep);
  say(`saved ${out}; to train on: rivulet train ${textPath} --resume ${checkpoint} --epochs N`);
  return 0;
}

/** Iterates over a training, showing it. */
async function follow(training: Training, json: boolean, losses: number[], keep: () => void): Promise<void> {
  const line = new ProgressLine(training.done());
  let kept = performance.now();
  try {
    for await (const progress of training) {
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
}

const print = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

const brief = ({ nats, perplexity, tokens }: { nats: number; perplexity: number; tokens: number }) => ({
  nats,
  perplexity,
  tokens,
});

function describe({ model, tokens, state }: Training, valid: TokenIds | undefined, resumed: string | undefined): void {
  const { cell, hiddenSize, layers } = model.network.config;
  const held = valid ? `, ${count(valid.length, "token")} held out` : "";
  say(`${count(tokens.length, "token")} to train on${held}; ${count(model.vocabulary.size, "different one")}`);
  const what = `${cell} of ${layers > 1 ? `${layers} layers of ` : ""}${hiddenSize}`;
  say(`${what}, ${count(model.network.parameterCount, "parameter")}, ${kernelVariant()} kernels`);
  if (resumed) say(`going on from step ${state.step} of ${resumed}`);
}

function report(
  { model, state }: Training,
  valid: TokenIds | undefined,
  args: Args,
  losses: number[],
  firstStep: number,
): void {
  const { window } = { window: args.integer("window") ?? 64 };
  const result = valid && evaluate(model, valid);
  const norms = args.has("gradient-flow") && valid ? gradientFlow(model, valid, { steps: window }) : undefined;
  const tokensPerSecond = state.tokens / state.seconds;
  if (args.has("json")) {
    print({
      done: true,
      valid: result ? brief(result) : null,
      tokensPerSecond,
      parameters: model.network.parameterCount,
      ...(norms && { gradientFlow: norms.map((layer) => [...layer]) }),
    });
    return;
  }
  say(lossChart(losses, firstStep));
  for (const [l, layer] of norms?.entries() ?? []) {
    say(gradientFlowChart(layer, norms!.length > 1 ? ` of layer ${l + 1}` : ""));
  }
  say(
    `${count(state.tokens, "token")} in ${state.seconds.toFixed(1)} s: ${count(Math.round(tokensPerSecond), "token")} a second`,
  );
  if (!result) return;
  const { perplexity, nats, bits, tokens } = result;
  process.stdout.write(
    `perplexity ${perplexity.toFixed(3)} on ${count(tokens, "held-out token")} ` +
      `(${nats.toFixed(4)} nats, ${bits.toFixed(4)} bits a token)\n`,
  );
}

async function newTraining(args: Args, textPath: string, signal: AbortSignal) {
  const tokenizer = tokenizerOf(args);
  const options = trainOptions(args);
  const seed = args.integer("seed", 0);
  const network = defined({
    cell: args.choice("cell", CELLS),
    activation: args.choice("activation", ACTIVATIONS),
    hiddenSize: args.integer("hidden"),
    layers: args.integer("layers"),
    embeddingSize: args.integer("embedding", 0),
    dropout: args.number("dropout", "a number in [0, 1)", (p) => p >= 0 && p < 1),
    seed,
  });
  const validFile = args.text("valid-file");
  const share = args.number("valid", "a number in [0, 1)", (x) => x >= 0 && x < 1);
  if (validFile !== undefined && share !== undefined)
    throw new UsageError('expected "--valid" or "--valid-file", got both');
  const corpus = await named(textPath, () =>
    prepare(readText(textPath), tokenizer, {
      ...defined({ minCount: args.integer("min-count"), maxSize: args.integer("max-vocabulary", 2) }),
      valid: validFile === undefined ? (share ?? 0.1) : 0,
    }),
  );
  const { vocabulary, train: ids } = corpus;
  const held = await heldOut(validFile, corpus.valid, (path) => encode(readText(path), tokenizer, vocabulary));
  const model = await RecurrentModel.create({ tokenizer, vocabulary, ...network });
  const training = await named(textPath, () => train(model, ids, { ...options, ...defined({ valid: held }), signal }));
  return { training, valid: held };
}

/** Flags that mean something beside --resume: the rest is in the checkpoint. */
const WITH_RESUME = "resume out epochs steps seconds patience valid-file gradient-flow json kernels help".split(" ");

async function resumeTraining(args: Args, textPath: string, path: string, signal: AbortSignal) {
  const other = args.given().find((flag) => !WITH_RESUME.includes(flag));
  if (other) throw new UsageError(`"--${other}" is fixed by the checkpoint: leave it out beside --resume`);
  const length = trainLength(args);
  const { file, model, trained } = await named(path, async () => {
    const file = readSafetensors(readBytes(path));
    return { file, model: await modelFrom(file), trained: trainedTokens(file) };
  });
  const { tokenizer, vocabulary } = model;
  const all = await named(textPath, () => encode(readText(textPath), tokenizer, vocabulary));
  const held = await heldOut(args.text("valid-file"), all.subarray(trained), (validPath) =>
    encode(readText(validPath), tokenizer, vocabulary),
  );
  const training = await named(textPath, () =>
    resumeFrom(file, model, all.subarray(0, trained), { ...length, ...defined({ valid: held }), signal }),
  );
  return { training, valid: held };
}

/** The held-out tokens: of a file, or of the end of the text; none where that is too short to predict anything. */
async function heldOut(path: string | undefined, end: TokenIds, read: (path: string) => TokenIds) {
  const ids = path === undefined ? end : await named(path, () => read(path));
  return ids.length >= 2 ? ids : undefined;
}

function tokenizerOf(args: Args): Tokenizer {
  const kind = args.choice("tokens", ["char", "word", "whitespace"]) ?? "char";
  if (args.has("lowercase") && kind !== "word")
    throw new UsageError('"--lowercase" expected "--tokens word" beside it');
  return { char: characters, whitespace, word: () => words({ lowercase: args.has("lowercase") }) }[kind]();
}

const positive = (x: number) => x > 0 && x < Infinity;

function trainLength(args: Args): Pick<TrainOptions, "epochs" | "steps" | "seconds" | "patience"> {
  const length = defined({
    epochs: args.integer("epochs"),
    steps: args.integer("steps"),
    seconds: args.number("seconds", "a number > 0", positive),
  });
  const given = Object.keys(length).map((name) => `"--${name}"`);
  if (given.length > 1) throw new UsageError(`expected one of ${given.join(" and ")}, got both`);
  return { ...length, ...defined({ patience: args.integer("patience") }) };
}

function trainOptions(args: Args): TrainOptions {
  const length = trainLength(args);
  const clip = args.number("clip", "a number >= 0", (x) => x >= 0) ?? 1;
  if ((args.integer("threads") ?? 1) > 1)
    throw new UsageError('"--threads" expected 1: this version trains on one thread');
  return {
    windows: windowsOf(args),
    optimizer: optimizerOf(args),
    schedule: { constant, cosine, step }[args.choice("schedule", ["constant", "cosine", "step"]) ?? "constant"](),
    clip: clip === 0 ? Infinity : clip,
    ...defined({ seed: args.integer("seed", 0) }),
    ...((length.epochs ?? length.steps ?? length.seconds) ? length : { ...length, epochs: 10 }),
  };
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

function optimizerOf(args: Args): Optimizer {
  const kind = args.choice("optimizer", ["adamw", "sgd"]) ?? "adamw";
  const learningRate = args.number("lr", "a number > 0", positive);
  const momentum = args.number("momentum", "a number in [0, 1)", (x) => x >= 0 && x < 1);
  const weightDecay = args.number("weight-decay", "a number >= 0", (x) => x >= 0 && x < Infinity);
  if (kind === "adamw" && momentum !== undefined) throw new UsageError('"--momentum" expected "--optimizer sgd"');
  if (kind === "sgd" && weightDecay !== undefined)
    throw new UsageError('"--weight-decay" expected "--optimizer adamw"');
  return kind === "adamw" ? adamw(defined({ learningRate, weightDecay })) : sgd(defined({ learningRate, momentum }));
}
