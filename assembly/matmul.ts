// Matrix products. A is read where it lies; B is first packed into column panels, so that the inner loop walks
// it straight through. All matrices are row-major, their rows padded with zeros to whole vectors (rowBytes),
// so no product ends in the middle of a vector; a row count can be anything. Products ACCUMULATE: C += A·B.
// C must not overlap A or B. Every element of C is summed over k in order, whatever the shape around it:
// a row gives the same bits alone as in a batch.

import { floats, rowBytes } from "./simd";
import { panel4, panel8, panel12, panel16 } from "./tiles";

/** Depth of a block: 256 rows of a 16-wide panel are 16 KB, half of a small first-level cache. */
const KC: i32 = 256;
/** Depth of a block of aTb, where A is packed too: both panels together are a third of the first-level cache. */
const TC: i32 = 96;
/** Rows of A that one pass over the panels of B uses: 128 × 256 floats stay in the second-level cache. */
const MC: i32 = 128;
/** Columns of B that aTb packs at a time. */
const NC: i32 = 1024;
/** Rows of up to so many bytes aTb multiplies in place; longer ones fall on few sets of the cache, and are packed. */
const NARROW: usize = 256;
/** Depth of a block in place: 64 rows of A and of B at 256 bytes are a first-level cache. */
const NARROW_DEPTH: i32 = 64;

/** Width of the next panel of `left` columns: 16s, then 12 or 8 or both, and 4, which is slow, only for 4 columns in all. */
function panelWidth(left: i32): i32 {
  return left === 12 || left === 20 ? 12 : left >= 16 ? 16 : left >= 8 ? 8 : 4;
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
      packedBlock(C + <usize>i * cStride, cStride, a, aStride, 4, P, min(MC, M - i), N, depth);
    }
    P += <usize>depth * cStride;
  }
}

/** Floats of scratch that aTb needs. */
export function aTbScratch(M: i32, N: i32): i32 {
  return packedSize(TC, M) + packedSize(TC, min(N, NC));
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
      narrowBlock(C, A, aStride, B, bStride, M, N, min(NARROW_DEPTH, K - k));
      A += aStride * NARROW_DEPTH;
      B += bStride * NARROW_DEPTH;
    }
    return;
  }
  const P = scratch + floats(packedSize(TC, M));
  for (let k = 0; k < K; k += TC) {
    const depth = min(TC, K - k);
    packBlock(scratch, A + <usize>k * aStride, aStride, depth, M);
    for (let j = 0; j < N; j += NC) {
      const columns = min(NC, N - j);
      packBlock(P, B + <usize>k * bStride + floats(j), bStride, depth, columns);
      for (let i = 0, width = 0; i < M; i += width) {
        width = panelWidth((M - i + 3) & ~3);
        const c = C + <usize>i * bStride + floats(j);
        const a = scratch + floats(i * depth);
        packedBlock(c, bStride, a, 4, floats(width), P, min(width, M - i), columns, depth);
      }
    }
  }
}

// A's rows lie aStride bytes apart and its columns aStep, so that A can be the transpose of what is stored.
// Both functions call the four panels, and that is as it should be: a function with one caller is inlined there, and V8
// then schedules the inner loops, now deeper, in another way (Node 20: an eighth slower).

/** C (M×N) += A (M×K) · P, where P is a packed block. */
function packedBlock(
  C: usize,
  cStride: usize,
  A: usize,
  aStride: usize,
  aStep: usize,
  P: usize,
  M: i32,
  N: i32,
  K: i32,
): void {
  const columns = (N + 3) & ~3;
  for (let j = 0, width = 0; j < columns; j += width) {
    width = panelWidth(columns - j);
    if (width === 16) panel16(C, cStride, A, aStride, aStep, P, 64, M, K);
    else if (width === 12) panel12(C, cStride, A, aStride, aStep, P, 48, M, K);
    else if (width === 8) panel8(C, cStride, A, aStride, aStep, P, 32, M, K);
    else panel4(C, cStride, A, aStride, aStep, P, 16, M, K);
    C += floats(width);
    P += floats(width * K);
  }
}

/** C (M×N) += Aᵀ·B, where neither A (K×M) nor B (K×N) is packed. */
function narrowBlock(C: usize, A: usize, aStride: usize, B: usize, bStride: usize, M: i32, N: i32, K: i32): void {
  const columns = (N + 3) & ~3;
  for (let j = 0, width = 0; j < columns; j += width) {
    width = panelWidth(columns - j);
    if (width === 16) panel16(C, bStride, A, 4, aStride, B, bStride, M, K);
    else if (width === 12) panel12(C, bStride, A, 4, aStride, B, bStride, M, K);
    else if (width === 8) panel8(C, bStride, A, 4, aStride, B, bStride, M, K);
    else panel4(C, bStride, A, 4, aStride, B, bStride, M, K);
    C += floats(width);
    B += floats(width);
  }
}
