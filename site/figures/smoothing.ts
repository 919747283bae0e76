// Chapter 4: sparsity, and what each smoothing does about it.

import { characters } from "rivulet";
import {
  countNgrams,
  evaluate,
  kneserNey,
  laplace,
  maximumLikelihood,
  type NgramCounts,
  type NgramModel,
  stupidBackoff,
} from "rivulet/ngram";
import { attempt, controls, PASSAGE, slider, table, teller, textField } from "../course/kit.js";
import { el, fixed } from "../dom.js";

const ESTIMATES: [name: string, make: (counts: NgramCounts) => NgramModel][] = [
  ["none (maximum likelihood)", (counts) => maximumLikelihood(counts)],
  ["Laplace, k = 0.1", (counts) => laplace(counts, { k: 0.1 })],
  ["stupid backoff", (counts) => stupidBackoff(counts)],
  ["Kneser–Ney", (counts) => kneserNey(counts, { discountFallback: true })],
];

export interface Smoothed {
  /** Share of the test's n-grams that the training text has. */
  seen: number;
  perplexities: { name: string; perplexity: number; impossible: number }[];
}

export function smoothed(train: string, test: string, order: number): Smoothed {
  const tokenizer = characters();
  const counts = countNgrams(train, { order, tokenizer });
  const letters = [...test];
  let [seen, all] = [0, 0];
  for (let i = 0; i + order <= letters.length; i++, all++) if (counts.count(letters.slice(i, i + order)) > 0) seen++;
  return {
    seen: all > 0 ? seen / all : 0,
    perplexities: ESTIMATES.map(([name, make]) => ({ name, ...evaluate(make(counts), test) })),
  };
}

export function figure(place: HTMLElement): void {
  const middle = PASSAGE.lastIndexOf(" ", PASSAGE.length * 0.7);
  let [order, test] = [3, PASSAGE.slice(middle + 1)];
  const train = PASSAGE.slice(0, middle);
  const tell = teller();
  const result = el("div", { class: "tables" });
  const draw = () => {
    attempt(tell, () => {
      const { seen, perplexities } = smoothed(train, test, order);
      tell.textContent = `${Math.round(100 * seen)} % of the ${order}-grams of the new text occur in the old one.`;
      const rows = perplexities.map(({ name, perplexity, impossible }) => [
        name,
        Number.isFinite(perplexity) ? fixed(perplexity, 2) : `infinite: ${impossible} letters were impossible`,
      ]);
      result.replaceChildren(table("Perplexity of the new text", ["smoothing", "perplexity"], rows));
    });
  };
  place.append(
    controls(
      slider("order", { least: 1, most: 6, step: 1, value: order }, (value) => {
        order = value;
        draw();
      }),
    ),
    textField(
      "New text, after counting the opening of Moby-Dick",
      test,
      (value) => {
        test = value;
        draw();
      },
      true,
    ),
    tell,
    result,
  );
  draw();
}
