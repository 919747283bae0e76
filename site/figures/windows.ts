// Chapter 3: how a text is cut into batches of windows, drawn over the text.

import {
  carriedWindows,
  characters,
  encode,
  overlappingWindows,
  type Partition,
  randomWindows,
  Vocabulary,
  windowsOf,
} from "rivulet";
import { attempt, button, choice, controls, slider, teller } from "../course/kit.js";
import { el, visible } from "../dom.js";

const TEXT =
  "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness";

export function figure(place: HTMLElement): void {
  let kind = "carried";
  let [window, batch, stride, at, epoch] = [8, 3, 4, 0, 1];
  const vocabulary = Vocabulary.from(TEXT);
  const ids = encode(TEXT, characters(), vocabulary);
  const tell = teller();
  const shown = el("p", { class: "windows" });
  const rows = el("div", { class: "rows" });
  const partition = (): Partition =>
    kind === "carried"
      ? carriedWindows({ window, batch })
      : kind === "overlapping"
        ? overlappingWindows({ window, batch, stride })
        : randomWindows({ window, batch });
  const strides = slider("stride", { least: 1, most: 12, step: 1, value: stride }, (value) => {
    stride = value;
    draw();
  });
  const text = (part: ArrayLike<number>) => Array.from(part, (id) => visible(vocabulary.token(id))).join("");
  const draw = () => {
    strides.hidden = kind !== "overlapping";
    attempt(tell, () => {
      const batches = [...windowsOf(partition(), ids, { epoch })];
      at = Math.max(0, Math.min(at, batches.length - 1));
      const { starts, inputs, targets, carried } = batches[at]!;
      const owner = new Map<number, number>();
      starts.forEach((start, b) => {
        for (let i = start; i < start + window; i++) owner.set(i, b);
      });
      shown.replaceChildren(
        ...[...TEXT].map((letter, i) => {
          const b = owner.get(i);
          return el("span", { class: b === undefined ? undefined : `w${b % 4}` }, letter);
        }),
      );
      rows.replaceChildren(
        ...inputs.map((input, b) =>
          el(
            "p",
            {},
            el("b", { class: `w${b % 4}` }, `window ${b + 1}`),
            " reads ",
            el("code", {}, text(input)),
            " and predicts ",
            el("code", {}, text(targets[b]!)),
          ),
        ),
      );
      const state = carried
        ? "Each window continues where the one before it in its stream ended, with the state that was reached there."
        : "The state starts from zeros.";
      tell.textContent = `Batch ${at + 1} of ${batches.length} in epoch ${epoch}: ${starts.length} windows of ${window}. ${state}`;
    });
  };
  const move = (by: number) => {
    at += by;
    draw();
  };
  place.append(
    controls(
      choice(
        "Windows",
        [
          ["carried", "carried state"],
          ["random", "end to end, shuffled"],
          ["overlapping", "overlapping"],
        ],
        (value) => {
          kind = value;
          at = 0;
          draw();
        },
      ),
      button("← Batch", () => move(-1)),
      button("Batch →", () => move(1), true),
      button("Next epoch", () => {
        epoch++;
        at = 0;
        draw();
      }),
    ),
    controls(
      slider("window", { least: 2, most: 20, step: 1, value: window }, (value) => {
        window = value;
        draw();
      }),
      slider("batch", { least: 1, most: 4, step: 1, value: batch }, (value) => {
        batch = value;
        draw();
      }),
      strides,
    ),
    tell,
    shown,
    rows,
  );
  draw();
}
