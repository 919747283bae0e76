// TensorFlow.js on its WebAssembly backend, with one thread, as a peer: see ../peer.mjs for the protocol.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { clock } from "../timing.mjs";
import { answerTo, draw } from "./answer.mjs";

console.log = console.error; // standard output is for answers
const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs");
const wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(`${path.dirname(require.resolve("@tensorflow/tfjs-backend-wasm/package.json"))}/dist/`);
wasm.setThreadsCount(1);

const LAYERS = { rnn: "simpleRNN", gru: "gru", lstm: "lstm" };
let model;
/** A network with the same weights that reads one token at a time. */
let writer;
let x;
let y;

/** @param one true for a network that reads a single token at a time and keeps its state */
function network(c, values, one) {
  const model = tf.sequential();
  for (let l = 0; l < c.layers; l++) {
    const shape = one ? { batchInputShape: [1, 1, c.vocabularySize] } : { inputShape: [c.T, c.vocabularySize] };
    const gates = { recurrentInitializer: "zeros", ...(c.cell !== "rnn" && { recurrentActivation: "sigmoid" }) };
    const options = { units: c.hiddenSize, returnSequences: true, stateful: one, ...gates, ...(l === 0 && shape) };
    model.add(tf.layers[LAYERS[c.cell]](options));
  }
  model.add(tf.layers.dense({ units: c.vocabularySize, activation: "softmax" }));
  model.setWeights(values);
  return model;
}

async function load({ configuration: c, file, weights, inputs, targets, learningRate }) {
  // The WebAssembly backend has no gradient for embeddings.
  if (c.embeddingSize > 0) return { unable: true };
  // d2l's batch of 1,024 does not fit into its memory: it gets the first 256 sequences. Speeds count tokens, so they
  // compare.
  const B = Math.min(c.B, 256);
  const floats = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
  const tensor = (name) => {
    const { shape, offset } = weights[name];
    return tf.tensor(floats.slice(offset, offset + shape.reduce((a, b) => a * b)), shape);
  };
  const recurrent = Array.from({ length: c.layers }, (_, l) => [
    tensor(`rnn.weight_ih_l${l}`).transpose(),
    tensor(`rnn.weight_hh_l${l}`).transpose(),
    tensor(`rnn.bias_ih_l${l}`).add(tensor(`rnn.bias_hh_l${l}`)),
  ]);
  const values = [...recurrent.flat(), tensor("output.weight").transpose(), tensor("output.bias")];
  model = network(c, values, false);
  writer = network(c, values, true);
  model.compile({ loss: "categoricalCrossentropy", optimizer: tf.train.sgd(learningRate) });
  // Ours are time-major, TensorFlow.js's batch-major.
  const oneHot = (ids) => {
    const rows = tf.tensor2d(ids, [c.T, c.B], "int32").transpose().slice([0, 0], [B, c.T]);
    return tf.oneHot(rows.toInt(), c.vocabularySize).toFloat();
  };
  x = oneHot(inputs);
  y = oneHot(targets);
  const loss = await model.evaluate(x, y, { batchSize: B }).data();
  return { loss: loss[0], partOfBatch: B / c.B };
}

async function train(steps) {
  const start = clock();
  for (let i = 0; i < steps; i++) await model.trainOnBatch(x, y);
  return { seconds: clock() - start };
}

async function generate(tokens) {
  const V = writer.outputs[0].shape[2];
  writer.resetStates();
  let id = 0;
  const start = clock();
  for (let i = 0; i < tokens; i++) {
    const probabilities = tf.tidy(() => writer.predict(tf.oneHot([[id]], V).toFloat()));
    id = draw(await probabilities.data());
    probabilities.dispose();
  }
  return { seconds: clock() - start };
}

await tf.setBackend("wasm");
await tf.ready();
await answerTo(
  { load, train, generate },
  { version: tf.version.tfjs, threads: 1, about: `${tf.getBackend()} backend` },
);
