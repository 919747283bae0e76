// The network of chapters 5 and 6: three letters, three units, every weight in a field. Its numbers come from the library.

import { characters, RecurrentModel, selectKernels, Vocabulary } from "rivulet";
import { numberField } from "../course/kit.js";
import { el } from "../dom.js";

export const LETTERS = ["a", "b", "c"] as const;
export const N: readonly number[] = [0, 1, 2];

/** In the course's letters: rows are units (or outputs), columns inputs. */
export interface Weights {
  Wx: number[][];
  Wh: number[][];
  b: number[][];
  Wo: number[][];
  bo: number[][];
}
export const NAMES = ["Wx", "Wh", "b", "Wo", "bo"] as const;
/** PyTorch's name of each. */
const TORCH: Record<(typeof NAMES)[number], string> = {
  Wx: "rnn.weight_ih_l0",
  Wh: "rnn.weight_hh_l0",
  b: "rnn.bias_ih_l0",
  Wo: "output.weight",
  bo: "output.bias",
};

export const start = (): Weights => ({
  Wx: [
    [0.9, -0.4, 0.2],
    [-0.3, 0.8, 0.5],
    [0.1, 0.6, -0.7],
  ],
  Wh: [
    [0.5, -0.3, 0.2],
    [0.4, 0.6, -0.1],
    [-0.2, 0.3, 0.7],
  ],
  b: [[0.1], [0], [-0.1]],
  Wo: [
    [0.3, -0.6, 0.4],
    [0.7, 0.2, -0.5],
    [-0.4, 0.5, 0.3],
  ],
  bo: [[0], [0.1], [0]],
});

/** A network of the library with these weights. */
export async function network(): Promise<RecurrentModel> {
  selectKernels("strict");
  return RecurrentModel.create({
    tokenizer: characters(),
    vocabulary: new Vocabulary([...LETTERS]),
    cell: "rnn",
    hiddenSize: 3,
  });
}

export function write({ network }: RecurrentModel, weights: Weights): void {
  for (const name of NAMES) network.write(TORCH[name], Float32Array.from(weights[name].flat()));
  network.write("rnn.bias_hh_l0", new Float32Array(3));
}

export interface Step {
  h: number[];
  /** Softmax of o. */
  p: number[];
}

/** States and probabilities after each letter. */
export function forward(model: RecurrentModel, letters: readonly number[]): Step[] {
  let state = model.start();
  return letters.map((letter) => {
    state = model.advance(state, letter);
    return { h: Array.from(state), p: Array.from(model.logProbs(state), Math.exp) };
  });
}

/** The gradients of the mean loss, by the library's backpropagation through time. @param targets −1 for no loss */
export function gradients(model: RecurrentModel, letters: readonly number[], targets: readonly number[]): Weights {
  const { network, tokenNetwork } = model;
  const batch = { T: letters.length, B: 1, inputs: Int32Array.from(letters), targets: Int32Array.from(targets) };
  tokenNetwork.gradients(batch, tokenNetwork.initialState(1));
  const read = (name: (typeof NAMES)[number], columns: number) => {
    const values = network.read(TORCH[name], "gradients");
    return N.map((row) => Array.from(values.subarray(row * columns, (row + 1) * columns)));
  };
  return { Wx: read("Wx", 3), Wh: read("Wh", 3), b: read("b", 1), Wo: read("Wo", 3), bo: read("bo", 1) };
}

export interface Editor {
  root: HTMLElement;
  /** The line under each weight. */
  out(name: (typeof NAMES)[number], row: number, column: number): HTMLElement;
  fill(weights: Weights): void;
}

/** Fields for the weights. @param chosen called when a field gets the focus */
export function editor(
  weights: Weights,
  names: readonly (typeof NAMES)[number][],
  changed: () => void,
  chosen: (name: (typeof NAMES)[number], row: number, column: number) => void = () => {},
): Editor {
  const outs = new Map<string, HTMLElement>();
  const fields: { name: (typeof NAMES)[number]; row: number; column: number; input: HTMLInputElement }[] = [];
  const matrices = names.map((name) => {
    const columns = weights[name][0]!.length;
    const [letter, index] = [name[0]!, name.slice(1)];
    const box = el(
      "div",
      { class: `matrix columns-${columns}` },
      el("b", {}, letter, ...(index ? [el("sub", {}, index)] : [])),
    );
    weights[name].forEach((values, row) => {
      values.forEach((value, column) => {
        const input = numberField(`${name}, row ${row + 1}, column ${column + 1}`, value, (now) => {
          weights[name][row]![column] = now;
          changed();
        });
        const out = el("output");
        input.addEventListener("focus", () => chosen(name, row, column));
        outs.set(`${name}${row}${column}`, out);
        fields.push({ name, row, column, input });
        box.append(el("span", {}, input, out));
      });
    });
    return box;
  });
  return {
    root: el("div", { class: "matrices" }, ...matrices),
    out: (name, row, column) => outs.get(`${name}${row}${column}`)!,
    fill(values) {
      for (const { name, row, column, input } of fields) input.value = String(values[name][row]![column]);
    },
  };
}
