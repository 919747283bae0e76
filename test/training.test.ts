import { describe, expect, it } from "vitest";
import {
  adamw,
  carriedWindows,
  characters,
  constant,
  cosine,
  DivergedError,
  evaluate,
  gradientFlow,
  linear,
  overlappingWindows,
  type Partition,
  type Progress,
  perplexity,
  prepare,
  RecurrentModel,
  randomWindows,
  resume,
  saveCheckpoint,
  sgd,
  step,
  type TokenIds,
  type Tokenizer,
  type TrainOptions,
  train,
  Vocabulary,
  whitespace,
  words,
} from "../src/entries/index.js";
import { checkOptimizer } from "../src/train/optimizer.js";
import { factorAt } from "../src/train/schedule.js";

const TEXT = "It was the best of times, it was the worst of times; it was the age of wisdom. ".repeat(12);
const small = { window: 8, batch: 4 };

async function setUp(options: Partial<Parameters<typeof RecurrentModel.create>[0]> = {}, tokenizer = characters()) {
  const corpus = prepare(TEXT, tokenizer, { valid: 0.2 });
  const { vocabulary } = corpus;
  const model = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 12, seed: 2, ...options });
  return { ...corpus, model };
}

async function collect(training: AsyncIterable<Progress>): Promise<Progress[]> {
  const all: Progress[] = [];
  for await (const progress of training) all.push(progress);
  return all;
}

const losses = (all: Progress[]) => all.map(({ loss }) => loss);

