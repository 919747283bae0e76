// Runs before every test file: registers all kernels. With WIDE_VECTORS=1, 256-bit vectors are on.

import { kernels } from "../src/wasm/inlined.js";
import { provideKernels } from "../src/wasm/load.js";
import { useWideVectors, wide } from "../src/wasm/wide.js";

provideKernels(kernels);

if (process.env.WIDE_VECTORS !== "1") provideKernels({ wide });
else if (!useWideVectors()) throw new Error(`WIDE_VECTORS=1 expected Node 24 or later on x64, got ${process.version}`);
