// One linear memory and the kernels that work on it. Blocks are laid out one after the other and never freed: the
// memory lives as long as the network that owns it.

import { size } from "../check.js";
import type { Kernels } from "./kernels.js";
import { compileKernels, instantiateKernels, instantiateKernelsNow } from "./load.js";
import { noMemory } from "./no-memory.js";

const PAGE = 65536;
const MAX_PAGES = 65536;
/** Pages (64 MiB) above which a memory grows in place unless it doubles, since a copy takes time and room. */
const LARGE = 1024;

/**
 * Number of floats in a padded row of n: rows start on 16 bytes, so they are padded with zeros to whole vectors of
 * four.
 */
export const padded = (n: number): number => Math.ceil(n / 4) * 4;

export class Memory {
  private constructor(
    private readonly module: WebAssembly.Module,
    private memory: WebAssembly.Memory,
    /** Replaced along with the memory: read them where they are used. */
    public kernels: Kernels,
  ) {}

  /**
   * Creates an empty memory, and compiles the kernels if that has not been done yet.
   * @throws Error if this engine lacks or refuses what they need; RangeError if it has no memory left
   */
  static async create(): Promise<Memory> {
    const module = await compileKernels();
    const memory = allocate(1);
    return new Memory(module, memory, await instantiateKernels(module, memory));
  }

  /**
   * Makes sure that there are `bytes` bytes. Growing detaches existing views, so views are created where they are used.
   * @throws RangeError that names `what` needs them, if that is more than a memory can hold or the machine provides
   */
  reserve(bytes: number, what: string): void {
    const pages = Math.ceil(bytes / PAGE);
    if (pages * PAGE <= this.bytes) return;
    const need = `${what} needs ${size(bytes)} of memory`;
    if (bytes > PAGE * MAX_PAGES) throw noMemory(need, undefined, "WebAssembly has 4 GiB");
    try {
      if (!this.move(pages)) this.memory.grow(pages - this.bytes / PAGE);
    } catch (cause) {
      throw noMemory(need, cause);
    }
  }

  /**
   * Replaces the memory by a larger copy. When V8 14 or later (Node 26, workerd) decides whether to collect garbage, it ignores
   * what memories have grown by: 400 dropped memories of 1 MB held 445 MB if they had grown to that size, and 117 MB
   * if they were created with it.
   * @returns false if growing in place is better (a large memory) or the only way (no room for both; no synchronous
   * instances, as on a page's main thread before Chrome 115)
   */
  private move(pages: number): boolean {
    const doubles = pages * PAGE >= 2 * this.bytes;
    if (pages > LARGE && !doubles) return false;
    try {
      // A quarter more when weights are laid out, for the activations that follow.
      const memory = allocate(pages <= LARGE && doubles ? Math.ceil(pages * 1.25) : pages);
      const kernels = instantiateKernelsNow(this.module, memory);
      new Uint8Array(memory.buffer).set(new Uint8Array(this.memory.buffer));
      this.memory = memory;
      this.kernels = kernels;
      return true;
    } catch {
      return false;
    }
  }

  /** Size of the memory in bytes. */
  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** A view of n floats. */
  floats(pointer: number, n: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.memory.buffer as ArrayBuffer, pointer, n);
  }

  /** A view of n 32-bit integers. */
  integers(pointer: number, n: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.memory.buffer as ArrayBuffer, pointer, n);
  }

  /** A view of n doubles. */
  doubles(pointer: number, n: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.memory.buffer as ArrayBuffer, pointer, n);
  }
}

function allocate(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES });
  } catch (cause) {
    throw noMemory("a network needs a WebAssembly memory of its own", cause);
  }
}

/** Hands out consecutive blocks, each starting on a cache line. */
export class Blocks {
  constructor(public end: number) {}

  /** Reserves n floats or 32-bit integers, and returns their offset in bytes. */
  take(n: number): number {
    const start = Math.ceil(this.end / 64) * 64;
    this.end = start + 4 * n;
    return start;
  }
}
