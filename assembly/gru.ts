// The gated recurrent unit (Cho et al. 2014) over T steps of a batch, forward and backward. As in PyTorch the reset
// gate comes after the product, which has a bias of its own. Gates in PyTorch's order: reset, update, new.
//
//   forward    a_t = x_t·Wx + b           u_t = h_{t-1}·Wh + b'
//              r = σ(a_r + u_r)           z = σ(a_z + u_z)           n = tanh(a_n + r ⊙ u_n)
//              h_t = (1 − z) ⊙ n + z ⊙ h_{t-1}
//
//   backward   δh_t = (from the layers above) + δu_{t+1}·Whᵀ + δh_{t+1} ⊙ z_{t+1}
//              δa_n = δh_t ⊙ (1 − z) ⊙ (1 − n²)                 δu_n = δa_n ⊙ r
//              δa_z = δu_z = δh_t ⊙ (h_{t-1} − n) ⊙ z(1 − z)
//              δa_r = δu_r = δa_n ⊙ u_n ⊙ r(1 − r)
//              δWh += Σ_t h_{t-1}ᵀ·δu_t              δb += Σ_t δa_t              δb' += Σ_t δu_t
//
// a and u are (T, B, 3·H'), H' = H rounded up to whole vectors: each gate is a block of H'. a holds x·Wx + b, then the
// gates, then δa; u then δu. h is (T+1, B, H), with the initial state and `reverse` as in lstm.ts.

import { biasBackward } from "./bias";
import { sigmoid, tanh } from "./math";
import { affine, aTb, multiply } from "./matmul";
import { sumOfSquares } from "./optimizer";
import { padded, rowBytes } from "./simd";

/** h = the states of all steps, from the initial one; a = the gates. Wh: packed by pack (K = H, N = 3·H'); bh: b'. */
export function gruForward(
  h: usize,
  a: usize,
  u: usize,
  Wh: usize,
  bh: usize,
  T: i32,
  B: i32,
  H: i32,
  reverse: i32,
): void {
  const width = rowBytes(H);
  const N = 3 * padded(H);
  const step = <usize>B * width;
  for (let n = 0; n < T; n++) {
    const t = <usize>(reverse ? T - 1 - n : n);
    const before = h + (t + <usize>(reverse ? 1 : 0)) * step;
    const after = h + (t + <usize>(reverse ? 0 : 1)) * step;
    const ut = u + 3 * t * step;
    affine(ut, bh, before, Wh, B, N, H);
    cell(after, a + 3 * t * step, ut, before, B, width);
  }
}

/** Computes one step's gates and state, row by row: each function is called once for all gates that it applies to. */
function cell(h: usize, a: usize, u: usize, h0: usize, B: i32, width: usize): void {
  const H = <i32>(width >> 2);
  for (let b = 0; b < B; b++, a += 3 * width, u += 3 * width, h += width, h0 += width) {
    for (let j: usize = 0; j < 2 * width; j += 16) {
      v128.store(a + j, f32x4.add(v128.load(a + j), v128.load(u + j)));
    }
    sigmoid(a, a, 2 * H);
    const n = a + 2 * width;
    for (let j: usize = 0; j < width; j += 16) {
      const reset = f32x4.mul(v128.load(a + j), v128.load(u + 2 * width + j));
      v128.store(n + j, f32x4.add(v128.load(n + j), reset));
    }
    tanh(n, n, H);
    for (let j: usize = 0; j < width; j += 16) {
      const nj = v128.load(n + j);
      const kept = f32x4.mul(v128.load(a + width + j), f32x4.sub(v128.load(h0 + j), nj));
      v128.store(h + j, f32x4.add(nj, kept));
    }
  }
}

/**
 * a = δa, in place of the gates, u = δu; dWh += Σ h_{t-1}ᵀ·δu_t, db += Σ δa_t, dbh += Σ δu_t. dh: δh from the layers
 * above, overwritten. WhT: Wh packed by packT (K = 3·H', N = H). norms: T doubles for the norms ‖δh_t‖² of the complete
 * sums, or 0. scratch: aTbScratch(H, 3·H') floats.
 */
export function gruBackward(
  a: usize,
  u: usize,
  dWh: usize,
  db: usize,
  dbh: usize,
  dh: usize,
  h: usize,
  WhT: usize,
  norms: usize,
  T: i32,
  B: i32,
  H: i32,
  reverse: i32,
  scratch: usize,
): void {
  const width = rowBytes(H);
  const N = 3 * padded(H);
  const step = <usize>B * width;
  for (let n = T - 1; n >= 0; n--) {
    const t = <usize>(reverse ? T - 1 - n : n);
    const dht = dh + t * step;
    const ut = u + 3 * t * step;
    const before = h + (t + <usize>(reverse ? 1 : 0)) * step;
    if (norms) store<f64>(norms + (t << 3), sumOfSquares(dht, <i32>(step >> 2)));
    // The previous step gets δh ⊙ z here, and δu·Whᵀ from the product.
    const previous = n > 0 ? dh + <usize>(reverse ? T - n : n - 1) * step : 0;
    const at = a + 3 * t * step;
    cellBackward(at, ut, previous, dht, before, B, width);
    biasBackward(db, at, B, N);
    biasBackward(dbh, ut, B, N);
    if (previous) multiply(previous, ut, WhT, B, H, N);
  }
  aTb(dWh, h + (reverse ? step : 0), u, H, N, T * B, scratch);
}

/** a = δa and u = δu from the gates and u_n; dh0 += δh ⊙ z, unless dh0 is 0. */
function cellBackward(a: usize, u: usize, dh0: usize, dh: usize, h0: usize, B: i32, width: usize): void {
  const one = f32x4.splat(1);
  for (let b = 0; b < B; b++, a += 2 * width, u += 2 * width) {
    for (const end = a + width; a < end; a += 16, u += 16, dh += 16, h0 += 16) {
      const r = v128.load(a);
      const z = v128.load(a + width);
      const n = v128.load(a + 2 * width);
      const un = v128.load(u + 2 * width);
      const dht = v128.load(dh);
      const dan = f32x4.mul(f32x4.mul(dht, f32x4.sub(one, z)), f32x4.sub(one, f32x4.mul(n, n)));
      const daz = f32x4.mul(f32x4.mul(dht, f32x4.sub(v128.load(h0), n)), f32x4.mul(z, f32x4.sub(one, z)));
      const dar = f32x4.mul(f32x4.mul(dan, un), f32x4.mul(r, f32x4.sub(one, r)));
      v128.store(a, dar);
      v128.store(a + width, daz);
      v128.store(a + 2 * width, dan);
      v128.store(u, dar);
      v128.store(u + width, daz);
      v128.store(u + 2 * width, f32x4.mul(dan, r));
      if (dh0) {
        v128.store(dh0, f32x4.add(v128.load(dh0), f32x4.mul(dht, z)));
        dh0 += 16;
      }
    }
  }
}
