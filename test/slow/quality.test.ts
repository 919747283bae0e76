// How good: the character RNN of "Dive into Deep Learning" (9.5), as the book trains it, on the book's text.

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  characters,
  overlappingWindows,
  perplexity,
  prepare,
  RecurrentModel,
  sgd,
  train,
} from "../../src/entries/with-kernels.js";

const TEXT = new URL("../../../shared/data/timemachine.txt", import.meta.url);

describe("The Time Machine, as d2l trains on it", () => {
  if (!existsSync(TEXT)) console.warn(`SKIPPED: no ${TEXT.pathname} (Project Gutenberg no. 35) on this machine`);

  // Letters only, lower-cased, 28 symbols; the first 10,000 windows of 32 to train on, the next 5,000 held out; H = 32,
  // batches of 1,024, plain SGD at 1, clipped at 1, 100 epochs.
  it.runIf(existsSync(TEXT)).each([1, 2, 3])(
    "perplexity at most 7.4 on the held-out windows, seed %i",
    async (seed) => {
      const text = readFileSync(TEXT, "utf8")
        .replace(/[^A-Za-z]+/g, " ")
        .toLowerCase();
      const tokenizer = characters();
      const { vocabulary, train: ids } = prepare(text, tokenizer, { valid: 0 });
      expect(vocabulary.size).toBe(28);
      const window = 32;
      const model = await RecurrentModel.create({ tokenizer, vocabulary, hiddenSize: 32, seed });
      const training = train(model, ids.subarray(0, 10_000 + window), {
        windows: overlappingWindows({ window, batch: 1024 }),
        optimizer: sgd({ learningRate: 1 }),
        clip: 1,
        epochs: 100,
        seed,
      });
      for await (const _ of training);
      const found = perplexity(model, ids.subarray(10_000, 15_000 + window));
      console.info(`d2l's RNN, seed ${seed}: validation perplexity ${found.toFixed(3)}`);
      expect(found).toBeLessThanOrEqual(7.4);
    },
  );
});
