// Matrix products. A is read in place; B is first packed into column panels, so that the inner loop reads it
// sequentially. scripts/tiles.mjs generates the inner loops. All matrices are row-major, their rows padded with zeros
// to whole vectors (rowBytes), so no product ends in the middle of a vector; the number of rows is arbitrary. C must
// not overlap A or B. Every element of C is summed over k in order, whatever the shape: a row gives the same bits alone
// as in a batch.

import { columns4, columns8, columns12, columns16, ROW, row, rows4, rows8, rows12, rows16 } from "../build/tiles";
import { floats, padded, rowBytes } from "./simd";

/** Depth of a block: 256 rows of a 16-wide panel are 16 KB, half of a small first-level cache. */
const KC: i32 = 256;
/** Rows of A that one pass over the panels of B uses: 128 × 256 floats stay in the second-level cache. */
const MC: i32 = 128;
/**
 * Depth of a block of aTb, and rows of Aᵀ multiplied by a panel of B: 32 KB of Aᵀ stay in the cache while B streams by.
 */
const TC: i32 = 256;
const TM: i32 = 32;
/** Columns of B that aTb packs at a time. */
const NC: i32 = 1024;
/** Up to this many columns, aTb multiplies matrices in place; rows of wider ones would map to few sets of the cache. */
const NARROW: i32 = 64;
/** Depth of a block of the product in place: 64 rows of A and of B, 64 wide, fill a first-level cache. */
const NARROW_DEPTH: i32 = 64;

/**
 * Width of the next panel of `left` columns: 16, then 12 and 8 for the rest. The slow 4 is only for 4 columns in all.
 */
function panelWidth(left: i32): i32 {
  return left === 12 || left === 20 ? 12 : left >= 16 ? 16 : left >= 8 ? 8 : 4;
}

/** Size of the parts when n is divided into as few as possible of at most `most`, as equal as whole vectors allow. */
function evenly(n: i32, most: i32): i32 {
  const parts = (n + most - 1) / most;
  return padded((n + parts - 1) / parts);
}

/** Number of floats in a packed K×N matrix: blocks of KC rows, each stored as consecutive panels. */
export function packedSize(K: i32, N: i32): i32 {
  return K * padded(N);
}

/** Floats from the start of a packed K×N matrix to its element (k, n). */
export function packedIndex(k: i32, n: i32, K: i32, N: i32): i32 {
  const columns = padded(N);
  const above = k - (k % KC);
  // All panels before the last one or two are 16 wide.
  const tail = columns % 16 === 4 && columns > 16 ? 20 : columns % 16;
  let j = min(n & ~15, columns - tail);
  let width = panelWidth(columns - j);
  while (n >= j + width) {
    j += width;
    width = panelWidth(columns - j);
  }
  return above * columns + j * min(KC, K - above) + (k - above) * width + n - j;
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
  const columns = padded(N);
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
  const columns = padded(N);
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
    // If fewer than four rows are left, the last one is read again and masked out.
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
      // Columns past the last are stored in the last one's row of Y, which then overwrites them.
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
  product(C, C, rowBytes(N), A, P, M, N, K);
}

/** C (M×N) = b + A (M×K) · B, where b is one row, added to every row, and P holds B packed. b must not overlap C. */
export function affine(C: usize, b: usize, A: usize, P: usize, M: i32, N: i32, K: i32): void {
  product(C, b, 0, A, P, M, N, K);
}

/** C = S + A·B, where the rows of S are sStride bytes apart. */
function product(C: usize, S: usize, sStride: usize, A: usize, P: usize, M: i32, N: i32, K: i32): void {
  const aStride = rowBytes(K);
  const cStride = rowBytes(N);
  const rows = evenly(M, MC);
  for (let k = 0; k < K; k += KC) {
    const depth = min(KC, K - k);
    for (let i = 0; i < M; i += rows) {
      const c = C + <usize>i * cStride;
      const s = S + <usize>i * sStride;
      const a = A + <usize>i * aStride + floats(k);
      packedBlock(c, cStride, s, sStride, a, aStride, P, min(rows, M - i), N, depth);
    }
    P += <usize>depth * cStride;
    S = C;
    sStride = cStride;
  }
}

/** C (M×N) = S + A (M×K) · P, where P is a packed block. */
function packedBlock(
  C: usize,
  cStride: usize,
  S: usize,
  sStride: usize,
  A: usize,
  aStride: usize,
  P: usize,
  M: i32,
  N: i32,
  K: i32,
): void {
  const columns = padded(N);
  for (let j = 0, width = 0; j < columns; j += width) {
    width = panelWidth(columns - j);
    if (M === 1 && columns - j >= ROW && panelWidth(columns - j - ROW + 16) === 16) width = ROW;
    if (width === ROW) row(C, cStride, S, sStride, A, aStride, P, M, K);
    else if (width === 16) rows16(C, cStride, S, sStride, A, aStride, P, M, K);
    else if (width === 12) rows12(C, cStride, S, sStride, A, aStride, P, M, K);
    else if (width === 8) rows8(C, cStride, S, sStride, A, aStride, P, M, K);
    else rows4(C, cStride, S, sStride, A, aStride, P, M, K);
    C += floats(width);
    S += floats(width);
    P += floats(width * K);
  }
}

/** Number of scratch floats that aTb needs. */
export function aTbScratch(M: i32, N: i32): i32 {
  return M * TC + packedSize(TC, min(N, NC));
}

/**
 * C (M×N) += Aᵀ·B, where A is K×M and B is K×N: the product that sums a weight's gradient over a batch, so K is
 * long and M×N small. scratch: aTbScratch(M, N) floats, which must not overlap the matrices.
 */
export function aTb(C: usize, A: usize, B: usize, M: i32, N: i32, K: i32, scratch: usize): void {
  if (max(M, N) <= NARROW) {
    aTbInPlace(C, A, B, M, N, K);
    return;
  }
  const aStride = rowBytes(M);
  const bStride = rowBytes(N);
  const P = scratch + floats(M * TC);
  const even = evenly(K, TC);
  for (let k = 0; k < K; k += even) {
    const depth = min(even, K - k);
    const stride = rowBytes(depth);
    transpose(scratch, stride, A + <usize>k * aStride, aStride, depth, M);
    for (let j = 0; j < N; j += NC) {
      const columns = min(NC, N - j);
      packBlock(P, B + <usize>k * bStride + floats(j), bStride, depth, columns);
      for (let i = 0; i < M; i += TM) {
        const c = C + <usize>i * bStride + floats(j);
        packedBlock(c, bStride, c, bStride, scratch + <usize>i * stride, stride, P, min(TM, M - i), columns, depth);
      }
    }
  }
}

/** aTb for narrow A and B, which are read in place. */
function aTbInPlace(C: usize, A: usize, B: usize, M: i32, N: i32, K: i32): void {
  const aStride = rowBytes(M);
  const bStride = rowBytes(N);
  const columns = padded(N);
  for (let k = 0; k < K; k += NARROW_DEPTH) {
    const depth = min(NARROW_DEPTH, K - k);
    const a = A + <usize>k * aStride;
    for (let j = 0, width = 0; j < columns; j += width) {
      width = panelWidth(columns - j);
      const b = B + <usize>k * bStride + floats(j);
      const c = C + floats(j);
      if (width === 16) columns16(c, bStride, a, aStride, b, bStride, M, depth);
      else if (width === 12) columns12(c, bStride, a, aStride, b, bStride, M, depth);
      else if (width === 8) columns8(c, bStride, a, aStride, b, bStride, M, depth);
      else columns4(c, bStride, a, aStride, b, bStride, M, depth);
    }
  }
}
