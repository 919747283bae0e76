// Looks inside a network over a passage: one cursor for the odds, the gradients and the units.

import type { NextToken } from "rivulet";
import type { RemoteModel, RemoteNgramModel, RivuletWorker } from "rivulet/worker";
import { activation, gradient, inkOn, onScheme, variable } from "../color.js";
import { $, el, fixed, painter, percent, visible } from "../dom.js";
import { drawFlow } from "./charts.js";
import { type Companions, NETWORKS, type NetworkCell } from "./companions.js";
import { BESIDE, type Session, tokenizerOf } from "./session.js";
import { isNgram, NAMES, type Settings } from "./settings.js";

const DEFAULT = '"There she blows!—there she blows! A hump like a snow-hill! It is Moby Dick!"';
const ROWS = 6;
const UNITS = 40;
/** Height of a unit's row in the heat map. */
const UNIT = 8;
const FLOW = { steps: 50, sequences: 16 };

interface Column {
  token: string;
  /** Where the token begins in the passage. */
  at: number;
  width: number;
}
interface Odds {
  network: readonly NextToken[];
  ngram: readonly NextToken[];
}

export class Inside {
  private readonly passage = $<HTMLInputElement>("passage");
  private readonly line = $("line");
  private readonly heat = $<HTMLCanvasElement>("heat");
  private columns: Column[] = [];
  /** The token that the cursor is before. */
  private cursor = 0;
  private first = 0;
  private settings: Settings | undefined;
  private odds: Odds = { network: [], ngram: [] };
  private readonly gradients = new Map<NetworkCell, number[]>();
  private readonly flows = new Map<string, ArrayLike<number>>();
  private states: Float32Array[] = [];
  private unitOrder: number[] = [];
  private unit: number | undefined;
  private session: Session | undefined;
  private companions: Companions | undefined;
  private asked = 0;
  private pending: Promise<void> = Promise.resolve();
  private readonly draw = painter(() => this.paint());

