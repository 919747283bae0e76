// Softmax over V classes, and its cross-entropy with a target y:
//
//   p_j = exp(o_j − m) / Σ_k exp(o_k − m)        m = max o
//   L   = −log p_y = −(o_y − m) + log Σ_k exp(o_k − m)
//   δo  = p − onehot(y)
//
// o: rows of V floats, padded with zeros to whole vectors; the padding is ignored. In a short row, everything depends
// on the maximum and then on the sum, so each of them is computed for all rows before it is used: the rows overlap in
// the processor.

import { f4, log1, sigmoid } from "./math";
import { floats, maxLanes, rowBytes, sumLanes } from "./simd";

/** Far below any logit: its exponential adds nothing to a sum that is at least 1. */
const NOTHING: f32 = -3e38;

function setPadding(row: usize, V: i32, value: f32): void {
  const end = row + rowBytes(V);
  for (let x = row + floats(V); x < end; x += 4) store<f32>(x, value);
}

/** m = the maximum of each row; sets the padding to NOTHING. */
function maxima(m: usize, o: usize, rows: i32, V: i32): void {
  const stride = rowBytes(V);
  for (let i = 0; i < rows; i++, o += stride) {
    setPadding(o, V, NOTHING);
    let max4 = v128.load(o);
    for (let x = o + 16, end = o + stride; x < end; x += 16) max4 = f32x4.pmax(max4, v128.load(x));
    store<f32>(m + floats(i), maxLanes(max4));
  }
}

/** e = exp(o − m), one row; returns its sum. e may be o. Two vectors at a time, as in math.ts. */
function exponentials(e: usize, o: usize, m: f32, V: i32): f32 {
  const end = o + rowBytes(V);
  const m4 = f32x4.splat(m);
  let sum = f32x4.splat(0);
  for (; o + 16 < end; o += 32, e += 32) {
    const first = f4.exp(f32x4.sub(v128.load(o), m4));
    const second = f4.exp(f32x4.sub(v128.load(o, 16), m4));
    v128.store(e, first);
    v128.store(e, second, 16);
    sum = f32x4.add(sum, f32x4.add(first, second));
  }
  if (o < end) {
    const last = f4.exp(f32x4.sub(v128.load(o), m4));
    v128.store(e, last);
    sum = f32x4.add(sum, last);
  }
  return sumLanes(sum);
}

/**
 * o = δo · scale in place, for `rows` rows and their targets (int32; a row with target −1 has no loss and a zero
 * gradient). Returns Σ L over the rows, not scaled. scratch: `rows` floats.
 */
export function softmaxCrossEntropy(o: usize, scratch: usize, targets: usize, rows: i32, V: i32, scale: f32): f64 {
  const stride = rowBytes(V);
  let loss: f64 = 0;
  maxima(scratch, o, rows, V);
  for (let i = 0, row = o; i < rows; i++, row += stride) {
    const y = load<i32>(targets + floats(i));
    const m = load<f32>(scratch + floats(i));
    if (y >= 0) loss -= <f64>(load<f32>(row + floats(y)) - m);
    store<f32>(scratch + floats(i), exponentials(row, row, m, V));
  }
  for (let i = 0, row = o; i < rows; i++, row += stride) {
    const y = load<i32>(targets + floats(i));
    if (y < 0) {
      memory.fill(row, 0, stride);
      continue;
    }
    const sum = load<f32>(scratch + floats(i));
    loss += <f64>log1(sum);
    const k = f32x4.splat(scale / sum);
    for (let x = row, end = row + stride; x < end; x += 16) v128.store(x, f32x4.mul(v128.load(x), k));
    const target = row + floats(y);
    store<f32>(target, load<f32>(target) - scale);
    setPadding(row, V, 0);
  }
  return loss;
}

/**
 * softmaxCrossEntropy() with class weights and label smoothing (Szegedy et al. 2016), as in PyTorch's cross_entropy:
 *
 *   L   = a·(−log p_y) + ε/V·Σ_c w_c·(−log p_c)          a = (1 − ε)·w_y
 *   δo  = (a + ε/V·Σ_c w_c)·p − ε/V·w − a·onehot(y)
 *
 * weights: w, one row of V floats.
 */
