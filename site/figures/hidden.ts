// Chapter 5: three units read a word, letter by letter.

import { button, controls, teller, textField, tinted } from "../course/kit.js";
import { el, fixed } from "../dom.js";
import { editor, forward, LETTERS, N, network, start, write } from "./three-units.js";

export async function figure(place: HTMLElement): Promise<void> {
  const model = await network();
  const weights = start();
  let text = "abca";
  const tell = teller();
  const steps = el("div", { class: "steps", tabindex: 0, role: "group", "aria-label": "Steps" });
  const fields = editor(weights, ["Wx", "Wh", "b", "Wo", "bo"], () => draw());
  const draw = () => {
    const letters = [...text]
      .map((letter) => LETTERS.indexOf(letter as "a"))
      .filter((id) => id >= 0)
      .slice(0, 8);
    write(model, weights);
    const done = forward(model, letters);
    steps.replaceChildren(
      ...done.map(({ h, p }, t) =>
        el(
          "div",
          { class: "step" },
          el("b", {}, `t = ${t + 1}, reads ${LETTERS[letters[t]!]}`),
          el("p", {}, "h ", ...N.map((i) => tinted(h[i]!))),
          el(
            "p",
            {},
            "p ",
            ...N.map((i) => el("span", { class: "chance num" }, `${LETTERS[i]} ${fixed(100 * p[i]!)}%`)),
          ),
        ),
      ),
    );
    const last = done.at(-1);
    if (!last) {
      tell.textContent = "It reads only the letters a, b and c.";
      return;
    }
    const best = last.p.indexOf(Math.max(...last.p));
    tell.textContent = `After ${letters.map((id) => LETTERS[id]).join("")} the state is (${last.h.map((x) => fixed(x, 2)).join(", ")}), and ${LETTERS[best]} is likeliest next, with ${fixed(100 * last.p[best]!)} %.`;
  };
  place.append(
    controls(
      textField("Text of a, b, c", text, (value) => {
        text = value;
        draw();
      }),
      button("Swap the first two letters", () => {
        const input = place.querySelector("input")!;
        text = text.length > 1 ? text[1]! + text[0]! + text.slice(2) : text;
        input.value = text;
        draw();
      }),
      button("Forget: Wh = 0", () => {
        for (const row of weights.Wh) row.fill(0);
        fields.fill(weights);
        draw();
      }),
      button("Reset", () => {
        Object.assign(weights, start());
        fields.fill(weights);
        draw();
      }),
    ),
    tell,
    steps,
    fields.root,
  );
  draw();
}
