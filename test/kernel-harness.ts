// Runs kernels on matrices: lays them out in the kernels' format at odd addresses, surrounded by guard words, and reads them
// back. Every build of the kernels that this engine can run is tested.

import { expect } from "vitest";
import type { Kernels } from "../src/wasm/kernels.js";
import { KERNEL_VARIANTS, loadKernels } from "../src/wasm/load.js";
import type { Matrix } from "./reference.js";

const GUARD = 0x7fa5a5a5; // a NaN: whoever reads it spoils the result
const padded = (n: number) => Math.ceil(n / 4) * 4;

/** The builds that this engine compiles. Node 20 knows no relaxed SIMD. */
export const variants: (typeof KERNEL_VARIANTS)[number][] = [];
for (const variant of KERNEL_VARIANTS) {
  try {
    await loadKernels(new WebAssembly.Memory({ initial: 1 }), variant);
    variants.push(variant);
  } catch {
    console.warn(`kernels: this engine (${process.version}) cannot run the ${variant} build; it is not tested here`);
  }
}

interface Block {
  pointer: number;
  length: number;
}

export class Harness {
  private end: number;
  private readonly blocks: Block[] = [];

  private constructor(
    readonly kernels: Kernels,
    private readonly memory: WebAssembly.Memory,
  ) {
    // Not at the start of a page.
    this.end = Math.ceil(kernels.heapBase() / 16) * 16 + 16 * 37;
    new Uint32Array(memory.buffer, this.end).fill(GUARD);
  }

  static async create(variant: (typeof KERNEL_VARIANTS)[number], pages = 64): Promise<Harness> {
    const memory = new WebAssembly.Memory({ initial: pages });
    return new Harness(await loadKernels(memory, variant), memory);
  }

  /** n words between guards. */
  private take(length: number): number {
    const pointer = this.end + 32;
    this.end = pointer + 4 * padded(length);
    this.blocks.push({ pointer, length: padded(length) });
    return pointer;
  }

  /** Puts a matrix into memory, rows padded with zeros. */
  matrix(rows: Matrix): number {
    const columns = rows[0]?.length ?? 0;
    const stride = padded(columns);
    const pointer = this.take(rows.length * stride);
    const floats = this.floats(pointer, rows.length * stride).fill(0);
    for (const [i, row] of rows.entries()) floats.set(row, i * stride);
    return pointer;
  }

  /** Room for n floats that start as NaN. */
  room(n: number): number {
    return this.take(n);
  }

  integers(values: number[]): number {
    const pointer = this.take(values.length);
    new Int32Array(this.memory.buffer, pointer, values.length).set(values);
    return pointer;
  }

  /** Room for n doubles. */
  doubles(n: number): number {
    return this.take(2 * n);
  }

  floats(pointer: number, n: number): Float32Array {
    return new Float32Array(this.memory.buffer, pointer, n);
  }

  readDoubles(pointer: number, n: number): number[] {
    return Array.from(new Float64Array(this.memory.buffer, pointer, n));
  }

  /** Reads a matrix back and checks that its padding is zero. */
  read(pointer: number, rows: number, columns: number): Matrix {
    const stride = padded(columns);
    return Array.from({ length: rows }, (_, i) => {
      const row = Array.from(this.floats(pointer + 4 * i * stride, stride));
      expect(row.slice(columns), "padding").toEqual(new Array(stride - columns).fill(0));
      return row.slice(0, columns);
    });
  }

  /** Nothing was written between the blocks. */
  checkGuards(): void {
    const words = new Uint32Array(this.memory.buffer);
    let from = this.blocks[0]!.pointer / 4 - 8;
    for (const { pointer, length } of [...this.blocks, { pointer: this.end + 4096, length: 0 }]) {
      for (let i = from; i < pointer / 4; i++)
        if (words[i] !== GUARD) expect.fail(`a guard word at byte ${4 * i} was overwritten`);
      from = pointer / 4 + length;
    }
  }
}

/** Largest |a − b|, relative to `scale` or to the largest |b|. */
export function difference(a: Matrix, b: Matrix, scale = Math.max(1e-30, ...b.flat().map(Math.abs))): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  a.forEach((row, i) => {
    expect(row.length).toBe(b[i]!.length);
    row.forEach((x, j) => {
      const d = Math.abs(x - b[i]![j]!);
      if (!(d <= largest)) largest = d;
    });
  });
  return largest / scale;
}
