// rivulet/classify as published: see with-kernels.ts.

import { kernels } from "../wasm/inlined.js";
import { withKernels } from "../wasm/load.js";
import * as library from "./classify.js";

export * from "./classify.js";
export const Classifier = /* @__PURE__ */ withKernels(kernels, library.Classifier);
export const loadModel = /* @__PURE__ */ withKernels(kernels, library.loadModel);
export const resume = /* @__PURE__ */ withKernels(kernels, library.resume);
