// Kernels for Vercel's edge runtime and Next's edge routes, which cannot compile WebAssembly from bytes. Only the
// strict build: `next build` compiles imports with the Node that it runs on, and Node 20 rejects relaxed SIMD.

import type { Builds } from "./load.js";
import strict from "./strict.wasm?module";

export const kernels: Builds = { strict };
