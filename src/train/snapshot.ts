// A copy of the parameters that an update is about to change.

import type { Network, Span } from "../nn/network.js";

export class Snapshot {
  private spans: readonly Span[] = [];
  private values = new Float32Array(0);

  /** Copies ranges of the parameter block, in place of those copied before. */
  take(network: Network, spans: readonly Span[]): void {
    const block = network.block("parameters");
    const length = spans.reduce((sum, span) => sum + span.length, 0);
    if (this.values.length < length) this.values = new Float32Array(length);
    let at = 0;
    for (const { start, length } of spans) {
      this.values.set(block.subarray(start, start + length), at);
      at += length;
    }
    this.spans = spans;
  }

  /** Restores what was copied last. */
  restore(network: Network): void {
    const block = network.block("parameters");
    let at = 0;
    for (const { start, length } of this.spans) {
      block.set(this.values.subarray(at, at + length), start);
      at += length;
    }
    network.parametersChanged();
  }
}
