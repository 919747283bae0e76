// Matrices as 8-bit integers: w ≈ s·q, one scale s for each row of PyTorch's (out, in) matrix, q from −127 to 127, so that a
// file takes a quarter of the space (symmetric quantization per output channel; Krishnamoorthi 2018, section 3.1).

import type { SafeTensors, Tensor } from "./safetensors.js";

/** Returns the name of the tensor with a quantized tensor's scales. */
export const scaleOf = (name: string): string => `${name}.scale`;

/** Quantizes a matrix (rows, columns). The scale of each row maps its largest magnitude to 127. */
export function quantize({ shape, values }: Tensor): { integers: Tensor; scales: Tensor } {
  const [rows, columns] = shape as [number, number];
  const integers = new Int8Array(values.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let most = 0;
    for (let i = start; i < start + columns; i++) most = Math.max(most, Math.abs(values[i]!));
    const scale = Math.fround(most / 127);
    scales[row] = scale;
    // If a scale underflows to 0, so do its weights. A scale may be rounded down, and a quotient of 127.4 rounds to 127.
    for (let i = start; i < start + columns; i++) {
      if (scale > 0) integers[i] = Math.max(-127, Math.min(127, Math.round(values[i]! / scale)));
    }
  }
  return { integers: { shape, values: integers }, scales: { shape: [rows], values: scales } };
}

/** Converts a quantized matrix back to float32. */
export function widen({ shape, values }: Tensor, scales: Float32Array): Float32Array {
  const columns = shape[1]!;
  const widened = Float32Array.from(values);
  scales.forEach((scale, row) => {
    for (let i = row * columns; i < (row + 1) * columns; i++) widened[i]! *= scale;
  });
  return widened;
}

/** Returns true if a file has quantized weights. */
export const isQuantized = ({ tensors }: SafeTensors): boolean =>
  [...tensors.values()].some(({ values }) => values instanceof Int8Array);
