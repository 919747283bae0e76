// The kernels for Cloudflare Workers, which compile no bytes: wrangler makes modules of what is imported.

import type { Builds } from "./load.js";
import relaxed from "./relaxed.wasm";
import strict from "./strict.wasm";

export const kernels: Builds = { relaxed, strict };
