// Why an engine does not give a network what it needs, found by asking the engine, not by reading its messages: engines
// word them differently, and change them. Theirs is kept as the cause.

import type { KernelVariant } from "./load.js";

const WITHOUT = "rivulet/ngram works without it";

/** Why the kernels could not be compiled. @param bytes undefined where they could not be unpacked */
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
      'or give selectKernels() the WebAssembly.Module of "rivulet/strict.wasm"'
    );
  }
  if (!bytes) {
    const format = 'DecompressionStream("deflate") to unpack the kernels';
    return `networks need ${format}, which failed here: selectKernels() takes the WebAssembly.Module of "rivulet/strict.wasm" instead`;
  }
  if (!WebAssembly.validate(bytes)) {
    return `the ${variant} kernels need WebAssembly with relaxed SIMD, which this engine lacks: selectKernels("strict") needs less`;
  }
  // The engine could, and something forbids it.
  return (
    "a policy forbids to compile WebAssembly here. In a page with a Content-Security-Policy, add 'wasm-unsafe-eval' to its " +
    `script-src; elsewhere, give selectKernels() the WebAssembly.Module of "rivulet/strict.wasm". ${WITHOUT}`
  );
}

/** A platform that takes only modules from its bundler, and the condition under which the package's exports have them. */
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
