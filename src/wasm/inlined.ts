// The kernels as bytes, for all that compile bytes: Node, pages, Deno, Bun. Both builds are deflated as one, since they have
// most of their code in common: 9.2 KB, where each alone has 7.2.

import { deflated, relaxed, strict } from "../../build/kernels.js";
import { inflate } from "./inflate.js";
import type { Builds } from "./load.js";

/** @internal */
export const kernels: Builds = {
  relaxed: async () => (await inflate(deflated, relaxed + strict)).subarray(0, relaxed),
  strict: async () => (await inflate(deflated, relaxed + strict)).subarray(relaxed),
};
