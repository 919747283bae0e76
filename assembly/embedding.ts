// A one-hot row times a matrix is a row of the matrix: never multiply it out.
//
//   forward    e_i = W[id_i] (+ b)
//   backward   δW[id_i] += δe_i
//
// ids: n int32, each a row of W. W and e have rows of `width` floats.

import { floats, rowBytes } from "./simd";

/** e[i] = W[ids[i]] + b. b: one row, or 0 for none. */
export function gather(e: usize, W: usize, b: usize, ids: usize, n: i32, width: i32): void {
  const stride = rowBytes(width);
  for (let i = 0; i < n; i++, e += stride) {
    const row = W + <usize>load<i32>(ids + floats(i)) * stride;
    if (b) {
      for (let j: usize = 0; j < stride; j += 16) v128.store(e + j, f32x4.add(v128.load(row + j), v128.load(b + j)));
    } else {
      for (let j: usize = 0; j < stride; j += 16) v128.store(e + j, v128.load(row + j));
    }
  }
}

/** dW[ids[i]] += de[i], in the order of i. */
export function scatterAdd(dW: usize, de: usize, ids: usize, n: i32, width: i32): void {
  const stride = rowBytes(width);
  for (let i = 0; i < n; i++, de += stride) {
    const row = dW + <usize>load<i32>(ids + floats(i)) * stride;
    for (let j: usize = 0; j < stride; j += 16) v128.store(row + j, f32x4.add(v128.load(row + j), v128.load(de + j)));
  }
}
