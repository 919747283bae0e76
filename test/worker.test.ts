// The library in a Node worker: the same results and errors as on the main thread, and every promise settles.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as classify from "../src/entries/classify.js";
import type * as ngrams from "../src/entries/ngram.js";
import type * as rivulets from "../src/entries/with-kernels.js";
import type * as worker from "../src/entries/worker.js";

const dist = new URL("../dist/", import.meta.url);
const entry = (name: string) => import(new URL(name, dist).href);
const rivulet: typeof rivulets = await entry("index.js");
const ngram: typeof ngrams = await entry("ngram.js");
const { connectWorker, startWorker, WorkerError }: typeof worker = await entry("worker.js");

const TEXT = "It was the best of times, it was the worst of times, it was the age of wisdom. ".repeat(60);
const tokenizer = rivulet.characters();
const shape = { cell: "lstm", hiddenSize: 12, layers: 2, dropout: 0.2 } as const;
const LENGTH = { steps: 12, seed: 3 };

let remote: worker.RivuletWorker;
beforeAll(async () => {
  remote = startWorker();
  await remote.selectKernels("strict");
  rivulet.selectKernels("strict");
});
afterAll(() => remote.terminate());

async function remoteModel() {
  const corpus = await remote.prepare(TEXT, tokenizer, { valid: 0.1 });
  return {
    ...corpus,
    model: await remote.RecurrentModel.create({ ...shape, tokenizer, vocabulary: corpus.vocabulary }),
  };
}

async function localModel() {
  const corpus = rivulet.prepare(TEXT, tokenizer, { valid: 0.1 });
  return {
    ...corpus,
    model: await rivulet.RecurrentModel.create({ ...shape, tokenizer, vocabulary: corpus.vocabulary }),
  };
}

/** The fields that do not depend on the machine's speed. */
const figures = ({ tokensPerSecond: _, ...rest }: rivulets.Progress) => rest;

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of iterable) values.push(value);
  return values;
}

describe("in a worker", () => {
  it("a training yields the same progress, and leaves the same model, text and file", async () => {
    const there = await remoteModel();
    const here = await localModel();
    expect(there.train.length).toBe(here.train.length);
    const progress = await all(remote.train(there.model, there.train, { ...LENGTH, valid: there.valid }));
    const expected = await all(rivulet.train(here.model, here.train, { ...LENGTH, valid: here.valid }));
    expect(progress.map(figures)).toEqual(expected.map(figures));
    expect(await remote.saveModel(there.model)).toEqual(rivulet.saveModel(here.model));
    expect(await remote.evaluate(there.model, there.valid)).toEqual(rivulet.evaluate(here.model, here.valid));
    const pieces = await all(remote.generate(there.model, { prompt: "It was", length: 80 }));
    expect(pieces).toEqual([...rivulet.generate(here.model, { prompt: "It was", length: 80 })]);
    expect(await remote.gradientFlow(there.model, there.train, { steps: 5 })).toEqual(
      rivulet.gradientFlow(here.model, here.train, { steps: 5 }),
    );
  });

  it("a training goes on after break, is awaited to its end, and resumes from its checkpoint", async () => {
    const { model, train } = await remoteModel();
    const training = remote.train(model, train, LENGTH);
    for await (const { step } of training) if (step === 5) break;
    const checkpoint = await remote.saveCheckpoint(training);
    const last = await training;
    expect(last?.step).toBe(12);

    const resumed = await remote.resume(checkpoint, train);
    expect(checkpoint.length, "moved").toBe(0);
    expect(figures((await resumed.training)!)).toEqual(figures(last!));
    expect(await remote.saveModel(resumed.model)).toEqual(await remote.saveModel(model));
  });

  it("a text that is being written goes on from its saved bytes", async () => {
    const { model } = await remoteModel();
    const whole = (await all(remote.generate(model, { length: 20 }))).join("");
    const begun = remote.generate(model, { length: 20 });
    let text = "";
    for await (const piece of begun) {
      text += piece;
      if (text.length === 8) break;
    }
    const rest = remote.generate(model, { from: await begun.save() });
    expect(text + (await all(rest)).join("")).toBe(whole);
  });

  it("n-gram models are counted, estimated, saved and loaded the same", async () => {
    const lines = ["the cat sat\nthe cat", " ran\nthe dog sat\na dog ran\n"];
    const there = await remote.kneserNey(await remote.countNgrams(lines, { order: 3 }), { discountFallback: true });
    const here = ngram.kneserNey(ngram.countNgrams(lines, { order: 3 }), { discountFallback: true });
    expect(there.smoothing).toEqual(here.smoothing);
    expect(there.order).toBe(3);
    expect(there.vocabulary.tokens).toEqual(here.vocabulary.tokens);
    expect(Buffer.concat(await all(remote.saveArpa(there)))).toEqual(Buffer.concat([...ngram.saveArpa(here)]));
    const bytes = await remote.saveNgram(there);
    expect(bytes).toEqual(ngram.saveNgram(here));
    const loaded = await remote.loadNgram(bytes);
    expect(bytes.length, "moved").toBe(0);
    const after = await remote.stateAfter(loaded, "the cat");
    expect(await remote.nextTokens(loaded, after, 2)).toEqual(
      ngram.nextTokens(here, ngram.stateAfter(here, "the cat"), 2),
    );
  });

  it.each([
    rivulet.words({ lowercase: true }),
    rivulet.sentences(),
    rivulet.whitespace(),
    rivulet.lines(),
    rivulet.pattern(/\w+/),
  ])("tokenizes as $spec.kind", async (tokenizer) => {
    const text = "The cat sat. A dog ran!\nIt’s 3.14.\n";
    const { vocabulary, train } = await remote.prepare(text, tokenizer);
    const here = rivulet.prepare(text, tokenizer);
    expect(vocabulary.tokens).toEqual(here.vocabulary.tokens);
    expect(train.length).toBe(here.train.length);
  });

  it("a classifier is created, trained, asked, saved and loaded", async () => {
    const examples = ["food bread soup", "food soup rice", "sky rain wind", "sky wind sun"].map((line) => {
      const [label, ...rest] = line.split(" ");
      return { labels: [label!], text: rest.join(" ") };
    });
    const { Classifier } = (await entry("classify.js")) as typeof classify;
    const there = await remote.Classifier.create({ examples });
    const here = await Classifier.create({ examples });
    expect(there).toMatchObject({ kind: "classifier", labels: ["food", "sky"] });
    await remote.train(there, examples, { epochs: 5 });
    await rivulet.train(here, examples, { epochs: 5 });
    expect(await remote.evaluate(there, examples)).toEqual(rivulet.evaluate(here, examples));
    expect(await remote.predict(there, "soup", { top: 2 })).toEqual(here.predict("soup", { top: 2 }));
    const loaded = await remote.loadModel<worker.RemoteTask>(await remote.saveModel(there));
    expect(await remote.predict(loaded, ["soup", "wind"])).toEqual(here.predictAll(["soup", "wind"]));
  });

  it("two computations take turns", async () => {
    const { model, train } = await remoteModel();
    const other = await remoteModel();
    const training = remote.train(model, train, { epochs: 10_000 });
    const first = training[Symbol.asyncIterator]();
    await first.next();
    expect((await remote.evaluate(other.model, other.valid)).tokens).toBe(other.valid.length - 1);
    await first.return(undefined);
  });
});

