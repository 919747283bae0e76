// Chapter 2: a text in tokens, tokens in numbers, numbers in one-hot rows.

import { characters, encode, pattern, type Tokenizer, tokenize, Vocabulary, whitespace, words } from "rivulet";
import { attempt, choice, controls, teller, textField, unique } from "../course/kit.js";
import { el, visible } from "../dom.js";

const TOKENIZERS: Record<string, () => Tokenizer> = {
  characters,
  words: () => words(),
  "lower-case words": () => words({ lowercase: true }),
  "white space": whitespace,
};

export function figure(place: HTMLElement): void {
  let text = "The cat sits on the mat. The dog doesn't sit; it's 3 years old.";
  let kind = "words";
  let regex = "\\w+|[^\\w\\s]";
  const tell = teller();
  const tokens = el("p", { class: "tokens" });
  const ids = el("p", { class: "tokens" });
  const rows = el("div", {
    class: "one-hot",
    tabindex: 0,
    role: "img",
    "aria-label": "One-hot rows of the first tokens",
  });
  const expression = textField("Regular expression", regex, (value) => {
    regex = value;
    draw();
  });
  const draw = () => {
    expression.hidden = kind !== "regex";
    attempt(tell, () => {
      const tokenizer = kind === "regex" ? pattern(new RegExp(regex, "gu")) : TOKENIZERS[kind]!();
      const found = tokenize(tokenizer, text.slice(0, 400));
      if (found.length === 0) throw new Error("No token is found in this text.");
      const vocabulary = Vocabulary.from(found);
      const numbers = encode(text.slice(0, 400), tokenizer, vocabulary);
      tokens.replaceChildren(...found.map((token) => el("span", {}, visible(token))));
      ids.replaceChildren(...Array.from(numbers, (id) => el("span", { class: "num" }, String(id))));
      const few = numbers.subarray(0, 12);
      rows.replaceChildren(
        ...Array.from(few, (id, i) =>
          el(
            "div",
            {},
            el("b", {}, visible(found[i]!)),
            el("code", {}, Array.from({ length: vocabulary.size }, (_, k) => (k === id ? "1" : "·")).join("")),
          ),
        ),
      );
      tell.textContent = `${found.length} tokens, ${vocabulary.size} of them distinct: the ids go from 0 to ${vocabulary.size - 1}, the most frequent token first.`;
    });
  };
  const label = unique("rows");
  rows.id = label;
  place.append(
    controls(
      choice(
        "Tokens",
        [
          ["words", "words"],
          ["characters", "characters"],
          ["lower-case words", "words in lower case"],
          ["white space", "split at white space"],
          ["regex", "a regular expression"],
        ],
        (value) => {
          kind = value;
          draw();
        },
      ),
      expression,
    ),
    textField(
      "Text",
      text,
      (value) => {
        text = value;
        draw();
      },
      true,
    ),
    tell,
    el("p", { class: "head" }, "Tokens"),
    tokens,
    el("p", { class: "head" }, "Numbers"),
    ids,
    el("p", { class: "head" }, "One-hot: a row for each token, with a single 1"),
    rows,
  );
  draw();
}
