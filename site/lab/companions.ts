// The models beside the network: an n-gram model of the same text, and the other two cells, trained for as many steps, in
// a worker of their own.

import type { RemoteModel, RemoteNgramModel, RivuletWorker } from "rivulet/worker";
import { BESIDE, createModel, ngramModel, Runner, startThread, tokenizerOf, windowsFor } from "./session.js";
import type { Settings } from "./settings.js";

export const NETWORKS = ["rnn", "gru", "lstm"] as const;
export type NetworkCell = (typeof NETWORKS)[number];

export class Companions {
  readonly rivulet: RivuletWorker = startThread();
  readonly runners = new Map<NetworkCell, Runner>();
  ngram: RemoteNgramModel | undefined;
  ngramPerplexity: number | undefined;
  private ended = false;
  private working = false;
  /** Steps that the network has done: the others go as far. */
  private goal = 0;

  constructor(
    readonly settings: Settings,
    private readonly parts: { train: string; held: string },
    private readonly changed: () => void,
  ) {}

  /** Estimates the n-gram model. A text that is too short for one has none. */
  async count(): Promise<void> {
    try {
      this.ngram = await ngramModel(this.rivulet, this.parts.train, this.settings, BESIDE[this.settings.tokens]);
      this.changed();
      if (this.parts.held.length > 1) {
        this.ngramPerplexity = (await this.rivulet.evaluate(this.ngram, this.parts.held)).perplexity;
        this.changed();
      }
    } catch {
      // Nothing depends on it.
    }
  }

  /** Trains the other cells up to `step`. @param model the network, whose vocabulary they share */
  async follow(step: number, model: RemoteModel): Promise<void> {
    this.goal = step;
    if (this.working || this.ended) return;
    this.working = true;
    try {
      if (this.runners.size === 0) await this.create(model);
      while (!this.ended) {
        const behind = [...this.runners.values()].sort((a, b) => a.step - b.step)[0]!;
        if (behind.step >= this.goal || !(await behind.next())) break;
      }
    } catch {
      // A cell that diverges stays where it was.
    } finally {
      this.working = false;
    }
  }

  private async create(model: RemoteModel): Promise<void> {
    const { rivulet, settings } = this;
    await rivulet.selectKernels("strict");
    const ids = await rivulet.encode(this.parts.train, tokenizerOf(settings), model.vocabulary);
    for (const cell of NETWORKS) {
      if (cell === settings.cell) continue;
      const other = await createModel(rivulet, settings, cell, model.vocabulary);
      this.runners.set(cell, new Runner(rivulet, other, ids, settings, windowsFor(settings, ids.length)));
    }
  }

  end(): void {
    this.ended = true;
    this.rivulet.terminate();
  }
}
