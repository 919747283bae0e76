// Every function that the entries export, each argument and option of it, with each of many wrong values: an error that
// names the argument, says what was expected and what was found, and is never the engine's own.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as index from "../src/entries/index.js";
import * as ngram from "../src/entries/ngram.js";
import * as node from "../src/entries/node.js";

const TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat and a dog\n".repeat(4);
const { characters, RecurrentModel, Vocabulary } = index;

async function make() {
  const tokenizer = characters();
  const { vocabulary, train: ids } = index.prepare(TEXT, tokenizer);
  const model = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 6 });
  const embedded = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 3, embeddingSize: 2 });
  const windows = index.carriedWindows({ window: 4, batch: 2 });
  const training = index.train(model, ids, { windows, steps: 1 });
  for await (const _ of training);
  const checkpoint = index.saveCheckpoint(training);
  const bytes = index.saveModel(model);
  const counts = ngram.countNgrams(TEXT, { order: 2 });
  const ngrams = ngram.kneserNey(counts, { discountFallback: true });
  const generation = index.generate(model, { length: 3 });
  return {
    tokenizer,
    vocabulary,
    ids,
    model,
    embedded,
    windows,
    training,
    checkpoint,
    bytes,
    counts,
    ngrams,
    generation,
  };
}
let made: Awaited<ReturnType<typeof make>>;

/** Values, each of which is invalid for some arguments. */
function wrongValues(): Record<string, unknown> {
  const detached = Uint8Array.of(1, 2, 3, 0);
  structuredClone(detached, { transfer: [detached.buffer] });
  const detachedFloats = new Float32Array(6);
  structuredClone(detachedFloats, { transfer: [detachedFloats.buffer] });
  const { model, ngrams, counts, vocabulary, tokenizer, training, generation, windows } = made;
  return {
    undefined: undefined,
    null: null,
    NaN: Number.NaN,
    "-1": -1,
    "1.5": 1.5,
    Infinity,
    string: "x",
    true: true,
    "{}": {},
    "{ zz: 1 }": { zz: 1 },
    "[]": [],
    "[null]": [null],
    promise: Promise.resolve(),
    "a forgotten await": RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 2 }),
    "a class": RecurrentModel,
    "a prototype": RecurrentModel.prototype,
    "a function": characters,
    symbol: Symbol("s"),
    bigint: 10n,
    date: new Date(0),
    regex: /x/,
    map: new Map([["a", 1]]),
    "an array buffer": new ArrayBuffer(8),
    "a detached array": detached,
    "a detached buffer": detached.buffer,
    "detached floats": detachedFloats,
    doubles: new Float64Array(6),
    "a data view": new DataView(new ArrayBuffer(8)),
    "ids out of range": Uint8Array.of(1, 250, 2),
    "a network": model.tokenNetwork,
    "a recurrent model": model,
    "an n-gram model": ngrams,
    counts,
    vocabulary,
    tokenizer,
    training,
    generation,
    windows,
  };
}

/** For each kind of argument, the values above that are of that kind and may be valid. */
const KINDS = {
  text: "string,[],generation",
  "text or ids": "string,[],generation,ids out of range",
  tokenizer: "tokenizer",
  vocabulary: "vocabulary",
  ids: "detached floats",
  anyIds: "ids out of range",
  idArray: "[],doubles,detached floats,a detached array",
  iterableIds: "string,[],map,doubles,generation,ids out of range,a detached array",
  bytes: "an array buffer,ids out of range",
  pieces: "[],an array buffer,ids out of range,training",
  model: "a recurrent model,an n-gram model",
  recurrent: "a recurrent model",
  ngrams: "an n-gram model",
  counts: "counts",
  training: "training",
  network: "a network",
  string: "string",
  token: "string",
  strings: "[]",
  ngram: "string",
  stringIterable: "string,[],generation",
  map: "map",
  vectors: "",
  regex: "regex",
  boolean: "true",
  integer: "",
  number: "",
  positive: "1.5",
  notNegative: "1.5",
  clip: "1.5,Infinity",
  finite: "1.5,-1",
  share: "",
  state: "",
  node: "",
  thresholds: "",
  choice: "",
  windows: "windows",
  optimizer: "",
  schedule: "",
  signal: "",
  options: "{}",
} as const;
type Kind = keyof typeof KINDS;

