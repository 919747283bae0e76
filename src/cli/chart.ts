// The two pictures that the command draws.

import { plot } from "simple-ascii-chart";

const COLUMNS = 64;
const ROWS = 10;

/** Losses over steps; where there are more than columns, each column is the mean of its steps. */
export function lossChart(losses: readonly number[], firstStep: number): string {
  const columns = Math.min(COLUMNS, losses.length);
  const points = Array.from({ length: columns }, (_, i) => {
    const from = Math.floor((i * losses.length) / columns);
    const to = Math.floor(((i + 1) * losses.length) / columns);
    const mean = losses.slice(from, to).reduce((sum, loss) => sum + loss, 0) / (to - from);
    return [firstStep + to - 1, mean] as [number, number];
  });
  return draw(points, "loss in nats, by step", (loss) => loss.toFixed(2));
}

/** ‖∂L/∂h_t‖ on a logarithmic scale; a gradient that is exactly zero has no place on it. */
export function gradientFlowChart(norms: Float64Array, layer: string): string {
  const points = Array.from(norms, (norm, i) => [i + 1, Math.log10(norm)] as [number, number]);
  const finite = points.filter(([, exponent]) => Number.isFinite(exponent));
  if (finite.length === 0) return `‖∂L/∂h_t‖${layer} is zero at every step`;
  const title = `‖∂L/∂h_t‖${layer}, by step t; L is the loss at the last one`;
  return draw(finite, title, (exponent) => (10 ** exponent).toExponential(1));
}

function draw(points: [number, number][], title: string, label: (y: number) => string): string {
  const xs = points.map(([x]) => x);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => xs[Math.round(part * (xs.length - 1))]!);
  return plot(points, {
    width: Math.min(COLUMNS, points.length),
    height: ROWS,
    title,
    customXAxisTicks: [...new Set(ticks)],
    formatter: (value, { axis }) => (axis === "y" ? label(value) : String(value)),
  });
}
