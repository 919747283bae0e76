// One journey through the library, the same in every runtime, whose result has to be the same to the bit.

const TEXT = "He piled upon the whale’s white hump the sum of all the general rage. ".repeat(30);
const SHAPES = [
  { cell: "lstm", hiddenSize: 24, embeddingSize: 6, layers: 2, dropout: 0.2, seed: 3 },
  { cell: "gru", hiddenSize: 9, seed: 4 },
  { cell: "rnn", hiddenSize: 7, seed: 5 },
];

/** @param rivulet the library, or its part that is used here, whichever thread it works in */
export async function journey({ characters, cosine, randomWindows, ...rivulet }) {
  await rivulet.selectKernels("strict");
  const tokenizer = characters();
  const { vocabulary, train, valid } = await rivulet.prepare(TEXT, tokenizer, { valid: 0.1 });
  const results = [];
  for (const shape of SHAPES) {
    const model = await rivulet.RecurrentModel.create({ tokenizer, vocabulary, ...shape });
    const windows = randomWindows({ window: 16, batch: 8 });
    const losses = [];
    const norms = [];
    for await (const { loss, gradNorm } of rivulet.train(model, train, {
      windows,
      schedule: cosine(),
      steps: 50,
      valid,
    })) {
      losses.push(loss);
      norms.push(gradNorm);
    }
    let text = "";
    const options = { prompt: "He ", length: 200, temperature: 0.8, topP: 0.95, seed: 5 };
    for await (const piece of rivulet.generate(model, options)) text += piece;
    results.push({ losses, norms, text, file: await sha256(await rivulet.saveModel(model)) });
  }
  return results;
}

/** Runs the n-gram part of the journey. @param ngram what "rivulet/ngram" exports */
export async function ngramJourney(ngram) {
  let seed = 1;
  const below = (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const word = () => `w${below(1 + below(1 + below(400)))}é`;
  const sentences = Array.from({ length: 2000 }, () => Array.from({ length: below(12) }, word).join(" "));
  const counts = ngram.countNgrams(`${sentences.join("\n")}\n`, { order: 3 });
  const model = ngram.kneserNey(counts, { discountFallback: true, prune: [0, 0, 1] });
  const arpa = new Blob([...ngram.saveArpa(model)]);
  const compressed = arpa.stream().pipeThrough(new CompressionStream("gzip"));
  const loaded = await ngram.loadNgram(compressed);
  return {
    arpa: await sha256(await arpa.arrayBuffer()),
    binary: await sha256(ngram.saveNgram(model)),
    quantized: await sha256(ngram.saveNgram(model, { quantize: true })),
    again: await sha256(await new Blob([...ngram.saveArpa(loaded)]).arrayBuffer()),
    text: [...ngram.generate(model, { length: 50, seed: 3 })].join(""),
    next: ngram.nextTokens(model, ngram.stateAfter(model, sentences[5])),
    evaluation: ngram.evaluate(loaded, "w0é w1é w2é\nw3é zz\n"),
  };
}

async function sha256(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
