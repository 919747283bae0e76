// Elements, made and found. Texts become text nodes: nothing is ever parsed as markup.

export function $<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element "${id}"`);
  return found as T;
}

export type Attributes = Record<string, string | number | boolean | undefined>;

function filled<T extends Element>(element: T, attributes: Attributes, children: (Node | string)[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

export const el = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] => filled(document.createElement(tag), attributes, children);

export const svg = <K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] => filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/** Formats a number with `digits` digits after the point, and a minus sign instead of a hyphen. */
export const fixed = (x: number, digits = 0): string =>
  x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");

export const percent = (p: number): string => (p < 0.01 ? "<1%" : `${Math.round(p * 100)}%`);

/** Shows a token: white space has signs, a combining mark a circle to stand on. */
export function visible(token: string): string {
  if (/^\p{M}/u.test(token)) return `◌${token}`;
  return token
    .replace(/ /g, "␣")
    .replace(/\n/g, "↵")
    .replace(/\t/g, "⇥")
    .replace(/[\p{Cc}\p{Cf}]/gu, "·");
}

/** Calls `draw` at most once a frame, however often it is asked to; never while the page is hidden. */
export function painter(draw: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

export const quiet = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Downloads bytes under a name. */
export function download(name: string, bytes: BlobPart): void {
  const url = URL.createObjectURL(new Blob([bytes]));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Registers the service worker once the page has loaded. */
export function offline(): void {
  if (!("serviceWorker" in navigator)) return;
  const register = () => navigator.serviceWorker.register("service-worker.js").catch(() => {});
  if (document.readyState === "complete") register();
  else addEventListener("load", register);
}
