// Enables 256-bit vectors. WebAssembly's have 128 bits; V8 can fuse two adjacent operations into one of 256 bits,
// behind a flag that has to be set before the kernels are compiled.

import { cachedDataVersionTag, setFlagsFromString } from "node:v8";
import { deflated, wide as length } from "../../build/wide.js";
import { inflate } from "./inflate.js";
import { expectNoneCompiled, provideKernels, selectKernels } from "./load.js";

/** @internal */
export const wide = (): Promise<Uint8Array<ArrayBuffer>> => inflate(deflated, length);

/**
 * Turns on 256-bit vectors, and selects the kernels made for them: up to twice as fast, on Node 24 or later on x64
 * processors with AVX2 (most since 2015). Call it before the first model is created. The command does so.
 * @returns true if the engine fuses two vectors into one; otherwise, nothing has changed
 * @throws Error if a model was created before
 */
export function useWideVectors(): boolean {
  const { node, v8, ...others } = process.versions;
  if (process.arch !== "x64" || Number.parseInt(node, 10) < 24 || "bun" in others || "deno" in others) return false;
  expectNoneCompiled("wide");
  const flag = flagOf(v8);
  const restore = set(`--${flag}`, `--no-${flag}`);
  if (!fuses()) {
    restore();
    return false;
  }
  provideKernels({ wide });
  selectKernels("wide");
  return true;
}

/** V8 renamed its experimental flag after 14.6. An unknown flag makes it print a line, not throw. */
function flagOf(v8: string): string {
  const [major, minor] = v8.split(".").map(Number) as [number, number];
  return major < 14 || (major === 14 && minor <= 6) ? "experimental-wasm-revectorize" : "wasm-revectorize";
}

/** Sets a flag. @returns a function that undoes it, unless it was set before, as V8's version tag of its flags tells */
function set(flag: string, opposite: string): () => void {
  const before = cachedDataVersionTag();
  setFlagsFromString(flag);
  const changed = cachedDataVersionTag() !== before;
  return () => {
    if (changed) setFlagsFromString(opposite);
  };
}

/**
 * Returns true if V8 compiles two adjacent loads into one. The flag alone does not tell: without AVX2 it has no effect.
 * With the second load out of bounds, a fused one traps at the position of the first.
 */
function fuses(): boolean {
  // Only the optimizing compiler fuses, and without Liftoff, the baseline compiler, it compiles the code from the
  // start.
  const restore = set("--no-liftoff", "--liftoff");
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    const { double } = new WebAssembly.Instance(new WebAssembly.Module(DOUBLE)).exports;
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_, [trap]) => trap?.getPosition();
    (double as (p: number) => void)(65536 - 16);
    return false;
  } catch (trap) {
    return (trap as { stack: unknown }).stack === FIRST_LOAD;
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
    restore();
  }
}

// (module (memory 1) (func (export "double") (param $p i32) (local $a v128) (local $b v128)
//   (local.set $a (v128.load (local.get $p)))
//   (local.set $b (v128.load offset=16 (local.get $p)))
//   (v128.store (local.get $p) (f32x4.add (local.get $a) (local.get $a)))
//   (v128.store offset=16 (local.get $p) (f32x4.add (local.get $b) (local.get $b)))))
// biome-ignore format: sections
const DOUBLE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 1, 127, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1, 7, 10, 1, 6, 100, 111,
  117, 98, 108, 101, 0, 0, 10, 48, 1, 46, 1, 2, 123, 32, 0, 253, 0, 0, 0, 33, 1, 32, 0, 253, 0, 0, 16, 33, 2, 32,
  0, 32, 1, 32, 1, 253, 228, 1, 253, 11, 0, 0, 32, 0, 32, 2, 32, 2, 253, 228, 1, 253, 11, 0, 16, 11,
]);
/** Position of the first load in DOUBLE, in bytes. */
const FIRST_LOAD = 45;
