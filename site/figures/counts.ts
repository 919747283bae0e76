// Chapter 4: count tables, and a probability by hand and by machine.

import { countNgrams, lines, maximumLikelihood, type NgramCounts, probability, tokenize } from "rivulet/ngram";
import { attempt, controls, slider, table, teller, textField } from "../course/kit.js";
import { el, fixed } from "../dom.js";

export const SENTENCES = "The cat sits\nThe cat runs\nThe dog sits\nThe cat sits on the mat";

export function figure(place: HTMLElement): void {
  let text = SENTENCES;
  let [after, word, n] = ["The cat", "sits", 2];
  const tell = teller();
  const byHand = el("p", { class: "by-hand" });
  const tables = el("div", { class: "tables" });
  const draw = () => {
    attempt(tell, () => {
      const context = tokenize(lines(), after).filter((token) => token !== "</s>");
      const counts: NgramCounts = countNgrams(text, { order: Math.max(n, context.length + 1, 2) });
      const all = counts.entries(n, 200);
      tables.replaceChildren(
        table(
          `${n}-grams, the most frequent first`,
          ["n-gram", "count"],
          all.slice(0, 12).map(({ ngram, count }) => [ngram.join(" "), String(count)]),
        ),
      );
      const [of, whole] = [counts.count([...context, word]), context.length > 0 ? counts.count(context) : 0];
      const machine = probability(maximumLikelihood(counts), word, { after });
      const fraction =
        context.length > 0
          ? `${of} / ${whole} = ${whole > 0 ? fixed(of / whole, 4) : "unknown: the context never occurs"}`
          : "";
      byHand.textContent =
        context.length > 0
          ? `P(${word} | ${after}) by hand: c(${after} ${word}) / c(${after}) = ${fraction}. By machine: ${fixed(machine, 4)}.`
          : `P(${word}) at the start of a sentence, by machine: ${fixed(machine, 4)}.`;
      const seen = all.filter(({ count }) => count === 1).length;
      tell.textContent = `${all.length}${all.length === 200 ? " or more" : ""} distinct ${n}-grams; ${seen} of them occur only once.`;
      if (whole === 0 && context.length > 0) byHand.append(" The machine looks at a shorter context instead.");
    });
  };
  place.append(
    textField(
      "Text, a sentence in each line",
      text,
      (value) => {
        text = value;
        draw();
      },
      true,
    ),
    controls(
      slider("n", { least: 1, most: 4, step: 1, value: n }, (value) => {
        n = value;
        draw();
      }),
      textField("After", after, (value) => {
        after = value;
        draw();
      }),
      textField("the word", word, (value) => {
        word = value.trim() || "sits";
        draw();
      }),
    ),
    byHand,
    tell,
    tables,
  );
  draw();
}
