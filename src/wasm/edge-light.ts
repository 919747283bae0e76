// The kernels for Vercel's edge and Next's edge routes, which compile no bytes. Not the relaxed build: `next build` compiles
// what is imported with the Node it runs on, and Node 20 refuses relaxed SIMD.

import type { Builds } from "./load.js";
import strict from "./strict.wasm?module";

export const kernels: Builds = { strict };
