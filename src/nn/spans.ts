// Ranges of the blocks that have one float for each parameter: those that a batch touched, those that an update changes.

import { grown } from "../arrays.js";
import type { Network } from "./network.js";

/** A start and a length for each range, in floats: [start, length, start, length, …]. */
export type Spans = Int32Array;

/** Ranges that kernels are given at a time, which is what there is room for in a network's memory. */
export const SPANS = 2048;

export class SpanList {
  #values = new Int32Array(64);
  #used = 0;

  /** Appends a range, or extends the last one if it is adjacent and `joins`. */
  add(start: number, length: number, joins = true): void {
    const used = this.#used;
    if (joins && used > 0 && this.#values[used - 2]! + this.#values[used - 1]! === start) {
      this.#values[used - 1]! += length;
      return;
    }
    if (used + 2 > this.#values.length) this.#values = grown(this.#values);
    this.#values[used] = start;
    this.#values[used + 1] = length;
    this.#used += 2;
  }

  done(): Spans {
    return this.#values.subarray(0, this.#used);
  }
}

/** Calls `run` with pointers to the ranges, up to SPANS at a time. */
export function eachPart({ memory, layout }: Network, spans: Spans, run: (spans: number, n: number) => void): void {
  for (let from = 0; from < spans.length; from += 2 * SPANS) {
    const part = spans.subarray(from, from + 2 * SPANS);
    memory.integers(layout.spans, part.length).set(part);
    run(layout.spans, part.length / 2);
  }
}