export function weightedCrossEntropy(
  o: usize,
  scratch: usize,
  targets: usize,
  weights: usize,
  rows: i32,
  V: i32,
  scale: f32,
  smoothing: f32,
): f64 {
  const stride = rowBytes(V);
  const share = smoothing / <f32>V;
  let loss: f64 = 0;
  let total: f32 = 0;
  for (let w = weights, end = weights + floats(V); w < end; w += 4) total += load<f32>(w);
  maxima(scratch, o, rows, V);
  for (let i = 0; i < rows; i++, o += stride) {
    const y = load<i32>(targets + floats(i));
    if (y < 0) {
      memory.fill(o, 0, stride);
      continue;
    }
    const m = load<f32>(scratch + floats(i));
    const a = (<f32>1 - smoothing) * load<f32>(weights + floats(y));
    const o_y = load<f32>(o + floats(y)) - m;
    let mean: f64 = 0; // Σ w_c·(o_c − m)
    for (let j: usize = 0, end = floats(V); j < end; j += 4) {
      mean += <f64>(load<f32>(weights + j) * (load<f32>(o + j) - m));
    }
    const sum = exponentials(o, o, m, V);
    const logSum = <f64>log1(sum);
    loss += <f64>a * (logSum - <f64>o_y) + <f64>share * (<f64>total * logSum - mean);
    const k = f32x4.splat(((a + share * total) * scale) / sum);
    const spread = f32x4.splat(share * scale);
    for (let j: usize = 0; j < stride; j += 16) {
      const w = f32x4.mul(spread, v128.load(weights + j));
      v128.store(o + j, f32x4.sub(f32x4.mul(v128.load(o + j), k), w));
    }
    const target = o + floats(y);
    store<f32>(target, load<f32>(target) - a * scale);
    setPadding(o, V, 0);
  }
  return loss;
}

/** logP[i] = log p_y of row i, for `rows` rows and their targets (int32, each a class). o is overwritten. */
export function logLikelihood(logP: usize, o: usize, targets: usize, rows: i32, V: i32): void {
  const stride = rowBytes(V);
  maxima(logP, o, rows, V);
  for (let i = 0; i < rows; i++, o += stride) {
    const p = logP + floats(i);
    const m = load<f32>(p);
    const o_y = load<f32>(o + floats(load<i32>(targets + floats(i))));
    store<f32>(p, o_y - m - log1(exponentials(o, o, m, V)));
  }
}

/** logP = log softmax(o), one row. o is overwritten; logP must not overlap it. */
export function logSoftmax(logP: usize, o: usize, V: i32): void {
  maxima(logP, o, 1, V);
  const m = load<f32>(logP);
  const m4 = f32x4.splat(m);
  const log4 = f32x4.splat(log1(exponentials(logP, o, m, V)));
  for (let at: usize = 0, bytes = rowBytes(V); at < bytes; at += 16) {
    v128.store(logP + at, f32x4.sub(f32x4.sub(v128.load(o + at), m4), log4));
  }
  setPadding(logP, V, 0);
}

/**
 * o = δo · scale in place, where each of the V columns is a class of its own, in a row (y = 1) or not (y = 0): p = σ(o),
 * L = −Σ (y·log p + (1 − y)·log(1 − p)), δo = p − y. y: like o. Returns Σ L over the rows, not scaled.
 */
export function sigmoidCrossEntropy(o: usize, y: usize, rows: i32, V: i32, scale: f32): f64 {
  const stride = rowBytes(V);
  let loss: f64 = 0;
  for (let i = 0; i < rows; i++, o += stride, y += stride) {
    for (let j: usize = 0, end = floats(V); j < end; j += 4) {
      const x = load<f32>(o + j);
      // log(1 + e^x) = max(x, 0) + log(1 + e^−|x|), whose last term is −log σ(|x|).
      loss +=
        <f64>(max<f32>(x, 0) - x * load<f32>(y + j)) +
        <f64>log1(<f32>1 + f32x4.extract_lane(f4.exp(f32x4.splat(-abs(x))), 0));
    }
    sigmoid(o, o, <i32>(stride >> 2));
    for (let j: usize = 0; j < stride; j += 16) {
      const d = f32x4.sub(v128.load(o + j), v128.load(y + j));
      v128.store(o + j, f32x4.mul(d, f32x4.splat(scale)));
    }
    setPadding(o, V, 0);
  }
  return loss;
}
