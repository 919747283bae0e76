// The simple recurrent layer (Elman 1990) over T steps of a batch, forward and backward.
//
//   forward    z_t = x_t·Wx + b + h_{t-1}·Wh            h_t = φ(z_t)          φ = tanh or ReLU
//
//   backward   δh_t = ∂L/∂h_t = (from the layers above) + δz_{t+1}·Whᵀ
//              δz_t = δh_t ⊙ φ'(z_t)                    tanh' = 1 − h²,  ReLU' = [h > 0]
//              δWh += Σ_t h_{t-1}ᵀ·δz_t                 δb += Σ_t δz_t
//
// Only h·Wh and δz·Whᵀ depend on the previous step. x·Wx + b of all steps is computed beforehand, by one product or one
// gather; δWh, δWx and δx are computed from δz afterwards. δb is summed in the loop, while δz_t is in the cache.
//
// h and δh have the initial states in front, so no step is special; the order of their rows is that of the table `steps`
// (steps.ts). Like the gates of the other cells, Wh has H' columns, H rounded up to whole vectors.

import { biasBackward } from "./bias";
import { tanh } from "./math";
import { multiply } from "./matmul";
import { padded, rowBytes } from "./simd";
import { firstStep, lastStep, STEP, Step, Steps, storeNorm } from "./steps";

/** Value of `activation` for ReLU; 0 is tanh. */
const RELU: i32 = 1;

/**
 * h = the states of all steps, from the initial ones, in place of z = x·Wx + b. Wh: packed by pack (K = H, N = H').
 */
export function rnnForward(h: usize, Wh: usize, steps: usize, H: i32, activation: i32): void {
  const width = rowBytes(H);
  const N = padded(H);
  const output = h + <usize>Steps.at(steps).sequences * width;
  for (let at = firstStep(steps), last = lastStep(steps); at <= last; at += STEP) {
    const step = Step.at(at);
    const after = output + <usize>step.row * width;
    multiply(after, h + <usize>step.before * width, Wh, step.rows, N, H);
    activate(after, <usize>step.rows * width, activation);
  }
}

/**
 * dz = δz, in place of δh from the layers above; db += Σ δz_t. The initial rows of dz: += δh of the initial states, if
 * they get a gradient. WhT: Wh packed by packT (K = H', N = H). norms: S doubles for the norms ‖δh‖² of each step's
 * complete sum (with the part from the step after it), or 0.
 */
export function rnnBackward(
  dz: usize,
  db: usize,
  h: usize,
  WhT: usize,
  norms: usize,
  steps: usize,
  H: i32,
  activation: i32,
): void {
  const width = rowBytes(H);
  const N = padded(H);
  const B = Steps.at(steps).sequences;
  const withGradient = Steps.at(steps).firstWithGradient;
  const first = firstStep(steps);
  for (let at = lastStep(steps); at >= first; at -= STEP) {
    const step = Step.at(at);
    const bytes = <usize>step.rows * width;
    const after = <usize>(B + step.row) * width;
    storeNorm(norms, steps, at, dz + after, <i32>(bytes >> 2));
    activateBackward(dz + after, h + after, bytes, activation);
    biasBackward(db, dz + after, step.rows, N);
    if (step.before >= withGradient) {
      multiply(dz + <usize>step.before * width, dz + after, WhT, step.rows, H, N);
    }
  }
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
