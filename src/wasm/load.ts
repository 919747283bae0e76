// Which build of the kernels this engine gets, compiled once and instantiated for each network.

import { exported, release } from "../../build/abi.js";
import { kindOf, oneOf, show } from "../check.js";
import type { Kernels } from "./kernels.js";
import { noMemory } from "./no-memory.js";

/**
 * strict: the same bits on every engine. relaxed: fused multiply-add, up to twice as fast where the processor has it.
 * wide: the same in tiles for engines that fuse 128-bit operations into 256-bit ones; see wide.ts.
 */
export const KERNEL_VARIANTS = ["strict", "relaxed", "wide"] as const;
export type KernelVariant = (typeof KERNEL_VARIANTS)[number];

/** @internal The kernels as a bundler compiled them, or a function that gives their bytes. */
export type Build = WebAssembly.Module | (() => Promise<Uint8Array<ArrayBuffer>>);
/** @internal */
export type Builds = { readonly [variant in KernelVariant]?: Build };

const builds: { [variant in KernelVariant]?: Build } = {};
const compiled = new Map<KernelVariant, Promise<WebAssembly.Module>>();
let selected: KernelVariant | undefined;

/** @internal Makes builds available. A compiled one stays where bytes of the same build come later. */
export function provideKernels(given: Builds): void {
  for (const variant of KERNEL_VARIANTS) {
    if (given[variant] && typeof builds[variant] !== "object") builds[variant] = given[variant];
  }
}

/**
 * @internal A part of the library that needs kernels, with those it gets in this bundle. Entries export such parts through here, so
 * that a bundler which drops what is unused keeps the kernels exactly where they are needed.
 */
export function withKernels<T>(given: Builds, part: T): T {
  provideKernels(given);
  return part;
}

/**
 * Chooses the kernels for all networks made from now on. Without it, the relaxed build is taken where the engine knows
 * relaxed SIMD (Node 22, browsers of 2024), else the strict one. Choose "strict" for the same bits on every engine.
 * @param kernels a build, or one that is compiled already, for a platform that does not compile bytes: the
 * WebAssembly.Module of "rivulet/strict.wasm" or "rivulet/relaxed.wasm", of this release
 * @throws TypeError, RangeError where `kernels` is none of these, or a build that is not there
 */
export function selectKernels(kernels: KernelVariant | object): void {
  if (typeof kernels === "object" && kernels !== null) {
    const module = checkModule(kernels);
    const variant = variantOf(module);
    builds[variant] = module;
    compiled.delete(variant);
    selected = variant;
    return;
  }
  const variant = oneOf("kernels", kernels, KERNEL_VARIANTS);
  if (!builds[variant]) {
    const there = KERNEL_VARIANTS.filter((candidate) => builds[candidate]).map((candidate) => show(candidate));
    const advice =
      variant === "wide"
        ? "rivulet/node's useWideVectors() has it"
        : `the WebAssembly.Module of "rivulet/${variant}.wasm" can be given instead`;
    throw new RangeError(`"kernels" expected ${there.join(" or ")}, got ${show(variant)}: ${advice}`);
  }
  selected = variant;
}

/** @internal @throws Error where kernels are compiled already */
export function expectNoneCompiled(variant: KernelVariant): void {
  if (compiled.size > 0) throw new Error(`${variant} kernels expected to be chosen before the first model is made`);
}

/** The build in use. */
export function kernelVariant(): KernelVariant {
  selected ??= builds.relaxed && hasRelaxedSimd() ? "relaxed" : "strict";
  return selected;
}

function hasRelaxedSimd(): boolean {
  // (module (func (result v128) i32.const 0, i8x16.splat, three times, f32x4.relaxed_madd))
  return (
    typeof WebAssembly === "object" &&
    WebAssembly.validate(
      // biome-ignore format: sections
      new Uint8Array([
        0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0,
        65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 11,
      ]),
    )
  );
}

/** @throws TypeError where it is no module; RangeError where it is not one of this release's kernels */
function checkModule(value: object): WebAssembly.Module {
  const expected = `"kernels" expected the WebAssembly.Module of this release's "rivulet/strict.wasm" or "rivulet/relaxed.wasm"`;
  // A module of another realm is no instance of this one's class.
  if (kindOf(value) !== "WebAssembly.Module") throw new TypeError(`${expected}, got ${show(value)}`);
  const module = value as WebAssembly.Module;
  const [mark] = WebAssembly.Module.customSections(module, "rivulet");
  if (!mark) throw new RangeError(`${expected}, got another module`);
  const [found] = new TextDecoder().decode(mark).split(" ");
  if (found !== release) throw new RangeError(`${expected} (${release}), got that of release ${found}`);
  const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const missing = exported.find((name) => !names.has(name));
  if (missing) throw new RangeError(`${expected}, got one without its function "${missing}"`);
  return module;
}

/** Which build a module is that passed checkModule(). */
function variantOf(module: WebAssembly.Module): KernelVariant {
  const [mark] = WebAssembly.Module.customSections(module, "rivulet");
  return new TextDecoder().decode(mark).split(" ")[1] as KernelVariant;
}

/** @internal The kernels of a build, compiled. @throws Error that says what this engine lacks, or what refuses to compile them */
export function compileKernels(variant = kernelVariant()): Promise<WebAssembly.Module> {
  let module = compiled.get(variant);
  if (!module) {
    module = compile(variant);
    compiled.set(variant, module);
    module.catch(() => compiled.delete(variant));
  }
  return module;
}

async function compile(variant: KernelVariant): Promise<WebAssembly.Module> {
  const build = builds[variant];
  if (!build) throw new Error(`the ${variant} kernels are not in this bundle: use selectKernels()`);
  if (typeof build === "object") return build;
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  try {
    bytes = await build();
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    const { whyRefused } = await import("./refused.js");
    throw new Error(whyRefused(variant, bytes), { cause });
  }
}

/** @internal Compiled kernels that work on `memory`. @throws RangeError where there is no memory for them */
export async function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernels> {
  try {
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    return exports as unknown as Kernels;
  } catch (cause) {
    throw noMemory("an instance of the kernels needs memory", cause);
  }
}

/** @internal Kernels of a build that work on `memory`. */
export async function loadKernels(memory: WebAssembly.Memory, variant = kernelVariant()): Promise<Kernels> {
  return instantiateKernels(await compileKernels(variant), memory);
}
