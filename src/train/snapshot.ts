// A copy of the parameters that an update is about to change.

import type { Network } from "../nn/network.js";
import type { Spans } from "../nn/spans.js";

/** Floats up to which a loop copies a range faster than a call of set(). */
const SHORT = 256;

export class Snapshot {
  private spans: Spans = new Int32Array(0);
  private values = new Float32Array(0);

  /** Copies ranges of the parameter block, in place of those copied before. */
  take(network: Network, spans: Spans): void {
    const block = network.block("parameters");
    let size = 0;
    for (let i = 1; i < spans.length; i += 2) size += spans[i]!;
    if (this.values.length < size) this.values = new Float32Array(size);
    const { values } = this;
    let to = 0;
    for (let i = 0; i < spans.length; i += 2) {
      const start = spans[i]!;
      const length = spans[i + 1]!;
      if (length > SHORT) values.set(block.subarray(start, start + length), to);
      else for (let k = 0; k < length; k++) values[to + k] = block[start + k]!;
      to += length;
    }
    this.spans = spans;
  }

  /** Restores what was copied last. */
  restore(network: Network): void {
    const block = network.block("parameters");
    let from = 0;
    for (let i = 0; i < this.spans.length; i += 2) {
      const length = this.spans[i + 1]!;
      block.set(this.values.subarray(from, from + length), this.spans[i]!);
      from += length;
    }
    network.parametersChanged();
  }
}
