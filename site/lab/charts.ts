// The lab's charts: SVG drawn by hand, since what they need (log axes, samples as points, lines that end where the text on
// them says) is about as long as a chart library's settings for it, and 20 KB smaller.

import { fixed, svg } from "../dom.js";
import type { Session } from "./session.js";

type Point = readonly [x: number, y: number];
const path = (points: readonly Point[], kind: string, extra = {}) =>
  svg("path", {
    class: `path ${kind}`,
    "stroke-width": 2,
    d: points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join(""),
    ...extra,
  });

/** A frame for a chart as wide as its place, which keeps its height. */
function frame(place: HTMLElement): { root: SVGSVGElement; width: number; height: number } {
  const { clientWidth: width, clientHeight: height } = place;
  let root = place.querySelector("svg");
  if (!root) {
    root = svg("svg", { "aria-hidden": "true" });
    place.append(root);
  }
  root.setAttribute("viewBox", `0 0 ${width} ${height}`);
  return { root, width, height };
}

const FIRST = 4; // the axis of steps is logarithmic, and begins here
const ticks = (least: number, most: number): number[] =>
  [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000].filter((tick) => tick >= least && tick <= most);

export interface CurveView {
  /** The index of the sample nearest to a place on the chart. */
  nearest(x: number): number;
}

/** Loss and held-out perplexity over the steps, with a point for each sample. @param on the sample that is shown */
export function drawCurve(
  place: HTMLElement,
  session: Session | undefined,
  ngram: number | undefined,
  label: string,
  on: number,
): CurveView {
  const { root, width, height } = frame(place);
  const [l, r, t, b] = [38, 16, 18, 24];
  const steps = Math.max(session?.settings.steps ?? 4000, 2 * FIRST);
  const values = [
    ...(session?.held.map((h) => h.perplexity) ?? []),
    ...(session?.losses.points.map((p) => p.value) ?? []),
    ngram ?? 5,
  ];
  const finite = values.filter((value) => Number.isFinite(value) && value >= 1);
  const high = Math.max(30, ...finite) * 1.15;
  const low = Math.max(1, Math.min(4, ...finite) * 0.9);
  const x = (step: number) => l + (Math.log(Math.max(step, FIRST) / FIRST) / Math.log(steps / FIRST)) * (width - l - r);
  const y = (p: number) =>
    t + (Math.log(high / Math.min(Math.max(p, low), high)) / Math.log(high / low)) * (height - t - b);
  const children: SVGElement[] = [];
  for (const tick of ticks(low, high)) {
    children.push(svg("line", { class: "grid", x1: l, x2: width - r, y1: y(tick), y2: y(tick) }));
    children.push(svg("text", { x: l - 8, y: y(tick) + 4, "text-anchor": "end" }, fixed(tick)));
  }
  const shown = ticks(FIRST, steps).filter((tick) => width >= 560 || /^1/.test(String(tick)));
  shown.forEach((tick, i) => {
    children.push(
      svg("text", { x: x(tick), y: height - 4, "text-anchor": "middle" }, fixed(tick) + (i === 0 ? " steps" : "")),
    );
  });
  children.push(svg("text", { x: l + 4, y: 11 }, "perplexity"));
  if (ngram !== undefined && Number.isFinite(ngram)) {
    const at = y(ngram);
    children.push(
      svg("line", {
        class: "count",
        x1: l,
        x2: width - r,
        y1: at,
        y2: at,
        "stroke-dasharray": "2 4",
        "stroke-width": 1.5,
      }),
    );
    children.push(svg("text", { x: l + 6, y: at - 7 }, `${label}: ${fixed(ngram, 2)}`));
  }
  if (session) {
    const losses = session.losses.points
      .filter(({ step }) => step >= FIRST)
      .map(({ step, value }): Point => [x(step), y(value)]);
    if (losses.length > 1) children.push(path(losses, "net", { "stroke-opacity": 0.4, "stroke-width": 1.25 }));
    const held = session.held.map(({ step, perplexity }): Point => [x(step), y(perplexity)]);
    if (held.length > 1) {
      children.push(path(held, "net"));
      const [hx, hy] = held.at(-1)!;
      if (hx > l + 90 && hx < width - r - 70) children.push(svg("text", { x: hx + 10, y: hy - 8 }, "held out"));
    }
    let last = Number.NEGATIVE_INFINITY;
    session.samples.forEach(({ step, perplexity }, i) => {
      if (perplexity === undefined) return;
      const at = x(step);
      // Points that would hide each other are left out, but for the one that is shown.
      if (i !== on && at - last < 14) return;
      if (i !== on) last = at;
      if (i === on) children.push(svg("line", { class: "net", x1: at, x2: at, y1: t, y2: height - b }));
      children.push(
        svg("circle", { class: i === on ? "dot on" : "dot", cx: at, cy: y(perplexity), r: i === on ? 6 : 4 }),
      );
    });
  }
  root.replaceChildren(...children);
  return {
    nearest(px) {
      let best = 0;
      session?.samples.forEach(({ step }, i) => {
        if (Math.abs(x(step) - px) < Math.abs(x(session.samples[best]!.step) - px)) best = i;
      });
      return best;
    },
  };
}

