// The two scales of color, from the steps in the style sheet: rebuilt when the scheme changes.

const STEPS = 64;
type Color = readonly [number, number, number];
let ramps: { q: Color[]; d: Color[] } | undefined;
const listeners: (() => void)[] = [];

globalThis.matchMedia?.("(prefers-color-scheme: dark)").addEventListener("change", () => {
  ramps = undefined;
  for (const listener of listeners) listener();
});

/** Calls back when the scheme has changed: what is drawn on a canvas has to be drawn again. */
export const onScheme = (redraw: () => void): void => void listeners.push(redraw);

export const variable = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function ramp(letter: string, count: number): Color[] {
  const stops = Array.from({ length: count }, (_, i) => {
    const hex = variable(`--${letter}${i}`);
    return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  });
  return Array.from({ length: STEPS }, (_, i) => {
    const x = (i / (STEPS - 1)) * (count - 1);
    const k = Math.min(count - 2, Math.floor(x));
    return stops[k]!.map((a, c) => Math.round(a + (stops[k + 1]![c]! - a) * (x - k))) as unknown as Color;
  });
}

function color(letter: "q" | "d", share: number): Color {
  ramps ??= { q: ramp("q", 7), d: ramp("d", 9) };
  const safe = Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0;
  return ramps[letter][Math.round(safe * (STEPS - 1))]!;
}
const css = ([r, g, b]: Color) => `rgb(${r} ${g} ${b})`;

/** The color of an activation from −1 to 1. */
export const activation = (value: number): string => css(color("d", (value + 1) / 2));

/** The color of a gradient's norm, on a log scale from 10⁻⁴ to 10^0.5. */
export const gradient = (norm: number): string => css(color("q", (Math.log10(Math.max(norm, 1e-30)) + 4) / 4.5));

/** Black or white, whichever has more contrast with the color of an activation: at least 4.58. */
export function inkOn(value: number): string {
  const linear = (v: number) => {
    const s = v / 255;
    return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
  };
  const [r, g, b] = color("d", (value + 1) / 2);
  return linear(r) * 0.2126 + linear(g) * 0.7152 + linear(b) * 0.0722 < 0.179 ? "#fff" : "#000";
}
