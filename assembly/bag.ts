// A bag of features, such as the n-grams of a text: each has an embedding, and the text is the sum of them (Joulin et al. 2017,
// who divide by n; √n keeps the length of the sum about the same for short and long texts).
//
//   forward    y_i = 1/√n_i · Σ_j W[f_ij]          n_i features f_ij of text i; 0 without any
//   backward   δW[f_ij] += 1/√n_i · δy_i
//
// ids: int32, the features of all texts, one text after the other. starts: rows + 1 int32, where each text's begin and where the
// last one's end. W and y have rows of `width` floats.

import { floats, rowBytes } from "./simd";

function share(n: usize): v128 {
  return f32x4.splat(n > 0 ? 1 / sqrt<f32>(<f32>n) : 0);
}

/** y = the bags of `rows` texts. Sixteen columns at a time stay in registers while the features are read. */
export function bagForward(y: usize, W: usize, ids: usize, starts: usize, rows: i32, width: i32): void {
  const stride = rowBytes(width);
  for (let i = 0; i < rows; i++, y += stride) {
    const first = ids + floats(load<i32>(starts + floats(i)));
    const end = ids + floats(load<i32>(starts + floats(i + 1)));
    const s = share((end - first) >> 2);
    let at: usize = 0;
    for (; at + 64 <= stride; at += 64) {
      let a = f32x4.splat(0);
      let b = a;
      let c = a;
      let d = a;
      for (let id = first; id < end; id += 4) {
        const row = W + <usize>load<i32>(id) * stride + at;
        a = f32x4.add(a, v128.load(row));
        b = f32x4.add(b, v128.load(row, 16));
        c = f32x4.add(c, v128.load(row, 32));
        d = f32x4.add(d, v128.load(row, 48));
      }
      v128.store(y + at, f32x4.mul(a, s));
      v128.store(y + at, f32x4.mul(b, s), 16);
      v128.store(y + at, f32x4.mul(c, s), 32);
      v128.store(y + at, f32x4.mul(d, s), 48);
    }
    for (; at < stride; at += 16) {
      let a = f32x4.splat(0);
      for (let id = first; id < end; id += 4) a = f32x4.add(a, v128.load(W + <usize>load<i32>(id) * stride + at));
      v128.store(y + at, f32x4.mul(a, s));
    }
  }
}

/** dW[f_ij] += δy_i / √n_i, in the order of the features. */
export function bagBackward(dW: usize, dy: usize, ids: usize, starts: usize, rows: i32, width: i32): void {
  const stride = rowBytes(width);
  for (let i = 0; i < rows; i++, dy += stride) {
    const first = ids + floats(load<i32>(starts + floats(i)));
    const end = ids + floats(load<i32>(starts + floats(i + 1)));
    const s = share((end - first) >> 2);
    for (let id = first; id < end; id += 4) {
      const row = dW + <usize>load<i32>(id) * stride;
      for (let at: usize = 0; at < stride; at += 16) {
        v128.store(row + at, f32x4.add(v128.load(row + at), f32x4.mul(v128.load(dy + at), s)));
      }
    }
  }
}
