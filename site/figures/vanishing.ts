// Chapter 8: ‖∂L/∂h_t‖ over a window, for three cells whose Wh is scaled by one slider.

import { characters, encode, gradientFlow, RecurrentModel, selectKernels, type TokenIds, Vocabulary } from "rivulet";
import { choice, controls, PASSAGE, plot, plotPlace, slider, teller } from "../course/kit.js";
import { fixed } from "../dom.js";

const STEPS = 60;
const CELLS = [
  { name: "RNN", cell: "rnn", dash: "1.5 4" },
  { name: "GRU", cell: "gru", dash: "7 4" },
  { name: "LSTM", cell: "lstm", dash: "none" },
] as const;

/** The norms for t = 1 to 60, of a network whose recurrent weights were multiplied by `scale`. */
export async function flow(
  cell: "rnn" | "gru" | "lstm",
  activation: "tanh" | "relu",
  scale: number,
): Promise<Float64Array> {
  const { model, ids } = await made(cell, activation);
  const name = "rnn.weight_hh_l0";
  model.network.write(
    name,
    (await untouched(cell, activation)).map((w) => w * scale),
  );
  return gradientFlow(model, ids, { steps: STEPS, sequences: 8 })[0]!;
}

const models = new Map<string, Promise<{ model: RecurrentModel; ids: TokenIds; Wh: Float32Array }>>();
function made(cell: "rnn" | "gru" | "lstm", activation: "tanh" | "relu") {
  const key = `${cell} ${activation}`;
  const known = models.get(key);
  if (known) return known;
  const making = (async () => {
    selectKernels("strict");
    const tokenizer = characters();
    const vocabulary = Vocabulary.from(PASSAGE);
    const model = await RecurrentModel.create({
      tokenizer,
      vocabulary,
      cell,
      activation: cell === "rnn" ? activation : "tanh",
      hiddenSize: 32,
      initialization: "orthogonal",
      seed: 1,
    });
    return { model, ids: encode(PASSAGE, tokenizer, vocabulary), Wh: model.network.read("rnn.weight_hh_l0") };
  })();
  models.set(key, making);
  return making;
}
const untouched = async (cell: "rnn" | "gru" | "lstm", activation: "tanh" | "relu") =>
  (await made(cell, activation)).Wh;

export async function figure(place: HTMLElement): Promise<void> {
  let scale = 1;
  let activation: "tanh" | "relu" = "tanh";
  let flows: Float64Array[] = [];
  let asked = 0;
  const tell = teller();
  const draw = () =>
    plot(chart, {
      series: CELLS.map(({ name, dash }, i) => ({ name, kind: "grad" as const, values: flows[i] ?? [], dash })),
      low: 1e-12,
      high: 1e8,
      log: true,
      ticks: [1e8, 1e4, 1, 1e-4, 1e-8, 1e-12],
      left: `${STEPS - 1} steps before`,
      right: "the loss",
    });
  const chart = plotPlace("Norm of the gradient by step, for three cells", draw);
  chart.classList.add("tall");
  const update = async () => {
    const mine = ++asked;
    const found = await Promise.all(CELLS.map(({ cell }) => flow(cell, activation, scale)));
    if (mine !== asked) return;
    flows = found;
    const says = CELLS.map(({ name }, i) => {
      const ratio = flows[i]![0]! / flows[i]![STEPS - 1]!;
      const word = ratio > 10 ? "explodes" : ratio < 1e-4 ? "vanishes" : "arrives";
      return `${name}: ${word} (× ${ratio > 0.01 && ratio < 1000 ? fixed(ratio, 2) : ratio.toExponential(0)})`;
    });
    tell.textContent = `Over ${STEPS - 1} steps back, with Wh × ${fixed(scale, 2)}: ${says.join("; ")}.`;
    draw();
  };
  place.append(
    controls(
      slider(
        "scale of Wh",
        { least: 0.2, most: 4, step: 0.05, value: scale },
        (value) => {
          scale = value;
          void update();
        },
        (value) => fixed(value, 2),
      ),
      choice(
        "RNN’s φ",
        [
          ["tanh", "tanh"],
          ["relu", "ReLU"],
        ],
        (value) => {
          activation = value as "tanh";
          void update();
        },
      ),
    ),
    tell,
    chart,
  );
  await update();
}
