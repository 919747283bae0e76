// Chapter 10: a language model for each label makes a classifier.

import { words } from "rivulet";
import { countNgrams, kneserNey, type NgramModel, probability } from "rivulet/ngram";
import { attempt, controls, slider, teller, textField } from "../course/kit.js";
import { el, percent } from "../dom.js";

export const EXAMPLES = {
  sea: "the wind blew hard and the ship rolled\nwe saw the whale at dawn\nall hands on deck, said the captain\nthe boats were lowered into the sea\nthe harpoon flew and the line ran out\nthe crew sang as the sails filled",
  kitchen:
    "chop the onion and fry it in butter\nadd the flour and stir well\nbake the bread for forty minutes\nboil the water and salt it\nserve the soup with fresh bread\nmix the eggs and the sugar in a bowl",
};

/** P(label | text) by Bayes’ rule, from a model of each label's texts, with all labels alike before the text is seen. */
export function classify(texts: Record<string, string>, text: string, order: number): { label: string; p: number }[] {
  const tokenizer = words({ lowercase: true });
  const scores = Object.entries(texts).map(([label, examples]) => {
    const model: NgramModel = kneserNey(countNgrams(examples, { order, tokenizer }), { discountFallback: true });
    return { label, p: probability(model, text) };
  });
  const sum = scores.reduce((total, { p }) => total + p, 0);
  return scores.map(({ label, p }) => ({ label, p: p / sum }));
}

export function figure(place: HTMLElement): void {
  const texts: Record<string, string> = { ...EXAMPLES };
  let [text, order] = ["the captain saw the sea", 2];
  const tell = teller();
  const bars = el("div", { class: "share" });
  const draw = () => {
    attempt(tell, () => {
      const found = classify(texts, text, order);
      bars.replaceChildren(
        ...found.map(({ label, p }) => {
          const bar = el("i");
          bar.style.width = `${100 * p}%`;
          return el(
            "p",
            {},
            el("b", {}, label),
            el("span", { class: "num" }, percent(p)),
            el("span", { class: "track" }, bar),
          );
        }),
      );
      const best = found.reduce((a, b) => (a.p > b.p ? a : b));
      tell.textContent = `The model of “${best.label}” gives the text ${percent(best.p)} of what both give it together.`;
    });
  };
  place.append(
    textField("Text to label", text, (value) => {
      text = value;
      draw();
    }),
    controls(
      slider("order", { least: 1, most: 3, step: 1, value: order }, (value) => {
        order = value;
        draw();
      }),
    ),
    tell,
    bars,
    ...Object.keys(texts).map((label) =>
      textField(
        `Examples of “${label}”, one in each line`,
        texts[label]!,
        (value) => {
          texts[label] = value;
          draw();
        },
        true,
      ),
    ),
  );
  draw();
}
