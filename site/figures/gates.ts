// Chapter 9: the gates of an LSTM and a GRU over a text, after a short training.

import { type RecurrentModel, trace } from "rivulet";
import { activation, inkOn, onScheme } from "../color.js";
import { button, choice, controls, slider, teller, textField } from "../course/kit.js";
import { mobyDick, trained } from "../course/worker-model.js";
import { el, fixed, visible } from "../dom.js";

const ROWS = {
  lstm: [
    ["f", "f, the forget gate: how much of c is kept"],
    ["i", "i, the input gate: how much is written"],
    ["g", "g, what is written"],
    ["o", "o, the output gate: how much is shown"],
    ["c", "c, the cell state (its tanh)"],
    ["h", "h, the hidden state"],
  ],
  gru: [
    ["z", "z, the update gate: how much of h is kept"],
    ["r", "r, the reset gate: how much of h the candidate sees"],
    ["n", "n, the candidate"],
    ["h", "h, the hidden state"],
  ],
} as const;

/** The value in each row at each token, for one unit. */
export function gatesOf(model: RecurrentModel, text: string, unit: number): Record<string, number[]> {
  const [layer] = trace(model, text).layers;
  const at = (values: readonly Float32Array[]) => values.map((step) => step[unit]!);
  const gates = Object.fromEntries(Object.entries(layer!.gates).map(([name, values]) => [name, at(values)]));
  return { ...gates, h: at(layer!.h), ...(layer!.c && { c: at(layer!.c).map(Math.tanh) }) };
}

export function figure(place: HTMLElement): void {
  let cell: "lstm" | "gru" = "lstm";
  let text = "the whale, and the sea.";
  let unit = 0;
  const models: Partial<Record<"lstm" | "gru", RecurrentModel>> = {};
  const tell = teller();
  tell.textContent = "Train a network first: it takes a few seconds.";
  const rows = el("div", { class: "gates", tabindex: 0, role: "group", "aria-label": "Gates over the text" });
  const draw = () => {
    const model = models[cell];
    if (!model) {
      rows.replaceChildren();
      return;
    }
    const known = [...text]
      .filter((letter) => model.vocabulary.has(letter))
      .slice(0, 60)
      .join("");
    if (known === "") return;
    const found = gatesOf(model, known, unit);
    rows.replaceChildren(
      ...ROWS[cell].map(([name, says]) =>
        el(
          "div",
          { class: "gate" },
          el("small", {}, says),
          el(
            "p",
            {},
            ...found[name]!.map((value, t) => {
              const span = el("span", { title: `${fixed(value, 2)}` }, visible([...known][t]!));
              span.style.background = activation(value);
              span.style.color = inkOn(value);
              return span;
            }),
          ),
        ),
      ),
    );
    const kept = found[cell === "lstm" ? "f" : "z"]!;
    const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length;
    tell.textContent = `Unit ${unit} keeps ${fixed(100 * mean)} % of its state from one letter to the next, on average over this text.`;
  };
  const go = button(
    "Train it",
    async () => {
      const now = cell;
      go.disabled = true;
      try {
        const source = await mobyDick();
        models[now] = await trained(
          { cell: now, hiddenSize: 64, embeddingSize: 16, steps: 500 },
          source.slice(0, 300_000),
          (done, loss) => {
            tell.textContent = `Training: ${Math.round(100 * done)} %, loss ${loss.toFixed(2)}`;
          },
        );
        draw();
      } catch (error) {
        tell.textContent = (error as Error).message;
      }
      go.disabled = false;
    },
    true,
  );
  place.append(
    controls(
      choice(
        "Cell",
        [
          ["lstm", "LSTM"],
          ["gru", "GRU"],
        ],
        (value) => {
          cell = value as "lstm";
          if (!models[cell]) tell.textContent = "This cell has not been trained yet.";
          draw();
        },
      ),
      go,
      slider("unit", { least: 0, most: 63, step: 1, value: 0 }, (value) => {
        unit = value;
        draw();
      }),
    ),
    textField("Text", text, (value) => {
      text = value;
      draw();
    }),
    tell,
    rows,
  );
  onScheme(draw);
}
