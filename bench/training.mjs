// Complete training steps, and generation at batch size 1, compared with the peers: the same weights, the same first
// batch (whose loss must agree before anything is timed), the same plain SGD with gradient clipping. Training is also
// compared with a bound: the multiply-add peak of 128-bit vectors in a register-only probe, divided by the minimum
// number of operations per token.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLIP, CONFIGURATIONS, flopsPerToken, LEARNING_RATE } from "./configurations.mjs";
import { rivulet } from "./internals.mjs";
import { startPeers } from "./peers.mjs";
import { probes } from "./probe.mjs";
import { calling, clock, median, race, table, times, verdict, warmUp } from "./timing.mjs";

/** Goals for the ratio of tokens per second, ours to theirs. */
const GOALS = {
  training: {
    "128-bit bound": { "small-lstm": 0.7, "char-gru": 0.7, "char-lstm": 0.7, lstm512: 0.7, "ptb-lstm": 0.75 },
    "PyTorch 1, one thread": {
      "d2l-rnn": 1.3,
      "char-rnn": 0.8,
      "small-lstm": 1.8,
      "char-gru": 0.85,
      "char-lstm": 0.6,
      "ptb-lstm": 0.42,
    },
    "TensorFlow.js, one thread": { "d2l-rnn": 15, "char-gru": 20, "char-lstm": 20 },
  },
  "wide training": {
    "PyTorch 1, one thread": {
      "d2l-rnn": 1.3,
      "char-rnn": 0.8,
      "small-lstm": 1.8,
      "char-gru": 1.3,
      "char-lstm": 1,
      lstm512: 0.6,
    },
    "TensorFlow.js, one thread": { "d2l-rnn": 15, "char-gru": 20, "char-lstm": 20 },
  },
  generation: { "PyTorch 1, one thread": { "char-rnn": 4, "char-lstm": 5, lstm512: 3 } },
};
const HEADINGS = ["", "peer", "best", "median", "ours / theirs, best", "by round", "goal", "met"];
const GENERATED = 500;
const wide = () => rivulet.kernelVariant() === "wide";

/** A model with a vocabulary of V made-up tokens and seeded weights. */
async function makeModel({ T, B, vocabularySize, ...config }) {
  const vocabulary = new rivulet.Vocabulary(
    Array.from({ length: vocabularySize }, (_, i) => String.fromCodePoint(0x4e00 + i)),
  );
  const tokenizer = rivulet.characters();
  return rivulet.RecurrentModel.create({ ...config, tokenizer, vocabulary });
}

export async function training(seconds) {
  const peers = await startPeers();
  const peak = await bestProbe();
  const rows = [];
  for (const [name, configuration] of Object.entries(CONFIGURATIONS)) {
    const { T, B, vocabularySize } = configuration;
    const model = await makeModel(configuration);
    const tokens = Uint16Array.from({ length: B * T * 20 + 1 }, (_, i) => (i * i * 31 + (i >> 3)) % vocabularySize);
    const run = rivulet.train(model, tokens, {
      windows: rivulet.carriedWindows({ window: T, batch: B }),
      optimizer: rivulet.sgd({ learningRate: LEARNING_RATE }),
      clip: CLIP,
      steps: 1e9,
    });
    const load = firstBatch(configuration, model, tokens);
    const steps = run[Symbol.asyncIterator]();
    const { loss } = (await steps.next()).value;
    const contestants = [
      {
        name: "rivulet",
        tokens: T * B * 4,
        turn: async () => {
          const start = clock();
          for (let i = 0; i < 4; i++) await steps.next();
          return clock() - start;
        },
      },
      {
        name: "128-bit bound",
        tokens: (200 * peak.flops) / flopsPerToken(configuration),
        turn: calling(peak.work, 200),
      },
    ];
    for (const peer of peers) {
      const theirs = await peer.ask({ load });
      if (theirs.unable) continue;
      const part = theirs.partOfBatch ?? 1;
      // TensorFlow.js averages the loss over the sequences it was given; its GRU applies the reset gate before the
      // product.
      const comparable = part === 1 && !(peer.family.startsWith("TensorFlow.js") && configuration.cell === "gru");
      if (comparable && Math.abs(theirs.loss - loss) > 1e-4) {
        throw new Error(`${name}: rivulet's first loss is ${loss}, that of ${peer.name} ${theirs.loss}`);
      }
      contestants.push({
        name: peer.name,
        family: peer.family,
        tokens: T * B * part,
        turn: async () => (await peer.ask({ train: 1 })).seconds,
      });
    }
    await settle(contestants);
    rows.push(...compare(name, wide() ? "wide training" : "training", contestants, await race(contestants, seconds)));
    rmSync(load.file);
  }
  table("training, tokens per second: forward, loss, backward, clip, update", HEADINGS, rows);
  for (const peer of peers) await peer.end();
}

