// One pass each over ranges of blocks of floats: p the parameters, g their gradients, m and v the moments.
//
// spans: n pairs of int32, the start and the length of each range in floats. Lengths are rounded up to whole vectors. A table of
// which a batch reads a few thousand rows has as many ranges: one call for all of them.

import { floats, madd } from "./simd";

/** Pointer to the end of n spans. */
function endOf(spans: usize, n: i32): usize {
  return spans + ((<usize>n) << 3);
}

/** Pointer to the first float of a span, and its size in bytes. */
function startOf(spans: usize): usize {
  return floats(load<i32>(spans));
}
function bytesOf(spans: usize): usize {
  return floats(load<i32>(spans, 4));
}

/** Σ g² over n floats, in double precision. */
export function sumOfSquares(g: usize, n: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  for (let end = g + floats(n); g < end; g += 16) {
    const x = v128.load(g);
    const a = f64x2.promote_low_f32x4(x);
    const b = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const sum = f64x2.add(low, high);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** sum + Σ g²: after the last ranges, the square of the global norm ‖g‖. */
export function addSquares(sum: f64, g: usize, spans: usize, n: i32): f64 {
  for (const last = endOf(spans, n); spans < last; spans += 8) {
    sum += sumOfSquares(g + startOf(spans), load<i32>(spans, 4));
  }
  return sum;
}

/** g = s·g. Gradient clipping uses s = limit / ‖g‖ if ‖g‖ exceeds the limit (Pascanu et al. 2013). */
export function scale(g: usize, s: f32, spans: usize, n: i32): void {
  const s4 = f32x4.splat(s);
  for (const last = endOf(spans, n); spans < last; spans += 8) {
    let at = g + startOf(spans);
    for (const end = at + bytesOf(spans); at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), s4));
  }
}

/** Stochastic gradient descent with momentum μ:  v = μ·v + g,  p = p − η·v. */
export function sgd(p: usize, g: usize, v: usize, eta: f32, mu: f32, spans: usize, n: i32): void {
  const minusEta = f32x4.splat(-eta);
  const mu4 = f32x4.splat(mu);
  for (const last = endOf(spans, n); spans < last; spans += 8) {
    let at = startOf(spans);
    for (const end = at + bytesOf(spans); at < end; at += 16) {
      const v4 = madd(mu4, v128.load(v + at), v128.load(g + at));
      v128.store(v + at, v4);
      v128.store(p + at, madd(minusEta, v4, v128.load(p + at)));
    }
  }
}

/**
 * AdamW (Loshchilov and Hutter 2019), step t:
 *   m = β₁·m + (1 − β₁)·g         v = β₂·v + (1 − β₂)·g²
 *   p = (1 − η·λ)·p − η/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
 * decay = 1 − η·λ, step = η/(1 − β₁ᵗ), root = 1/√(1 − β₂ᵗ).
 */
export function adamw(
  p: usize,
  g: usize,
  m: usize,
  v: usize,
  beta1: f64,
  beta2: f64,
  decay: f64,
  step: f64,
  root: f64,
  epsilon: f64,
  spans: usize,
  n: i32,
): void {
  // 1 − β is computed in double precision: in single precision, 1 − 0.999 would have a relative error of 1e-5.
  const b1 = f32x4.splat(<f32>beta1);
  const b2 = f32x4.splat(<f32>beta2);
  const c1 = f32x4.splat(<f32>(1 - beta1));
  const c2 = f32x4.splat(<f32>(1 - beta2));
  const decay4 = f32x4.splat(<f32>decay);
  const step4 = f32x4.splat(<f32>step);
  const root4 = f32x4.splat(<f32>root);
  const epsilon4 = f32x4.splat(<f32>epsilon);
  for (const last = endOf(spans, n); spans < last; spans += 8) {
    let at = startOf(spans);
    for (const end = at + bytesOf(spans); at < end; at += 16) {
      const g4 = v128.load(g + at);
      const m4 = madd(b1, v128.load(m + at), f32x4.mul(c1, g4));
      const v4 = madd(b2, v128.load(v + at), f32x4.mul(c2, f32x4.mul(g4, g4)));
      v128.store(m + at, m4);
      v128.store(v + at, v4);
      const denominator = madd(f32x4.sqrt(v4), root4, epsilon4);
      const change = f32x4.div(f32x4.mul(step4, m4), denominator);
      v128.store(p + at, f32x4.sub(f32x4.mul(decay4, v128.load(p + at)), change));
    }
  }
}
