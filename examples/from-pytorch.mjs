// Loads the weights saved by examples/from_pytorch.py; the model continues the count.
//
//   npm run build && python3 examples/from_pytorch.py weights.safetensors && node examples/from-pytorch.mjs weights.safetensors
import { readFileSync } from "node:fs";
import * as rivulet from "../dist/index.js";

const tokenizer = rivulet.characters();
const vocabulary = new rivulet.Vocabulary([..."0123456789"]); // the token of each id
const sizes = { cell: "lstm", embeddingSize: 8, hiddenSize: 16, layers: 2 };
const model = await rivulet.RecurrentModel.create({ tokenizer, vocabulary, ...sizes });
rivulet.loadWeights(model, readFileSync(process.argv[2]));

const generation = rivulet.generate(model, { prompt: "0123", length: 20, temperature: 0 });
console.log(`0123${[...generation].join("")}`);
