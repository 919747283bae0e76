// The cost of sequences of unequal lengths: batches of 32, lengths 5 to 50, packed, beside the same padded to 50 steps. By
// processor time, in alternating blocks: the ratio of the medians, beside the share of rows.
//
//   node bench/lengths.mjs
import { rivulet } from "./internals.mjs";
import { median } from "./timing.mjs";

const [B, E, H] = [32, 64, 128];
const { Network, embedding, recurrent, pool, softmaxLoss } = rivulet;

/** A BiLSTM classifier, say, that is trained on one batch. @returns a function that takes one step */
async function trained(cell, lengths) {
  const network = new Network();
  const tokens = network.axis();
  const ids = network.ids(tokens, 1000);
  const labels = network.ids(tokens.sequences, 10, -1);
  const e = embedding(network, ids, E);
  const { outputs } = recurrent(network, [e], { cell, hiddenSize: H, bidirectional: true });
  softmaxLoss(
    network,
    outputs.map((h) => pool(network, h, "max")),
    labels,
  );
  await network.build();
  const block = network.block("parameters");
  for (let i = 0; i < block.length; i++) block[i] = (((i * 7919) % 1000) / 1000 - 0.5) * 0.1;
  network.parametersChanged();
  const counts = Array.from({ length: Math.max(...lengths) }, (_, t) => lengths.filter((n) => n > t).length);
  const rows = lengths.reduce((a, b) => a + b);
  return () => {
    tokens.pack(counts);
    ids.write(Int32Array.from({ length: rows }, (_, i) => (i * 31) % 1000));
    labels.write(Int32Array.from({ length: B }, (_, i) => i % 10));
    network.gradients(1);
  };
}

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

for (const cell of ["rnn", "gru", "lstm"]) {
  const lengths = Array.from({ length: B }, (_, i) => 5 + ((i * 17) % 46)).sort((a, b) => b - a);
  lengths[0] = 50;
  const steps = [await trained(cell, lengths), await trained(cell, new Array(B).fill(50))];
  const times = [[], []];
  for (let round = 0; round < 25; round++) {
    for (const [i, step] of steps.entries()) {
      const from = cpu();
      for (let n = 0; n < 4; n++) step();
      if (round > 3) times[i].push((cpu() - from) / 4);
    }
  }
  const [packed, padded] = times.map(median);
  const share = lengths.reduce((a, b) => a + b) / (50 * B);
  console.log(
    `${cell.padEnd(5)} packed ${packed.toFixed(2)} ms, padded ${padded.toFixed(2)} ms: ${(packed / padded).toFixed(3)} of the time for ${share.toFixed(3)} of the rows`,
  );
}
