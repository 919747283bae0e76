// Chapter 6: three steps forward, three back. States, probabilities and gradients come from the library; the check turns each
// weight a little, up and down, and computes in float64.

import { activation, inkOn, onScheme } from "../color.js";
import { button, controls, teller } from "../course/kit.js";
import { el, fixed } from "../dom.js";
import { editor, forward, gradients, LETTERS, N, NAMES, network, start, type Weights, write } from "./three-units.js";

const LAST = 7;

/** The loss Σ −ln p over the steps, in float64. */
export function loss(w: Weights, text: readonly number[]): number {
  let h = [0, 0, 0];
  let sum = 0;
  for (let t = 0; t < text.length - 1; t++) {
    const before = h;
    h = N.map((i) =>
      Math.tanh(w.Wx[i]![text[t]!]! + w.b[i]![0]! + N.reduce((z, j) => z + w.Wh[i]![j]! * before[j]!, 0)),
    );
    const o = N.map((i) => w.bo[i]![0]! + N.reduce((z, j) => z + w.Wo[i]![j]! * h[j]!, 0));
    const most = Math.max(...o);
    sum += Math.log(o.reduce((total, value) => total + Math.exp(value - most), 0)) + most - o[text[t + 1]!]!;
  }
  return sum;
}

/** The gradient of one weight, from two forward passes. */
export function numeric(w: Weights, name: keyof Weights, row: number, column: number, text: readonly number[]): number {
  const turned = (by: number) => {
    const copy = structuredClone(w);
    copy[name][row]![column]! += by;
    return loss(copy, text);
  };
  return (turned(1e-4) - turned(-1e-4)) / 2e-4;
}

/** ∂L/∂h_t and ∂L/∂o_t of each step, by the equations beside the figure. */
function blame(w: Weights, steps: readonly { h: number[]; p: number[] }[], text: readonly number[]) {
  const result: { dh: number[]; do: number[] }[] = [];
  let dzNext = [0, 0, 0];
  for (let t = steps.length - 1; t >= 0; t--) {
    const { h, p } = steps[t]!;
    const dO = N.map((i) => p[i]! - Number(text[t + 1] === i));
    const dh = N.map((i) => N.reduce((sum, j) => sum + w.Wo[j]![i]! * dO[j]! + w.Wh[j]![i]! * dzNext[j]!, 0));
    dzNext = N.map((i) => dh[i]! * (1 - h[i]! ** 2));
    result.unshift({ dh, do: dO });
  }
  return result;
}

export async function figure(place: HTMLElement): Promise<void> {
  const model = await network();
  const weights = start();
  const text = [0, 1, 2, 0];
  let stage = 6;
  let focus: [keyof Weights, number, number] = ["Wh", 0, 1];
  const tell = teller();
  const graph = el("div", { class: "graph" });
  const badge = el("p", { class: "badge" });
  const one = el("p", { class: "num one" });
  const at = el("input", { type: "range", min: 0, max: LAST, value: stage, "aria-label": "Place in the computation" });
  const fields = editor(
    weights,
    NAMES,
    () => draw(),
    (...chosen) => {
      focus = chosen;
      draw();
    },
  );

  // The frame is built once: afterwards only texts and colors change, so nothing moves or loses the focus.
  const slots = [0, 1, 2].map((t) => {
    const lines = (names: readonly string[]) =>
      names.map((name) => {
        const [value, gradient] = [el("td", { class: "v" }), el("td", { class: "g" })];
        return { row: el("tr", {}, el("th", { scope: "row" }, name), value, gradient), value, gradient };
      });
    const [p, h] = [lines(LETTERS), lines(["1", "2", "3"])];
    const head = (letter: string, also: string) =>
      el("caption", {}, letter, el("sub", {}, String(t + 1)), `, and ${also}`, el("sub", {}, String(t + 1)));
    const lossLine = el("p", { class: "num" });
    const reads = el(
      "select",
      { "aria-label": `Letter ${t + 1}` },
      ...LETTERS.map((letter, i) => el("option", { value: i, selected: i === text[t] }, letter)),
    );
    reads.addEventListener("change", () => {
      text[t] = Number(reads.value);
      draw();
    });
    const box = el(
      "div",
      { class: "slot" },
      lossLine,
      el("table", {}, head("p", "δo"), el("tbody", {}, ...p.map(({ row }) => row))),
      el("table", {}, head("h", "δh"), el("tbody", {}, ...h.map(({ row }) => row))),
      el("label", { class: "choose" }, el("span", {}, "reads"), reads),
    );
    graph.append(box);
    return { p, h, lossLine, box };
  });

  const draw = () => {
    write(model, weights);
    const steps = forward(model, text.slice(0, 3));
    // The steps whose share has been added: from the last back to `from`.
    const from = stage > 4 ? LAST - stage : 3;
    const partial = accumulated(model, weights, text, from);
    const blames = blame(weights, steps, text);
    const losses = steps.map(({ p }, t) => -Math.log(p[text[t + 1]!]!));
    slots.forEach(({ p, h, lossLine, box }, t) => {
      const read = stage > t;
      const back = stage > 4 && t >= from;
      lossLine.textContent = read ? `loss ${fixed(losses[t]!, 3)}` : "loss";
      box.classList.toggle("now", (stage >= 1 && stage <= 3 && stage - 1 === t) || (stage > 4 && from === t));
      for (const i of N) {
        h[i]!.value.textContent = read ? fixed(steps[t]!.h[i]!, 2) : "\u00a0";
        h[i]!.value.style.background = read ? activation(steps[t]!.h[i]!) : "";
        h[i]!.value.style.color = read ? inkOn(steps[t]!.h[i]!) : "";
        p[i]!.value.textContent = read ? fixed(steps[t]!.p[i]!, 2) : "\u00a0";
        p[i]!.row.classList.toggle("target", text[t + 1] === i);
        p[i]!.gradient.textContent = back ? fixed(blames[t]!.do[i]!, 2) : "\u00a0";
        h[i]!.gradient.textContent = back ? fixed(blames[t]!.dh[i]!, 2) : "\u00a0";
      }
    });
    for (const name of NAMES) {
      weights[name].forEach((values, row) => {
        values.forEach((_, column) => {
          fields.out(name, row, column).textContent = stage > 4 ? fixed(partial[name][row]![column]!, 3) : "\u00a0";
        });
      });
    }
    tell.textContent = says(stage, text, losses);
    at.value = String(stage);
    at.setAttribute("aria-valuetext", tell.textContent);
    backward.disabled = stage === 0;
    ahead.disabled = stage === LAST;
    check(partial);
  };

  const check = (found: Weights) => {
    if (stage < LAST) {
      badge.className = "badge";
      badge.textContent = stage > 4 ? `${stage - 4} of 3 steps added up` : "no gradients yet";
      one.textContent = "The numerical check comes when all three steps are in.";
      return;
    }
    let worst = 0;
    for (const name of NAMES) {
      weights[name].forEach((values, row) => {
        values.forEach((_, column) => {
          worst = Math.max(worst, Math.abs(found[name][row]![column]! - numeric(weights, name, row, column, text)));
        });
      });
    }
    const agrees = worst < 1e-5;
    badge.className = agrees ? "badge ok" : "badge wrong";
    badge.textContent = agrees
      ? `✓ agrees in all 33, within ${worst.toExponential(0)}`
      : `✗ differs by up to ${worst.toExponential(0)}`;
    const [name, row, column] = focus;
    one.textContent = `${name}, row ${row + 1}, column ${column + 1}: BPTT ${fixed(found[name][row]![column]!, 6)}, two forward passes ${fixed(numeric(weights, name, row, column, text), 6)}`;
  };

  const go = (by: number) => {
    stage = Math.max(0, Math.min(LAST, stage + by));
    draw();
  };
  const backward = button("← Back", () => go(-1));
  const ahead = button("Step →", () => go(1), true);
  at.addEventListener("input", () => {
    stage = Number(at.value);
    draw();
  });
  const reset = button("Reset", () => {
    Object.assign(weights, start());
    fields.fill(weights);
    draw();
  });
  place.append(
    controls(backward, ahead, at, reset),
    tell,
    graph,
    el(
      "div",
      { class: "low" },
      fields.root,
      el("div", { class: "verdict" }, el("p", { class: "head" }, "Numerical check"), badge, one),
    ),
  );
  onScheme(draw);
  draw();
}

