// 256-bit vectors. WebAssembly has 128 bits; V8 can fuse two neighboring operations into one of 256, behind a flag that
// has to be set before the kernels are compiled.

import { setFlagsFromString } from "node:v8";
import { deflated } from "../../build/wide.js";
import { inflate } from "./inflate.js";
import { addKernels, selectKernels } from "./load.js";

export const wide = (): Promise<Uint8Array<ArrayBuffer>> => inflate(deflated);

/**
 * Turns on 256-bit vectors, and selects the kernels that are made for them: up to twice as fast, on Node 24 or later on
 * x64 processors (with AVX2, which is all since 2015). Call it before the first model is made. The command does.
 * @returns whether this is such a Node; on others it changes nothing
 * @throws Error where a model was made before
 */
export function useWideVectors(): boolean {
  const { node, ...others } = process.versions;
  if (process.arch !== "x64" || Number.parseInt(node, 10) < 24 || "bun" in others || "deno" in others) return false;
  addKernels("wide", wide);
  selectKernels("wide");
  setFlagsFromString("--experimental-wasm-revectorize");
  return true;
}
