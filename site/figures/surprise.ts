// Chapter 3: −ln p of each letter, their mean, and e to that: for a model that knows nothing, one that knows all, and one that
// counted.

import { characters, encode } from "rivulet";
import { countNgrams, kneserNey } from "rivulet/ngram";
import { choice, controls, PASSAGE, slider, teller, textField } from "../course/kit.js";
import { el, fixed, visible } from "../dom.js";

export interface Surprise {
  /** p of each letter. */
  p: number[];
  nats: number;
  perplexity: number;
}

/** @param order of the n-gram model that counts */
export function surprise(model: string, passage: string, order: number, source = PASSAGE): Surprise {
  const letters = [...passage];
  const size = new Set([...source, ...passage]).size;
  let p: number[];
  if (model === "random") p = letters.map(() => 1 / size);
  else if (model === "perfect") p = letters.map(() => 1);
  else {
    const ngrams = kneserNey(countNgrams(source, { order, tokenizer: characters() }), { discountFallback: true });
    const ids = encode(passage, characters(), ngrams.vocabulary);
    p = Array.from(ngrams.score(ids, ngrams.start()).logProbs, Math.exp);
  }
  const nats = p.reduce((sum, value) => sum - Math.log(value), 0) / p.length;
  return { p, nats, perplexity: Math.exp(nats) };
}

export function figure(place: HTMLElement): void {
  let model = "ngram";
  let order = 3;
  let passage = "sail about the sea";
  const tell = teller();
  const bars = el("div", { class: "bars", role: "img" });
  const orders = slider("letters before", { least: 0, most: 5, step: 1, value: 2 }, (value) => {
    order = value + 1;
    draw();
  });
  const draw = () => {
    orders.hidden = model !== "ngram";
    if (passage === "") {
      tell.textContent = "Type a few letters.";
      bars.replaceChildren();
      return;
    }
    const { p, nats, perplexity } = surprise(model, passage, order);
    const most = Math.max(4, ...p.map((value) => -Math.log(value)));
    bars.replaceChildren(
      ...[...passage].map((letter, i) => {
        const bar = el("i");
        bar.style.height = `${(100 * -Math.log(p[i]!)) / most}%`;
        return el(
          "div",
          {},
          el("small", { class: "num" }, fixed(-Math.log(p[i]!), 1)),
          el("span", {}, bar),
          el("b", {}, visible(letter)),
        );
      }),
    );
    bars.setAttribute("aria-label", `Surprise at each letter, ${fixed(nats, 2)} nats on average`);
    tell.textContent = `On average −ln p is ${fixed(nats, 3)} nats; e to that is a perplexity of ${fixed(perplexity, 2)}: as hard as a free choice among ${fixed(perplexity, 1)} letters.`;
  };
  place.append(
    controls(
      choice(
        "Model",
        [
          ["ngram", "counts the opening of Moby-Dick"],
          ["random", "knows nothing: all letters alike"],
          ["perfect", "knows the passage by heart"],
        ],
        (value) => {
          model = value;
          draw();
        },
      ),
      orders,
    ),
    textField("Passage", passage, (value) => {
      passage = value.slice(0, 60);
      draw();
    }),
    tell,
    bars,
  );
  draw();
}
