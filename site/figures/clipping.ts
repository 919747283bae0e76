// Chapter 7: a gradient of two numbers and the limit on its length; and a training that needs it.

import { adamw, carriedWindows, characters, connectWorker, sgd } from "rivulet/worker";
import { button, controls, PASSAGE, plot, plotPlace, slider, teller } from "../course/kit.js";
import { el, fixed, svg } from "../dom.js";

/** As PyTorch's clip_grad_norm_, and src/train/optimizer.ts. */
export function clipped(g: readonly number[], limit: number): number[] {
  const norm = Math.hypot(...g);
  const scale = limit / (norm + 1e-6);
  return scale >= 1 ? [...g] : g.map((x) => x * scale);
}

export function figure(place: HTMLElement): void {
  let g = [2.1, 1.4];
  let limit = 1;
  const tell = teller();
  const draw = () => {
    const { clientWidth: width, clientHeight: height } = map;
    if (width === 0) return;
    const unit = height / 7;
    const [cx, cy] = [width / 2, height / 2];
    const after = clipped(g, limit);
    const arrow = (v: readonly number[], kind: string, name: string) => {
      const [x, y] = [cx + v[0]! * unit, cy - v[1]! * unit];
      return [
        svg("line", { class: kind, x1: cx, y1: cy, x2: x, y2: y, "stroke-width": 2.5 }),
        svg("circle", { class: `end ${kind}`, cx: x, cy: y, r: 5 }),
        svg("text", { x: x + 9, y: y + 4, "font-weight": 600 }, name),
      ];
    };
    map.replaceChildren(
      svg(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
        svg("line", { class: "grid", x1: 0, x2: width, y1: cy, y2: cy }),
        svg("line", { class: "grid", y1: 0, y2: height, x1: cx, x2: cx }),
        svg("circle", { class: "strong path", cx, cy, r: limit * unit, "stroke-dasharray": "4 4" }),
        ...arrow(g, "grad", "g"),
        ...(Math.hypot(...g) > limit ? arrow(after, "strong", "clipped") : []),
      ),
    );
    const norm = Math.hypot(...g);
    tell.textContent =
      norm > limit
        ? `‖g‖ = ${fixed(norm, 3)} is over the limit of ${fixed(limit, 1)}: g = (${g.map((x) => fixed(x, 2)).join(", ")}) becomes (${after.map((x) => fixed(x, 3)).join(", ")}). The direction stays.`
        : `‖g‖ = ${fixed(norm, 3)} is within the limit of ${fixed(limit, 1)}: nothing happens.`;
  };
  const map = plotPlace("A gradient of two numbers, and the circle of the limit", draw);
  const number = (name: string, i: number) =>
    slider(name, { least: -3, most: 3, step: 0.1, value: g[i]! }, (value) => {
      g = g.map((x, k) => (k === i ? value : x));
      draw();
    });
  place.append(
    controls(
      number("g₁", 0),
      number("g₂", 1),
      slider("limit", { least: 0.1, most: 3, step: 0.1, value: limit }, (value) => {
        limit = value;
        draw();
      }),
    ),
    tell,
    map,
  );
  place.append(race());
}

/** Two runs of one training: clipped and not. */
function race(): HTMLElement {
  let rate = 2;
  const runs: { name: string; clip: number; kind: "net" | "count"; losses: number[]; norms: number[]; end: string }[] =
    [
      { name: "clip 1", clip: 1, kind: "net", losses: [], norms: [], end: "" },
      { name: "none", clip: Number.POSITIVE_INFINITY, kind: "count", losses: [], norms: [], end: "" },
    ];
  const tell = teller();
  tell.textContent = "Two networks with the same seed, the same text and the same learning rate. Only one is clipped.";
  const draw = () => {
    plot(losses, {
      series: runs.map(({ name, kind, losses }) => ({ name, kind, values: losses })),
      low: 0,
      high: 6,
      ticks: [0, 2, 4, 6],
      left: "loss, from step 1",
      right: "step 200",
    });
  };
  const losses = plotPlace("Loss with and without clipping", draw);
  const go = button(
    "Train both",
    async () => {
      go.disabled = true;
      const rivulet = connectWorker(new Worker("worker.js", { type: "module" }));
      try {
        await rivulet.selectKernels("strict");
        const tokenizer = characters();
        const { vocabulary, train } = await rivulet.prepare(PASSAGE, tokenizer, { valid: 0 });
        for (const run of runs) {
          run.losses = [];
          run.norms = [];
          run.end = "";
          const model = await rivulet.RecurrentModel.create({
            tokenizer,
            vocabulary,
            hiddenSize: 48,
            activation: "relu",
            initialization: "orthogonal",
            seed: 1,
          });
          const options = {
            windows: carriedWindows({ window: 40, batch: 4 }),
            optimizer: rate > 0.1 ? sgd({ learningRate: rate }) : adamw({ learningRate: rate }),
            clip: run.clip,
            steps: 200,
          };
          try {
            for await (const { loss, gradNorm } of rivulet.train(model, train, options)) {
              run.losses.push(loss);
              run.norms.push(gradNorm);
              if (run.losses.length % 10 === 0) draw();
            }
            run.end = `ends at a loss of ${fixed(run.losses.at(-1)!, 2)}`;
          } catch (error) {
            run.end =
              (error as Error).name === "DivergedError"
                ? `breaks down at step ${run.losses.length + 1}: its numbers become infinite`
                : (error as Error).message;
          }
        }
        const most = Math.max(...runs[0]!.norms, ...runs[1]!.norms);
        tell.textContent = `With clipping it ${runs[0]!.end}; without, it ${runs[1]!.end}. The longest gradient had the norm ${most > 1000 ? most.toExponential(1) : fixed(most, 1)}.`;
        draw();
      } finally {
        rivulet.terminate();
        go.disabled = false;
        go.textContent = "Train both again";
      }
    },
    true,
  );
  return el(
    "div",
    { class: "race" },
    controls(
      go,
      slider("learning rate", { least: 0.2, most: 4, step: 0.2, value: rate }, (value) => {
        rate = value;
      }),
    ),
    tell,
    losses,
  );
}
