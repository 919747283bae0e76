// The simple recurrent layer (Elman 1990) over T steps of a batch, forward and backward.
//
//   forward    z_t = x_t·Wx + b + h_{t-1}·Wh            h_t = φ(z_t)          φ = tanh or ReLU
//
//   backward   δh_t = ∂L/∂h_t = (from the layers above) + δz_{t+1}·Whᵀ
//              δz_t = δh_t ⊙ φ'(z_t)                    tanh' = 1 − h²,  ReLU' = [h > 0]
//              δWh += Σ_t h_{t-1}ᵀ·δz_t                 δb += Σ_t δz_t
//
// Only h·Wh and δz·Whᵀ depend on the previous step. x·Wx + b of all steps is computed beforehand, by one product or one
// gather; δWx and δx are computed from δz afterwards. δb is summed in the loop, while δz_t is in the cache.
//
// h is (T+1, B, H): one slot holds the initial state, so no step is special. Forward in time that is slot 0, and step t
// writes slot t + 1; backward (reverse = 1) it is slot T, and step t writes slot t. z and δh are (T, B, H). Like the
// gates of the other cells, Wh has H' columns, H rounded up to whole vectors.

import { biasBackward } from "./bias";
import { tanh } from "./math";
import { aTb, multiply } from "./matmul";
import { sumOfSquares } from "./optimizer";
import { padded, rowBytes } from "./simd";

/** Value of `activation` for ReLU; 0 is tanh. */
const RELU: i32 = 1;

/**
 * h = the states of all steps, from the initial one, in place of z = x·Wx + b. Wh: packed by pack (K = H, N = H').
 */
export function rnnForward(h: usize, Wh: usize, T: i32, B: i32, H: i32, activation: i32, reverse: i32): void {
  const width = rowBytes(H);
  const N = padded(H);
  const step = <usize>B * width;
  for (let n = 0; n < T; n++) {
    const before = h + <usize>(reverse ? T - n : n) * step;
    const after = reverse ? before - step : before + step;
    multiply(after, before, Wh, B, N, H);
    activate(after, step, activation);
  }
}

/**
 * dz = δz, in place of δh from the layers above; dWh += Σ h_{t-1}ᵀ·δz_t, db += Σ δz_t.
 * WhT: Wh packed by packT (K = H', N = H). norms: T doubles for the norms ‖δh_t‖² of the complete sums (with the part
 * from step t + 1), or 0. scratch: aTbScratch(H, H') floats.
 */
export function rnnBackward(
  dz: usize,
  dWh: usize,
  db: usize,
  h: usize,
  WhT: usize,
  norms: usize,
  T: i32,
  B: i32,
  H: i32,
  activation: i32,
  reverse: i32,
  scratch: usize,
): void {
  const width = rowBytes(H);
  const N = padded(H);
  const step = <usize>B * width;
  for (let n = T - 1; n >= 0; n--) {
    const t = <usize>(reverse ? T - 1 - n : n);
    const dzt = dz + t * step;
    if (n < T - 1) multiply(dzt, reverse ? dzt - step : dzt + step, WhT, B, H, N);
    if (norms) store<f64>(norms + (t << 3), sumOfSquares(dzt, <i32>(step >> 2)));
    activateBackward(dzt, h + (t + <usize>(reverse ? 0 : 1)) * step, step, activation);
    biasBackward(db, dzt, B, N);
  }
  aTb(dWh, h + (reverse ? step : 0), dz, H, N, T * B, scratch);
}

/** h = φ(h) */
function activate(h: usize, bytes: usize, activation: i32): void {
  if (activation === RELU) {
    // pmax(x, 0) is x < 0 ? 0 : x, with the arguments in this order: a NaN stays a NaN, and training stops.
    for (let end = h + bytes; h < end; h += 16) v128.store(h, f32x4.pmax(v128.load(h), f32x4.splat(0)));
  } else {
    tanh(h, h, <i32>(bytes >> 2));
  }
}

/** dh = dh ⊙ φ'(z), from h = φ(z) */
function activateBackward(dh: usize, h: usize, bytes: usize, activation: i32): void {
  const end = h + bytes;
  if (activation === RELU) {
    for (; h < end; h += 16, dh += 16) {
      v128.store(dh, v128.and(v128.load(dh), f32x4.gt(v128.load(h), f32x4.splat(0))));
    }
  } else {
    for (; h < end; h += 16, dh += 16) {
      const x = v128.load(h);
      v128.store(dh, f32x4.mul(v128.load(dh), f32x4.sub(f32x4.splat(1), f32x4.mul(x, x))));
    }
  }
}
