// The inner loops of the matrix product: a panel of 16, 12, 8 or 4 columns of C, tile by tile.
//
// The tile to have is 2 rows × 16 columns, 8 accumulators: 2 loads that splat A, 4 loads of B, 8 multiply-adds a step.
// In 128 bits it is as fast as 4×8 (92 % of the multiply-add peak on Zen 3, Node 20), and engines that fuse neighbouring
// 128-bit operations into 256-bit ones can double it. Narrower panels take what is left of a row.
//
// The loops are not unrolled by hand: V8 does that, and its scheduler (Node 20) sorts longer straight-line code by
// accumulator, which then spills all of them. They test at the end: with the test at the top V8 orders the accumulators
// so that all loads come first, a seventh slower.
//
// A tile that reaches past the last row repeats that row: the copies read the same numbers
// before any of them is stored, and store the same.

import { madd } from "./simd";

/** C (M×16) += A (M×K) · B (K×16), in tiles of 2×16. */
export function panel16(
  C: usize,
  cStride: usize,
  A: usize,
  aStride: usize,
  aStep: usize,
  B: usize,
  bStep: usize,
  M: i32,
  K: i32,
): void {
  const end = B + <usize>K * bStep;
  for (let i = 0; i < M; i += 2) {
    const more = i + 1 < M;
    const c0 = C + <usize>i * cStride;
    const c1 = c0 + (more ? cStride : 0);
    let a0 = A + <usize>i * aStride;
    let a1 = a0 + (more ? aStride : 0);
    let c00 = v128.load(c0);
    let c01 = v128.load(c0, 16);
    let c02 = v128.load(c0, 32);
    let c03 = v128.load(c0, 48);
    let c10 = v128.load(c1);
    let c11 = v128.load(c1, 16);
    let c12 = v128.load(c1, 32);
    let c13 = v128.load(c1, 48);
    let b = B;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const b2 = v128.load(b, 32);
      const b3 = v128.load(b, 48);
      const x0 = v128.load32_splat(a0);
      c00 = madd(x0, b0, c00);
      c01 = madd(x0, b1, c01);
      c02 = madd(x0, b2, c02);
      c03 = madd(x0, b3, c03);
      const x1 = v128.load32_splat(a1);
      c10 = madd(x1, b0, c10);
      c11 = madd(x1, b1, c11);
      c12 = madd(x1, b2, c12);
      c13 = madd(x1, b3, c13);
      a0 += aStep;
      a1 += aStep;
      b += bStep;
    } while (b < end);
    v128.store(c0, c00);
    v128.store(c0, c01, 16);
    v128.store(c0, c02, 32);
    v128.store(c0, c03, 48);
    v128.store(c1, c10);
    v128.store(c1, c11, 16);
    v128.store(c1, c12, 32);
    v128.store(c1, c13, 48);
  }
}

/** C (M×12) += A (M×K) · B (K×12), in tiles of 2×12. */
export function panel12(
  C: usize,
  cStride: usize,
  A: usize,
  aStride: usize,
  aStep: usize,
  B: usize,
  bStep: usize,
  M: i32,
  K: i32,
): void {
  const end = B + <usize>K * bStep;
  for (let i = 0; i < M; i += 2) {
    const more = i + 1 < M;
    const c0 = C + <usize>i * cStride;
    const c1 = c0 + (more ? cStride : 0);
    let a0 = A + <usize>i * aStride;
    let a1 = a0 + (more ? aStride : 0);
    let c00 = v128.load(c0);
    let c01 = v128.load(c0, 16);
    let c02 = v128.load(c0, 32);
    let c10 = v128.load(c1);
    let c11 = v128.load(c1, 16);
    let c12 = v128.load(c1, 32);
    let b = B;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const b2 = v128.load(b, 32);
      const x0 = v128.load32_splat(a0);
      c00 = madd(x0, b0, c00);
      c01 = madd(x0, b1, c01);
      c02 = madd(x0, b2, c02);
      const x1 = v128.load32_splat(a1);
      c10 = madd(x1, b0, c10);
      c11 = madd(x1, b1, c11);
      c12 = madd(x1, b2, c12);
      a0 += aStep;
      a1 += aStep;
      b += bStep;
    } while (b < end);
    v128.store(c0, c00);
    v128.store(c0, c01, 16);
    v128.store(c0, c02, 32);
    v128.store(c1, c10);
    v128.store(c1, c11, 16);
    v128.store(c1, c12, 32);
  }
}

