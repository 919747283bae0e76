// Elementary functions on vectors of four floats. The bounds are measured by test/kernels.test.ts on a fine grid,
// against float64; none of them calls the host, so every engine gets the same bits.
//
// Constants are loaded from memory: V8 would build a constant vector anew, in three instructions, each time it is used,
// and a loop over them would take twice as long.

import { floats, madd } from "./simd";

// tanh x ≈ x·P(x²) / Q(x²) on [0, 7.91]: our own minimax fit (Remez exchange on the relative error, 5.7e-9 before
// rounding). One divide; everything else is multiply-add. Clamped at 7.9, where tanh is 1 − 2.7e-7: the result never
// reaches 1, so 1 − tanh² > 0.
const TANH = memory.data<v128>(
  [
    f32x4.splat(7.9), //              0  limit
    f32x4.splat(-7.9), //            16
    f32x4.splat(0.999999994), //     32  P0
    f32x4.splat(0.134500092), //     48  P1
    f32x4.splat(0.00357825318), //   64  P2
    f32x4.splat(2.20103668e-5), //   80  P3
    f32x4.splat(1.54081e-8), //      96  P4
    f32x4.splat(1), //              112  Q0
    f32x4.splat(0.467833371), //    128  Q1
    f32x4.splat(0.0261894619), //   144  Q2
    f32x4.splat(0.000342241451), // 160  Q3
    f32x4.splat(8.59112015e-7), //  176  Q4
    f32x4.splat(0.5), //            192
  ],
  16,
);

// exp x = 2ⁿ·exp r, n = round(x / ln 2), |r| ≤ ½ ln 2. Polynomial and the two-part ln 2: Cephes expf (Moshier).
// At −87 the result is 1.6e-38, still a normal number, so 2ⁿ needs no special case. Adding 1.5·2²³ rounds to an integer
// and leaves it in the low bits of the sum; with 127 added as well, shifting these bits to the exponent gives 2ⁿ.
const EXP = memory.data<v128>(
  [
    f32x4.splat(88), //               0  limit
    f32x4.splat(-87), //             16
    f32x4.splat(Mathf.LOG2E), //     32  1 / ln 2
    f32x4.splat(12583039), //        48  1.5·2²³ + 127
    f32x4.splat(-0.693359375), //    64  −ln 2, high part
    f32x4.splat(2.1219444e-4), //    80  −ln 2, low part
    f32x4.splat(5.0000001201e-1), // 96  coefficient of r²
    f32x4.splat(1.6666665459e-1), // 112
    f32x4.splat(4.1665795894e-2), // 128
    f32x4.splat(8.3334519073e-3), // 144
    f32x4.splat(1.3981999507e-3), // 160
    f32x4.splat(1.98756915e-4), //   176
    f32x4.splat(1), //               192
  ],
  16,
);

/**
 * Functions of four floats. A class, because @inline is a decorator of methods: a call would cost as much as the work.
 */
export class f4 {
  /** tanh of each lane; relative and absolute error below 4e-7. */
  @inline
  static tanh(x: v128): v128 {
    // pmin and pmax take one instruction each on x64, min and max eight.
    x = f32x4.pmax(f32x4.pmin(x, v128.load(TANH, 0)), v128.load(TANH, 16));
    const y = f32x4.mul(x, x);
    let p = madd(v128.load(TANH, 96), y, v128.load(TANH, 80));
    let q = madd(v128.load(TANH, 176), y, v128.load(TANH, 160));
    p = madd(p, y, v128.load(TANH, 64));
    q = madd(q, y, v128.load(TANH, 144));
    p = madd(p, y, v128.load(TANH, 48));
    q = madd(q, y, v128.load(TANH, 128));
    p = madd(p, y, v128.load(TANH, 32));
    q = madd(q, y, v128.load(TANH, 112));
    return f32x4.div(f32x4.mul(p, x), q);
  }