  constructor() {
    this.passage.value = DEFAULT;
    this.layOut();
    this.moveTo(57);
    this.passage.addEventListener("input", () => {
      this.layOut();
      this.follow();
      this.refresh();
    });
    for (const event of ["keyup", "click", "select"]) this.passage.addEventListener(event, () => this.follow());
    document.addEventListener("selectionchange", () => {
      if (document.activeElement === this.passage) this.follow();
    });
    this.line.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const token = this.columnAt(event.clientX - this.line.getBoundingClientRect().left);
      const at = this.columns[token]?.at ?? this.passage.value.length;
      this.passage.focus({ preventScroll: true });
      this.passage.setSelectionRange(at, at);
      this.follow();
    });
    this.heat.addEventListener("pointerdown", (event) => this.choose(Math.floor(event.offsetY / UNIT)));
    this.heat.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.move(by);
    });
    $("unit-before").addEventListener("click", () => this.move(-1));
    $("unit-after").addEventListener("click", () => this.move(1));
    for (const button of document.querySelectorAll<HTMLElement>("[data-find]")) {
      button.addEventListener("click", () => this.find(button.dataset.find!));
    }
    $("units-panel").addEventListener("toggle", () => this.refresh());
    new ResizeObserver(this.draw).observe(this.line);
    onScheme(this.draw);
  }

  /** Shows another session: what is known from the last one is dropped. */
  show(session: Session | undefined, companions: Companions | undefined, settings: Settings): void {
    this.session = session;
    this.companions = companions;
    const changedTokens = this.settings?.tokens !== settings.tokens;
    this.settings = settings;
    this.odds = { network: [], ngram: [] };
    this.gradients.clear();
    this.flows.clear();
    this.states = [];
    this.unitOrder = [];
    this.unit = undefined;
    $("odds-network").textContent = isNgram(settings) ? "" : `this ${NAMES[settings.cell]}`;
    $("odds-ngram").textContent = `${isNgram(settings) ? settings.size : BESIDE[settings.tokens]}-gram`;
    $("odds")
      .closest("table")!
      .classList.toggle("wide", settings.tokens === "words");
    if (changedTokens) this.layOut();
    this.draw();
  }

  /** Puts a passage of a text into the field, with the cursor inside. */
  read(passage: string): void {
    this.passage.value = passage;
    this.layOut();
    this.moveTo(Math.floor(passage.length * 0.7));
  }

  /** Asks the models again. One question at a time: later ones wait, and only the last of those is asked. */
  refresh(): Promise<void> {
    const mine = ++this.asked;
    this.pending = this.pending.then(async () => {
      if (mine !== this.asked) return;
      await this.ask().catch(() => {});
    });
    return this.pending;
  }

  private get before(): string {
    return this.passage.value.slice(0, this.columns[this.cursor]?.at ?? this.passage.value.length);
  }

  private async ask(): Promise<void> {
    const { session, companions, settings, before } = this;
    if (!session?.model || !settings) return;
    const next = this.columns[this.cursor]?.token;
    const { thread: rivulet } = session;
    const network = isNgram(settings) ? undefined : (session.model as RemoteModel);
    const ngram = isNgram(settings)
      ? { rivulet, model: session.ngram }
      : { rivulet: companions?.rivulet, model: companions?.ngram };
    const odds: Odds = {
      network: network ? await oddsOf(rivulet, network, before) : [],
      ngram: ngram.model && ngram.rivulet ? await oddsOf(ngram.rivulet, ngram.model, before) : [],
    };
    this.odds = odds;
    if (network) {
      const models: [NetworkCell, RivuletWorker, RemoteModel, Session["runner"]][] = [
        [network.config.cell as NetworkCell, rivulet, network, session.runner],
      ];
      for (const [cell, runner] of companions?.runners ?? [])
        models.push([cell, companions!.rivulet, runner.model, runner]);
      for (const [cell, thread, model, runner] of models) {
        this.gradients.set(
          cell,
          before === "" || next === undefined ? [] : await gradientsOf(thread, model, before, next),
        );
        if (runner && runner.ids.length > FLOW.steps + 1) {
          const layers = await thread.gradientFlow(model, runner.ids, FLOW);
          this.flows.set(cell, layers.at(-1)!);
        }
      }
      if ($<HTMLDetailsElement>("units-panel").open && this.passage.value !== "") {
        const { layers } = await rivulet.trace(network, this.passage.value);
        this.states = layers.at(-1)!.h;
        this.order(network.config.hiddenSize);
      }
    }
    this.draw();
  }

  /** Orders the units once: slow ones first, by their correlation with themselves a step later; unsorted it looks like noise. */
  private order(hiddenSize: number): void {
    const slowness = Array.from({ length: hiddenSize }, (_, unit) => {
      const values = this.states.map((h) => h[unit]!);
      return correlation(values.slice(1), values.slice(0, -1));
    });
    if (this.unitOrder.length === 0 || this.unit === undefined) {
      this.unitOrder = slowness
        .map((_, unit) => unit)
        .sort((a, b) => slowness[b]! - slowness[a]!)
        .slice(0, UNITS);
      this.unit ??= this.unitOrder[0];
    }
  }

  private layOut(): void {
    const tokens: { token: string; at: number }[] = [];
    let at = 0;
    tokenizerOf(this.settings ?? { tokens: "characters" }).each(this.passage.value, (token) => {
      const found = this.passage.value.indexOf(token, at);
      if (found < 0) return;
      tokens.push({ token, at: found });
      at = found + token.length;
    });
    const words = this.settings?.tokens === "words";
    this.columns = tokens.map(({ token, at }) => ({ token, at, width: words ? 10 * [...token].length + 12 : 14 }));
    this.cursor = Math.min(this.cursor, this.columns.length);
  }

  /** The cursor goes where the field's is. */
  private follow(): void {
    const at = this.passage.selectionStart ?? 0;
    const token = this.columns.findIndex((column) => column.at >= at);
    const cursor = token < 0 ? this.columns.length : token;
    if (cursor === this.cursor) return;
    this.cursor = cursor;
    this.draw();
    void this.refresh();
  }

  private moveTo(at: number): void {
    this.passage.setSelectionRange(at, at);
    this.follow();
  }

  private columnAt(x: number): number {
    let column = this.first;
    for (let left = 0; column < this.columns.length; column++) {
      left += this.columns[column]!.width;
      if (x < left) break;
    }
    return column;
  }

  private move(by: number): void {
    if (this.unitOrder.length === 0) return;
    const at = this.unitOrder.indexOf(this.unit ?? -1);
    this.choose((at + by + this.unitOrder.length) % this.unitOrder.length);
  }

  private choose(row: number): void {
    const unit = this.unitOrder[row];
    if (unit === undefined) return;
    this.unit = unit;
    $("found").textContent = "";
    this.draw();
  }

  /** Finds the unit that follows a property of the tokens, or the selected stretch, most closely. */
  private find(what: string): void {
    const { states, columns, passage } = this;
    const found = $("found");
    if (states.length === 0) {
      found.textContent = "There are no units to search yet: train a network first.";
      return;
    }
    const [from, to] = [passage.selectionStart ?? 0, passage.selectionEnd ?? 0];
    const tests: Record<string, (column: Column) => boolean> = {
      spaces: ({ token }) => /\s/.test(token),
      vowels: ({ token }) => /^[aeiouyäöüáéíóú]/i.test(token),
      capitals: ({ token }) => /^\p{Lu}/u.test(token),
      selection: ({ at }) => at >= from && at < to,
    };
    const marks = columns.slice(0, states.length).map((column) => Number(tests[what]!(column)));
    if (!marks.includes(1) || !marks.includes(0)) {
      found.textContent = what === "selection" ? "Select a part of the passage first." : `The passage has no ${what}.`;
      return;
    }
    const all = Array.from({ length: states[0]!.length }, (_, unit) => ({
      unit,
      r: correlation(
        marks,
        states.map((h) => h[unit]!),
      ),
    })).sort((a, b) => Math.abs(b.r) - Math.abs(a.r));
    const [best] = all;
    if (!this.unitOrder.includes(best!.unit)) this.unitOrder[this.unitOrder.length - 1] = best!.unit;
    this.unit = best!.unit;
    const others = all.slice(1, 3).map(({ unit, r }) => `${unit} (${fixed(r, 2)})`);
    found.textContent = `Unit ${best!.unit} follows ${what === "selection" ? "the selection" : what} best: correlation ${fixed(best!.r, 2)}; then ${others.join(", ")}.`;
    this.draw();
  }

  private paint(): void {
    const { columns, cursor } = this;
    const room = this.line.clientWidth;
    if (room === 0) return;
    // The part of the passage around the cursor that fits.
    const words = this.settings?.tokens === "words";
    if (!words) {
      const fits = Math.max(1, Math.min(columns.length, Math.floor(room / 12.5)));
      const width = Math.min(18, Math.floor((room / Math.max(1, fits)) * 100) / 100);
      for (const column of columns) column.width = width;
    }
    const widths = columns.map((column) => column.width);
    this.first = 0;
    let before = widths.slice(0, cursor + 1).reduce((a, b) => a + b, 0);
    const total = widths.reduce((a, b) => a + b, 0);
    while (before > room * 0.85 && total - widths.slice(0, this.first).reduce((a, b) => a + b, 0) > room)
      before -= widths[this.first++]!;
    let last = this.first;
    for (let left = 0; last < columns.length && left + widths[last]! <= room + 0.5; last++) left += widths[last]!;
    const shown = columns.slice(this.first, last);
    const spans = shown.map((column, i) => {
      const at = this.first + i;
      const span = el(
        "span",
        { class: at === cursor ? "next" : at > cursor ? "gone" : undefined },
        words ? column.token : visible(column.token).replace("␣", " "),
      );
      span.style.width = `${column.width}px`;
      return span;
    });
    this.line.replaceChildren(...spans);
    this.paintGradients(shown);
    this.paintOdds();
    drawFlow(
      $("flow"),
      new Map(NETWORKS.flatMap((cell) => (this.flows.has(cell) ? [[cell, this.flows.get(cell)!]] : []))),
    );
    if ($<HTMLDetailsElement>("units-panel").open) this.paintUnits(shown);
  }

  private paintGradients(shown: readonly Column[]): void {
    const place = $("gradients");
    if (place.childElementCount === 0) {
      for (const cell of NETWORKS)
        place.append(el("div", { class: "row" }, el("span", {}, NAMES[cell]), el("canvas", { "data-cell": cell })));
    }
    for (const canvas of place.querySelectorAll("canvas")) {
      const norms = this.gradients.get(canvas.dataset.cell as NetworkCell) ?? [];
      const context = brush(canvas, 26);
      context.fillStyle = gradient(0);
      context.fillRect(0, 1, canvas.clientWidth, 24);
      let x = 0;
      shown.forEach(({ width }, i) => {
        const norm = norms[this.first + i];
        if (norm !== undefined) {
          context.fillStyle = gradient(norm);
          context.fillRect(x, 1, width + 0.5, 24);
        }
        x += width;
      });
    }
    const cell = this.settings?.cell;
    const norms = cell && cell !== "ngram" ? this.gradients.get(cell) : undefined;
    if (!norms?.length) return;
    const strongest = norms.indexOf(Math.max(...norms));
    place.setAttribute(
      "aria-label",
      `How much each earlier token matters for the next, for each cell. In the ${NAMES[cell!]}, the strongest is ` +
        `${visible(this.columns[strongest]?.token ?? "")}, ${norms.length - strongest} back.`,
    );
  }

  private paintOdds(): void {
    const { network, ngram } = this.odds;
    const next = this.columns[this.cursor]?.token;
    const lead = network.length > 0 ? network : ngram;
    const list = lead.slice(0, ROWS).map(({ token }) => token);
    if (next !== undefined && !list.includes(next) && lead.some(({ token }) => token === next)) list[ROWS - 1] = next;
    const chance = (odds: readonly NextToken[], token: string) => odds.find((o) => o.token === token)?.probability ?? 0;
    const bar = (odds: readonly NextToken[], token: string) => {
      const cell = el("td");
      if (odds.length === 0) return cell;
      const p = chance(odds, token);
      const i = el("i", {}, percent(p));
      i.style.setProperty("--p", p.toFixed(4));
      cell.append(i);
      return cell;
    };
    const rows = Array.from({ length: ROWS }, (_, i) => {
      const token = list[i];
      if (token === undefined) return el("tr", {}, el("td"), el("td", { class: "c" }, "\u00a0"), el("td"));
      return el(
        "tr",
        { class: token === next ? "is" : undefined },
        bar(ngram, token),
        el("td", { class: "c" }, visible(token)),
        bar(network, token),
      );
    });
    $("odds").replaceChildren(...rows);
  }

  private paintUnits(shown: readonly Column[]): void {
    const { states, unit, unitOrder, heat } = this;
    const rows = Math.max(unitOrder.length, 8);
    const context = brush(heat, rows * UNIT);
    const line = $("unit-line");
    const spans = shown.map((column, i) => {
      const value = unit === undefined ? 0 : (states[this.first + i]?.[unit] ?? 0);
      const span = el(
        "span",
        {},
        this.settings?.tokens === "words" ? column.token : visible(column.token).replace("␣", " "),
      );
      span.style.width = `${column.width}px`;
      span.style.background = activation(value);
      span.style.color = inkOn(value);
      return span;
    });
    line.replaceChildren(...spans);
    unitOrder.forEach((u, row) => {
      let x = 0;
      shown.forEach(({ width }, i) => {
        context.fillStyle = activation(states[this.first + i]?.[u] ?? 0);
        context.fillRect(x, row * UNIT, width + 0.5, UNIT);
        x += width;
      });
    });
    const at = unitOrder.indexOf(unit ?? -1);
    const width = shown.reduce((sum, column) => sum + column.width, 0);
    if (at >= 0) {
      context.strokeStyle = variable("--paper");
      context.lineWidth = 4;
      context.strokeRect(1, at * UNIT - 1, width - 2, UNIT + 2);
      context.strokeStyle = variable("--ink");
      context.lineWidth = 2;
      context.strokeRect(1, at * UNIT - 1, width - 2, UNIT + 2);
    }
    $("unit-name").textContent = unit === undefined ? "–" : `unit ${unit}`;
    heat.setAttribute(
      "aria-label",
      `Hidden units, one a row; arrow keys choose. Chosen: ${unit === undefined ? "none" : `unit ${unit}`}.`,
    );
  }
}

async function oddsOf(
  rivulet: RivuletWorker,
  model: RemoteModel | RemoteNgramModel,
  before: string,
): Promise<NextToken[]> {
  return rivulet.nextTokens(model, await rivulet.stateAfter(model, before), 5000);
}

/** ‖∂ log p / ∂e_s‖ for each token of the text. */
async function gradientsOf(
  rivulet: RivuletWorker,
  model: RemoteModel,
  before: string,
  next: string,
): Promise<number[]> {
  const { e } = await rivulet.tokenGradients(model, before, next);
  return e.map((vector) => Math.hypot(...vector));
}

/** Pearson's correlation; 0 if one of the two does not vary. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const n = Math.min(a.length, b.length);
  const mean = (values: readonly number[]) => values.slice(0, n).reduce((sum, value) => sum + value, 0) / n;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const [x, y] = [a[i]! - ma, b[i]! - mb];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** Clears a canvas and scales it to the screen's pixels. */
function brush(canvas: HTMLCanvasElement, height: number): CanvasRenderingContext2D {
  const scale = devicePixelRatio;
  const width = canvas.clientWidth;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d")!;
  context.scale(scale, scale);
  return context;
}
