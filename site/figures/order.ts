// Chapter 1: the same letters in another order are another text.

import { characters } from "rivulet";
import { countNgrams, evaluate, kneserNey } from "rivulet/ngram";
import { attempt, button, controls, PASSAGE, teller, textField } from "../course/kit.js";
import { el, fixed } from "../dom.js";

/** Perplexity of the second half under a model of the first. @param order 1 knows how often a letter occurs, 4 what precedes it */
export function halves(text: string, order: number): number {
  const letters = [...text];
  const middle = Math.floor(letters.length / 2);
  const tokenizer = characters();
  const counts = countNgrams(letters.slice(0, middle).join(""), { order, tokenizer });
  return evaluate(kneserNey(counts, { discountFallback: true }), letters.slice(middle).join("")).perplexity;
}

/** Shuffles by a fixed sequence, so that every reader sees the same. */
export function shuffled(items: readonly string[]): string[] {
  const result = [...items];
  let state = 1;
  for (let i = result.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

export function figure(place: HTMLElement): void {
  let text = PASSAGE;
  let order: "as written" | "words shuffled" | "letters shuffled" = "as written";
  const shown = el("p", { class: "passage" });
  const tell = teller();
  const results = el("dl", { class: "results" });
  const draw = () => {
    const now =
      order === "as written"
        ? text
        : order === "words shuffled"
          ? shuffled(text.split(/\s+/)).join(" ")
          : shuffled([...text]).join("");
    shown.textContent = now;
    attempt(tell, () => {
      const [alone, before] = [halves(now, 1), halves(now, 4)];
      const row = (name: string, value: number) => [el("dt", {}, name), el("dd", { class: "num" }, fixed(value, 2))];
      results.replaceChildren(
        ...row("knows how often each letter occurs", alone),
        ...row("also looks at the three letters before", before),
      );
      tell.textContent =
        before < alone * 0.95
          ? `The text is ${order}: what came before helps. The choice is as hard as among ${fixed(before, 1)} letters instead of ${fixed(alone, 1)}.`
          : `The text is ${order}: what came before helps little or not at all, although the letters are the same.`;
    });
  };
  const pick = (name: typeof order) =>
    button(name[0]!.toUpperCase() + name.slice(1), () => {
      order = name;
      draw();
    });
  place.append(
    controls(pick("as written"), pick("words shuffled"), pick("letters shuffled")),
    tell,
    shown,
    results,
    textField(
      "A text of yours",
      text,
      (value) => {
        text = value;
        draw();
      },
      true,
    ),
  );
  draw();
}