  /** σ(x) = ½ + ½·tanh(x/2) of each lane; absolute error below 3e-7. */
  @inline
  static sigmoid(x: v128): v128 {
    const half = v128.load(TANH, 192);
    return madd(half, f4.tanh(f32x4.mul(x, half)), half);
  }

  /** exp of each lane, its argument clamped to [-87, 88]; relative error below 2e-7. */
  @inline
  static exp(x: v128): v128 {
    x = f32x4.pmax(f32x4.pmin(x, v128.load(EXP, 0)), v128.load(EXP, 16));
    const shifted = madd(x, v128.load(EXP, 32), v128.load(EXP, 48));
    const n = f32x4.sub(shifted, v128.load(EXP, 48));
    const r = madd(n, v128.load(EXP, 80), madd(n, v128.load(EXP, 64), x));
    // Estrin's order: half as deep as Horner's.
    const r2 = f32x4.mul(r, r);
    const high = madd(v128.load(EXP, 176), r, v128.load(EXP, 160));
    const middle = madd(v128.load(EXP, 144), r, v128.load(EXP, 128));
    const low = madd(v128.load(EXP, 112), r, v128.load(EXP, 96));
    const p = madd(madd(madd(high, r2, middle), r2, low), r2, f32x4.add(r, v128.load(EXP, 192)));
    return f32x4.mul(p, i32x4.shl(shifted, 23));
  }
}

/** Natural logarithm of a positive, normal x; relative error below 2e-7 (Cephes logf, Moshier). NaN for NaN and ∞. */
export function log1(x: f32): f32 {
  if (!(x < Infinity)) return NaN;
  // x = 2ⁿ·(1 + m) with 1 + m in [√½, √2)
  const bits = reinterpret<i32>(x) - 0x3f3504f3;
  const n = <f32>(bits >> 23);
  const m = reinterpret<f32>((bits & 0x007fffff) + 0x3f3504f3) - 1;
  const y = m * m;
  let p: f32 = 7.0376836292e-2;
  p = p * m - 1.151461031e-1;
  p = p * m + 1.167699874e-1;
  p = p * m - 1.2420140846e-1;
  p = p * m + 1.4249322787e-1;
  p = p * m - 1.6668057665e-1;
  p = p * m + 2.0000714765e-1;
  p = p * m - 2.4999993993e-1;
  p = p * m + 3.3333331174e-1;
  return m + (p * m * y - n * <f32>2.1219444e-4 - 0.5 * y) + n * <f32>0.693359375;
}

// The loops process two vectors at a time: a divide and a long chain of dependencies leave the processor room for a
// second.

/** out = tanh(x), n floats; out may be x. Whole vectors are written: both are padded to four floats. */
export function tanh(out: usize, x: usize, n: i32): void {
  const end = x + floats(n);
  for (; x + 16 < end; x += 32, out += 32) {
    const first = f4.tanh(v128.load(x));
    const second = f4.tanh(v128.load(x, 16));
    v128.store(out, first);
    v128.store(out, second, 16);
  }
  if (x < end) v128.store(out, f4.tanh(v128.load(x)));
}

/** out = σ(x); otherwise like tanh. */
export function sigmoid(out: usize, x: usize, n: i32): void {
  const end = x + floats(n);
  for (; x + 16 < end; x += 32, out += 32) {
    const first = f4.sigmoid(v128.load(x));
    const second = f4.sigmoid(v128.load(x, 16));
    v128.store(out, first);
    v128.store(out, second, 16);
  }
  if (x < end) v128.store(out, f4.sigmoid(v128.load(x)));
}

/** out = exp(x); otherwise like tanh. */
export function exp(out: usize, x: usize, n: i32): void {
  const end = x + floats(n);
  for (; x + 16 < end; x += 32, out += 32) {
    const first = f4.exp(v128.load(x));
    const second = f4.exp(v128.load(x, 16));
    v128.store(out, first);
    v128.store(out, second, 16);
  }
  if (x < end) v128.store(out, f4.exp(v128.load(x)));
}
