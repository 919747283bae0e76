// Before every test file: the wide kernels join the others; with WIDE_VECTORS=1, 256-bit vectors are on for all of them.

import { wide } from "../build/wide.js";
import { addKernels } from "../src/wasm/load.js";
import { useWideVectors } from "../src/wasm/wide.js";

if (process.env.WIDE_VECTORS !== "1") addKernels("wide", wide);
else if (!useWideVectors()) throw new Error(`WIDE_VECTORS=1 expected Node 24 or later on x64, got ${process.version}`);