/** An argument: name, kind, a valid value, if it is optional and, for an options object, its options. */
interface Argument {
  name: string;
  kind: Kind;
  right: unknown;
  optional?: boolean;
  fields?: Argument[];
}
const a = (name: string, kind: Kind, right: unknown, more: Partial<Argument> = {}): Argument => ({
  name,
  kind,
  right,
  ...more,
});
const optional = { optional: true };
const options = (...fields: Argument[]): Argument => {
  const right = Object.fromEntries(fields.filter((f) => f.right !== undefined).map((f) => [f.name, f.right]));
  return { name: "options", kind: "options", right, fields, optional: fields.every((f) => f.optional) };
};

type Row = [call: (...args: never[]) => unknown, ...args: Argument[]];

/** A row, or several, for each export of the entries. */
function table(): Record<string, Row> {
  const {
    tokenizer,
    vocabulary,
    ids,
    model,
    embedded,
    windows,
    training,
    checkpoint,
    bytes,
    counts,
    ngrams,
    generation,
  } = made;
  const { tokenNetwork: network } = model;
  const text = a("text", "text", TEXT);
  const sizes = [a("window", "integer", 4, optional), a("batch", "integer", 2, optional)];
  const tokens = a("tokens", "ids", ids);
  const theModel = a("model", "model", model);
  const recurrent = a("model", "recurrent", model);
  const state = a("state", "state", model.start());
  const length = ["epochs", "steps"].map((name) => a(name, "integer", undefined, optional));
  const seconds = a("seconds", "positive", undefined, optional);
  const held = [a("valid", "ids", ids, optional), a("signal", "signal", undefined, optional)];
  const patience = a("patience", "integer", undefined, optional);
  const reads = [a("tokenizer", "tokenizer", tokenizer, optional), a("allowPattern", "boolean", true, optional)];
  const seed = a("seed", "integer", 1, optional);
  const vocabularyOptions = [
    a("minCount", "integer", 1, optional),
    a("maxSize", "integer", 100, optional),
    a("specials", "strings", ["<unk>"], optional),
  ];
  const theNgrams = a("model", "ngrams", ngrams);
  const theCounts = a("counts", "counts", counts);
  const countOptions = options(a("order", "integer", 2), a("tokenizer", "tokenizer", ngram.lines(), optional));
  const path = (name: string) => a("path", "string", join(folder, name));
  const counter = () => new ngram.NgramCounter(2);
  return {
    // Text
    encode: [index.encode, text, a("tokenizer", "tokenizer", tokenizer), a("vocabulary", "vocabulary", vocabulary)],
    decode: [
      index.decode,
      a("ids", "iterableIds", ids),
      a("tokenizer", "tokenizer", tokenizer),
      a("vocabulary", "vocabulary", vocabulary),
    ],
    prepare: [
      index.prepare,
      text,
      a("tokenizer", "tokenizer", tokenizer),
      options(a("valid", "share", 0.2, optional), ...vocabularyOptions),
    ],
    characters: [index.characters, options()],
    whitespace: [index.whitespace, options()],
    words: [index.words, options(a("lowercase", "boolean", true, optional))],
    sentences: [
      index.sentences,
      options(a("lowercase", "boolean", true, optional), a("wrapped", "boolean", true, optional)),
    ],
    lines: [index.lines, options(a("skipSymbols", "boolean", true, optional))],
    pattern: [index.pattern, a("regex", "regex", /\w+/), a("separator", "string", " ", optional)],
    join: [index.join, a("tokenizer", "tokenizer", tokenizer), a("tokens", "strings", ["a", "b"])],
    tokenize: [index.tokenize, a("tokenizer", "tokenizer", tokenizer), a("text", "string", "ab")],
    "new Vocabulary": [(tokens: never) => new Vocabulary(tokens), a("tokens", "strings", ["a", "b"])],
    "Vocabulary.from": [Vocabulary.from, a("tokens", "stringIterable", ["a", "b"]), options(...vocabularyOptions)],
    "Vocabulary.fromCounts": [
      Vocabulary.fromCounts,
      a("counts", "map", new Map([["a", 2]])),
      options(...vocabularyOptions),
    ],
    "vocabulary.has": [vocabulary.has.bind(vocabulary), a("token", "token", "a")],
    "vocabulary.id": [vocabulary.id.bind(vocabulary), a("token", "token", "a")],
    "vocabulary.token": [vocabulary.token.bind(vocabulary), a("id", "integer", 1)],
    "vocabulary.oneHot": [vocabulary.oneHot.bind(vocabulary), a("ids", "idArray", ids)],

    // Use
    evaluate: [index.evaluate, theModel, a("text", "text or ids", TEXT), options()],
    evaluateAsync: [index.evaluateAsync, theModel, a("text", "text or ids", ids), options()],
    perplexity: [index.perplexity, theModel, a("text", "text or ids", TEXT), options()],
    generate: [
      index.generate,
      theModel,
      options(
        { ...state, ...optional },
        a("prompt", "string", "the", optional),
        a("length", "integer", 3, optional),
        a("temperature", "notNegative", 1, optional),
        a("topK", "integer", 2, optional),
        a("topP", "share", 0.5, optional),
        seed,
      ),
    ],
    "generate from": [index.generate, theModel, options(a("from", "bytes", generation.save(), optional))],
    nextTokens: [index.nextTokens, theModel, state, a("k", "integer", 3, optional)],
    probability: [
      index.probability,
      theModel,
      a("text", "token", "the"),
      options(a("after", "string", "the", optional)),
    ],
    stateAfter: [index.stateAfter, theModel, a("text", "string", "the"), { ...state, ...optional }],

    // Models
    "RecurrentModel.create": [
      RecurrentModel.create,
      options(
        a("tokenizer", "tokenizer", tokenizer),
        a("vocabulary", "vocabulary", vocabulary),
        seed,
        a("cell", "choice", "lstm", optional),
        a("activation", "choice", "tanh", optional),
        a("hiddenSize", "integer", 4, optional),
        a("layers", "integer", 1, optional),
        a("embeddingSize", "integer", 3, optional),
        a("tied", "boolean", false, optional),
        a("dropout", "share", 0.1, optional),
        a("initialization", "choice", "xavier", optional),
        a("forgetBias", "finite", 1, optional),
        a("vectors", "vectors", new Map([["t", [1, 2, 3]]]), optional),
        a("bidirectional", "boolean", false, optional),
      ),
    ],
    "RecurrentModel.from": [
      RecurrentModel.from,
      a("tokenNetwork", "network", network),
      a("tokenizer", "tokenizer", tokenizer),
      a("vocabulary", "vocabulary", vocabulary),
    ],
    "model.logProbs": [model.logProbs.bind(model), state],
    "model.logProb": [model.logProb.bind(model), state, a("token", "integer", 1)],
    "model.advance": [model.advance.bind(model), state, a("token", "integer", 1)],
    "model.score": [model.score.bind(model), tokens, state],
    "model.saveState": [model.saveState.bind(model), state],
    "model.restoreState": [model.restoreState.bind(model), a("bytes", "bytes", model.saveState(model.start()))],
    "network.step": [network.step.bind(network), a("token", "integer", 1), state],
    "network.logProbs": [network.logProbs.bind(network), state],
    selectKernels: [index.selectKernels, a("kernels", "choice", "strict")],
    kernelVariant: [index.kernelVariant],

    // Training
    carriedWindows: [index.carriedWindows, options(...sizes)],
    overlappingWindows: [index.overlappingWindows, options(...sizes, a("stride", "integer", 2, optional))],
    randomWindows: [index.randomWindows, options(...sizes)],
    windowsOf: [
      index.windowsOf,
      a("windows", "windows", index.carriedWindows({ window: 1, batch: 1 })),
      a("ids", "anyIds", ids),
      options(a("epoch", "integer", 1, optional), seed),
    ],
    adamw: [
      index.adamw,
      options(
        a("learningRate", "positive", 0.1, optional),
        a("beta1", "share", 0.5, optional),
        a("beta2", "share", 0.5, optional),
        a("epsilon", "positive", 0.1, optional),
        a("weightDecay", "notNegative", 0.1, optional),
      ),
    ],
    sgd: [index.sgd, options(a("learningRate", "positive", 1, optional), a("momentum", "share", 0.5, optional))],
    constant: [index.constant, options()],
    linear: [index.linear, options(a("warmup", "share", 0.1, optional), a("final", "share", 0.1, optional))],
    cosine: [index.cosine, options(a("warmup", "share", 0.1, optional), a("final", "share", 0.1, optional))],
    step: [index.step, options(a("drops", "integer", 2, optional), a("factor", "share", 0.1, optional))],
    train: [
      (...args: Parameters<typeof index.train>) => ({ training: index.train(...args) }),
      recurrent,
      tokens,
      options(
        a("windows", "windows", windows, optional),
        a("optimizer", "optimizer", index.sgd(), optional),
        a("schedule", "schedule", index.cosine(), optional),
        a("clip", "clip", 1, optional),
        ...length,
        seconds,
        patience,
        seed,
        ...held,
      ),
    ],
    resume: [
      index.resume,
      a("checkpoint", "bytes", checkpoint),
      tokens,
      options(...length, seconds, patience, ...held, ...reads),
    ],
    gradientFlow: [
      index.gradientFlow,
      recurrent,
      tokens,
      options(a("steps", "integer", 3, optional), a("sequences", "integer", 2, optional)),
    ],
    trace: [index.trace, recurrent, a("text", "token", "the")],
    tokenGradients: [
      index.tokenGradients,
      a("model", "recurrent", embedded),
      a("text", "token", "the"),
      a("token", "token", "c"),
    ],
    "training.setLearningRate": [
      (rate: never) => index.train(model, ids, { windows }).setLearningRate(rate),
      a("learningRate", "positive", 0.1),
    ],
    saveCheckpoint: [index.saveCheckpoint, a("training", "training", training)],

    // Files
    saveModel: [index.saveModel, recurrent, options(a("quantize", "choice", "int8", optional))],
    loadModel: [index.loadModel, a("file", "bytes", bytes), options(...reads)],
    loadWeights: [index.loadWeights, recurrent, a("file", "bytes", bytes)],
    writeModel: [
      node.writeModel,
      path("model.safetensors"),
      recurrent,
      options(a("quantize", "choice", "int8", optional)),
    ],
    readModel: [node.readModel, path("model.safetensors"), options(...reads)],
    writeCheckpoint: [node.writeCheckpoint, path("checkpoint.safetensors"), a("training", "training", training)],
    readText: [node.readText, { ...path(""), right: new URL(import.meta.url).pathname }],
    useWideVectors: [() => {}],

    // N-grams
    countNgrams: [ngram.countNgrams, text, countOptions],
    "counts.count": [counts.count.bind(counts), a("ngram", "ngram", ["the", "cat"])],
    "counts.entries": [counts.entries.bind(counts), a("n", "integer", 2), a("k", "integer", 3, optional)],
    "new NgramCounter": [(order: never) => new ngram.NgramCounter(order), a("order", "integer", 2)],
    "counter.token": [(token: never) => counter().token(token), a("token", "token", "a")],
    "counter.ngram": [
      (tokens: never, count: never) => counter().ngram(tokens, count),
      a("tokens", "strings", ["a", "b"]),
      a("count", "integer", 2),
    ],
    "counter.done": [
      (tokenizer: never) => {
        const filled = counter();
        for (const word of "a b c".split(" ")) filled.token(word);
        filled.endSentence();
        return filled.done(tokenizer);
      },
      a("tokenizer", "tokenizer", tokenizer),
    ],
    kneserNey: [
      ngram.kneserNey,
      theCounts,
      options(a("prune", "thresholds", [0], optional), a("discountFallback", "boolean", true, optional)),
    ],
    laplace: [ngram.laplace, theCounts, options(a("k", "positive", 1, optional))],
    stupidBackoff: [ngram.stupidBackoff, theCounts, options(a("alpha", "share", 0.4, optional))],
    maximumLikelihood: [ngram.maximumLikelihood, theCounts, options()],
    saveArpa: [ngram.saveArpa, theNgrams, options()],
    saveNgram: [ngram.saveNgram, theNgrams, options(a("quantize", "boolean", true, optional))],
    loadNgram: [ngram.loadNgram, a("source", "pieces", [...ngram.saveArpa(ngrams)]), options(...reads)],
    "ngrams.logProbs": [ngrams.logProbs.bind(ngrams), a("state", "node", 1)],
    "ngrams.logProb": [ngrams.logProb.bind(ngrams), a("state", "node", 1), a("token", "integer", 1)],
    "ngrams.advance": [ngrams.advance.bind(ngrams), a("state", "node", 1), a("token", "integer", 1)],
    "ngrams.score": [ngrams.score.bind(ngrams), a("tokens", "ids", Uint8Array.of(1, 2)), a("state", "node", 1)],
    "ngrams.saveState": [ngrams.saveState.bind(ngrams), a("state", "node", 1)],
    "ngrams.restoreState": [ngrams.restoreState.bind(ngrams), a("bytes", "bytes", ngrams.saveState(1))],
    "writeNgram as ARPA": [node.writeNgram, path("model.arpa"), theNgrams],
    writeNgram: [node.writeNgram, path("model.ngram"), theNgrams, options(a("quantize", "boolean", true, optional))],
    readNgram: [node.readNgram, path("model.arpa"), options(...reads)],
    writeCounts: [node.writeCounts, path("counts.parquet"), theCounts],
    readCounts: [node.readCounts, { ...path("counts.parquet"), name: "paths" }, countOptions],
  } as unknown as Record<string, Row>;
}

