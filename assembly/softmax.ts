// Softmax over V classes, and its cross-entropy with a target y:
//
//   p_j = exp(o_j − m) / Σ_k exp(o_k − m)        m = max o
//   L   = −log p_y = m + log Σ_k exp(o_k − m) − o_y
//   δo  = p − onehot(y)
//
// o: rows of V floats, padded with zeros to whole vectors; the padding takes no part.

import { exp4, log1 } from "./math";
import { floats, maxLanes, rowBytes, sumLanes } from "./simd";

/** Far below any logit: its exponential adds nothing to a sum that is at least 1. */
const NOTHING: f32 = -3e38;

function setPadding(row: usize, V: i32, value: f32): void {
  const end = row + rowBytes(V);
  for (let x = row + floats(V); x < end; x += 4) store<f32>(x, value);
}

function maximum(row: usize, end: usize): f32 {
  let m = v128.load(row);
  for (let x = row + 16; x < end; x += 16) m = f32x4.pmax(m, v128.load(x));
  return maxLanes(m);
}

/** log Σ exp(o − m) of a row whose padding is NOTHING. */
function logSum(row: usize, end: usize, m: f32): f32 {
  const max4 = f32x4.splat(m);
  let sum = f32x4.splat(0);
  for (let x = row; x < end; x += 16) sum = f32x4.add(sum, exp4(f32x4.sub(v128.load(x), max4)));
  return log1(sumLanes(sum));
}

/**
 * o = δo · scale in place, for `rows` rows and their targets (int32; a row whose target is −1 counts for nothing and
 * its gradient is zero). Returns Σ L over the rows, not scaled.
 */
export function softmaxCrossEntropy(o: usize, targets: usize, rows: i32, V: i32, scale: f32): f64 {
  const stride = rowBytes(V);
  let loss: f64 = 0;
  for (let i = 0; i < rows; i++, o += stride) {
    const y = load<i32>(targets + floats(i));
    if (y < 0) {
      memory.fill(o, 0, stride);
      continue;
    }
    const end = o + stride;
    const target = o + floats(y);
    const o_y = load<f32>(target);
    setPadding(o, V, NOTHING);
    const m = maximum(o, end);
    const max4 = f32x4.splat(m);
    let sum4 = f32x4.splat(0);
    for (let x = o; x < end; x += 16) {
      const e = exp4(f32x4.sub(v128.load(x), max4));
      v128.store(x, e);
      sum4 = f32x4.add(sum4, e);
    }
    const sum = sumLanes(sum4);
    loss += <f64>(m - o_y + log1(sum));
    const k = f32x4.splat(scale / sum);
    for (let x = o; x < end; x += 16) v128.store(x, f32x4.mul(v128.load(x), k));
    store<f32>(target, load<f32>(target) - scale);
    setPadding(o, V, 0);
  }
  return loss;
}

/** logP[i] = log p_y of row i, for `rows` rows and their targets (int32, each a class). o is left as it was. */
export function logLikelihood(logP: usize, o: usize, targets: usize, rows: i32, V: i32): void {
  const stride = rowBytes(V);
  for (let i = 0; i < rows; i++, o += stride) {
    const o_y = load<f32>(o + floats(load<i32>(targets + floats(i))));
    setPadding(o, V, NOTHING);
    const m = maximum(o, o + stride);
    store<f32>(logP + floats(i), o_y - m - logSum(o, o + stride, m));
    setPadding(o, V, 0);
  }
}

/** o = log softmax(o) in place, one row. */
export function logSoftmax(o: usize, V: i32): void {
  const end = o + rowBytes(V);
  setPadding(o, V, NOTHING);
  const m = maximum(o, end);
  const max4 = f32x4.splat(m);
  const log4 = f32x4.splat(logSum(o, end, m));
  for (let x = o; x < end; x += 16) v128.store(x, f32x4.sub(f32x4.sub(v128.load(x), max4), log4));
  setPadding(o, V, 0);
}