export async function generation(seconds) {
  const peers = await startPeers();
  const rows = [];
  for (const [name, configuration] of Object.entries(CONFIGURATIONS)) {
    const model = await makeModel(configuration);
    const text = () => {
      for (const _ of rivulet.generate(model, { length: GENERATED })) {
      }
    };
    const contestants = [{ name: "rivulet", tokens: GENERATED, turn: calling(text) }];
    const tokens = new Int32Array(configuration.T * configuration.B + 1);
    const load = firstBatch(configuration, model, tokens);
    for (const peer of peers) {
      if ((await peer.ask({ load })).unable) continue;
      const turn = async () => (await peer.ask({ generate: GENERATED })).seconds;
      contestants.push({ name: peer.name, family: peer.family, tokens: GENERATED, turn });
    }
    rmSync(load.file);
    await settle(contestants);
    rows.push(...compare(name, "generation", contestants, await race(contestants, seconds)));
  }
  table("generation, batch 1, tokens per second", HEADINGS, rows);
  for (const peer of peers) await peer.end();
}

/**
 * Warms up compilers and caches with three turns each, or fewer if a turn takes over a second, as jax-js's first does.
 */
async function settle(contestants) {
  for (const { turn } of contestants) {
    for (let i = 0, seconds = 0; i < 3 && seconds < 1; i++) seconds = await turn();
  }
}

/** Returns a row for each contestant, with the ratio of our speed to its speed. */
function compare(name, what, contestants, results) {
  const rate = (i, key) => contestants[i].tokens / results[i][key];
  return contestants.map((contestant, i) => {
    const speeds = [rate(i, "best"), rate(i, "median")].map((x) => [Math.round(x), (x) => x.toLocaleString("en")]);
    const title = [name, (name) => (i === 0 ? name : "")];
    if (i === 0) return [title, contestant.name, ...speeds, "", "", "", ""];
    const rounds = results[0].turns.map((ours, r) => results[i].turns[r] / ours);
    const ratios = {
      best: rate(0, "best") / rate(i, "best"),
      median: (median(rounds) * contestants[0].tokens) / contestant.tokens,
    };
    const goal = GOALS[what][contestant.family ?? contestant.name]?.[name];
    const met = goal ? [[goal, times], verdict(Math.min(ratios.best, ratios.median), goal)] : ["", ""];
    return [title, contestant.name, ...speeds, [ratios.best, times], [ratios.median, times], ...met];
  });
}

/** Returns the fastest of the probes. */
async function bestProbe() {
  const contestants = (await probes(rivulet.kernelVariant())).map((probe) => ({ ...probe, turn: calling(probe.work) }));
  for (const { work } of contestants) await warmUp(work);
  const results = await race(contestants, 1);
  const rate = (i) => contestants[i].flops / results[i].best;
  return contestants.reduce((best, probe, i) => (rate(i) > rate(contestants.indexOf(best)) ? probe : best));
}

/** Returns the starting point for a peer. The weights are raw floats in a file, since there can be millions. */
function firstBatch(configuration, { network }, tokens) {
  const { T, B } = configuration;
  const file = join(mkdtempSync(join(tmpdir(), "rivulet-bench-")), "weights");
  const all = network.parameters.map(({ name, shape }) => ({ name, shape, values: network.read(name) }));
  writeFileSync(file, Buffer.concat(all.map(({ values }) => new Uint8Array(values.buffer))));
  let offset = 0;
  const weights = {};
  for (const { name, shape, values } of all) {
    weights[name] = { shape, offset };
    offset += values.length;
  }
  // Cut like carriedWindows(): B streams side by side.
  const length = Math.floor((tokens.length - 1) / B);
  const at = (shift) => Array.from({ length: T * B }, (_, i) => tokens[(i % B) * length + Math.floor(i / B) + shift]);
  return { configuration, file, weights, inputs: at(0), targets: at(1), learningRate: LEARNING_RATE, clip: CLIP };
}