describe("training", () => {
  it("lowers the loss, and says how far it is", async () => {
    const { model, train: ids, valid } = await setUp();
    const before = evaluate(model, valid).nats;
    const all = await collect(train(model, ids, { windows: carriedWindows(small), epochs: 6, valid }));
    const perEpoch = Math.floor(Math.floor((ids.length - 1) / 4) / 8);
    expect(all.length).toBe(6 * perEpoch);
    expect(all.map(({ step }) => step)).toEqual(all.map((_, i) => i + 1));
    expect(all.map(({ epoch }) => epoch)).toEqual(all.map((_, i) => Math.floor(i / perEpoch) + 1));
    expect(all.map(({ tokens }) => tokens)).toEqual(all.map((_, i) => 32 * (i + 1)));
    expect(all.filter(({ valid }) => valid).map(({ step }) => step)).toEqual(
      [1, 2, 3, 4, 5, 6].map((n) => n * perEpoch),
    );
    expect(all.at(-1)!.done).toBe(1);
    expect(all.at(-1)!.valid).toEqual(evaluate(model, valid));
    expect(all.at(-1)!.valid!.nats).toBeLessThan(before - 0.5);
    for (const { loss, perplexity, gradNorm, tokensPerSecond } of all) {
      expect(perplexity / Math.exp(loss)).toBeCloseTo(1, 12);
      expect(gradNorm).toBeGreaterThan(0);
      expect(tokensPerSecond).toBeGreaterThan(0);
    }
  });

  it("stops after steps, or after seconds", async () => {
    const { model, train: ids } = await setUp();
    expect((await collect(train(model, ids, { windows: carriedWindows(small), steps: 7 }))).length).toBe(7);
    const timed = train(model, ids, { windows: carriedWindows(small), seconds: 0.05 });
    const seconds: number[] = [];
    for await (const _ of timed) seconds.push(timed.state.seconds);
    // The last step begins before the time is up, and ends after it.
    expect(seconds.at(-1)).toBeGreaterThanOrEqual(0.05);
    expect(seconds.at(-2) ?? 0).toBeLessThan(0.05);
  });

  const partitions: [string, Partition][] = [
    ["carried", carriedWindows(small)],
    ["overlapping", overlappingWindows({ ...small, stride: 3 })],
    ["random", randomWindows(small)],
  ];
  const tokenizers: [string, Tokenizer][] = [
    ["characters", characters()],
    ["words", words()],
    ["white space", whitespace()],
  ];
  const cases = partitions.flatMap(([p, windows]) =>
    tokenizers.map(([t, tokenizer]) => ({ p, t, windows, tokenizer })),
  );

  it.each(cases)("$p windows of $t: the same seed gives the same bits, twice; another seed others", async (c) => {
    const run = async (seed: number) => {
      const { model, train: ids } = await setUp({ layers: 2, dropout: 0.3, seed, hiddenSize: 6 }, c.tokenizer);
      return losses(await collect(train(model, ids, { windows: c.windows, steps: 12, seed })));
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  it.each([
    ["carried windows, AdamW, cosine", { windows: carriedWindows(small), optimizer: adamw(), schedule: cosine() }],
    [
      "overlapping windows, momentum",
      { windows: overlappingWindows(small), optimizer: sgd({ momentum: 0.9, learningRate: 0.1 }) },
    ],
    [
      "random windows, steps of the rate, no clipping",
      { windows: randomWindows(small), schedule: step(), clip: Infinity },
    ],
  ] satisfies [string, TrainOptions][])("resumed anywhere goes on with the same bits: %s", async (_, options) => {
    const steps = 40; // more than one epoch of each
    const dropped = { layers: 2, dropout: 0.2, embeddingSize: 3 };
    const whole = await setUp(dropped);
    const all = await collect(train(whole.model, whole.train, { ...options, steps, valid: whole.valid }));
    for (const cut of [1, 17, 23, 39]) {
      const { model, train: ids, valid } = await setUp(dropped);
      const stop = new AbortController();
      const training = train(model, ids, { ...options, steps, valid, signal: stop.signal });
      await expect(async () => {
        for await (const { step } of training) if (step === cut) stop.abort();
      }).rejects.toThrow("aborted");
      const { training: resumed } = await resume(saveCheckpoint(training), ids, { valid });
      const rest = await collect(resumed);
      expect(losses(rest)).toEqual(losses(all).slice(cut));
      expect(
        rest.map(({ step, epoch, tokens, gradNorm, learningRate }) => [step, epoch, tokens, gradNorm, learningRate]),
      ).toEqual(
        all
          .slice(cut)
          .map(({ step, epoch, tokens, gradNorm, learningRate }) => [step, epoch, tokens, gradNorm, learningRate]),
      );
      expect(rest.at(-1)!.valid).toEqual(all.at(-1)!.valid);
      expect([...resumed.model.network.block("parameters")]).toEqual([...whole.model.network.block("parameters")]);
    }
  });

  it("random windows one at a time: each epoch has its batches, and goes on from any of them with the same bits", async () => {
    const ids = Uint8Array.from({ length: 23 }, (_, i) => (i * i) % 7);
    const tokenizer = characters();
    const vocabulary = new Vocabulary([..."abcdefg"]);
    for (let seed = 1; seed <= 8; seed++) {
      const model = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 2 });
      const training = train(model, ids, { windows: randomWindows({ window: 5, batch: 1 }), epochs: 4, seed });
      const all: Progress[] = [];
      const checkpoints: Uint8Array[] = [];
      for await (const progress of training) {
        all.push(progress);
        checkpoints.push(saveCheckpoint(training));
      }
      expect(all.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
      for (const [i, checkpoint] of checkpoints.entries()) {
        const rest = await collect((await resume(checkpoint, ids)).training);
        expect(losses(rest), `seed ${seed}, after step ${i + 1}`).toEqual(losses(all).slice(i + 1));
      }
    }
  });

  it("settings written by hand get what they leave out", async () => {
    const { model, train: ids } = await setUp();
    const bare = { windows: { kind: "carried", window: 10 }, optimizer: { kind: "adamw", learningRate: 0.01 } };
    const training = train(model, ids, { ...bare, schedule: { kind: "step" }, steps: 2 } as never);
    expect(training.settings).toEqual({
      windows: carriedWindows({ window: 10 }),
      optimizer: adamw({ learningRate: 0.01 }),
      schedule: step(),
      clip: 1,
      seed: 1,
      steps: 2,
    });
    expect((await collect(training)).map(({ tokens }) => tokens)).toEqual([320, 640]);
  });

  it("a finished training can be made longer", async () => {
    const whole = await setUp();
    const all = await collect(train(whole.model, whole.train, { windows: carriedWindows(small), epochs: 3 }));
    const { model, train: ids } = await setUp();
    const training = train(model, ids, { windows: carriedWindows(small), epochs: 1 });
    const first = await collect(training);
    const rest = await collect((await resume(saveCheckpoint(training), ids, { epochs: 3 })).training);
    expect([...losses(first), ...losses(rest)]).toEqual(losses(all));
  });

  it("a second training of a model starts without the first one's moments", async () => {
    const options = { windows: carriedWindows(small), steps: 5 };
    for (const optimizer of [adamw(), sgd({ momentum: 0.9, learningRate: 0.1 })]) {
      const { model, train: ids } = await setUp();
      const second = train(model, ids, { ...options, optimizer });
      await collect(train(model, ids, { ...options, optimizer }));
      const { model: fresh } = await setUp();
      fresh.network.block("parameters").set(model.network.block("parameters"));
      fresh.network.parametersChanged();
      expect(losses(await collect(second))).toEqual(
        losses(await collect(train(fresh, ids, { ...options, optimizer }))),
      );
      expect([...model.network.block("parameters")]).toEqual([...fresh.network.block("parameters")]);
    }
  });

  it("patience stops early and keeps the best weights, over a resumption too", async () => {
    const options = {
      windows: carriedWindows(small),
      optimizer: adamw({ learningRate: 0.2 }),
      epochs: 60,
      patience: 3,
    };
    const { model, train: ids, valid } = await setUp();
    const all = await collect(train(model, ids, { ...options, valid }));
    const evaluations = all.flatMap(({ valid }) => (valid ? [valid.nats] : []));
    const best = Math.min(...evaluations);
    expect(evaluations.length).toBeLessThan(60);
    expect(evaluations.length - 1 - evaluations.indexOf(best)).toBe(3);
    expect(evaluate(model, valid).nats).toBe(best);

    const again = await setUp();
    const training = train(again.model, ids, { ...options, valid });
    for await (const { epoch } of training) if (epoch === evaluations.length - 1) break;
    await expect(resume(saveCheckpoint(training), ids)).rejects.toThrow(
      '"patience" expected "valid" tokens with it: a checkpoint does not store them, so pass resume(bytes, ids, { valid })',
    );
    const { training: resumed } = await resume(saveCheckpoint(training), ids, { valid });
    await collect(resumed);
    expect(evaluate(resumed.model, valid).nats).toBe(best);
  });

  it("a diverging loss stops it with the last good weights", async () => {
    const { model, train: ids } = await setUp({ activation: "relu" });
    const training = train(model, ids, {
      windows: carriedWindows(small),
      optimizer: sgd({ learningRate: 1e12 }),
      clip: Infinity,
      epochs: 50,
    });
    const seen: Progress[] = [];
    const run = async () => {
      for await (const progress of training) seen.push(progress);
    };
    await expect(run()).rejects.toThrow(DivergedError);
    expect(seen.every(({ loss, gradNorm }) => Number.isFinite(loss) && Number.isFinite(gradNorm))).toBe(true);
    expect(model.network.block("parameters").every(Number.isFinite)).toBe(true);
    // The weights are those of the last finite loss.
    const { model: fresh } = await setUp({ activation: "relu" });
    if (seen.length === 1) {
      expect([...model.network.block("parameters")]).toEqual([...fresh.network.block("parameters")]);
    }
    const { model: twin, train: twinIds } = await setUp({ activation: "relu" });
    await expect(
      collect(
        train(twin, twinIds, {
          windows: carriedWindows(small),
          optimizer: sgd({ learningRate: 1e12 }),
          clip: Infinity,
        }),
      ),
    ).rejects.toThrow(
      /the (loss|norm of the gradients) became (NaN|-?Infinity) at step \d+ \(it was [\d.e+]+ before\): expected a finite number/,
    );
  });

  it.each([
    ["with held-out tokens", true, 1e38],
    ["without any, the parameters still finite", false, 1e38],
    ["without any, the parameters infinite", false, 3e38],
  ])("an update that goes too far is found after the last step: %s", async (_, held, learningRate) => {
    for (const more of [{}, ...(held ? [{ patience: 1 }] : [])]) {
      const { model, train: ids, valid } = await setUp();
      const before = [...model.network.block("parameters")];
      const options = { windows: carriedWindows(small), optimizer: adamw({ learningRate }), ...more };
      const training = train(model, ids, { ...options, steps: 1, ...(held && { valid }) });
      await expect(collect(training)).rejects.toThrow(DivergedError);
      expect([...model.network.block("parameters")]).toEqual(before);
      expect((await resume(saveCheckpoint(training), ids, { valid })).model).toBeDefined();
    }
  });

  it("yields to the event loop, so that an abort arrives", async () => {
    const { model, train: ids } = await setUp();
    const signal = AbortSignal.timeout(60);
    const training = train(model, ids, { windows: carriedWindows(small), steps: 1e9, signal });
    await expect(collect(training)).rejects.toThrow("timeout");
    expect(training.state.step).toBeGreaterThan(0);
  });

  it.each([
    [{ epochs: 0 }, '"epochs" expected an integer >= 1, got 0'],
    [{ steps: 2.5 }, '"steps" expected an integer >= 1, got 2.5'],
    [{ seconds: -1 }, '"seconds" expected a number > 0, got -1'],
    [{ epochs: 1, steps: 1 }, 'expected only one of "epochs", "steps" and "seconds", got more'],
    [{ clip: 0 }, '"clip" expected a number > 0, got 0'],
    [{ seed: -1 }, '"seed" expected an integer >= 0, got -1'],
    [{ patience: 2 }, '"patience" expected "valid" tokens with it'],
    [{ valid: Uint8Array.of(1) }, '"valid" expected at least 2 tokens, got 1'],
    [{ optimizer: { kind: "rmsprop" } as never }, '"optimizer.kind" expected "adamw" or "sgd", got "rmsprop"'],
    [{ schedule: { kind: "ramp" } as never }, '"schedule.kind" expected "constant" or "linear" or "cosine" or "step"'],
    [{ batch: 8 }, '"batch" expected no value for a language model, got 8: it belongs into "windows"'],
    [{ signal: {} as never }, '"signal" expected an AbortSignal, got an Object'],
    [{ signal: null as never }, '"signal" expected an AbortSignal, got null'],
    [
      { windows: randomWindows({ window: 8, batch: 1e9 }) },
      "a batch of 1000000000 windows of 8 steps needs 358 GiB of memory for its states alone, and WebAssembly has 4 GiB",
    ],
    [{ windows: overlappingWindows({ window: 8, batch: 1e15 }) }, "use a smaller batch or window"],
    [{ windows: carriedWindows({ window: 500, batch: 8 }) }, "the text to train on has 759 tokens, and 8 streams"],
  ])("refuses %o", async (options, message) => {
    const { model, train: ids } = await setUp();
    expect(() => train(model, ids, { windows: carriedWindows(small), ...options })).toThrow(message);
  });

  it("refuses invalid options", async () => {
    const { model, train: ids } = await setUp();
    expect(() => train(model, ids, null as never)).toThrow(new TypeError('"options" expected an object, got null'));
    expect(() => train(model, ids, 5 as never)).toThrow(new TypeError('"options" expected an object, got 5'));
  });

  it("refuses tokens that are no ids, or not the vocabulary's, wherever ids are taken", async () => {
    const { model, train: ids, valid } = await setUp();
    const last = model.vocabulary.size - 1;
    const windows = carriedWindows(small);
    const training = train(model, ids, { windows, steps: 1 });
    const bytes = saveCheckpoint(training);
    const kinds = "Uint8Array, Uint16Array, Uint32Array or Int32Array";
    for (const [given, kind, message] of [
      [TEXT, TypeError, `expected token ids, in a ${kinds}, got "It was the best of times`],
      [null, TypeError, "got null: encode() makes them from a text"],
      [Array(100).fill(Number.NaN), TypeError, "got an Array"],
      [Float32Array.from(ids), TypeError, "got a Float32Array"],
      [{ length: 100 }, TypeError, "got an Object"],
      [Uint8Array.from(ids).fill(200, 7), RangeError, `[7]" expected an integer from 0 to ${last}, got 200`],
      [Int32Array.from(ids).fill(-1, 9), RangeError, `[9]" expected an integer from 0 to ${last}, got -1`],
    ] as [never, typeof Error, string][]) {
      const uses: (() => unknown)[] = [
        () => train(model, given, { windows }),
        () => train(model, ids, { windows, valid: given }),
        () => gradientFlow(model, given, { steps: 2 }),
      ];
      // A value that is not a typed array may be a text.
      if (ArrayBuffer.isView(given))
        uses.push(
          () => evaluate(model, given),
          () => perplexity(model, given),
        );
      for (const use of uses) {
        expect(use).toThrow(message);
        expect(use).toThrow(kind);
      }
      await expect(resume(bytes, given)).rejects.toThrow(message);
    }
    const losses = async (given: TokenIds) => {
      const { model: same } = await setUp();
      return (await collect(train(same, given, { windows, steps: 3, valid }))).map(({ loss }) => loss);
    };
    expect(await losses(Int32Array.from(ids))).toEqual(await losses(ids));
  });
});

describe("schedules", () => {
  it("constant, linear and cosine with warm-up, steps", () => {
    const at = (schedule: Parameters<typeof factorAt>[0]) =>
      [0, 0.25, 0.5, 0.75, 0.999, 1].map((t) => factorAt(schedule, t));
    expect(at(constant())).toEqual([1, 1, 1, 1, 1, 1]);
    const curve = at(cosine());
    [1, 0.85355, 0.5, 0.14645].forEach((x, i) => {
      expect(curve[i]).toBeCloseTo(x, 4);
    });
    expect(factorAt(cosine({ warmup: 0.5, final: 0.1 }), 0.25)).toBe(0.5);
    expect(factorAt(cosine({ warmup: 0.5, final: 0.1 }), 1)).toBeCloseTo(0.1, 12);
    expect(factorAt(cosine({ warmup: 0.5 }), 0)).toBeGreaterThan(0);
    [1, 0.8, 0.6, 0.4, 0.2008, 0.2].forEach((x, i) => {
      expect(at(linear({ final: 0.2 }))[i]).toBeCloseTo(x, 12);
    });
    expect(factorAt(linear({ warmup: 0.5 }), 0.25)).toBe(0.5);
    expect(factorAt(linear({ warmup: 0.5 }), 0.75)).toBe(0.5);
    expect(at(step({ drops: 3, factor: 0.5 }))).toEqual([1, 0.5, 0.25, 0.125, 0.125, 0.125]);
    expect(() => cosine({ warmup: 1 })).toThrow('"warmup" expected a number in [0, 1), got 1');
    expect(() => step({ factor: 0 })).toThrow('"factor"');
  });

  it("optimizers refuse what is out of range", () => {
    expect(() => adamw({ learningRate: 0 })).toThrow('"learningRate" expected a number > 0, got 0');
    expect(() => adamw({ beta2: 1 })).toThrow('"beta2" expected a number in [0, 1), got 1');
    expect(() => sgd({ momentum: 1 })).toThrow('"momentum"');
    expect(() => checkOptimizer({ kind: "sgd", learningRate: Number.NaN, momentum: 0 })).toThrow('"learningRate"');
  });
});

describe("gradient flow", () => {
  it("is ‖∂L/∂h_t‖ by finite differences, of the last step's loss", async () => {
    const { model, train: ids } = await setUp({ hiddenSize: 4 });
    const [norms] = gradientFlow(model, ids, { steps: 6, sequences: 1 });
    expect(norms!.length).toBe(6);
    // −log p of the token after six, as a function of the state after t.
    const loss = (t: number, state: Float32Array) => -model.score(ids.subarray(t, 7), state).logProbs.at(-1)!;
    let state = model.start();
    for (let t = 1; t <= 6; t++) {
      state = model.advance(state, ids[t - 1]!);
      const slopes = Array.from(state, (_, j) => {
        const epsilon = 1e-2;
        const moved = (by: number) => state.map((x, i) => (i === j ? x + by : x));
        return (loss(t, moved(epsilon)) - loss(t, moved(-epsilon))) / (2 * epsilon);
      });
      expect(norms![t - 1]! / Math.hypot(...slopes)).toBeCloseTo(1, 1);
    }
  });

  it("vanishes in a network of small weights and grows in one of large ones; leaves the model as it was", async () => {
    const { model, train: ids } = await setUp({ activation: "relu", layers: 2 });
    const before = [...model.network.block("parameters")];
    const small = gradientFlow(model, ids, { steps: 30 });
    expect(small.length).toBe(2);
    expect(small[1]![0]! / small[1]![29]!).toBeLessThan(1e-3);
    expect([...model.network.block("parameters")]).toEqual(before);
    const H = 12;
    const identity = Float32Array.from({ length: H * H }, (_, i) => (i % (H + 1) === 0 ? 1.5 : 0));
    model.network.write("rnn.weight_hh_l1", identity);
    model.network.write("rnn.bias_ih_l1", new Float32Array(H).fill(1));
    expect(gradientFlow(model, ids, { steps: 30 })[1]![0]).toBeGreaterThan(100);
    expect(() => gradientFlow(model, ids.subarray(0, 5), { steps: 5 })).toThrow(
      "over 5 steps expected at least 6 tokens, got 5",
    );
  });
});
