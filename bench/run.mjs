// npm run bench                      all that takes seconds
// npm run bench -- matmul training   only these: matmul, training, generation, ngram
// npm run bench -- quality           loss against seconds: minutes
// npm run bench -- --wide            with 256-bit vectors (Node 24 or later)
import { availableParallelism, cpus } from "node:os";
import { rivulet } from "./internals.mjs";
import { matmul } from "./matmul.mjs";
import { ngram } from "./ngram.mjs";
import { quality } from "./quality.mjs";
import { generation, training } from "./training.mjs";

const sections = {
  matmul: () => matmul(30),
  training: () => training(20),
  generation: () => generation(10),
  ngram,
  quality,
};
const QUICK = ["matmul", "training", "generation"];
const wide = process.argv.includes("--wide");
if (wide && !rivulet.useWideVectors()) {
  console.error(`bench: --wide expected Node 24 or later on x64, got ${process.version}`);
  process.exit(2);
}
const asked = process.argv.slice(2).filter((argument) => argument !== "--wide");
const unknown = asked.find((name) => !Object.hasOwn(sections, name));
if (unknown) {
  console.error(`bench: expected ${Object.keys(sections).join(", ")}, got ${unknown}`);
  process.exit(2);
}
console.log(`${cpus()[0]?.model}, ${availableParallelism()} processors, Node ${process.version}`);
console.log(`rivulet with ${rivulet.kernelVariant()} kernels${wide ? ", 256-bit vectors" : ""}, one thread`);
for (const name of asked.length > 0 ? asked : QUICK) await sections[name]();