describe("errors of a worker", () => {
  it("are those of the library, of the same class", async () => {
    const { model, train } = await remoteModel();
    await expect(remote.loadModel(new Uint8Array(9))).rejects.toThrow(rivulet.FormatError);
    await expect(all(remote.train(model, train, { steps: 0 }))).rejects.toThrow(
      new RangeError('"steps" expected an integer >= 1, got 0'),
    );
    await expect(all(remote.generate(model, { temperature: -1 }))).rejects.toThrow(RangeError);
    const wild = rivulet.sgd({ learningRate: 1e30 });
    await expect(remote.train(model, train, { steps: 50, optimizer: wild, clip: Infinity })).rejects.toThrow(
      rivulet.DivergedError,
    );
  });

  it("name functions, which cannot be sent", async () => {
    const custom = { ...tokenizer, spec: undefined } as never;
    await expect(remote.prepare("abc", custom)).rejects.toThrow("expected plain data, got a Function");
  });

  it("are a signal's reason, before the training and in it", async () => {
    const { model, train } = await remoteModel();
    const controller = new AbortController();
    const { signal } = controller;
    const running = remote.train(model, train, { epochs: 10_000, signal });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(running).rejects.toThrow("enough");
    await expect(all(remote.train(model, train, { signal }))).rejects.toThrow("enough");
    // The worker still works.
    expect((await remote.evaluate(model, train)).tokens).toBe(train.length - 1);
  });
});

describe("a worker that ends", () => {
  const directory = mkdtempSync(join(tmpdir(), "rivulet-worker-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  /** A worker of this source, beside the library's own thread. */
  const custom = (source: string) => {
    const path = join(directory, `${Math.random()}.mjs`);
    writeFileSync(path, `import ${JSON.stringify(new URL("worker-thread.js", dist).href)};\n${source}`);
    return new Worker(path);
  };
  const endless = async (remote: worker.RivuletWorker) => {
    const { vocabulary, train } = await remote.prepare(TEXT, tokenizer);
    const model = await remote.RecurrentModel.create({ tokenizer, vocabulary });
    return { model, running: remote.train(model, train, { epochs: 10_000 }) };
  };

  it.each([
    ["because it was terminated", "", "the worker ended with the exit code 1"],
    ["by itself", "setTimeout(() => process.exit(7), 300)", "the worker ended with the exit code 7"],
    ["by an exception", 'setTimeout(() => { throw new Error("oops") }, 300)', "the worker failed: oops"],
  ])("%s rejects what was not answered, and all that is asked later", async (_, source, message) => {
    const worker = custom(source);
    const remote = connectWorker(worker);
    const { model, running } = await endless(remote);
    if (source === "") setTimeout(() => worker.terminate(), 100);
    await expect(running).rejects.toThrow(new WorkerError(`${message}: start a new one`));
    await expect(remote.saveModel(model)).rejects.toThrow(WorkerError);
  });

  it("by terminate() does, too", async () => {
    const remote = startWorker();
    const { running } = await endless(remote);
    setTimeout(() => remote.terminate(), 100);
    await expect(running).rejects.toThrow(new WorkerError("the worker was terminated: start a new one"));
  });

  it("before it began, as its file is not there, says so", async () => {
    const remote = connectWorker(new Worker(join(directory, "none.mjs")));
    await expect(remote.kernelVariant()).rejects.toThrow(/^the worker failed: Cannot find module/);
  });

  it("is refused where it is none", () => {
    expect(() => connectWorker({} as never)).toThrow('"worker" expected a Worker, got an Object');
  });
});
