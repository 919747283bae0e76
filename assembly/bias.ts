// The bias of a dense layer, y = x·W + b: affine() in matmul.ts adds it to every row.
//
//   backward   δb += Σ_i δy_i

import { rowBytes } from "./simd";

/** db += the sum of n rows of `width` floats. */
export function biasBackward(db: usize, dy: usize, n: i32, width: i32): void {
  const stride = rowBytes(width);
  // A strip of 16 columns at a time stays in registers.
  let j: usize = 0;
  for (; j + 64 <= stride; j += 64) {
    let s0 = v128.load(db + j);
    let s1 = v128.load(db + j, 16);
    let s2 = v128.load(db + j, 32);
    let s3 = v128.load(db + j, 48);
    let y = dy + j;
    for (let i = 0; i < n; i++, y += stride) {
      s0 = f32x4.add(s0, v128.load(y));
      s1 = f32x4.add(s1, v128.load(y, 16));
      s2 = f32x4.add(s2, v128.load(y, 32));
      s3 = f32x4.add(s3, v128.load(y, 48));
    }
    v128.store(db + j, s0);
    v128.store(db + j, s1, 16);
    v128.store(db + j, s2, 32);
    v128.store(db + j, s3, 48);
  }
  for (; j < stride; j += 16) {
    let s = v128.load(db + j);
    let y = dy + j;
    for (let i = 0; i < n; i++, y += stride) s = f32x4.add(s, v128.load(y));
    v128.store(db + j, s);
  }
}
