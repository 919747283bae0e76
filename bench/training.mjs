// Whole training steps, and generation at batch 1, against the peers: the same weights, the same first batch (whose loss
// has to agree before anything is timed), the same plain SGD with clipping.
import { CLIP, CONFIGURATIONS, LEARNING_RATE } from "./configurations.mjs";
import { rivulet } from "./internals.mjs";
import { startTensorFlow, startTorch } from "./peers.mjs";
import { calling, race, table, times, verdict } from "./timing.mjs";

/** Least ratio of tokens a second, ours to theirs. */
const GOALS = {
  PyTorch: { training: { "d2l-rnn": 1.3, "char-rnn": 0.8 }, generation: { "char-rnn": 4 } },
  "TensorFlow.js": { training: { "d2l-rnn": 15 } },
};
const GENERATED = 500;

/** A model with a vocabulary of V made-up tokens and seeded weights. */
async function makeModel({ T, B, ...config }) {
  const vocabulary = new rivulet.Vocabulary(
    Array.from({ length: config.vocabularySize }, (_, i) => String.fromCodePoint(0x4e00 + i)),
  );
  const tokenizer = rivulet.characters();
  return rivulet.RecurrentModel.create({ ...config, tokenizer, vocabulary });
}

export async function training(seconds) {
  const peers = [await startTorch(), await startTensorFlow()].filter(Boolean);
  const rows = [];
  for (const [name, configuration] of Object.entries(CONFIGURATIONS)) {
    const { T, B, vocabularySize } = configuration;
    const model = await makeModel(configuration);
    const tokens = Uint8Array.from({ length: B * T * 20 + 1 }, (_, i) => (i * i * 31 + (i >> 3)) % vocabularySize);
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
          const start = performance.now();
          for (let i = 0; i < 4; i++) await steps.next();
          return (performance.now() - start) / 1000;
        },
      },
    ];
    for (const peer of peers) {
      const theirs = await peer.ask({ load });
      const part = theirs.partOfBatch ?? 1;
      // TensorFlow.js averages the loss over the sequences that it was given.
      if (part === 1 && Math.abs(theirs.loss - loss) > 1e-4) {
        throw new Error(`${name}: rivulet's first loss is ${loss}, that of ${peer.name} ${theirs.loss}`);
      }
      const n = peer.name === "PyTorch" ? 2 : 1;
      contestants.push({
        name: peer.name,
        tokens: T * B * part * n,
        turn: async () => (await peer.ask({ train: n })).seconds,
      });
    }
    for (const { turn } of contestants) for (let i = 0; i < 3; i++) await turn();
    rows.push(...compare(name, "training", contestants, await race(contestants, seconds)));
  }
  table(
    "training, tokens a second: forward, loss, backward, clip, update",
    ["", "", "best", "median", "ours / theirs, best", "median", "goal", "met"],
    rows,
  );
  for (const peer of peers) await peer.end();
}

export async function generation(seconds) {
  const torch = await startTorch();
  const rows = [];
  for (const [name, configuration] of Object.entries(CONFIGURATIONS)) {
    const model = await makeModel(configuration);
    const text = () => {
      for (const _ of rivulet.generate(model, { length: GENERATED })) {
      }
    };
    const contestants = [{ name: "rivulet", tokens: GENERATED, turn: calling(text) }];
    if (torch) {
      const tokens = Int32Array.from({ length: configuration.T * configuration.B + 1 }, () => 0);
      await torch.ask({ load: firstBatch(configuration, model, tokens) });
      contestants.push({
        name: "PyTorch",
        tokens: GENERATED,
        turn: async () => (await torch.ask({ generate: GENERATED })).seconds,
      });
    }
    for (const { turn } of contestants) for (let i = 0; i < 3; i++) await turn();
    rows.push(...compare(name, "generation", contestants, await race(contestants, seconds)));
  }
  table(
    "generation, batch 1, tokens a second",
    ["", "", "best", "median", "ours / theirs, best", "median", "goal", "met"],
    rows,
  );
  await torch?.end();
}

/** A row for each contestant, with the ratio of our speed to its speed. */
function compare(name, what, contestants, results) {
  const rate = (i, key) => contestants[i].tokens / results[i][key];
  return contestants.map((contestant, i) => {
    const speeds = [rate(i, "best"), rate(i, "median")].map((x) => Math.round(x).toLocaleString("en"));
    if (i === 0) return [name, contestant.name, ...speeds];
    const ratios = { best: rate(0, "best") / rate(i, "best"), median: rate(0, "median") / rate(i, "median") };
    const goal = GOALS[contestant.name]?.[what]?.[name];
    const met = goal ? [times(goal), verdict(Math.min(ratios.best, ratios.median), goal)] : [];
    return ["", contestant.name, ...speeds, times(ratios.best), times(ratios.median), ...met];
  });
}

function firstBatch(configuration, { network }, tokens) {
  const { T, B } = configuration;
  const weights = {};
  for (const { name, shape } of network.parameters) weights[name] = { shape, values: [...network.read(name)] };
  // As carriedWindows cuts it: B streams side by side.
  const length = Math.floor((tokens.length - 1) / B);
  const at = (shift) => Array.from({ length: T * B }, (_, i) => tokens[(i % B) * length + Math.floor(i / B) + shift]);
  return { configuration, weights, inputs: at(0), targets: at(1), learningRate: LEARNING_RATE, clip: CLIP };
}
