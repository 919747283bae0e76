// Inverted dropout (Srivastava et al. 2014):  y = x ⊙ m / (1 − p),  m_i = 1 with probability 1 − p.
// The mask is a function of the seed and of i alone, so it is never stored: the backward pass is the same call.

import { floats } from "./simd";

/** y = x ⊙ m / (1 − p), n floats; y may be x. threshold = p·2³², scale = 1/(1 − p). */
export function dropout(y: usize, x: usize, seed: u32, threshold: u32, scale: f32, n: i32): void {
  const keep = f32x4.splat(scale);
  const limit = i32x4.splat(<i32>threshold);
  let i = i32x4(0, 1, 2, 3);
  const seed4 = i32x4.splat(<i32>seed);
  for (let end = x + floats(n); x < end; x += 16, y += 16) {
    const random = hash(i32x4.add(i32x4.mul(i, i32x4.splat(0x9e3779b9)), seed4));
    v128.store(y, v128.and(f32x4.mul(v128.load(x), keep), i32x4.ge_u(random, limit)));
    i = i32x4.add(i, i32x4.splat(4));
  }
}

/** An avalanche on 32 bits: every bit of the input reaches every bit of the output (lowbias32, Wellons 2018). */
function hash(x: v128): v128 {
  x = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 16)), i32x4.splat(0x7feb352d));
  x = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 15)), i32x4.splat(0x846ca68b));
  return v128.xor(x, i32x4.shr_u(x, 16));
}
