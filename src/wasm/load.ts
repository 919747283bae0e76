// Which build of the kernels this engine gets, compiled once and instantiated for each network.

import { instantiate } from "@assemblyscript/loader";
import { relaxed, strict } from "../../build/kernels.js";
import { oneOf } from "../check.js";
import type { Kernels } from "./kernels.js";

/**
 * strict: the same bits on every engine. relaxed: fused multiply-add, up to twice as fast where the processor has it.
 * wide: the same in tiles for engines that fuse 128-bit operations into 256-bit ones; see wide.ts.
 */
export const KERNEL_VARIANTS = ["strict", "relaxed", "wide"] as const;
export type KernelVariant = (typeof KERNEL_VARIANTS)[number];

const builds: { [variant in KernelVariant]?: string } = { strict, relaxed };
const compiled = new Map<KernelVariant, Promise<WebAssembly.Module>>();
let selected: KernelVariant | undefined;

/**
 * Chooses the build for all networks made from now on. Without it, the relaxed build is taken where the engine knows
 * relaxed SIMD (Node 22, browsers of 2024), else the strict one. Choose "strict" for the same bits on every engine.
 * @throws RangeError, TypeError where `variant` is no build, or one that is not there
 */
export function selectKernels(variant: KernelVariant): void {
  oneOf("variant", variant, KERNEL_VARIANTS);
  if (!builds[variant]) {
    throw new RangeError(
      `"variant" expected "strict" or "relaxed", got "${variant}": rivulet/node's useWideVectors() has it`,
    );
  }
  selected = variant;
}

/** Adds a build that is not in every bundle. @throws Error where kernels are compiled already */
export function addKernels(variant: KernelVariant, base64: string): void {
  if (compiled.size > 0) throw new Error(`${variant} kernels expected to be chosen before the first model is made`);
  builds[variant] = base64;
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
    module = WebAssembly.compile(fromBase64(builds[variant]!)).catch((cause) => {
      const needs = variant === "strict" ? "SIMD" : 'relaxed SIMD; "strict" ones need less';
      throw new Error(`this engine cannot compile the ${variant} kernels: they need WebAssembly with ${needs}`, {
        cause,
      });
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
