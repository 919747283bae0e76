// The largest of each column over the rows of each sequence:
//
//   forward    y_s = max over the rows i of sequence s of x_i         at_s = the row i that it is from, the first of equals
//   backward   δx_{at_s} += δy_s                                      in each column
//
// ids: n int32, the sequence of each row. at: int32, of the shape of y. Sums and means are scatterAdd() and gather().

import { floats, rowBytes } from "./simd";

/** y, at: as above; y must hold −∞. A NaN stays a NaN. */
export function maxPool(y: usize, at: usize, x: usize, ids: usize, n: i32, width: i32): void {
  const stride = rowBytes(width);
  for (let i = 0; i < n; i++, x += stride) {
    const row = <usize>load<i32>(ids + floats(i)) * stride;
    const i4 = i32x4.splat(i);
    for (let j: usize = 0; j < stride; j += 16) {
      const xj = v128.load(x + j);
      const best = v128.load(y + row + j);
      const larger = v128.or(f32x4.gt(xj, best), f32x4.ne(xj, xj));
      v128.store(y + row + j, v128.bitselect(xj, best, larger));
      v128.store(at + row + j, v128.bitselect(i4, v128.load(at + row + j), larger));
    }
  }
}

/** dx[at] += dy, for B rows of dy. */
export function maxPoolBackward(dx: usize, dy: usize, at: usize, B: i32, width: i32): void {
  const stride = rowBytes(width);
  for (let s = 0; s < B; s++, dy += stride, at += stride) {
    for (let j: usize = 0, end = floats(width); j < end; j += 4) {
      const p = dx + <usize>load<i32>(at + j) * stride + j;
      store<f32>(p, load<f32>(p) + load<f32>(dy + j));
    }
  }
}
