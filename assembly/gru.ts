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
// a and u have 3·H' columns, H' = H rounded up to whole vectors: each gate is a block of H'. a holds x·Wx + b, then the
// gates, then δa; u then δu. h and δh have the initial states in front; the order of the rows is that of the table `steps`
// (steps.ts). δWh is computed from δu afterwards.

import { biasBackward } from "./bias";
import { sigmoid, tanh } from "./math";
import { affine, multiply } from "./matmul";
import { padded, rowBytes } from "./simd";
import { firstStep, lastStep, STEP, Step, Steps, storeNorm } from "./steps";

/** h = the states of all steps, from the initial one; a = the gates. Wh: packed by pack (K = H, N = 3·H'); bh: b'. */
export function gruForward(h: usize, a: usize, u: usize, Wh: usize, bh: usize, steps: usize, H: i32): void {
  const width = rowBytes(H);
  const N = 3 * padded(H);
  const output = h + <usize>Steps.at(steps).sequences * width;
  for (let at = firstStep(steps), last = lastStep(steps); at <= last; at += STEP) {
    const step = Step.at(at);
    const row = <usize>step.row * width;
    const before = h + <usize>step.before * width;
    affine(u + 3 * row, bh, before, Wh, step.rows, N, H);
    cell(output + row, a + 3 * row, u + 3 * row, before, step.rows, width);
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
 * a = δa, in place of the gates, u = δu; db += Σ δa_t, dbh += Σ δu_t. dh: δh from the layers above, overwritten; its
 * initial rows += δh of the initial states, if they get a gradient. WhT: Wh packed by packT (K = 3·H', N = H). norms: S
 * doubles for the norms ‖δh‖² of each step's complete sum, or 0.
 */
export function gruBackward(
  a: usize,
  u: usize,
  db: usize,
  dbh: usize,
  dh: usize,
  h: usize,
  WhT: usize,
  norms: usize,
  steps: usize,
  H: i32,
): void {
  const width = rowBytes(H);
  const N = 3 * padded(H);
  const B = Steps.at(steps).sequences;
  const withGradient = Steps.at(steps).firstWithGradient;
  const first = firstStep(steps);
  for (let at = lastStep(steps); at >= first; at -= STEP) {
    const step = Step.at(at);
    const rows = step.rows;
    const row = <usize>step.row * width;
    const before = <usize>step.before * width;
    const dht = dh + <usize>B * width + row;
    const ut = u + 3 * row;
    storeNorm(norms, steps, at, dht, rows * <i32>(width >> 2));
    // The states before get δh ⊙ z here, and δu·Whᵀ from the product.
    const previous = step.before >= withGradient ? dh + before : 0;
    cellBackward(a + 3 * row, ut, previous, dht, h + before, rows, width);
    biasBackward(db, a + 3 * row, rows, N);
    biasBackward(dbh, ut, rows, N);
    if (previous) multiply(previous, ut, WhT, rows, H, N);
  }
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
