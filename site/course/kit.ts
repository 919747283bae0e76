// Parts that the figures of the chapters share: controls with labels, tables, plots.

import { activation, inkOn } from "../color.js";
import { type Attributes, el, fixed, svg } from "../dom.js";

/** The text that the figures read until the reader gives them another. */
export const PASSAGE =
  "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, and nothing " +
  "particular to interest me on shore, I thought I would sail about a little and see the watery part of the world. It is a way " +
  "I have of driving off the spleen and regulating the circulation. Whenever I find myself growing grim about the mouth; " +
  "whenever it is a damp, drizzly November in my soul; whenever I find myself involuntarily pausing before coffin warehouses, " +
  "and bringing up the rear of every funeral I meet; and especially whenever my hypos get such an upper hand of me, that it " +
  "requires a strong moral principle to prevent me from deliberately stepping into the street, and methodically knocking " +
  "people's hats off—then, I account it high time to get to sea as soon as I can.";

let numbers = 0;
export const unique = (name: string): string => `${name}-${++numbers}`;

/** A number in a field; `changed` is called with valid values only. */
export function numberField(
  label: string,
  value: number,
  changed: (value: number) => void,
  attributes: Attributes = {},
): HTMLInputElement {
  const input = el("input", {
    type: "number",
    step: 0.1,
    value,
    required: true,
    "aria-label": label,
    class: "number",
    ...attributes,
  });
  input.addEventListener("input", () => {
    if (input.value !== "" && input.checkValidity() && Number.isFinite(Number(input.value)))
      changed(Number(input.value));
  });
  return input;
}

/** A slider with its label before it and its value behind. */
export function slider(
  label: string,
  { least, most, step, value }: { least: number; most: number; step: number; value: number },
  changed: (value: number) => void,
  show = (value: number) => String(value),
): HTMLElement {
  const input = el("input", { type: "range", min: least, max: most, step, value });
  const output = el("output", { class: "num" }, show(value));
  input.addEventListener("input", () => {
    output.textContent = show(Number(input.value));
    changed(Number(input.value));
  });
  return el("label", { class: "slide" }, el("span", {}, label), input, output);
}

export function choice(
  label: string,
  options: readonly (readonly [value: string, name: string])[],
  changed: (value: string) => void,
): HTMLElement {
  const select = el("select", {}, ...options.map(([value, name]) => el("option", { value }, name)));
  select.addEventListener("change", () => changed(select.value));
  return el("label", { class: "choose" }, el("span", {}, label), select);
}

export function textField(label: string, value: string, changed: (value: string) => void, wide = false): HTMLElement {
  const input = wide
    ? el("textarea", { rows: 4, spellcheck: "false" })
    : el("input", { spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  input.value = value;
  input.addEventListener("input", () => changed(input.value));
  return el("label", { class: wide ? "write wide" : "write" }, el("span", {}, label), input);
}

export function button(name: string, act: () => void, main = false): HTMLButtonElement {
  const made = el("button", { type: "button", class: main ? "btn main" : "btn" }, name);
  made.addEventListener("click", act);
  return made;
}

export const controls = (...children: Node[]): HTMLElement => el("div", { class: "ctl" }, ...children);

/** A line that says what has just happened; screen readers hear it. */
export const teller = (): HTMLElement => el("p", { class: "tell", "aria-live": "polite" });

/** Rows of cells under a head; numbers go to the right. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly (string | Node)[])[],
): HTMLTableElement {
  const body = rows.map((row) =>
    el(
      "tr",
      {},
      ...row.map((cell) =>
        el("td", { class: typeof cell === "string" && /^[−\d.,]+%?$/.test(cell) ? "n" : undefined }, cell),
      ),
    ),
  );
  return el(
    "table",
    { class: "data" },
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, ...head.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...body),
  );
}

/** A number on the color of an activation. */
export function tinted(value: number, digits = 2): HTMLElement {
  const span = el("span", { class: "tint" }, fixed(value, digits));
  span.style.background = activation(value);
  span.style.color = inkOn(value);
  return span;
}

export interface Series {
  name: string;
  kind: "net" | "grad" | "count" | "strong";
  values: ArrayLike<number>;
  dash?: string;
}

/** Lines over steps, with a linear or logarithmic axis; each line carries its name. */
export function plot(
  place: HTMLElement,
  {
    series,
    low,
    high,
    log = false,
    left = "",
    right = "",
    ticks,
  }: {
    series: readonly Series[];
    low: number;
    high: number;
    log?: boolean;
    left?: string;
    right?: string;
    ticks: readonly number[];
  },
): void {
  const { clientWidth: width, clientHeight: height } = place;
  if (width === 0) return;
  const [l, r, t, b] = [56, 60, 10, 24];
  const scale = (value: number) => (log ? Math.log10(Math.max(value, 1e-300)) : value);
  const y = (value: number) =>
    t +
    ((scale(high) - Math.min(Math.max(scale(value), scale(low)), scale(high))) / (scale(high) - scale(low))) *
      (height - t - b);
  const longest = Math.max(2, ...series.map(({ values }) => values.length));
  const x = (i: number) => l + (i / (longest - 1)) * (width - l - r);
  const name = (tick: number) =>
    log && tick !== 1
      ? `10${[...String(Math.round(Math.log10(tick)))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)])).join("")}`
      : fixed(tick, Number.isInteger(tick) ? 0 : 1);
  const children: SVGElement[] = ticks.flatMap((tick) => [
    svg("line", { class: "grid", x1: l, x2: width - r, y1: y(tick), y2: y(tick) }),
    svg("text", { x: l - 8, y: y(tick) + 4, "text-anchor": "end" }, name(tick)),
  ]);
  children.push(
    svg("text", { x: l, y: height - 4 }, left),
    svg("text", { x: width - r, y: height - 4, "text-anchor": "end" }, right),
  );
  const taken: number[] = [];
  for (const { name, kind, values, dash = "none" } of series) {
    const points = Array.from(values, (value, i) => [x(i), y(value)] as const).filter(([, py]) => Number.isFinite(py));
    if (points.length === 0) continue;
    const d = points.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
    children.push(svg("path", { class: `path ${kind}`, d, "stroke-width": 2, "stroke-dasharray": dash }));
    const [px, py] = points.at(-1)!;
    let at = py + 4;
    while (taken.some((other) => Math.abs(other - at) < 14)) at += 14;
    taken.push(at);
    children.push(svg("text", { x: px + 6, y: at, "font-weight": 600 }, name));
  }
  let root = place.querySelector("svg");
  if (!root) {
    root = svg("svg", {});
    place.append(root);
  }
  root.setAttribute("viewBox", `0 0 ${width} ${height}`);
  root.setAttribute("aria-hidden", "true");
  root.replaceChildren(...children);
}

/** A place for a plot, which is drawn again when its size changes. */
export function plotPlace(label: string, draw: () => void): HTMLElement {
  const place = el("div", { class: "plot", role: "img", "aria-label": label });
  new ResizeObserver(draw).observe(place);
  return place;
}

/** Returns the value, or says in `tell` why there is none. */
export function attempt<T>(tell: HTMLElement, compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    tell.textContent = (error as Error).message;
    return undefined;
  }
}
