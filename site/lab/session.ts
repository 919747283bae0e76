// One training: a network in a worker, an n-gram model and the other cells in a second one. The page drives the training
// step by step, so stopping, single steps and looking inside need nothing from the worker but answers.

import {
  adamw,
  carriedWindows,
  characters,
  connectWorker,
  type RemoteIds,
  type RemoteModel,
  type RemoteNgramModel,
  type RemoteTraining,
  type RivuletWorker,
  words,
} from "rivulet/worker";
import { isNgram, type Settings } from "./settings.js";
import { opening, split, type TextSource } from "./text.js";

export const tokenizerOf = ({ tokens }: Pick<Settings, "tokens">) => (tokens === "words" ? words() : characters());
export const startThread = (): RivuletWorker => connectWorker(new Worker("worker.js", { type: "module" }));

/** The held-out characters that are evaluated while training; all would take a second. */
const HELD = { characters: 20_000, words: 15_000 };
/** Most tokens in a vocabulary: a larger output layer would train too slowly in a page. */
const VOCABULARY = { characters: 2_000, words: 8_000 };
/** The n-gram model beside a network: enough to beat a small network, and quick to count. */
export const BESIDE = { characters: 5, words: 3 };
const SAMPLE = { characters: 160, words: 40 };

export interface Sample {
  step: number;
  prompt: string;
  text: string;
  /** Held-out perplexity at this step, if there are held-out tokens. */
  perplexity?: number;
}

/** A curve over steps, thinned so that a long training stays quick to draw: one point for each 1/200 of a decade. */
export class Curve {
  readonly points: { step: number; value: number; most: number }[] = [];
  private sum = 0;
  private most = 0;
  private count = 0;

  add(step: number, value: number): void {
    this.sum += value;
    this.most = Math.max(this.most, value);
    this.count++;
    const last = this.points.at(-1);
    if (last && Math.log10(step / last.step) < 0.005) return;
    this.points.push({ step, value: this.sum / this.count, most: this.most });
    [this.sum, this.most, this.count] = [0, 0, 0];
  }
}

export interface Fit {
  window: number;
  batch: number;
}

/** Windows that fit into a text of n tokens. @throws Error if there are too few for any */
export function windowsFor({ window, batch }: Fit, n: number): Fit {
  if (n < 2)
    throw new Error(`A text to learn from needs at least two tokens, and this one has ${n}. Paste a longer one.`);
  if (n - 1 >= window * batch) return { window, batch };
  return n - 1 >= window ? { window, batch: Math.floor((n - 1) / window) } : { window: n - 1, batch: 1 };
}

/** A network that trains, one step at a time. */
export class Runner {
  step = 0;
  private steps: AsyncIterator<Progress> | undefined;
  private training: RemoteTraining | undefined;
  private applied = 0;

  constructor(
    readonly rivulet: RivuletWorker,
    readonly model: RemoteModel,
    readonly ids: RemoteIds,
    readonly settings: Settings,
    readonly windows: Fit,
  ) {}

  /** Trains on one batch; undefined once all steps are done. */
  async next(): Promise<Progress | undefined> {
    const { settings, rivulet, model, ids, windows } = this;
    if (!this.steps) {
      this.training = rivulet.train(model, ids, {
        windows: carriedWindows({ window: windows.window, batch: windows.batch }),
        optimizer: adamw({ learningRate: settings.rate }),
        clip: settings.clip,
        steps: settings.steps,
        seed: settings.seed,
      });
      this.steps = this.training[Symbol.asyncIterator]();
    }
    for (; this.applied < settings.changes.length && settings.changes[this.applied]![0] <= this.step; this.applied++) {
      await this.training!.setLearningRate(settings.changes[this.applied]![1]);
    }
    const { done, value } = await this.steps.next();
    if (done) return undefined;
    this.step = value.step;
    return value;
  }
}
type Progress = RemoteTraining extends AsyncIterable<infer P> ? P : never;

/** Says that a session has ended, to what still waits for it. */
export class Ended extends Error {}

export interface Listener {
  /** Something has changed that the page shows. */
  changed(): void;
  /** A good moment to look inside: between two steps, about once a second. */
  look(): Promise<void>;
  failed(error: unknown): void;
}

export class Session {
  readonly losses = new Curve();
  readonly norms = new Curve();
  readonly held: { step: number; perplexity: number }[] = [];
  readonly samples: Sample[] = [];
  readonly prompt: string;
  step = 0;
  speed = 0;
  running = false;
  done = false;
  runner: Runner | undefined;
  ngram: RemoteNgramModel | undefined;
  ngramPerplexity: number | undefined;
  /** The network, or the n-gram model if that is what was chosen. */
  model: RemoteModel | RemoteNgramModel | undefined;
  fitted: Fit | undefined;
  heldOut = true;
  private readonly text: { train: string; held: string };
  private readonly rivulet = startThread();
  private valid: RemoteIds | undefined;
  private nextSample = 0;
  private samplePause = 400;
  private nextLook = 0;
  private ended = false;

  constructor(
    readonly settings: Settings,
    source: TextSource,
    private readonly listener: Listener,
    private readonly file?: ArrayBuffer,
  ) {
    this.text = split(source.text);
    this.prompt = opening(source.text);
  }

  get thread(): RivuletWorker {
    return this.rivulet;
  }