/** The sums that the library's gradient consists of, from the last step back to `from`. */
function accumulated(
  model: Awaited<ReturnType<typeof network>>,
  weights: Weights,
  text: readonly number[],
  from: number,
): Weights {
  write(model, weights);
  const letters = text.slice(0, 3);
  const zero: Weights = { Wx: zeros(3), Wh: zeros(3), b: zeros(1), Wo: zeros(3), bo: zeros(1) };
  if (from > 2) return zero;
  // The gradient is of the mean over the steps with a loss: three times that is the sum.
  const all = gradients(model, letters, text.slice(1, 4));
  const scaled = (w: Weights, by: number): Weights =>
    Object.fromEntries(NAMES.map((name) => [name, w[name].map((row) => row.map((x) => x * by))])) as unknown as Weights;
  if (from === 0) return scaled(all, 3);
  // Without the shares of the steps before: those go through the equations of the chapter.
  const steps = forward(model, letters);
  const blames = blame(weights, steps, text);
  for (let t = from; t < 3; t++) {
    const { h } = steps[t]!;
    const before = t > 0 ? steps[t - 1]!.h : [0, 0, 0];
    for (const i of N) {
      const dz = blames[t]!.dh[i]! * (1 - h[i]! ** 2);
      zero.Wx[i]![letters[t]!]! += dz;
      zero.b[i]![0]! += dz;
      zero.bo[i]![0]! += blames[t]!.do[i]!;
      for (const j of N) {
        zero.Wh[i]![j]! += dz * before[j]!;
        zero.Wo[i]![j]! += blames[t]!.do[i]! * h[j]!;
      }
    }
  }
  return zero;
}
const zeros = (columns: number) => N.map(() => new Array<number>(columns).fill(0));

function says(stage: number, text: readonly number[], losses: readonly number[]): string {
  const sum = losses.reduce((a, b) => a + b, 0);
  if (stage === 0) return "Nothing has been read yet. Press Step.";
  if (stage <= 3) {
    const t = stage - 1;
    return `Step ${stage} forward: the network reads ${LETTERS[text[t]!]} and should expect ${LETTERS[text[t + 1]!]}; it does with ${fixed(100 * Math.exp(-losses[t]!))} %. Loss ${fixed(losses[t]!, 3)}.`;
  }
  if (stage === 4) return `Forward is done. L = ${losses.map((x) => fixed(x, 3)).join(" + ")} = ${fixed(sum, 3)}.`;
  const t = LAST - stage;
  return t === 2
    ? "Back at step 3: only its own loss blames this state. Each weight gets its first share."
    : `Back at step ${t + 1}: its own loss, and what step ${t + 2} sends back. The shares add up in each weight.`;
}
