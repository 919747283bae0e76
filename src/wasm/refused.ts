// Explains why an engine does not provide what a network needs. The reason is found by probing the engine rather than
// by reading its error messages, which differ between engines and versions; the engine's error is kept as the cause.

import type { KernelVariant } from "./load.js";

const WITHOUT = "rivulet/ngram works without it";

/** Explains why the kernels could not be compiled. @param bytes undefined if they could not be unpacked */
export function whyRefused(variant: KernelVariant, bytes: Uint8Array<ArrayBuffer> | undefined): string {
  if (typeof WebAssembly !== "object") {
    return `networks need WebAssembly, which this engine lacks or has turned off: ${WITHOUT}`;
  }
  if (!hasSimd()) {
    return `networks need WebAssembly with SIMD, which this engine lacks (Chrome 91, Firefox 89, Safari 16.4 and Node 20 have it): ${WITHOUT}`;
  }
  const platform = edgePlatform();
  if (platform) {
    const [name, condition] = platform;
    return (
      `${name} does not compile WebAssembly from bytes: bundle with the condition "${condition}" of the package's exports, ` +
      'or pass the WebAssembly.Module of "rivulet/strict.wasm" to selectKernels()'
    );
  }
  if (!bytes) {
    const format = 'DecompressionStream("deflate") to unpack the kernels';
    return `networks need ${format}, which failed here: pass the WebAssembly.Module of "rivulet/strict.wasm" to selectKernels() instead`;
  }
  if (!WebAssembly.validate(bytes)) {
    return `the ${variant} kernels need WebAssembly with relaxed SIMD, which this engine lacks: use selectKernels("strict")`;
  }
  // The engine is able to compile them, so something forbids it.
  return (
    "a policy forbids compiling WebAssembly here. In a page with a Content-Security-Policy, add 'wasm-unsafe-eval' to its " +
    `script-src; elsewhere, pass the WebAssembly.Module of "rivulet/strict.wasm" to selectKernels(). ${WITHOUT}`
  );
}

/**
 * The platform, if it accepts only modules from its bundler, and the condition of the package's exports that has them.
 */
function edgePlatform(): [name: string, condition: string] | undefined {
  const { navigator, EdgeRuntime } = globalThis as { navigator?: { userAgent?: unknown }; EdgeRuntime?: unknown };
  if (navigator?.userAgent === "Cloudflare-Workers") return ["Cloudflare Workers", "workerd"];
  if (typeof EdgeRuntime === "string") return ["the edge runtime", "edge-light"];
  return undefined;
}

function hasSimd(): boolean {
  // (module (func (result v128) i32.const 0, i8x16.splat))
  // biome-ignore format: sections
  return WebAssembly.validate(new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11,
  ]));
}
