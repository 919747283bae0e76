// A training run of the command: what it asks of a kind of model, and how it is shown.

import { quote } from "../check.js";
import { FormatError } from "../errors.js";
import { type ResumeOptions, resumeFrom, trainedOn } from "../io/checkpoint.js";
import { FileError, named } from "../io/file-error.js";
import { readBytes } from "../io/files.js";
import { type Kind, modelFrom } from "../io/model.js";
import { readSafetensors } from "../io/safetensors.js";
import { perSecond } from "../pause.js";
import type { DataOf, FiguresOf, Progress, Trainable, Training } from "../train/train.js";
import { lossChart } from "./chart.js";
import { count, json } from "./numbers.js";
import { say, write } from "./outputs.js";
import { ProgressLine } from "./progress.js";
import { columnsOf } from "./terminal.js";

/** A run, and how it is shown. */
export interface Run<M extends Trainable> {
  readonly training: Training<M>;
  readonly valid: DataOf<M> | undefined;
  /** The unit in which data and speed are counted: "token" or "example". */
  readonly unit: string;
  /** Lines to say before it starts: the data and the model. */
  about(): string[];
  /** The figures of an evaluation that --json prints. */
  brief(figures: FiguresOf<M>): object;
  /** The result, in a sentence. */
  result(figures: FiguresOf<M>): string;
  /** A text to print after each evaluation, or at the end if there is none. */
  sample?(): string;
  /** More that is measured at the end: fields that --json prints, and charts. */
  more?(): { json: object; charts(columns: number): string[] } | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: a run of any kind
export type AnyRun = Run<any>;

/** A checkpoint that a run is resumed from. */
export interface Checkpoint<M extends Trainable> {
  readonly model: M;
  /** Number of tokens or examples that it was trained on. */
  readonly tokens: number;
  readonly patience: number | undefined;
  readonly seed: number;
  /**
   * Resumes the run.
   * @param path the file of the data
   */
  resume(path: string, data: DataOf<M>, valid: DataOf<M> | undefined): Promise<{ training: Training<M> }>;
}

/** The recurrent layers of a network, in words. */
export const layersOf = ({ layers, hiddenSize }: { layers: number; hiddenSize: number }): string =>
  layers > 1 ? `${layers} layers of ${hiddenSize} units` : `${hiddenSize} units`;

/** Starts training on the data at `path`. The result is wrapped, because awaiting a Training itself would train it. */
export const startOf = <M extends Trainable>(path: string, start: () => Training<M>) =>
  named(path, () => ({ training: start() }));

/** Reads a checkpoint of one of `kinds`. @param changed the settings that differ from the checkpoint's */
export async function readCheckpoint<M extends Trainable>(
  path: string,
  allowPattern: boolean,
  kinds: readonly Kind<M>[],
  changed: ResumeOptions<DataOf<M>>,
): Promise<Checkpoint<M>> {
  return named(path, async () => {
    const file = readSafetensors(readBytes(path));
    const model = await modelFrom(file, { allowPattern }, kinds);
    const trained = trainedOn(file, model);
    return {
      model,
      tokens: trained.tokens,
      patience: changed.patience ?? trained.patience,
      seed: trained.seed,
      resume: (from, data, valid) =>
        startOf(from, () => {
          try {
            return resumeFrom(file, model, data, { ...changed, ...(valid !== undefined && { valid }) });
          } catch (error) {
            // An invalid checkpoint must not be reported as a fault of the data.
            throw error instanceof FormatError ? new FileError(`${quote(path)}: ${error.message}`) : error;
          }
        }),
    };
  });
}

/** Milliseconds between automatic checkpoints. */
const KEEP_EVERY = 5 * 60_000;

const print = (value: unknown) => write(`${json(value)}\n`);

/**
 * Runs the training loop and shows its progress.
 * @param losses filled with the loss of each step
 * @param keep saves a checkpoint
 */
export async function follow<M extends Trainable>(
  run: Run<M>,
  asJson: boolean,
  losses: number[],
  keep: () => void,
): Promise<Progress<FiguresOf<M>> | undefined> {
  const { training } = run;
  const line = new ProgressLine(training.done(), run.unit);
  let kept = performance.now();
  let last: Progress<FiguresOf<M>> | undefined;
  try {
    for await (const progress of training) {
      last = progress;
      losses.push(progress.loss);
      const { step, epoch, tokens, loss, perplexity, gradNorm, tokensPerSecond, valid } = progress;
      const written = valid || progress.done >= 1 ? run.sample?.() : undefined;
      if (asJson) {
        const shown = { step, epoch, tokens, loss, perplexity, gradNorm, tokensPerSecond };
        print({
          ...shown,
          ...(valid && { valid: run.brief(valid) }),
          ...(written !== undefined && { sample: written }),
        });
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
    if (!asJson) line.end();
    throw error;
  }
  return last;
}

/** Says what the run trains, and where it stands if it is resumed. */
export function describe<M extends Trainable>(run: Run<M>, resumed: string | undefined): void {
  for (const line of run.about()) say(line);
  if (!resumed) return;
  const { training } = run;
  if (training.done() < 1) {
    say(`resuming from step ${training.state.step} of ${resumed}`);
  } else {
    const { unit, done } = progressOf(training);
    say(`nothing left to train: ${done} done; --${unit} N is the total`);
  }
}

/** The unit of the run's length, and how much of it is done. */
export function progressOf<M extends Trainable>(
  training: Training<M>,
): { unit: "epochs" | "steps" | "seconds"; done: string } {
  const { settings } = training;
  const unit = settings.steps !== undefined ? "steps" : settings.seconds !== undefined ? "seconds" : "epochs";
  const n = training.done() * settings[unit]!;
  return { unit, done: count(Number(n.toFixed(1)), unit.slice(0, -1)) };
}

/** Prints what came of the run. @param result the figures of the final weights, if anything was held out */
export function report<M extends Trainable>(
  run: Run<M>,
  asJson: boolean,
  result: FiguresOf<M> | undefined,
  losses: readonly number[],
  firstStep: number,
): void {
  const { model, state } = run.training;
  const tokensPerSecond = perSecond(state.tokens, state.seconds);
  const more = run.more?.();
  if (asJson) {
    const valid = result ? run.brief(result) : null;
    print({ done: true, valid, tokensPerSecond, parameters: model.network.parameterCount, ...more?.json });
    return;
  }
  const columns = columnsOf(process.stderr);
  if (losses.length > 1) say(lossChart(losses, firstStep, columns));
  for (const chart of more?.charts(columns) ?? []) say(chart);
  const speed = count(Math.round(tokensPerSecond), run.unit);
  say(`${count(state.tokens, run.unit)} in ${state.seconds.toFixed(1)} s: ${speed} per second`);
  if (result) process.stdout.write(`${run.result(result)}\n`);
}