  /** The text that the n-gram model beside counts, and its held-out part. */
  get parts(): { train: string; held: string } {
    return { train: this.text.train, held: this.text.held.slice(0, HELD[this.settings.tokens]) };
  }

  /** Builds the model, and shows what it writes untrained. */
  async prepare(): Promise<void> {
    const { settings, rivulet } = this;
    // The link promises the same bits to everybody, and only the strict kernels have them everywhere.
    if (isNgram(settings)) {
      this.model = this.ngram = await ngramModel(rivulet, this.parts.train, settings, settings.size);
      this.check();
      await this.sample();
      this.done = true;
      return;
    }
    await rivulet.selectKernels("strict");
    const tokenizer = tokenizerOf(settings);
    const { train: text } = this.text;
    const { vocabulary, train: ids } = await rivulet.prepare(text, tokenizer, {
      valid: 0,
      maxSize: VOCABULARY[settings.tokens],
    });
    this.fitted = windowsFor(settings, ids.length);
    let model: RemoteModel;
    let read = ids;
    if (this.file) {
      model = await rivulet.loadModel(this.file);
      read = await rivulet.encode(text, tokenizerOf(settings), model.vocabulary);
    } else {
      model = await createModel(rivulet, settings, settings.cell, vocabulary);
    }
    this.check();
    this.model = model;
    this.runner = new Runner(rivulet, model, read, settings, this.fitted);
    this.valid = await rivulet.encode(this.parts.held, tokenizerOf(settings), model.vocabulary);
    this.heldOut = this.valid.length > 1;
    await this.sample();
    await this.listener.look();
  }

  /** Trains until it is stopped or done. @param most steps */
  async run(most = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.running || this.done || !this.runner) return;
    this.running = true;
    this.listener.changed();
    try {
      for (let n = 0; n < most && this.running; n++) {
        const progress = await this.runner.next();
        this.check();
        if (!progress) {
          this.done = true;
          break;
        }
        this.step = progress.step;
        this.speed = progress.tokensPerSecond;
        this.losses.add(progress.step, progress.perplexity);
        this.norms.add(progress.step, progress.gradNorm);
        this.done = progress.done >= 1;
        this.listener.changed();
        const now = performance.now();
        if (this.done || most === 1 || now >= this.nextSample) await this.sample();
        if (this.done || most === 1 || now >= this.nextLook) {
          await this.listener.look();
          this.nextLook = performance.now() + 1000;
        }
        if (this.done) break;
      }
    } catch (error) {
      if (!(error instanceof Ended) && !this.ended) this.listener.failed(error);
    } finally {
      this.running = false;
      if (!this.ended) this.listener.changed();
    }
  }

  stop(): void {
    this.running = false;
  }

  end(): void {
    this.running = false;
    this.ended = true;
    this.rivulet.terminate();
  }

  async save(): Promise<Uint8Array> {
    const { rivulet, model } = this;
    if (isNgram(this.settings)) return rivulet.saveNgram(model as RemoteNgramModel);
    return rivulet.saveModel(model as RemoteModel);
  }

  /** Evaluates the held-out text and lets the model write. */
  private async sample(): Promise<void> {
    const { rivulet, model, settings, step } = this;
    let perplexity: number | undefined;
    if (isNgram(settings) && this.parts.held.length > 1)
      ({ perplexity } = await rivulet.evaluate(model!, this.parts.held));
    else if (this.valid && this.heldOut) ({ perplexity } = await rivulet.evaluate(model!, this.valid));
    this.check();
    const prompt = settings.tokens === "words" ? this.prompt : known(this.prompt, model!.vocabulary.tokens);
    let text = "";
    const options = { prompt, length: SAMPLE[settings.tokens], temperature: 0.7, seed: settings.seed };
    for await (const piece of rivulet.generate(model!, options)) text += piece;
    this.check();
    this.samples.push({ step, prompt, text, perplexity });
    if (perplexity !== undefined) this.held.push({ step, perplexity });
    // Sooner at first, when most of it changes.
    this.nextSample = performance.now() + this.samplePause;
    this.samplePause = Math.min(2500, this.samplePause * 1.6);
    this.listener.changed();
  }

  private check(): void {
    if (this.ended) throw new Ended("the session has ended");
  }
}

/** The characters of a prompt that a model knows: a loaded model may come from another text. */
function known(prompt: string, tokens: readonly string[]): string {
  const all = new Set(tokens);
  return [...prompt].filter((character) => all.has(character)).join("");
}

export async function createModel(
  rivulet: RivuletWorker,
  settings: Settings,
  cell: "rnn" | "gru" | "lstm" | string,
  vocabulary: RemoteModel["vocabulary"],
): Promise<RemoteModel> {
  return rivulet.RecurrentModel.create({
    tokenizer: tokenizerOf(settings),
    vocabulary,
    cell: cell as "lstm",
    hiddenSize: settings.size,
    layers: settings.layers,
    embeddingSize: settings.embedding,
    seed: settings.seed,
  });
}

export async function ngramModel(
  rivulet: RivuletWorker,
  text: string,
  settings: Settings,
  order: number,
): Promise<RemoteNgramModel> {
  const counts = await rivulet.countNgrams(text, { order, tokenizer: tokenizerOf(settings) });
  return rivulet.kneserNey(counts, { discountFallback: true });
}
