// Matrix products. A is read where it lies; B is first packed into column panels, so that the inner loop walks
// it straight through. All matrices are row-major, their rows padded with zeros to whole vectors (rowBytes),
// so no product ends in the middle of a vector; a row count can be anything. Products ACCUMULATE: C += A·B.
// C must not overlap A or B. Every element of C is summed over k in order, whatever the shape around it:
// a row gives the same bits alone as in a batch.
//
// The tile is 2 rows × 16 columns, 8 accumulators: 2 loads that splat A, 4 loads of B, 8 multiply-adds a step.
// It is as fast as 4×8 in 128 bits (92 % of the multiply-add peak on Zen 3, Node 20) and engines that fuse
// neighbouring 128-bit operations into 256-bit ones can double it. The loop is not unrolled by hand: V8's
// scheduler sorts straight-line code by accumulator, which then spills all of them.

import { floats, madd, rowBytes } from "./simd";

/** Depth of a block: 256 rows of a 16-wide panel are 16 KB, half of a small first-level cache. */
const KC: i32 = 256;
/** Rows of A that one pass over the panels of B uses: 128 × 256 floats stay in the second-level cache. */
const MC: i32 = 128;
/** Columns of B that aTb packs at a time. */
const NC: i32 = 1024;
/** Rows of up to 512 bytes aTb multiplies in place, 32 deep: as many as one way of the cache holds beside each other. */
const NARROW: usize = 512;
const NARROW_DEPTH: i32 = 32;

/** Columns are taken in panels of 16, what is left over in one of 8 and one of 4. */
function panelWidth(left: i32): i32 {
  return left >= 16 ? 16 : left >= 8 ? 8 : 4;
}

/** Floats that a packed K×N matrix takes: blocks of KC rows, each as panels one after the other. */
export function packedSize(K: i32, N: i32): i32 {
  return K * ((N + 3) & ~3);
}

/** P = B (K×N), packed. P must not overlap B. */
export function pack(P: usize, B: usize, K: i32, N: i32): void {
  const stride = rowBytes(N);
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    packBlock(P, B + <usize>k * stride, stride, depth, N);
    P += <usize>depth * stride;
  }
}

/** P = Bᵀ, packed, where B is N×K. P must not overlap B. */
export function packT(P: usize, B: usize, K: i32, N: i32): void {
  const columns = (N + 3) & ~3;
  const stride = rowBytes(K);
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    for (let j = 0, width = 0; j < columns; j += width) {
      width = panelWidth(columns - j);
      const b = B + <usize>j * stride + floats(k);
      transpose(P, floats(width), b, stride, min(width, N - j), depth);
      P += floats(depth * width);
    }
  }
}

function packBlock(P: usize, B: usize, stride: usize, K: i32, N: i32): void {
  const columns = (N + 3) & ~3;
  for (let j = 0, width = 0; j < columns; j += width) {
    width = panelWidth(columns - j);
    let b = B + floats(j);
    if (width === 16) {
      for (let k = 0; k < K; k++, b += stride, P += 64) {
        v128.store(P, v128.load(b));
        v128.store(P, v128.load(b, 16), 16);
        v128.store(P, v128.load(b, 32), 32);
        v128.store(P, v128.load(b, 48), 48);
      }
    } else {
      for (let k = 0; k < K; k++, b += stride) {
        for (let x = b, end = b + floats(width); x < end; x += 16, P += 16) v128.store(P, v128.load(x));
      }
    }
  }
}

