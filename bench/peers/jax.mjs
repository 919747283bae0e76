// jax-js on its WebAssembly backend, as a peer: see ../peer.mjs for the protocol. Its argument is "1" for one thread,
// or "all" for as many workers as there are processors, for which this file gives Node the browser's Worker.
import { resolveObjectURL } from "node:buffer";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker as Thread } from "node:worker_threads";
import { clock } from "../timing.mjs";
import { answerTo, draw } from "./answer.mjs";

const threads = process.argv[2] === "all" ? availableParallelism() : 1;
if (threads > 1) {
  Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: threads } });
  globalThis.Worker = class {
    constructor(url) {
      const prelude = `const { parentPort } = require("node:worker_threads");
        globalThis.self = globalThis;
        globalThis.postMessage = (data) => parentPort.postMessage(data);
        parentPort.on("message", (data) => self.onmessage({ data }));`;
      this.thread = resolveObjectURL(url)
        .text()
        .then((source) => {
          const thread = new Thread(prelude + source, { eval: true });
          thread.on("message", (data) => this.onmessage({ data }));
          thread.on("error", (error) => this.onerror(error));
          return thread;
        });
    }
    postMessage(message) {
      this.thread.then((thread) => thread.postMessage(message));
    }
  };
}
const jax = await import("@jax-js/jax");
await jax.init("wasm");
jax.defaultDevice("wasm");
const { numpy: np, nn, tree } = jax;

/** One step of a cell: its new states from x·Wx + b and the previous states. */
const CELLS = {
  rnn: (x, [h], { Wh, bh }) => [np.tanh(x.add(np.matmul(h, Wh)).add(bh))],
  gru(x, [h], { Wh, bh }) {
    const [xr, xz, xn] = np.split(x, 3, 1);
    const [hr, hz, hn] = np.split(np.matmul(h.ref, Wh).add(bh), 3, 1);
    const z = nn.sigmoid(xz.add(hz));
    const n = np.tanh(xn.add(nn.sigmoid(xr.add(hr)).mul(hn)));
    return [n.ref.add(z.mul(h.sub(n)))];
  },
  lstm(x, [h, c], { Wh, bh }) {
    const [i, f, g, o] = np.split(x.add(np.matmul(h, Wh)).add(bh), 4, 1);
    const next = nn
      .sigmoid(f)
      .mul(c)
      .add(nn.sigmoid(i).mul(np.tanh(g)));
    return [nn.sigmoid(o).mul(np.tanh(next.ref)), next];
  },
};

let network;

/** The network as a function of its parameters, the states, and T × B ids: logits and new states. */
function forward(c, parameters, states, ids, T) {
  const { embedding, layers, Wo, bo } = parameters;
  let x = nn.oneHot(ids, c.vocabularySize);
  if (embedding) x = np.matmul(x, embedding);
  const after = layers.map(({ Wx, bx, ...recurrent }, l) => {
    const inputs = np.split(np.matmul(x, Wx).add(bx), T, 0);
    let state = states[l];
    const outputs = inputs.map((input) => {
      state = CELLS[c.cell](input, state, tree.ref(recurrent));
      return state[0].ref;
    });
    tree.dispose(recurrent);
    x = np.concatenate(outputs, 0);
    return state;
  });
  return [np.matmul(x, Wo).add(bo), after];
}

async function load({ configuration: c, file, weights, inputs, targets, learningRate, clip }) {
  const floats = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
  const values = (name) => {
    const { shape, offset } = weights[name];
    return np.array(floats.slice(offset, offset + shape.reduce((a, b) => a * b))).reshape(shape);
  };
  // PyTorch's matrices are transposed.
  const matrix = (name) => np.array(np.transpose(values(name)).js());
  const parameters = {
    ...(c.embeddingSize > 0 && { embedding: values("embedding.weight") }),
    layers: Array.from({ length: c.layers }, (_, l) => ({
      Wx: matrix(`rnn.weight_ih_l${l}`),
      Wh: matrix(`rnn.weight_hh_l${l}`),
      bx: values(`rnn.bias_ih_l${l}`),
      bh: values(`rnn.bias_hh_l${l}`),
    })),
    Wo: matrix("output.weight"),
    bo: values("output.bias"),
  };
  const zeros = (B) =>
    Array.from({ length: c.layers }, () =>
      Array.from({ length: c.cell === "lstm" ? 2 : 1 }, () => np.zeros([B, c.hiddenSize])),
    );
  const ids = (list) => np.array(Int32Array.from(list), { dtype: np.int32 });
  const lossOf = (parameters, states, x, y) => {
    const [logits, after] = forward(c, parameters, states, x, c.T);
    const loss = nn
      .logSoftmax(logits, 1)
      .mul(nn.oneHot(y, c.vocabularySize))
      .sum()
      .mul(-1 / (c.T * c.B));
    return [loss, after];
  };
  const step = jax.jit((parameters, states, x, y) => {
    const [[loss, after], gradients] = jax.valueAndGrad(lossOf, { hasAux: true })(tree.ref(parameters), states, x, y);
    const squares = tree.leaves(tree.ref(gradients)).map((g) => np.square(g).sum());
    const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
    const rate = np.minimum(1, np.reciprocal(norm.add(1e-6)).mul(clip)).mul(learningRate);
    const updated = tree.map((p, g) => p.sub(g.mul(rate.ref)), parameters, gradients);
    rate.dispose();
    return [updated, after, loss];
  });
  const next = jax.jit((parameters, states, id) => {
    const [logits, after] = forward(c, parameters, states, id, 1);
    return [nn.softmax(logits, 1), after];
  });
  const [x, y] = [ids(inputs), ids(targets)];
  const [loss, after] = lossOf(tree.ref(parameters), zeros(c.B), x.ref, y.ref);
  tree.dispose(after);
  network = { parameters, states: zeros(c.B), zeros, ids, x, y, step, next };
  return { loss: (await loss.data())[0] };
}

async function train(steps) {
  const start = clock();
  let loss;
  for (let i = 0; i < steps; i++) {
    const { parameters, states, x, y, step } = network;
    [network.parameters, network.states, loss] = step(parameters, states, x.ref, y.ref);
    loss = (await loss.data())[0];
    await jax.blockUntilReady(network.parameters);
  }
  return { seconds: clock() - start, loss };
}

async function generate(tokens) {
  const { parameters, zeros, ids, next } = network;
  let states = zeros(1);
  let id = 0;
  const start = clock();
  for (let i = 0; i < tokens; i++) {
    const [probabilities, after] = next(tree.ref(parameters), states, ids([id]));
    states = after;
    id = draw(await probabilities.data());
  }
  return { seconds: clock() - start };
}

const { version } = JSON.parse(readFileSync(new URL("../node_modules/@jax-js/jax/package.json", import.meta.url)));
await answerTo({ load, train, generate }, { version, threads, about: "wasm backend" });
process.exit();
