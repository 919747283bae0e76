// Bundles the library's internals for the benchmarks, which also time functions that the package does not export.
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
await build({
  stdin: {
    contents: `
      export * from "./src/entries/with-kernels.ts";
      export * from "./src/entries/ngram.ts";
      export { networkConfig } from "./src/nn/config.ts";
      export { TokenNetwork } from "./src/lm/token-network.ts";
      export { Network } from "./src/nn/network.ts";
      export { embedding } from "./src/nn/layers/embedding.ts";
      export { recurrent } from "./src/nn/layers/recurrent.ts";
      export { pool } from "./src/nn/layers/pool.ts";
      export { softmaxLoss } from "./src/nn/losses/softmax.ts";
      export { clip, gradientNorm, update } from "./src/train/optimizer.ts";
      export { kernelVariant, loadKernels } from "./src/wasm/load.ts";
      export { useWideVectors } from "./src/wasm/wide.ts";`,
    resolveDir: root,
  },
  outfile: `${root}build/internals.mjs`,
  bundle: true,
  format: "esm",
  platform: "neutral",
  external: ["node:*"],
  mainFields: ["module", "main"],
  target: "es2022",
  logLevel: "warning",
});
export const rivulet = await import(`${root}build/internals.mjs`);