/** C (M×8) += A (M×K) · B (K×8), in tiles of 4×8. */
export function panel8(
  C: usize,
  cStride: usize,
  A: usize,
  aStride: usize,
  aStep: usize,
  B: usize,
  bStep: usize,
  M: i32,
  K: i32,
): void {
  const end = B + <usize>K * bStep;
  for (let i = 0; i < M; i += 4) {
    const c0 = C + <usize>i * cStride;
    const c1 = c0 + (i + 1 < M ? cStride : 0);
    const c2 = c1 + (i + 2 < M ? cStride : 0);
    const c3 = c2 + (i + 3 < M ? cStride : 0);
    let a0 = A + <usize>i * aStride;
    let a1 = a0 + (i + 1 < M ? aStride : 0);
    let a2 = a1 + (i + 2 < M ? aStride : 0);
    let a3 = a2 + (i + 3 < M ? aStride : 0);
    let c00 = v128.load(c0);
    let c01 = v128.load(c0, 16);
    let c10 = v128.load(c1);
    let c11 = v128.load(c1, 16);
    let c20 = v128.load(c2);
    let c21 = v128.load(c2, 16);
    let c30 = v128.load(c3);
    let c31 = v128.load(c3, 16);
    let b = B;
    do {
      const b0 = v128.load(b);
      const b1 = v128.load(b, 16);
      const x0 = v128.load32_splat(a0);
      c00 = madd(x0, b0, c00);
      c01 = madd(x0, b1, c01);
      const x1 = v128.load32_splat(a1);
      c10 = madd(x1, b0, c10);
      c11 = madd(x1, b1, c11);
      const x2 = v128.load32_splat(a2);
      c20 = madd(x2, b0, c20);
      c21 = madd(x2, b1, c21);
      const x3 = v128.load32_splat(a3);
      c30 = madd(x3, b0, c30);
      c31 = madd(x3, b1, c31);
      a0 += aStep;
      a1 += aStep;
      a2 += aStep;
      a3 += aStep;
      b += bStep;
    } while (b < end);
    v128.store(c0, c00);
    v128.store(c0, c01, 16);
    v128.store(c1, c10);
    v128.store(c1, c11, 16);
    v128.store(c2, c20);
    v128.store(c2, c21, 16);
    v128.store(c3, c30);
    v128.store(c3, c31, 16);
  }
}

/** C (M×4) += A (M×K) · B (K×4), in tiles of 4×4. */
export function panel4(
  C: usize,
  cStride: usize,
  A: usize,
  aStride: usize,
  aStep: usize,
  B: usize,
  bStep: usize,
  M: i32,
  K: i32,
): void {
  const end = B + <usize>K * bStep;
  for (let i = 0; i < M; i += 4) {
    const c0 = C + <usize>i * cStride;
    const c1 = c0 + (i + 1 < M ? cStride : 0);
    const c2 = c1 + (i + 2 < M ? cStride : 0);
    const c3 = c2 + (i + 3 < M ? cStride : 0);
    let a0 = A + <usize>i * aStride;
    let a1 = a0 + (i + 1 < M ? aStride : 0);
    let a2 = a1 + (i + 2 < M ? aStride : 0);
    let a3 = a2 + (i + 3 < M ? aStride : 0);
    let c00 = v128.load(c0);
    let c10 = v128.load(c1);
    let c20 = v128.load(c2);
    let c30 = v128.load(c3);
    let b = B;
    do {
      const b0 = v128.load(b);
      c00 = madd(v128.load32_splat(a0), b0, c00);
      c10 = madd(v128.load32_splat(a1), b0, c10);
      c20 = madd(v128.load32_splat(a2), b0, c20);
      c30 = madd(v128.load32_splat(a3), b0, c30);
      a0 += aStep;
      a1 += aStep;
      a2 += aStep;
      a3 += aStep;
      b += bStep;
    } while (b < end);
    v128.store(c0, c00);
    v128.store(c1, c10);
    v128.store(c2, c20);
    v128.store(c3, c30);
  }
}