/** Y (columns × rows) = Xᵀ (rows × columns); the lanes beyond `rows` in Y's last vectors become zero. */
function transpose(Y: usize, yStride: usize, X: usize, xStride: usize, rows: i32, columns: i32): void {
  for (let r = 0; r < rows; r += 4) {
    // Where fewer than four rows are left the last one is read again, and masked out.
    const x0 = X + <usize>r * xStride;
    const x1 = x0 + (r + 1 < rows ? xStride : 0);
    const x2 = x1 + (r + 2 < rows ? xStride : 0);
    const x3 = x2 + (r + 3 < rows ? xStride : 0);
    const mask = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(rows - r));
    let y0 = Y + floats(r);
    for (let c = 0; c < columns; c += 4, y0 += yStride << 2) {
      const at = floats(c);
      const a = v128.load(x0 + at);
      const b = v128.load(x1 + at);
      const d = v128.load(x2 + at);
      const e = v128.load(x3 + at);
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const de = v128.shuffle<i32>(d, e, 0, 4, 1, 5);
      const AB = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const DE = v128.shuffle<i32>(d, e, 2, 6, 3, 7);
      // Columns past the last fall on the last one's row of Y, which is stored after them.
      const y1 = y0 + (c + 1 < columns ? yStride : 0);
      const y2 = y1 + (c + 2 < columns ? yStride : 0);
      const y3 = y2 + (c + 3 < columns ? yStride : 0);
      v128.store(y3, v128.and(mask, v128.shuffle<i64>(AB, DE, 1, 3)));
      v128.store(y2, v128.and(mask, v128.shuffle<i64>(AB, DE, 0, 2)));
      v128.store(y1, v128.and(mask, v128.shuffle<i64>(ab, de, 1, 3)));
      v128.store(y0, v128.and(mask, v128.shuffle<i64>(ab, de, 0, 2)));
    }
  }
}

/** C (M×N) += A (M×K) · B, where P holds B packed: A·B after pack, A·Bᵀ after packT. */
export function multiply(C: usize, A: usize, P: usize, M: i32, N: i32, K: i32): void {
  const aStride = rowBytes(K);
  const cStride = rowBytes(N);
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    for (let i = 0; i < M; i += MC) {
      const a = A + <usize>i * aStride + floats(k);
      block(C + <usize>i * cStride, cStride, a, aStride, 4, P, 0, min(MC, M - i), N, depth);
    }
    P += <usize>depth * cStride;
  }
}

/** Floats of scratch that aTb needs. */
export function aTbScratch(M: i32, N: i32): i32 {
  return packedSize(KC, M) + packedSize(KC, min(N, NC));
}

/**
 * C (M×N) += Aᵀ·B, where A is K×M and B is K×N: the product that sums a weight's gradient over a batch, so K is
 * long and M×N small. Aᵀ needs no transposition: a column of A is read as a row of the tile.
 * scratch: aTbScratch(M, N) floats, which overlap nothing.
 */
export function aTb(C: usize, A: usize, B: usize, M: i32, N: i32, K: i32, scratch: usize): void {
  const aStride = rowBytes(M);
  const bStride = rowBytes(N);
  if (max(aStride, bStride) <= NARROW) {
    for (let k = 0; k < K; k += NARROW_DEPTH) {
      block(C, bStride, A, 4, aStride, B, bStride, M, N, min(NARROW_DEPTH, K - k));
      A += aStride * NARROW_DEPTH;
      B += bStride * NARROW_DEPTH;
    }
    return;
  }
  const P = scratch + floats(packedSize(KC, M));
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    packBlock(scratch, A + <usize>k * aStride, aStride, depth, M);
    for (let j = 0; j < N; j += NC) {
      const columns = min(NC, N - j);
      packBlock(P, B + <usize>k * bStride + floats(j), bStride, depth, columns);
      for (let i = 0, width = 0; i < M; i += width) {
        width = panelWidth((M - i + 3) & ~3);
        const c = C + <usize>i * bStride + floats(j);
        const a = scratch + floats(i * depth);
        block(c, bStride, a, 4, floats(width), P, 0, min(width, M - i), columns, depth);
      }
    }
  }
}

/**
 * C (M×N) += A (M×K) · B (K×N). A's rows lie aStride bytes apart and its columns aStep, so that A can be the
 * transpose of what is stored; B is packed, or in place with rows bStride bytes apart where bStride is not 0.
 */
function block(
  C: usize,
  cStride: usize,
  A: usize,
  aStride: usize,
  aStep: usize,
  B: usize,
  bStride: usize,
  M: i32,
  N: i32,
  K: i32,
): void {
  const columns = (N + 3) & ~3;
  for (let j = 0, width = 0; j < columns; j += width) {
    width = panelWidth(columns - j);
    const bStep = bStride ? bStride : floats(width);
    if (width === 16) panel16(C, cStride, A, aStride, aStep, B, bStep, M, K);
    else if (width === 8) panel8(C, cStride, A, aStride, aStep, B, bStep, M, K);
    else panel4(C, cStride, A, aStride, aStep, B, bStep, M, K);
    C += floats(width);
    B += bStride ? floats(width) : floats(width * K);
  }
}

// In the panels below a tile that reaches past the last row repeats that row: the copies read the same numbers
// before any of them is stored, and store the same.

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
