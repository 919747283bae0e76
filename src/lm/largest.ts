// The largest of many numbers, in their order. The 17,568 words of a book are sorted by comparing in 10 ms, by their bits in 0.4.

import { sortByBits } from "../arrays.js";

/** Fewer are faster kept sorted, each value put in its place; in the worst case, values that rise, it is as fast. */
const FEW = 100;

/** The places of the k largest values, the largest first, equals in the order of their places; −Infinity is left out. */
export function largest(values: Float32Array | Float64Array, k: number): Uint32Array {
  if (Math.min(k, values.length) <= FEW) return inserted(values, Math.min(k, values.length));
  const words = values.BYTES_PER_ELEMENT === 4 ? [float32Bits(values)] : float64Bits(values);
  return sortByBits(candidates(values, k), words).subarray(0, k);
}

/** The k largest so far are kept in order: few values get past the last of them. */
function inserted(values: Float32Array | Float64Array, k: number): Uint32Array {
  const best = new Uint32Array(k);
  let length = 0;
  let least = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!(value > least)) continue;
    let place = length < k ? length++ : k - 1;
    for (; place > 0 && values[best[place - 1]!]! < value; place--) best[place] = best[place - 1]!;
    best[place] = i;
    if (length === k) least = values[best[k - 1]!]!;
  }
  return best.subarray(0, length);
}

/** Places, in order, among which the k largest are. */
function candidates(values: Float32Array | Float64Array, k: number): Uint32Array {
  const n = values.length;
  const places = new Uint32Array(n);
  let length = 0;
  if (2 * k >= n) {
    for (let i = 0; i < n; i++) if (values[i]! > -Infinity) places[length++] = i;
    return places.subarray(0, length);
  }
  // The upper half of a float32's bits is enough to leave most of the others out.
  const bits = float32Bits(values);
  const frequency = new Uint32Array(1 << 16);
  for (let i = 0; i < n; i++) frequency[bits[i]! >>> 16]!++;
  let last = 0;
  for (let sum = frequency[0]!; sum < k; sum += frequency[last]!) last++;
  for (let i = 0; i < n; i++) if (bits[i]! >>> 16 <= last && values[i]! > -Infinity) places[length++] = i;
  return places.subarray(0, length);
}

/** The bits of the values as float32, changed so that those of a larger one are less. */
function float32Bits(values: Float32Array | Float64Array): Uint32Array {
  const floats = new Float32Array(values.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i < floats.length; i++) {
    floats[i] = values[i]! + 0; // 0 for −0
    bits[i]! ^= flips(bits[i]!) >>> 1;
  }
  return bits;
}

/** The lower and the upper bits of the values as float64, changed likewise. */
function float64Bits(values: Float32Array | Float64Array): Uint32Array[] {
  const lower = new Uint32Array(values.length);
  const upper = new Uint32Array(values.length);
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < values.length; i++) {
    view.setFloat64(0, values[i]! + 0);
    upper[i] = view.getUint32(0);
    lower[i] = view.getUint32(4) ^ flips(upper[i]!);
    upper[i]! ^= flips(upper[i]!) >>> 1;
  }
  return [lower, upper];
}

/** What to flip in the bits of a number of that sign, in the upper ones; the sign itself stays. */
const flips = (upper: number): number => (upper >>> 31 === 1 ? 0 : -1);
