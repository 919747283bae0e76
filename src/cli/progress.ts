// The progress line of a training run: redrawn in place on a terminal, otherwise printed every five seconds.

import type { Figures } from "../train/task.js";
import type { Progress } from "../train/train.js";
import { clock, short } from "./numbers.js";
import { columnsOf } from "./terminal.js";

const BAR = 24;
const NARROWEST_BAR = 5;

export class ProgressLine {
  private readonly started = performance.now();
  private shown = Number.NEGATIVE_INFINITY;
  private readonly terminal = process.stderr.isTTY === true;
  private loss = Number.NaN;
  private held = Number.NaN;
  /** True while the line lacks its newline. */
  private open = false;

  /**
   * @param from the fraction of the run that was already done when it was resumed
   * @param unit the unit of the speed: "token" or "example"
   */
  constructor(
    private readonly from: number,
    private readonly unit: string,
  ) {}

  show(progress: Progress<Figures>): void {
    // The loss of a single batch is noisy: show a moving average over about twenty.
    this.loss = Number.isNaN(this.loss) ? progress.loss : this.loss + 0.05 * (progress.loss - this.loss);
    if (progress.valid) this.held = progress.valid.nats;
    const now = performance.now();
    const finished = progress.done >= 1;
    if (!finished && now - this.shown < (this.terminal ? 100 : 5000)) return;
    this.shown = now;
    // The terminal may have been resized. Its last column stays free, because some terminals wrap after it.
    const columns = this.terminal ? columnsOf(process.stderr) - 1 : Number.POSITIVE_INFINITY;
    const line = progressLine(
      { ...progress, loss: this.loss, held: this.held, unit: this.unit },
      (now - this.started) / 1000,
      this.from,
      columns,
    );
    process.stderr.write(this.terminal ? `\r\x1b[K${line}${finished ? "\n" : ""}` : `${line}\n`);
    this.open = this.terminal && !finished;
  }

  /** Ends the line, so that something else can be printed. */
  end(): void {
    if (this.open) process.stderr.write("\n");
    if (this.terminal) this.shown = Number.NEGATIVE_INFINITY;
    this.open = false;
  }
}

/** The values that a progress line can show. */
interface Shown extends Pick<Progress, "done" | "epoch" | "tokensPerSecond"> {
  /** Training loss in nats. */
  loss: number;
  /** Held-out loss in nats; NaN before the first evaluation. */
  held: number;
  /** The unit of the speed: "token" or "example". */
  unit: string;
}

/** Formats as many values as fit into `columns`, by importance; the bar fills the rest. */
export function progressLine(shown: Shown, elapsed: number, from: number, columns: number): string {
  const { done, epoch, loss, held, tokensPerSecond, unit } = shown;
  const left = (elapsed / Math.max(done - from, 1e-9)) * (1 - done);
  const parts = [
    { rank: 0, text: `${String(Math.floor(100 * done)).padStart(3)} %` },
    { rank: 5, text: `epoch ${epoch}` },
    { rank: 1, text: `loss ${loss.toFixed(3)}` },
    ...(Number.isNaN(held) ? [] : [{ rank: 3, text: `held out ${held.toFixed(3)}` }]),
    { rank: 4, text: `${short(tokensPerSecond)} ${unit}s/s` },
    { rank: 2, text: done >= 1 ? clock(elapsed) : `${clock(left)} left` },
  ];
  const kept = new Set<string>();
  let length = -2;
  for (const { text } of parts.toSorted((a, b) => a.rank - b.rank)) {
    if (length + 2 + text.length > columns) break;
    length += 2 + text.length;
    kept.add(text);
  }
  const text = parts.flatMap(({ text }) => (kept.has(text) ? [text] : [])).join("  ");
  const room = Math.min(BAR, columns - text.length - 1);
  if (room < NARROWEST_BAR) return text;
  const filled = Math.round(Math.min(done, 1) * room);
  return `${"█".repeat(filled)}${"░".repeat(room - filled)} ${text}`;
}
