// Which build of the kernels this engine gets, compiled once and instantiated for each network.

import { instantiate } from "@assemblyscript/loader";
import { relaxed, strict } from "../../build/kernels.js";
import { oneOf } from "../check.js";
import type { Kernels } from "./kernels.js";

/** strict: the same bits on every engine. relaxed: fused multiply-add, up to twice as fast where the processor has it. */
export const KERNEL_VARIANTS = ["strict", "relaxed"] as const;
export type KernelVariant = (typeof KERNEL_VARIANTS)[number];

const builds: Record<KernelVariant, string> = { strict, relaxed };
const compiled = new Map<KernelVariant, Promise<WebAssembly.Module>>();
let selected: KernelVariant | undefined;

/**
 * Chooses the build for all networks made from now on. Without it, the relaxed build is taken where the engine knows
 * relaxed SIMD (Node 22, browsers of 2024), else the strict one. Choose "strict" for the same bits on every engine.
 * @throws RangeError, TypeError where `variant` is neither
 */
export function selectKernels(variant: KernelVariant): void {
  selected = oneOf("variant", variant, KERNEL_VARIANTS);
}

/** The build in use. */
export function kernelVariant(): KernelVariant {
  selected ??= hasRelaxedSimd() ? "relaxed" : "strict";
  return selected;
}

function hasRelaxedSimd(): boolean {
  // (module (func (result v128) i32.const 0, i8x16.splat, three times, f32x4.relaxed_madd))
  return WebAssembly.validate(
    // biome-ignore format: sections
    new Uint8Array([
      0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0,
      65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 11,
    ]),
  );
}

/** Kernels that work on `memory`. */
export async function loadKernels(memory: WebAssembly.Memory, variant = kernelVariant()): Promise<Kernels> {
  let module = compiled.get(variant);
  if (!module) {
    module = WebAssembly.compile(fromBase64(builds[variant])).catch((cause) => {
      throw new Error("this engine cannot compile the kernels: rivulet needs WebAssembly with SIMD", { cause });
    });
    compiled.set(variant, module);
  }
  const { instance } = await instantiate(await module, { env: { memory } });
  // The functions themselves: the loader's own exports wrap them for optional arguments, which costs every call.
  return instance.exports as unknown as Kernels;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
