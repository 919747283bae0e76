// One line about how far a training is: rewritten in place on a terminal, else a line now and then.

import type { Progress } from "../train/train.js";
import { clock, short } from "./numbers.js";

const WIDTH = 24;

export class ProgressLine {
  private readonly started = performance.now();
  private readonly from: number;
  private shown = Number.NEGATIVE_INFINITY;
  private readonly terminal = process.stderr.isTTY === true;
  private loss = Number.NaN;

  /** @param from the part that was done before, where a training is resumed */
  constructor(from: number) {
    this.from = from;
  }

  show(progress: Progress): void {
    // The loss of one batch jumps: an average over about twenty.
    this.loss = Number.isNaN(this.loss) ? progress.loss : this.loss + 0.05 * (progress.loss - this.loss);
    const now = performance.now();
    const finished = progress.done >= 1;
    if (!finished && now - this.shown < (this.terminal ? 100 : 5000)) return;
    this.shown = now;
    const line = this.line(progress, (now - this.started) / 1000);
    process.stderr.write(this.terminal ? `\r\x1b[K${line}${finished ? "\n" : ""}` : `${line}\n`);
  }

  /** Ends the line where something else has to be said. */
  end(): void {
    if (this.terminal) process.stderr.write("\n");
  }

  private line({ done, epoch, tokensPerSecond, valid }: Progress, elapsed: number): string {
    const filled = Math.round(done * WIDTH);
    const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
    const left = (elapsed / Math.max(done - this.from, 1e-9)) * (1 - done);
    const held = valid ? `, held out ${valid.nats.toFixed(3)}` : "";
    return (
      `${bar} ${String(Math.floor(100 * done)).padStart(3)} %  epoch ${epoch}  loss ${this.loss.toFixed(3)}${held}  ` +
      `${short(tokensPerSecond)} tokens/s  ${done >= 1 ? clock(elapsed) : `${clock(left)} left`}`
    );
  }
}
