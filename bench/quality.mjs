// Held-out loss as a function of training time, compared with PyTorch: characters of tiny-shakespeare (or of the text
// in $TEXT), the last tenth held out; an LSTM with an embedding of 64, windows of 64 steps, batches of 32, AdamW at
// 2e-3, gradient clipping at 1. Kneser–Ney models of the same characters come first.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { rivulet } from "./internals.mjs";
import { env, torchPythons } from "./peers.mjs";
import { clock, say, table } from "./timing.mjs";

const here = new URL(".", import.meta.url).pathname;
const TEXT = process.env.TEXT ?? `${here}../../shared/data/tinyshakespeare.txt`;
/** Hidden size, number of epochs, and the goal for the final loss on tiny-shakespeare, in nats per character. */
const RUNS = [
  { hiddenSize: 128, epochs: 8, goal: 1.64 },
  { hiddenSize: 256, epochs: 4.7, goal: 1.58 },
];
const POINTS = 8;
const ORDERS = [5, 6, 7, 8];

export async function quality() {
  if (!existsSync(TEXT)) {
    say(`quality: SKIPPED, no text at ${TEXT}: set TEXT to one (github.com/karpathy/char-rnn, tinyshakespeare)`);
    return;
  }
  const text = readFileSync(TEXT, "utf8");
  const tokenizer = rivulet.characters();
  const { vocabulary, train, valid } = rivulet.prepare(text, tokenizer, { valid: 0.1 });
  ngrams([...text].slice(0, train.length).join(""), [...text].slice(train.length).join(""));
  const { python, version } = torchPythons()[0] ?? {};
  say(python ? `PyTorch ${version}, ${python}` : "PyTorch: MISSING");
  const windows = rivulet.carriedWindows({ window: 64, batch: 32 });
  const perEpoch = Math.floor(Math.floor((train.length - 1) / 32) / 64);
  for (const { hiddenSize, epochs, goal } of RUNS) {
    const steps = Math.round(epochs * perEpoch);
    const every = Math.ceil(steps / POINTS);
    const sizes = { cell: "lstm", embeddingSize: 64, hiddenSize };
    const model = await rivulet.RecurrentModel.create({ tokenizer, vocabulary, ...sizes });
    const ours = [];
    let seconds = 0;
    let started = clock();
    for await (const { step, tokens, done } of rivulet.train(model, train, { windows, steps })) {
      if (step % every > 0 && done < 1) continue;
      seconds += clock() - started;
      ours.push({ tokens, seconds, nats: rivulet.evaluate(model, valid).nats });
      started = clock();
    }
    const settings = { text: TEXT, hiddenSize, steps, every };
    const theirs = python ? torchCurve(python, settings) : [];
    table(
      `quality: LSTM, H = ${hiddenSize}, ${epochs} epochs of ${train.length.toLocaleString("en")} characters; nats per held-out character`,
      ["epochs", "rivulet, seconds", "nats", "PyTorch, seconds", "nats", "goal", "met"],
      ours.map(({ tokens, seconds, nats }, i) => {
        const last = i === ours.length - 1 ? [goal.toFixed(2), nats <= goal ? "yes" : "NO"] : [];
        const peer = theirs[i] ? [theirs[i].seconds.toFixed(1), theirs[i].nats.toFixed(3)] : ["", ""];
        return [(tokens / train.length).toFixed(1), seconds.toFixed(1), nats.toFixed(3), ...peer, ...last];
      }),
    );
  }
}

/** Kneser–Ney models of the same characters. */
function ngrams(train, valid) {
  const tokenizer = rivulet.characters();
  const rows = ORDERS.map((order) => {
    const start = clock();
    const model = rivulet.kneserNey(rivulet.countNgrams(train, { order, tokenizer }), { discountFallback: true });
    const seconds = clock() - start;
    const { nats } = rivulet.evaluate(model, valid);
    const MB = rivulet.saveNgram(model).length / 1e6;
    return [
      [order, (n) => `order ${n}`],
      [seconds, (s) => s.toFixed(1)],
      [nats, (n) => n.toFixed(3)],
      [MB, (n) => n.toFixed(1)],
    ];
  });
  table("quality: Kneser–Ney over characters; nats per held-out character", ["", "seconds", "nats", "MB"], rows);
}

function torchCurve(python, settings) {
  const { stdout, status } = spawnSync(python, [`${here}peers/pytorch_quality.py`, JSON.stringify(settings)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env,
  });
  if (status !== 0) throw new Error("PyTorch's run failed");
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}
