// The 128-bit vocabulary of the other files, and the only file that knows about relaxed SIMD.

/** Bytes of n floats. */
export function floats(n: i32): usize {
  return (<usize>n) << 2;
}

/** n rounded up to whole vectors: the number of floats in a padded row. */
export function padded(n: i32): i32 {
  return (n + 3) & ~3;
}

/** Bytes of an n-float row: every row starts on 16 bytes, so it is padded with zeros to whole vectors. */
export function rowBytes(n: i32): usize {
  return floats(padded(n));
}

/** a·b + c in each lane: one instruction and one rounding in the relaxed build, two in the strict one. */
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(c, f32x4.mul(a, b));
}

/** Sum of the four lanes, pairwise. */
export function sumLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** Largest of the four lanes. */
export function maxLanes(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)),
  );
}
