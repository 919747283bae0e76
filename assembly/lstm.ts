// Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000) over T steps of a
// batch, forward and backward. Gates in PyTorch's order: input, forget, cell, output.
//
//   forward    z_t = x_t·Wx + b + h_{t-1}·Wh
//              i = σ(z_i)   f = σ(z_f)   g = tanh(z_g)   o = σ(z_o)
//              c_t = f ⊙ c_{t-1} + i ⊙ g
//              h_t = o ⊙ tanh(c_t)
//
//   backward   δh_t = (from the layers above) + δz_{t+1}·Whᵀ
//              δc_t = δh_t ⊙ o ⊙ (1 − tanh²(c_t)) + δc_{t+1} ⊙ f_{t+1}
//              δz_o = δh_t ⊙ tanh(c_t) ⊙ o(1 − o)
//              δz_i = δc_t ⊙ g ⊙ i(1 − i)
//              δz_f = δc_t ⊙ c_{t-1} ⊙ f(1 − f)
//              δz_g = δc_t ⊙ i ⊙ (1 − g²)
//              δWh += Σ_t h_{t-1}ᵀ·δz_t              δb += Σ_t δz_t
//
// z has 4·H' columns, H' = H rounded up to whole vectors: each gate is a block of H'. It holds x·Wx + b, then the gates,
// then δz. h, c and δh have the initial states in front, so no step is special; the order of the rows is that of the table
// `steps` (steps.ts). δWh is computed from δz afterwards.

import { biasBackward } from "./bias";
import { sigmoid, tanh } from "./math";
import { multiply } from "./matmul";
import { padded, rowBytes } from "./simd";
import { firstStep, lastStep, STEP, Step, Steps, storeNorm } from "./steps";

/**
 * h, c = the states of all steps, from the initial ones; z = the gates; tc = tanh(c), without the initial rows.
 * Wh: packed by pack (K = H, N = 4·H').
 */
export function lstmForward(h: usize, c: usize, tc: usize, z: usize, Wh: usize, steps: usize, H: i32): void {
  const width = rowBytes(H);
  const N = 4 * padded(H);
  const initial = <usize>Steps.at(steps).sequences * width;
  for (let at = firstStep(steps), last = lastStep(steps); at <= last; at += STEP) {
    const step = Step.at(at);
    const row = <usize>step.row * width;
    const before = <usize>step.before * width;
    const after = initial + row;
    const zt = z + 4 * row;
    multiply(zt, h + before, Wh, step.rows, N, H);
    cell(h + after, c + after, tc + row, zt, c + before, step.rows, width);
  }
}

/** Computes one step's gates and states, row by row: each function is called once for all adjacent gates. */
function cell(h: usize, c: usize, tc: usize, z: usize, c0: usize, B: i32, width: usize): void {
  const H = <i32>(width >> 2);
  for (let b = 0; b < B; b++, z += 4 * width, h += width, c += width, tc += width, c0 += width) {
    sigmoid(z, z, 2 * H);
    tanh(z + 2 * width, z + 2 * width, H);
    sigmoid(z + 3 * width, z + 3 * width, H);
    for (let j: usize = 0; j < width; j += 16) {
      const i = v128.load(z + j);
      const f = v128.load(z + width + j);
      const g = v128.load(z + 2 * width + j);
      v128.store(c + j, f32x4.add(f32x4.mul(f, v128.load(c0 + j)), f32x4.mul(i, g)));
    }
    tanh(tc, c, H);
    for (let j: usize = 0; j < width; j += 16) {
      v128.store(h + j, f32x4.mul(v128.load(z + 3 * width + j), v128.load(tc + j)));
    }
  }
}

/**
 * z = δz, in place of the gates; db += Σ δz_t. dh: δh from the layers above, overwritten; its initial rows += δh of the
 * initial states, if they get a gradient. dc (B, H): δc of each sequence's last state, replaced by that of its initial
 * one. WhT: Wh packed by packT (K = 4·H', N = H). norms: S doubles for the norms ‖δh‖² of each step's complete sum, or 0.
 */
export function lstmBackward(
  z: usize,
  db: usize,
  dh: usize,
  dc: usize,
  c: usize,
  tc: usize,
  WhT: usize,
  norms: usize,
  steps: usize,
  H: i32,
): void {
  const width = rowBytes(H);
  const N = 4 * padded(H);
  const B = Steps.at(steps).sequences;
  const withGradient = Steps.at(steps).firstWithGradient;
  const first = firstStep(steps);
  for (let at = lastStep(steps); at >= first; at -= STEP) {
    const step = Step.at(at);
    const rows = step.rows;
    const row = <usize>step.row * width;
    const before = <usize>step.before * width;
    const dht = dh + <usize>B * width + row;
    const zt = z + 4 * row;
    storeNorm(norms, steps, at, dht, rows * <i32>(width >> 2));
    cellBackward(zt, dc + <usize>step.sequence * width, dht, tc + row, c + before, rows, width);
    biasBackward(db, zt, rows, N);
    if (step.before >= withGradient) multiply(dh + before, zt, WhT, rows, H, N);
  }
}

/** z = δz from the gates, dc = δc ⊙ f for the step before. */
function cellBackward(z: usize, dc: usize, dh: usize, tc: usize, c0: usize, B: i32, width: usize): void {
  const one = f32x4.splat(1);
  for (let b = 0; b < B; b++, z += 3 * width) {
    for (const end = z + width; z < end; z += 16, dc += 16, dh += 16, tc += 16, c0 += 16) {
      const i = v128.load(z);
      const f = v128.load(z + width);
      const g = v128.load(z + 2 * width);
      const o = v128.load(z + 3 * width);
      const tct = v128.load(tc);
      const dht = v128.load(dh);
      const dtc = f32x4.mul(dht, f32x4.mul(o, f32x4.sub(one, f32x4.mul(tct, tct))));
      const dct = f32x4.add(v128.load(dc), dtc);
      v128.store(z, f32x4.mul(f32x4.mul(dct, g), f32x4.mul(i, f32x4.sub(one, i))));
      v128.store(z + width, f32x4.mul(f32x4.mul(dct, v128.load(c0)), f32x4.mul(f, f32x4.sub(one, f))));
      v128.store(z + 2 * width, f32x4.mul(f32x4.mul(dct, i), f32x4.sub(one, f32x4.mul(g, g))));
      v128.store(z + 3 * width, f32x4.mul(f32x4.mul(dht, tct), f32x4.mul(o, f32x4.sub(one, o))));
      v128.store(dc, f32x4.mul(dct, f));
    }
  }
}
