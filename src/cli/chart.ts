// The two charts of the command, no wider than the terminal.

import { plot } from "simple-ascii-chart";
import { wrap } from "./help.js";

const WIDEST = 64;
const ROWS = 10;

/** Plots losses over steps. If there are more steps than columns, each column shows the mean of its steps. */
export function lossChart(losses: readonly number[], firstStep: number, columns: number): string {
  const points = (width: number) => {
    const n = Math.min(width, losses.length);
    return Array.from({ length: n }, (_, i) => {
      const from = Math.floor((i * losses.length) / n);
      const to = Math.floor(((i + 1) * losses.length) / n);
      const mean = losses.slice(from, to).reduce((sum, loss) => sum + loss, 0) / (to - from);
      return [firstStep + to - 1, mean] as [number, number];
    });
  };
  return draw(points, "loss in nats, by step", (loss) => loss.toFixed(2), columns);
}

/** Plots ‖∂L/∂h_t‖ on a logarithmic scale, without the gradients that are exactly zero. */
export function gradientFlowChart(norms: Float64Array, layer: string, columns: number): string {
  const points = Array.from(norms, (norm, i) => [i + 1, Math.log10(norm)] as [number, number]);
  const finite = points.filter(([, exponent]) => Number.isFinite(exponent));
  if (finite.length === 0) return wrap(`‖∂L/∂h_t‖${layer} is zero at every step`, columns, 0).join("\n");
  const title = `‖∂L/∂h_t‖${layer}, by step t; L is the loss at the last step`;
  return draw(
    () => finite,
    title,
    (exponent) => (10 ** exponent).toExponential(1),
    columns,
  );
}

function draw(
  pointsFor: (width: number) => [number, number][],
  title: string,
  label: (y: number) => string,
  columns: number,
): string {
  const heading = wrap(title, columns, 0);
  for (let width = WIDEST; ; ) {
    const points = pointsFor(width);
    const xs = points.map(([x]) => x);
    const between = Math.max(1, Math.min(4, Math.floor(width / 12)));
    const ticks = Array.from({ length: between + 1 }, (_, i) => xs[Math.round((i / between) * (xs.length - 1))]!);
    const chart = plot(points, {
      width: Math.min(width, points.length),
      height: ROWS,
      customXAxisTicks: [...new Set(ticks)],
      formatter: (value, { axis }) => (axis === "y" ? label(value) : String(value)),
    });
    const lines = chart.split("\n").map((line) => line.trimEnd());
    // The width of the labels is known only after drawing: narrow the plot until both fit.
    const excess = Math.max(...lines.map((line) => line.length)) - columns;
    if (excess <= 0 || width <= 2) return [...heading, ...lines.filter((line) => line !== "")].join("\n");
    width = Math.max(2, Math.min(width, points.length) - excess);
  }
}
