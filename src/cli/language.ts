// How the command trains language models.

import { statSync } from "node:fs";
import { defined } from "../check.js";
import { named } from "../io/file-error.js";
import { readBytes, readText } from "../io/files.js";
import { isQuantized } from "../io/quantize.js";
import { readSafetensors } from "../io/safetensors.js";
import { generate } from "../lm/generate.js";
import { RecurrentModel } from "../lm/recurrent.js";
import { encode, prepare } from "../text/corpus.js";
import type { TokenIds } from "../text/ids.js";
import { gradientFlow } from "../train/gradient-flow.js";
import { type Training, train } from "../train/train.js";
import { kernelVariant } from "../wasm/load.js";
import { type Args, quoted, UsageError } from "./args.js";
import { gradientFlowChart } from "./chart.js";
import { count } from "./numbers.js";
import { say } from "./outputs.js";
import { readModel } from "./read-model.js";
import { type Checkpoint, layersOf, type Run, startOf } from "./run.js";
import { heldOutOf, networkOf, tokenizerOf, trainOptionsOf, vocabularyOf } from "./settings.js";

type LanguageRun = Run<RecurrentModel>;

/** Flags not allowed with --from: the model already has a network, a tokenizer and a vocabulary. */
const IN_MODEL =
  "tokens lowercase wrapped min-count max-vocabulary cell activation hidden layers embedding tied dropout init forget-bias".split(
    " ",
  );

/** Starts training a new model or, with --from, one that was trained before. */
export async function beginLanguage(args: Args, path: string, signal: AbortSignal): Promise<LanguageRun> {
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
  return runOf(args, training, valid);
}

/** Trains a model further on another text, starting from its weights and keeping its vocabulary. */
async function further(args: Args, path: string, base: string, signal: AbortSignal): Promise<LanguageRun> {
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
  return runOf(args, training, valid);
}

/** Resumes training. */
export async function resumeLanguage(
  args: Args,
  path: string,
  { model, tokens, patience, resume }: Checkpoint<RecurrentModel>,
): Promise<LanguageRun> {
  const { tokenizer, vocabulary } = model;
  const ids = await named(path, () => encode(readText(path), tokenizer, vocabulary));
  const valid = await heldOut(args.file("valid-file"), ids.subarray(tokens), (validPath) =>
    encode(readText(validPath), tokenizer, vocabulary),
  );
  // A text shorter than the checkpoint's is the wrong one, which resume() reports.
  if (ids.length >= tokens) checkPatience(patience, valid, 'the text that was held out: give it with "--valid-file"');
  const { training } = await resume(path, ids.subarray(0, tokens), valid);
  return runOf(args, training, valid);
}

/** Describes a run to the command. */
function runOf(args: Args, training: Training, valid: TokenIds | undefined): LanguageRun {
  const { model, data: tokens, settings } = training;
  const length = args.integer("sample");
  const sample = () => [...generate(model, { length: length!, seed: settings.seed })].join("");
  const steps = settings.windows!.window;
  return {
    training,
    valid,
    unit: "token",
    ...(length !== undefined && { sample }),
    about() {
      const { cell, layers, dropout } = model.config;
      const held = valid ? `, ${count(valid.length, "token")} held out` : "";
      return [
        `${count(tokens.length, "token")} to train on${held}; ${model.vocabulary.size.toLocaleString("en")} distinct`,
        `${cell}, ${layersOf(model.config)}, ${count(model.network.parameterCount, "parameter")}, ${kernelVariant()} kernels`,
        ...(layers === 1 && dropout > 0
          ? ["dropout has no effect: it applies between layers, and there is only one"]
          : []),
      ];
    },
    brief: ({ nats, perplexity, tokens }) => ({ nats, perplexity, tokens }),
    result({ nats, bits, perplexity, tokens }) {
      const means = `${nats.toFixed(4)} nats, ${bits.toFixed(4)} bits per token`;
      return `perplexity ${perplexity.toFixed(3)} on ${count(tokens, "held-out token")} (${means})`;
    },
    more() {
      if (!args.has("gradient-flow")) return undefined;
      const flow = gradientFlow(model, valid && valid.length > steps ? valid : tokens, { steps });
      return {
        json: { gradientFlow: flow.map((layer) => [...layer]) },
        charts: (columns) =>
          flow.map((norms, l) => gradientFlowChart(norms, flow.length > 1 ? ` of layer ${l + 1}` : "", columns)),
      };
    },
  };
}

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
