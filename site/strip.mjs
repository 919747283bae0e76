// Prints the rows of the start page: what the lab's default network writes after some steps. Paste them into home.html.
import { readFileSync } from "node:fs";
import * as rivulet from "../dist/index.js";

const text = readFileSync(new URL("../build/site/moby-dick.txt", import.meta.url), "utf8");
const at = text.length - Math.floor(text.length / 10);
const [read, held] = [text.slice(0, at), text.slice(at, at + 20_000)];
rivulet.selectKernels("strict");
const tokenizer = rivulet.characters();
const { vocabulary, train: ids } = rivulet.prepare(read, tokenizer, { valid: 0, maxSize: 2000 });
const model = await rivulet.RecurrentModel.create({
  tokenizer,
  vocabulary,
  cell: "lstm",
  hiddenSize: 128,
  embeddingSize: 32,
});
const valid = rivulet.encode(held, tokenizer, vocabulary);

function row(step) {
  const perplexity = rivulet.perplexity(model, valid);
  const options = { prompt: "Call me ", length: 110, temperature: 0.7, seed: 1 };
  const sample = [...rivulet.generate(model, options)].join("").replace(/\s+/g, " ");
  const written = sample.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  const after = step === 0 ? "no training" : `${step.toLocaleString("en")} steps`;
  const digits = perplexity < 10 ? 2 : 0;
  console.log(
    `<li${step === 4000 ? ' class="now"' : ""}><span class="s">${after}</span><span class="x"><b>Call me </b>${written}</span><span class="p">${perplexity.toFixed(digits)}</span></li>`,
  );
}

row(0);
const windows = rivulet.carriedWindows({ window: 50, batch: 16 });
const training = rivulet.train(model, ids, { windows, optimizer: rivulet.adamw({ learningRate: 0.004 }), steps: 4000 });
const start = performance.now();
for await (const { step, tokensPerSecond } of training) {
  if ([60, 150, 400, 1000, 4000].includes(step)) row(step);
  if (step === 4000)
    console.error(Math.round(tokensPerSecond), "tokens/s,", ((performance.now() - start) / 1000).toFixed(0), "s");
}
