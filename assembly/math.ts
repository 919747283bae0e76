// Elementary functions on vectors of four floats. The bounds are measured by test/math.test.ts over
// every binade, against float64; none of them calls out to the host, so every engine gets the same bits.

import { floats, madd } from "./simd";

// tanh x ≈ x·P(x²) / Q(x²) on [0, 7.91]: our own minimax fit (Remez exchange on the relative error,
// 5.7e-9 before rounding). One divide; everything else is multiply-add.
const TANH_LIMIT: f32 = 7.9; // tanh 7.9 = 1 − 2.7e-7: the result never reaches 1, so 1 − tanh² > 0
const P0: f32 = 0.999999994;
const P1: f32 = 0.134500092;
const P2: f32 = 0.00357825318;
const P3: f32 = 2.20103668e-5;
const P4: f32 = 1.54081e-8;
const Q1: f32 = 0.467833371;
const Q2: f32 = 0.0261894619;
const Q3: f32 = 0.000342241451;
const Q4: f32 = 8.59112015e-7;

/** tanh of each lane; within 4e-7 of the truth, relative and absolute. */
export function tanh4(x: v128): v128 {
  // pmin and pmax are one instruction each on x64 where min and max are eight.
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(TANH_LIMIT)), f32x4.splat(-TANH_LIMIT));
  const y = f32x4.mul(x, x);
  let p = madd(f32x4.splat(P4), y, f32x4.splat(P3));
  let q = madd(f32x4.splat(Q4), y, f32x4.splat(Q3));
  p = madd(p, y, f32x4.splat(P2));
  q = madd(q, y, f32x4.splat(Q2));
  p = madd(p, y, f32x4.splat(P1));
  q = madd(q, y, f32x4.splat(Q1));
  p = madd(p, y, f32x4.splat(P0));
  q = madd(q, y, f32x4.splat(1));
  return f32x4.div(f32x4.mul(p, x), q);
}

/** σ(x) = ½ + ½·tanh(x/2) of each lane; within 3e-7 of the truth, absolute. */
export function sigmoid4(x: v128): v128 {
  const half = f32x4.splat(0.5);
  return madd(half, tanh4(f32x4.mul(x, half)), half);
}

// exp x = 2ⁿ·exp r, n = round(x / ln 2), |r| ≤ ½ ln 2. Polynomial and the two-part ln 2: Cephes expf (Moshier).
const LOG2E: f32 = Mathf.LOG2E;
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444e-4;
const EXP_MIN: f32 = -87; // e^-87 = 1.6e-38 is still a normal number: 2ⁿ needs no care
const EXP_MAX: f32 = 88;

/** exp of each lane, its argument clamped to [-87, 88]; relative error below 2e-7. */
export function exp4(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(EXP_MAX)), f32x4.splat(EXP_MIN));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(LOG2E)));
  let r = madd(n, f32x4.splat(-LN2_HIGH), x);
  r = madd(n, f32x4.splat(-LN2_LOW), r);
  let p = madd(f32x4.splat(1.98756915e-4), r, f32x4.splat(1.3981999507e-3));
  p = madd(p, r, f32x4.splat(8.3334519073e-3));
  p = madd(p, r, f32x4.splat(4.1665795894e-2));
  p = madd(p, r, f32x4.splat(1.6666665459e-1));
  p = madd(p, r, f32x4.splat(5.0000001201e-1));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1));
  const twoToN = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, twoToN);
}

/** Natural logarithm of a positive, normal x; relative error below 2e-7 (Cephes logf, Moshier). NaN of NaN and ∞. */
export function log1(x: f32): f32 {
  if (!(x < Infinity)) return NaN;
  // x = 2ⁿ·m with m in [√½, √2)
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
  const low = p * m * y + n * LN2_LOW - 0.5 * y;
  return m + low + n * LN2_HIGH;
}

/** out = tanh(x), n floats; out may be x. Whole vectors are written: both rows are padded to four floats. */
export function tanh(out: usize, x: usize, n: i32): void {
  const end = x + floats(n);
  for (; x < end; x += 16, out += 16) v128.store(out, tanh4(v128.load(x)));
}

/** out = σ(x); as tanh. */
export function sigmoid(out: usize, x: usize, n: i32): void {
  const end = x + floats(n);
  for (; x < end; x += 16, out += 16) v128.store(out, sigmoid4(v128.load(x)));
}

/** out = exp(x); as tanh. */
export function exp(out: usize, x: usize, n: i32): void {
  const end = x + floats(n);
  for (; x < end; x += 16, out += 16) v128.store(out, exp4(v128.load(x)));
}
