// TensorFlow.js on its WebAssembly backend, one thread, as a peer: see ../peer.mjs for what it reads and answers.
const { readFileSync } = require("node:fs");
const path = require("node:path");
const { createInterface } = require("node:readline");
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");

wasm.setWasmPaths(`${path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json"))}/dist/`);
wasm.setThreadsCount(1);
console.log = console.error; // standard output is for answers
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const LAYERS = { rnn: "simpleRNN", gru: "gru", lstm: "lstm" };
let model;
let x;
let y;

async function load({ configuration: c, file, weights, inputs, targets, learningRate }) {
  // Its WebAssembly backend has no gradient of an embedding.
  if (c.embeddingSize > 0) return { unable: true };
  // Its memory does not hold d2l's batch of 1,024: it gets the first 256 sequences, and is counted by tokens.
  const B = Math.min(c.B, 256);
  const floats = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
  const tensor = (name) => {
    const { shape, offset } = weights[name];
    return tf.tensor(floats.slice(offset, offset + shape.reduce((a, b) => a * b)), shape);
  };
  model = tf.sequential();
  const values = [];
  for (let l = 0; l < c.layers; l++) {
    const inputShape = l === 0 ? { inputShape: [c.T, c.vocabularySize] } : {};
    const gates = c.cell === "rnn" ? {} : { recurrentActivation: "sigmoid" };
    model.add(tf.layers[LAYERS[c.cell]]({ units: c.hiddenSize, returnSequences: true, ...gates, ...inputShape }));
    values.push(
      tensor(`rnn.weight_ih_l${l}`).transpose(),
      tensor(`rnn.weight_hh_l${l}`).transpose(),
      tensor(`rnn.bias_ih_l${l}`).add(tensor(`rnn.bias_hh_l${l}`)),
    );
  }
  model.add(tf.layers.dense({ units: c.vocabularySize, activation: "softmax" }));
  model.setWeights([...values, tensor("output.weight").transpose(), tensor("output.bias")]);
  model.compile({ loss: "categoricalCrossentropy", optimizer: tf.train.sgd(learningRate) });
  // Ours are time-major.
  const oneHot = (ids) => {
    const rows = tf.tensor2d(ids, [c.T, c.B], "int32").transpose().slice([0, 0], [B, c.T]);
    return tf.oneHot(rows.toInt(), c.vocabularySize).toFloat();
  };
  x = oneHot(inputs);
  y = oneHot(targets);
  const loss = await model.evaluate(x, y, { batchSize: B }).data();
  return { loss: loss[0], tokens: B * c.T, partOfBatch: B / c.B };
}

async function train(steps) {
  const start = performance.now();
  for (let i = 0; i < steps; i++) await model.trainOnBatch(x, y);
  return { seconds: (performance.now() - start) / 1000 };
}

(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
  answer({ version: tf.version.tfjs, backend: tf.getBackend() });
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    try {
      answer(command.load ? await load(command.load) : await train(command.train));
    } catch (error) {
      answer({ error: error.message });
    }
  }
})();
