// Kernels for Cloudflare Workers, which cannot compile WebAssembly from bytes: wrangler turns these imports into
// modules.

import type { Builds } from "./load.js";
import relaxed from "./relaxed.wasm";
import strict from "./strict.wasm";

export const kernels: Builds = { relaxed, strict };
