// Trains a small network in a worker and brings a copy of it to the page, where its numbers can be read at once.

import { loadModel, type RecurrentModel } from "rivulet";
import { adamw, carriedWindows, characters, connectWorker } from "rivulet/worker";

export interface Recipe {
  cell: "rnn" | "gru" | "lstm";
  hiddenSize: number;
  embeddingSize: number;
  steps: number;
}

let text: Promise<string> | undefined;
/** The default text of the lab. */
export function mobyDick(): Promise<string> {
  text ??= fetch("moby-dick.txt").then((response) => response.text());
  return text;
}

/** @param progress called with the share that is done and the model so far, several times */
export async function trained(
  recipe: Recipe,
  source: string,
  progress: (done: number, loss: number) => void,
): Promise<RecurrentModel> {
  const rivulet = connectWorker(new Worker("worker.js", { type: "module" }));
  try {
    await rivulet.selectKernels("strict");
    const tokenizer = characters();
    const { vocabulary, train } = await rivulet.prepare(source, tokenizer, { valid: 0 });
    const { cell, hiddenSize, embeddingSize, steps } = recipe;
    const model = await rivulet.RecurrentModel.create({
      tokenizer,
      vocabulary,
      cell,
      hiddenSize,
      embeddingSize,
      seed: 1,
    });
    const options = {
      windows: carriedWindows({ window: 40, batch: 16 }),
      optimizer: adamw({ learningRate: 0.006 }),
      steps,
    };
    for await (const { done, loss } of rivulet.train(model, train, options)) progress(done, loss);
    const file = await rivulet.saveModel(model);
    return await loadModel(file);
  } finally {
    rivulet.terminate();
  }
}
