// 256-bit vectors. WebAssembly has 128 bits; V8 can fuse two neighboring operations into one of 256, behind a flag that
// has to be set before the kernels are compiled.

import { cachedDataVersionTag, setFlagsFromString } from "node:v8";
import { deflated, wide as length } from "../../build/wide.js";
import { inflate } from "./inflate.js";
import { expectNoneCompiled, provideKernels, selectKernels } from "./load.js";

/** @internal */
export const wide = (): Promise<Uint8Array<ArrayBuffer>> => inflate(deflated, length);

/**
 * Turns on 256-bit vectors, and selects the kernels that are made for them: up to twice as fast, on Node 24 or later on
 * x64 processors (with AVX2, which is most since 2015). Call it before the first model is made. The command does.
 * @returns whether the engine was seen to fuse two vectors into one; elsewhere nothing changes
 * @throws Error where a model was made before
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

/** V8 ends the experiment after 14.6. A name that it does not know it prints, and does not throw. */
function flagOf(v8: string): string {
  const [major, minor] = v8.split(".").map(Number) as [number, number];
  return major < 14 || (major === 14 && minor <= 6) ? "experimental-wasm-revectorize" : "wasm-revectorize";
}

/** Sets a flag. @returns what undoes that; nothing is undone where it was set before, which V8's tag of its flags tells */
function set(flag: string, opposite: string): () => void {
  const before = cachedDataVersionTag();
  setFlagsFromString(flag);
  const changed = cachedDataVersionTag() !== before;
  return () => {
    if (changed) setFlagsFromString(opposite);
  };
}

/**
 * Whether V8 compiles two neighboring loads into one. A flag that is on does not say so: without AVX2 it does nothing.
 * Where the second load is out of bounds, the fused one traps in the place of the first.
 */
function fuses(): boolean {
  // Its optimizing compiler fuses, which otherwise comes when the first one's code has run for a while.
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
/** Where the first load is in it, in bytes. */
const FIRST_LOAD = 45;
