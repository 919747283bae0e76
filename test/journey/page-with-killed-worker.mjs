// A worker that ends in the middle of a training, without a word.

import { characters } from "rivulet";
import { connectWorker } from "rivulet/worker";
import { post } from "./post.mjs";

post(async () => {
  const worker = new Worker("/node_modules/rivulet/dist/worker-thread.js", { type: "module" });
  const rivulet = connectWorker(worker);
  const { vocabulary, train } = await rivulet.prepare("abcab".repeat(1000), characters());
  const model = await rivulet.RecurrentModel.create({ tokenizer: characters(), vocabulary });
  for await (const { step } of rivulet.train(model, train, { steps: 1e6 })) {
    if (step === 3) worker.terminate();
  }
});
