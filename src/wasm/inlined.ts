// Kernels as bytes, for engines that compile WebAssembly from bytes: Node, browsers, Deno, Bun. Both builds are
// deflated together, because they share most of their code: 9.2 KB, compared with 7.2 KB for each alone.

import { deflated, relaxed, strict } from "../../build/kernels.js";
import { inflate } from "./inflate.js";
import type { Builds } from "./load.js";

/** @internal */
export const kernels: Builds = {
  relaxed: async () => (await inflate(deflated, relaxed + strict)).subarray(0, relaxed),
  strict: async () => (await inflate(deflated, relaxed + strict)).subarray(relaxed),
};