/** Classes without a row of their own: errors, and results of other functions. */
const NO_CALL = [
  "DivergedError",
  "FormatError",
  "FileError",
  "RecurrentModel",
  "NgramModel",
  "NgramCounts",
  "Vocabulary",
  "NgramCounter",
];

/** Runs a call to its end: awaits its promise and iterates over its result. */
async function run(call: Row[0], args: unknown[]): Promise<void> {
  const result: unknown = await (call as (...args: unknown[]) => unknown)(...args);
  const iterator = (result as Iterable<unknown> | undefined)?.[Symbol.iterator];
  if (iterator && !ArrayBuffer.isView(result) && typeof result !== "string") for (const _ of result as []);
}

/** Messages of the engine itself, which mean that an argument was not checked. */
const INTERNAL = new RegExp(
  [
    "Cannot (read|set|destructure|convert|mix|perform|assign)",
    "is not (a function|iterable|defined|a constructor|extensible)",
    "undefined is not",
    "Invalid (typed array|array|value|count|DataView)",
    "detached ArrayBuffer$",
    "out of bounds",
    "Reduce of",
    "must be",
    "BigInt value",
  ].join("|"),
);

const folder = mkdtempSync(join(tmpdir(), "rivulet-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  made = await make();
});

describe("every function", () => {
  it("has a row in the table", () => {
    const rows = Object.keys(table());
    const exported = Object.entries({ ...index, ...ngram, ...node }).filter(([, value]) => typeof value === "function");
    const missing = exported.map(([name]) => name).filter((name) => !rows.includes(name) && !NO_CALL.includes(name));
    expect(missing).toEqual([]);
  });

  it("accepts valid arguments", async () => {
    for (const [name, [call, ...args]] of Object.entries(table())) {
      await expect(
        run(
          call,
          args.map(({ right }) => right),
        ),
        name,
      ).resolves.toBeUndefined();
    }
  });

  it("suggests the option that was probably meant, and lists all there are", async () => {
    const { model, ids, tokenizer, vocabulary, counts } = made;
    for (const [call, given, meant] of [
      [() => RecurrentModel.create({ tokenizer, vocabulary, hidden: 64 } as never), "hidden", "hiddenSize"],
      [() => RecurrentModel.create({ tokenizer, vocabulary, num_layers: 2 } as never), "num_layers", "layers"],
      [() => index.adamw({ lr: 0.1 } as never), "lr", "learningRate"],
      [() => index.adamw({ learning_rate: 0.1 } as never), "learning_rate", "learningRate"],
      [() => index.sgd({ momentm: 0.1 } as never), "momentm", "momentum"],
      [() => index.words({ lowerCase: true } as never), "lowerCase", "lowercase"],
      [() => index.generate(model, { maxLength: 3 } as never), "maxLength", "length"],
      [() => index.generate(model, { top_k: 3 } as never), "top_k", "topK"],
      [() => index.train(model, ids, { epoch: 3 } as never), "epoch", "epochs"],
      [() => index.carriedWindows({ batchSize: 3 } as never), "batchSize", "batch"],
      [() => ngram.kneserNey(counts, { fallback: true } as never), "fallback", "discountFallback"],
    ] as const) {
      const message = new RegExp(`^"options" has no "${given}": did you mean "${meant}"\\? It has .*${meant}`);
      await expect(async () => void (await call()), given).rejects.toThrow(message);
    }
    expect(() => index.train(model, ids, { learningRate: 1 } as never)).toThrow(
      /^"options" has no "learningRate": it has windows, batch, optimizer, schedule, .*signal$/,
    );
    expect(() => index.characters({ lowercase: true } as never)).toThrow('"options" has no "lowercase": it has none');
    expect(() => index.train(model, ids, { optimizer: { kind: "sgd", beta1: 1 } as never })).toThrow(
      '"optimizer" has no "beta1": it has learningRate, momentum',
    );
    expect(() => index.train(model, ids, { windows: 16 as never })).toThrow(
      '"windows" expected carriedWindows(), overlappingWindows() or randomWindows(), got 16',
    );
  });

  it("refuses invalid arguments with a message that names them", async () => {
    const wrong = wrongValues();
    const bad: string[] = [];
    let tried = 0;
    const attempt = async (
      name: string,
      call: Row[0],
      args: unknown[],
      { name: argument, kind }: Argument,
      what: string,
    ) => {
      if (KINDS[kind].split(",").includes(what)) return;
      tried++;
      const called = `${name}, ${argument}: ${what}`;
      try {
        await run(call, args);
        bad.push(`${called}: taken`);
      } catch (error) {
        const { message, constructor: kind } = error as Error;
        const ours = ["TypeError", "RangeError", "FormatError"].includes(kind.name);
        const named = message.includes(`"${argument.replace(/s$/, "")}`);
        const said = /^".* expected .*, got /s.test(message) || /^"options" has no /.test(message);
        const internal = INTERNAL.test(message);
        const awaits =
          !["promise", "a forgotten await"].includes(what) || message.includes("did you forget to await it?");
        if (!ours || !named || !said || internal || !awaits) bad.push(`${called}: ${kind.name}: ${message}`);
      }
    };
    for (const [name, [call, ...args]] of Object.entries(table())) {
      const right = args.map(({ right }) => right);
      for (const [i, argument] of args.entries()) {
        for (const [what, value] of Object.entries(wrong)) {
          // create() without options misses its tokenizer.
          if (value === undefined && (argument.optional || name === "RecurrentModel.create")) continue;
          await attempt(name, call, right.with(i, value), argument, what);
          for (const field of argument.fields ?? []) {
            if (value === undefined && field.optional) continue;
            const given = { ...(argument.right as object), [field.name]: value };
            await attempt(name, call, right.with(i, given), field, what);
          }
        }
      }
    }
    expect(bad.join("\n")).toBe("");
    expect(tried).toBeGreaterThan(3000);
  });
});
