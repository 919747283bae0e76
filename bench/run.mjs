// npm run bench                      the quick sections: matmul, training, generation
// npm run bench -- ngram training    only these sections: matmul, training, generation, ngram, quality
// npm run bench -- quality           held-out loss as a function of training time: takes minutes
// npm run bench -- --wide            with 256-bit vectors (Node 24 or later)
// npm run bench -- --cpu             measures processor time, for a busy machine
// npm run bench -- --json            prints each row as a JSON object on a line, everything else to standard error
import { availableParallelism, cpus } from "node:os";
import { rivulet } from "./internals.mjs";
import { matmul } from "./matmul.mjs";
import { ngram } from "./ngram.mjs";
import { sayPrograms } from "./peers.mjs";
import { quality } from "./quality.mjs";
import { say } from "./timing.mjs";
import { generation, training } from "./training.mjs";

const sections = {
  matmul: () => matmul(30),
  training: () => training(20),
  generation: () => generation(10),
  ngram,
  quality,
};
const QUICK = ["matmul", "training", "generation"];
const FLAGS = ["--wide", "--cpu", "--json"];
const wide = process.argv.includes("--wide");
if (wide && !rivulet.useWideVectors()) {
  console.error(`bench: --wide expected Node 24 or later on x64, got ${process.version}`);
  process.exit(2);
}
const asked = process.argv.slice(2).filter((argument) => !FLAGS.includes(argument));
const unknown = asked.find((name) => !Object.hasOwn(sections, name));
if (unknown) {
  console.error(`bench: expected ${Object.keys(sections).join(", ")}, got ${unknown}`);
  process.exit(2);
}
say(`${cpus()[0]?.model}, ${availableParallelism()} processors, Node ${process.version}`);
say(`rivulet with ${rivulet.kernelVariant()} kernels${wide ? ", 256-bit vectors" : ""}, one thread`);
sayPrograms();
for (const name of asked.length > 0 ? asked : QUICK) await sections[name]();
