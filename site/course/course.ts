// Builds the figures of a chapter where its text has a place for them.

import { el, offline } from "../dom.js";

/** A figure's module is loaded only by the chapter that has it. */
const FIGURES: Record<string, () => Promise<{ figure(place: HTMLElement): void | Promise<void> }>> = {
  order: () => import("../figures/order.js"),
  tokens: () => import("../figures/tokens.js"),
  embeddings: () => import("../figures/embeddings.js"),
  surprise: () => import("../figures/surprise.js"),
  windows: () => import("../figures/windows.js"),
  counts: () => import("../figures/counts.js"),
  smoothing: () => import("../figures/smoothing.js"),
  hidden: () => import("../figures/hidden.js"),
  bptt: () => import("../figures/bptt.js"),
  clipping: () => import("../figures/clipping.js"),
  vanishing: () => import("../figures/vanishing.js"),
  gates: () => import("../figures/gates.js"),
  labels: () => import("../figures/labels.js"),
};

for (const place of document.querySelectorAll<HTMLElement>("[data-figure]")) {
  const load = FIGURES[place.dataset.figure!]!;
  load()
    .then(({ figure }) => figure(place))
    .then(() => place.setAttribute("data-ready", ""))
    .catch((error: Error) => {
      console.info(error);
      place.append(el("p", { class: "tell" }, `This figure does not work here: ${error.message}`));
    });
}
offline();
