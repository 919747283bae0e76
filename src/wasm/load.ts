// Chooses the build of the kernels for this engine, compiles it once, and instantiates it for each network.

import { exported, release } from "../../build/abi.js";
import { kindOf, oneOf, show } from "../check.js";
import type { Kernels } from "./kernels.js";
import { noMemory } from "./no-memory.js";

/**
 * strict: the same bits on every engine. relaxed: fused multiply-add, up to twice as fast on processors that have it.
 * wide: relaxed, with tiles for engines that fuse 128-bit operations into 256-bit ones; see wide.ts.
 */
export const KERNEL_VARIANTS = ["strict", "relaxed", "wide"] as const;
export type KernelVariant = (typeof KERNEL_VARIANTS)[number];

/** @internal A module that a bundler has compiled, or a function that returns the bytes of the kernels. */
export type Build = WebAssembly.Module | (() => Promise<Uint8Array<ArrayBuffer>>);
/** @internal */
export type Builds = { readonly [variant in KernelVariant]?: Build };

const builds: { [variant in KernelVariant]?: Build } = {};
const compiled = new Map<KernelVariant, Promise<WebAssembly.Module>>();
let selected: KernelVariant | undefined;

/** @internal Makes builds available. Bytes do not replace a compiled module of the same build. */
export function provideKernels(given: Builds): void {
  for (const variant of KERNEL_VARIANTS) {
    if (given[variant] && typeof builds[variant] !== "object") builds[variant] = given[variant];
  }
}

/**
 * @internal Returns a part of the library that needs kernels, after making this bundle's kernels available. Entries
 * export such parts through this function, so that tree shaking keeps the kernels only in programs that need them.
 */
export function withKernels<T>(given: Builds, part: T): T {
  provideKernels(given);
  return part;
}

/**
 * Chooses the kernels for all networks created from now on. The default is the relaxed build if the engine supports
 * relaxed SIMD (Node 22, browsers since 2024), and otherwise the strict one. Choose "strict" for the same bits on every
 * engine.
 * @param kernels the name of a build or, on platforms that cannot compile WebAssembly from bytes, a WebAssembly.Module:
 * "rivulet/strict.wasm" or "rivulet/relaxed.wasm" of this release
 * @throws TypeError or RangeError if `kernels` is neither, or the build is not available
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
        ? "rivulet/node's useWideVectors() provides it"
        : `pass the WebAssembly.Module of "rivulet/${variant}.wasm" instead`;
    throw new RangeError(`"kernels" expected ${there.join(" or ")}, got ${show(variant)}: ${advice}`);
  }
  selected = variant;
}

/** @internal @throws Error if kernels have already been compiled */
export function expectNoneCompiled(variant: KernelVariant): void {
  if (compiled.size > 0)
    throw new Error(`${variant} kernels expected to be selected before the first model is created`);
}

/** Returns the build in use. */
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

/** @throws TypeError if it is not a module; RangeError if it is not a build of this release's kernels */
function checkModule(value: object): WebAssembly.Module {
  const expected = `"kernels" expected the WebAssembly.Module of this release's "rivulet/strict.wasm" or "rivulet/relaxed.wasm"`;
  // Not instanceof, which fails for a module from another realm.
  if (kindOf(value) !== "WebAssembly.Module") throw new TypeError(`${expected}, got ${show(value)}`);
  const module = value as WebAssembly.Module;
  const [mark] = WebAssembly.Module.customSections(module, "rivulet");
  if (!mark) throw new RangeError(`${expected}, got another module`);
  const [found] = new TextDecoder().decode(mark).split(" ");
  if (found !== release) throw new RangeError(`${expected} (${release}), got the one of release ${found}`);
  const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
  const missing = exported.find((name) => !names.has(name));
  if (missing) throw new RangeError(`${expected}, got one without its function "${missing}"`);
  return module;
}

/** Returns the build of a module that passed checkModule(). */
function variantOf(module: WebAssembly.Module): KernelVariant {
  const [mark] = WebAssembly.Module.customSections(module, "rivulet");
  return new TextDecoder().decode(mark).split(" ")[1] as KernelVariant;
}

/**
 * @internal Compiles the kernels of a build.
 * @throws Error that says what this engine lacks, or what keeps it from compiling
 */
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

/** @internal Instantiates compiled kernels on `memory`. @throws RangeError if there is not enough memory */
export async function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernels> {
  try {
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    return exports as unknown as Kernels;
  } catch (cause) {
    throw noMemory("an instance of the kernels needs memory", cause);
  }
}

/** @internal Instantiates synchronously. @throws the engine's error, such as a page's refusal to do so on its main thread */
export function instantiateKernelsNow(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
}

/** @internal Compiles and instantiates the kernels of a build on `memory`. */
export async function loadKernels(memory: WebAssembly.Memory, variant = kernelVariant()): Promise<Kernels> {
  return instantiateKernels(await compileKernels(variant), memory);
}
