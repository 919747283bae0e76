// Chapter 2: what a network makes of the letters: their embeddings, drawn along the two directions in which they differ most.

import type { RecurrentModel } from "rivulet";
import { button, controls, plotPlace, teller } from "../course/kit.js";
import { mobyDick, trained } from "../course/worker-model.js";
import { el, fixed, svg, visible } from "../dom.js";

const RECIPE = { cell: "gru", hiddenSize: 64, embeddingSize: 12, steps: 600 } as const;
const LETTERS = "abcdefghijklmnopqrstuvwxyz,.;!?-\"' ABCDEFGHIJKLMNOPRSTW";
const VOWELS = /^[aeiou]$/;

/** The rows of the embedding for some tokens. */
export function rowsOf(model: RecurrentModel, tokens: readonly string[]): number[][] {
  const table = model.network.read("embedding.weight");
  const width = model.config.embeddingSize;
  return tokens.map((token) =>
    Array.from(table.subarray(model.vocabulary.id(token) * width, (model.vocabulary.id(token) + 1) * width)),
  );
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
export const cosine = (a: readonly number[], b: readonly number[]): number =>
  dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));

/** The first two principal components, by power iteration. */
export function flat(rows: readonly (readonly number[])[]): [number, number][] {
  const n = rows[0]!.length;
  const mean = Array.from({ length: n }, (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);
  const centered = rows.map((row) => row.map((value, i) => value - mean[i]!));
  const axes: number[][] = [];
  for (let k = 0; k < 2; k++) {
    let axis = Array.from({ length: n }, (_, i) => 1 + i + k);
    for (let round = 0; round < 100; round++) {
      const next = new Array<number>(n).fill(0);
      for (const row of centered) {
        const along = dot(row, axis);
        for (let i = 0; i < n; i++) next[i]! += along * row[i]!;
      }
      for (const other of axes) {
        const along = dot(next, other);
        for (let i = 0; i < n; i++) next[i]! -= along * other[i]!;
      }
      const length = Math.sqrt(dot(next, next)) || 1;
      axis = next.map((value) => value / length);
    }
    axes.push(axis);
  }
  return centered.map((row) => [dot(row, axes[0]!), dot(row, axes[1]!)]);
}

export function figure(place: HTMLElement): void {
  let model: RecurrentModel | undefined;
  let letters: string[] = [];
  let rows: number[][] = [];
  let points: [number, number][] = [];
  let chosen = "a";
  const tell = teller();
  tell.textContent = "The network has not been trained yet. It takes a few seconds.";
  const draw = () => {
    const { clientWidth: width, clientHeight: height } = map;
    if (points.length === 0 || width === 0) return;
    const [most, tall] = [0, 1].map((i) => Math.max(...points.map((p) => Math.abs(p[i]!))));
    const near = neighbors();
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}` });
    letters.forEach((letter, i) => {
      const x = width / 2 + (points[i]![0] / most!) * (width / 2 - 20);
      const y = height / 2 + (points[i]![1] / tall!) * (height / 2 - 20);
      const kind =
        letter === chosen
          ? "letter on"
          : near.some((n) => n.letter === letter)
            ? "letter near"
            : VOWELS.test(letter)
              ? "letter vowel"
              : "letter";
      const text = svg("text", { x, y, "text-anchor": "middle", class: kind }, visible(letter));
      text.addEventListener("click", () => choose(letter));
      root.append(text);
    });
    map.replaceChildren(root);
    if (model) {
      tell.textContent = `Nearest to ${visible(chosen)}: ${near.map(({ letter, similarity }) => `${visible(letter)} (${fixed(similarity, 2)})`).join(", ")}. Vowels are blue.`;
    }
  };
  const neighbors = () => {
    const at = letters.indexOf(chosen);
    return letters
      .map((letter, i) => ({ letter, similarity: cosine(rows[at]!, rows[i]!) }))
      .filter(({ letter }) => letter !== chosen)
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, 5);
  };
  const choose = (letter: string) => {
    chosen = letter;
    draw();
  };
  const map = plotPlace("Embeddings of the letters, drawn in two dimensions", draw);
  map.classList.add("tall");
  const start = button(
    "Train it",
    async () => {
      start.disabled = true;
      try {
        const text = await mobyDick();
        model = await trained(RECIPE, text.slice(0, 300_000), (done, loss) => {
          tell.textContent = `Training: ${Math.round(done * 100)} %, loss ${loss.toFixed(2)}`;
        });
        letters = [...LETTERS].filter((letter) => model!.vocabulary.has(letter));
        rows = rowsOf(model, letters);
        points = flat(rows);
        draw();
      } catch (error) {
        tell.textContent = (error as Error).message;
      }
      start.disabled = false;
      start.textContent = "Train it again";
    },
    true,
  );
  const find = el("input", { maxlength: 1, value: chosen, class: "number", "aria-label": "Letter" });
  find.addEventListener("input", () => {
    if (letters.includes(find.value)) choose(find.value);
  });
  place.append(controls(start, el("label", { class: "choose" }, el("span", {}, "Neighbors of"), find)), tell, map);
}
