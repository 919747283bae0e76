// rivulet as published: each part that needs kernels comes with them. The build makes a variant of this file for each
// condition of the package's exports whose kernels come from elsewhere.

import { kernels } from "../wasm/inlined.js";
import { withKernels } from "../wasm/load.js";
import * as library from "./index.js";

export * from "./index.js";
export const RecurrentModel = /* @__PURE__ */ withKernels(kernels, library.RecurrentModel);
export type RecurrentModel = library.RecurrentModel;
export const kernelVariant = /* @__PURE__ */ withKernels(kernels, library.kernelVariant);
export const loadModel = /* @__PURE__ */ withKernels(kernels, library.loadModel);
export const resume = /* @__PURE__ */ withKernels(kernels, library.resume);
export const selectKernels = /* @__PURE__ */ withKernels(kernels, library.selectKernels);
