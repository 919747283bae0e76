// Speed of matrix products, packing included, relative to the peak of a register-only probe.
import { rivulet } from "./internals.mjs";
import { probes } from "./probe.mjs";
import { calling, percent, race, table, verdict, warmUp } from "./timing.mjs";

const padded = (n) => Math.ceil(n / 4) * 4;

// [name, M, N, K, goal]: C is M×N, K is summed over.
const SQUARE = [64, 128, 256, 512].map((n) => [`n = ${n}`, n, n, n, n === 64 ? 0.75 : 0.85]);
const CONFIGURATIONS = {
  A·B: [
    ["d2l-rnn h·Wh", 1024, 32, 32],
    ["d2l-rnn h·Wo", 256, 28, 32],
    ["char-rnn h·Wh", 50, 128, 128],
    ["char-rnn h·Wo", 256, 65, 128],
  ],
  A·Bᵀ: [
    ["d2l-rnn δz·Whᵀ", 1024, 32, 32],
    ["d2l-rnn δo·Woᵀ", 256, 32, 28],
    ["char-rnn δz·Whᵀ", 50, 128, 128],
    ["char-rnn δo·Woᵀ", 256, 128, 65],
  ],
  Aᵀ·B: [
    ["d2l-rnn hᵀ·δz", 32, 32, 32 * 1024],
    ["d2l-rnn hᵀ·δo", 32, 28, 256],
    ["char-rnn hᵀ·δz", 128, 128, 2500],
    ["char-rnn hᵀ·δo", 128, 65, 256],
  ],
};

export async function matmul(seconds) {
  const variant = rivulet.kernelVariant();
  const peaks = await probes(variant);
  const memory = new WebAssembly.Memory({ initial: 1024 });
  const kernels = await rivulet.loadKernels(memory, variant);
  const floats = new Float32Array(memory.buffer);
  for (let i = 0; i < floats.length; i++) floats[i] = (((i * 7919) % 1001) - 500) / 500;

  const contestants = peaks.map((probe) => ({ ...probe, turn: calling(probe.work) }));
  for (const [product, shapes] of Object.entries(CONFIGURATIONS)) {
    for (const [name, M, N, K, goal = 0.75] of [...SQUARE, ...shapes]) {
      const work = product_(kernels, product, M, N, K);
      check(floats, product, work, M, N, K);
      const flops = 2 * M * N * K;
      const calls = Math.max(1, Math.round(2e6 / flops));
      contestants.push({ name: `${product}  ${name}`, flops: flops * calls, goal, work, turn: calling(work, calls) });
    }
  }
  for (const { work } of contestants) await warmUp(work, 30);
  const results = await race(contestants, seconds);
  const gflops = results.map(({ best, median }, i) => ({
    best: contestants[i].flops / best / 1e9,
    median: contestants[i].flops / median / 1e9,
  }));
  const top = (key) => Math.max(...gflops.slice(0, peaks.length).map((rate) => rate[key]));
  const peak = { best: top("best"), median: top("median") };
  table(
    `matrix products, ${variant} kernels: GFLOPS, packing included; share of the probe's peak`,
    ["", "best", "of peak", "median", "of peak", "goal", "met"],
    contestants.map(({ name, goal }, i) => {
      const { best, median } = gflops[i];
      const share = best / peak.best;
      const rates = [best.toFixed(1), percent(share), median.toFixed(1), percent(median / peak.median)];
      return [name, ...rates, ...(goal ? [percent(goal), verdict(share, goal)] : [])];
    }),
  );
}

/** Offsets of the matrices of a product: C, A, B, scratch. */
function places(M, N, K) {
  const A = 65536;
  const B = A + 4 * K * padded(M) + 4 * M * padded(K) + 192;
  const C = B + 4 * K * padded(N) + 4 * N * padded(K) + 192;
  const scratch = C + 4 * M * padded(N) + 192;
  return [C, A, B, scratch].map((at) => Math.ceil(at / 64) * 64);
}

/** Returns a function that computes C += the product, packing included. */
function product_(kernels, product, M, N, K) {
  const [C, A, B, scratch] = places(M, N, K);
  if (product === "Aᵀ·B") return () => kernels.aTb(C, A, B, M, N, K, scratch);
  const pack = product === "A·B" ? kernels.pack : kernels.packT;
  return () => {
    pack(scratch, B, K, N);
    kernels.multiply(C, A, scratch, M, N, K);
  };
}

/** Checks one element of the result against a sum in double precision. */
function check(floats, product, work, M, N, K) {
  const [C, A, B] = places(M, N, K).map((at) => at / 4);
  const i = M >> 1;
  const j = N - 1;
  floats.fill(0, C, C + M * padded(N));
  work();
  let sum = 0;
  for (let k = 0; k < K; k++) {
    const a = product === "Aᵀ·B" ? floats[A + k * padded(M) + i] : floats[A + i * padded(K) + k];
    const b = product === "A·Bᵀ" ? floats[B + j * padded(K) + k] : floats[B + k * padded(N) + j];
    sum += a * b;
  }
  const found = floats[C + i * padded(N) + j];
  if (Math.abs(found - sum) > 1e-5 * K) throw new Error(`${product} ${M}×${N}×${K}: expected ${sum}, got ${found}`);
}