const DASHES: Record<string, string> = { rnn: "1.5 4", gru: "7 4", lstm: "none" };
const POWERS = [0, -2, -4, -6, -8];

/** ‖∂L/∂h_t‖ by steps before the loss, a line for each cell. */
export function drawFlow(place: HTMLElement, flows: ReadonlyMap<string, ArrayLike<number>>): void {
  const { root, width, height } = frame(place);
  const [l, r, t, b] = [4, 44, 8, 22];
  const y = (norm: number) => t + ((0.5 - Math.log10(Math.max(norm, 10 ** -8.2))) / 8.7) * (height - t - b);
  const children: SVGElement[] = [];
  for (const power of POWERS) {
    children.push(svg("line", { class: "grid", x1: l, x2: width - r, y1: y(10 ** power), y2: y(10 ** power) }));
    const name = power === 0 ? "1" : `10⁻${"⁰¹²³⁴⁵⁶⁷⁸"[-power]}`;
    if (power % 4 === 0) children.push(svg("text", { x: width - r + 8, y: y(10 ** power) + 4 }, name));
  }
  const most = Math.max(49, ...[...flows.values()].map((norms) => norms.length - 1));
  children.push(svg("text", { x: l, y: height - 3 }, `${most} steps before`));
  children.push(svg("text", { x: width - r, y: height - 3, "text-anchor": "end" }, "the loss"));
  const labels: number[] = [];
  for (const [cell, norms] of flows) {
    const points = Array.from(
      norms,
      (norm, i): Point => [width - r - ((norms.length - 1 - i) / most) * (width - l - r), y(norm)],
    );
    children.push(path(points, "grad", { "stroke-dasharray": DASHES[cell] ?? "none" }));
    const [px, py] = points[Math.min(points.length - 1, 4)]!;
    let at = py - 8;
    while (labels.some((other) => Math.abs(other - at) < 14)) at += 14;
    labels.push(at);
    children.push(
      svg("text", { x: px, y: Math.min(height - b - 4, Math.max(12, at)), "font-weight": 600 }, cell.toUpperCase()),
    );
  }
  root.replaceChildren(...children);
}

/** Norms of the gradients, before clipping (rose) and after (ink). */
export function drawClip(place: HTMLElement, session: Session | undefined): void {
  const { root, width, height } = frame(place);
  const limit = session?.settings.clip ?? 1;
  const points = session?.norms.points.filter(({ step }) => step >= FIRST) ?? [];
  const [l, r, t, b] = [38, 62, 8, 22];
  const steps = Math.max(session?.settings.steps ?? 4000, 2 * FIRST);
  const most = Math.max(limit * 1.3, ...points.map((p) => p.most));
  const x = (step: number) => l + (Math.log(Math.max(step, FIRST) / FIRST) / Math.log(steps / FIRST)) * (width - l - r);
  const y = (norm: number) => t + (1 - norm / most) * (height - t - b);
  const children: SVGElement[] = [
    svg("line", { class: "grid", x1: l, x2: width - r, y1: y(0), y2: y(0) }),
    svg("text", { x: l - 8, y: y(0) + 4, "text-anchor": "end" }, "0"),
    svg("text", { x: l - 8, y: y(most) + 8, "text-anchor": "end" }, fixed(most, most < 10 ? 1 : 0)),
    svg("line", { class: "strong", x1: l, x2: width - r, y1: y(limit), y2: y(limit), "stroke-dasharray": "4 4" }),
    svg("text", { x: width - r + 6, y: y(limit) + 4 }, `limit ${limit}`),
  ];
  if (points.length > 1) {
    children.push(
      path(
        points.map((p): Point => [x(p.step), y(p.most)]),
        "grad",
        { "stroke-width": 1.25 },
      ),
    );
    children.push(
      path(
        points.map((p): Point => [x(p.step), y(Math.min(p.most, limit))]),
        "strong",
        { "stroke-width": 1.25 },
      ),
    );
    const end = points.at(-1)!;
    children.push(
      svg(
        "text",
        { x: Math.min(x(end.step) + 6, width - r + 6), y: Math.min(y(end.most) + 4, height - b - 4) },
        Math.abs(y(end.most) - y(limit)) > 14 ? "norm" : "",
      ),
    );
  }
  for (const tick of ticks(FIRST, steps).filter((tick) => /^1/.test(String(tick)))) {
    children.push(svg("text", { x: x(tick), y: height - 3, "text-anchor": "middle" }, fixed(tick)));
  }
  root.replaceChildren(...children);
}
