// The simple recurrent layer (Elman 1990) over T steps of a batch, forward and backward.
//
//   forward    z_t = x_t·Wx + b + h_{t-1}·Wh            h_t = φ(z_t)          φ = tanh or ReLU
//
//   backward   δh_t = ∂L/∂h_t = (what the layers above send) + δz_{t+1}·Whᵀ
//              δz_t = δh_t ⊙ φ'(z_t)                    tanh' = 1 − h²,  ReLU' = [h > 0]
//              δWh += Σ_t h_{t-1}ᵀ·δz_t
//
// Only h·Wh and δz·Whᵀ wait for the step before. x·Wx + b of all steps is one product or one gather, made
// before; δb, δWx and δx follow from δz, after.
//
// h is (T+1, B, H): slot 0 holds the initial state, so no step is special. z and δh are (T, B, H).

import { tanh } from "./math";
import { aTb, multiply } from "./matmul";
import { sumOfSquares } from "./optimizer";
import { rowBytes } from "./simd";

/** Activations: 0 is tanh, 1 is ReLU. */
const RELU: i32 = 1;

/**
 * h[1..T] = the states, from h[0]. On entry h[1..T] hold x·Wx + b. Wh: packed by pack (K = N = H).
 */
export function rnnForward(h: usize, Wh: usize, T: i32, B: i32, H: i32, activation: i32): void {
  const step = <usize>B * rowBytes(H);
  for (let t = 0; t < T; t++, h += step) {
    const next = h + step;
    multiply(next, h, Wh, B, H, H);
    activate(next, step, activation);
  }
}

/**
 * dz = δz, in place of δh as the layers above send it, and dWh += Σ h_{t-1}ᵀ·δz_t.
 * WhT: Wh packed by packT. norms: T doubles for ‖δh_t‖² (the whole of it, what step t+1 sends included), or 0.
 * scratch: aTbScratch(H, H) floats.
 */
export function rnnBackward(
  dz: usize,
  dWh: usize,
  h: usize,
  WhT: usize,
  norms: usize,
  T: i32,
  B: i32,
  H: i32,
  activation: i32,
  scratch: usize,
): void {
  const step = <usize>B * rowBytes(H);
  for (let t = T - 1; t >= 0; t--) {
    const dzt = dz + <usize>t * step;
    if (t < T - 1) multiply(dzt, dzt + step, WhT, B, H, H);
    if (norms) store<f64>(norms + ((<usize>t) << 3), sumOfSquares(dzt, <i32>(step >> 2)));
    activateBackward(dzt, h + <usize>(t + 1) * step, step, activation);
  }
  aTb(dWh, h, dz, H, H, T * B, scratch);
}

/** h = φ(h) */
function activate(h: usize, bytes: usize, activation: i32): void {
  if (activation === RELU) {
    // pmax(x, 0) is x < 0 ? 0 : x, in this order: a NaN stays one, and stops the training.
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
