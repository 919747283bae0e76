// exp, log and cos from + − × ÷ on doubles alone, whose results IEEE 754 defines to the last bit. Math.exp and its kin
// are "implementation-approximated": the same seed could generate different texts in different engines.

const LN2_HIGH = 0.6931471803691238; // its low 32 bits are zero, so n·LN2_HIGH is exact
const LN2_LOW = 1.9082149292705877e-10;

const bits = new DataView(new ArrayBuffer(8));

/** 2ⁿ for −1022 ≤ n ≤ 1023. */
function powerOfTwo(n: number): number {
  bits.setUint32(0, (n + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** eˣ, relative error below 1e-15: 2ⁿ times the Taylor series on |r| ≤ ½ ln 2. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.7) return Infinity;
  if (x < -708) return 0;
  const n = Math.round(x / Math.LN2);
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  // Unrolled: a loop takes twice as long.
  // biome-ignore format: a few terms per line
  const sum =
    1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040 +
    r * (1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r * (1 / 479001600 +
    r * (1 / 6227020800 + r / 87178291200)))))))))))));
  return n > 1022 ? sum * 2 * powerOfTwo(n - 1) : sum * POWERS[1024 + n]!;
}

/** ln x for a normal x > 0, absolute error below 1e-15·(1 + |ln x|): n·ln 2 + 2·artanh((m − 1)/(m + 1)), x = m·2ⁿ. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : Number.NaN;
  if (x === Infinity) return x;
  bits.setFloat64(0, x);
  const n = (bits.getUint32(0) - UPPER_SQRT_HALF) >> 20; // so that √½ < m < √2
  const m = x * POWERS[1024 - n]!;
  const s = (m - 1) / (m + 1);
  const t = s * s;
  const u = t * t;
  // Two independent halves, which the processor computes in parallel.
  // biome-ignore format: one half per line
  const sum =
    1 + u * (1 / 5 + u * (1 / 9 + u * (1 / 13 + u * (1 / 17 + u * (1 / 21))))) +
    t * (1 / 3 + u * (1 / 7 + u * (1 / 11 + u * (1 / 15 + u * (1 / 19 + u / 23)))));
  return n * LN2_HIGH + (n * LN2_LOW + 2 * s * sum);
}

/** The upper 32 bits of √½. */
const UPPER_SQRT_HALF = 0x3fe6a09e;

/** 2ⁿ at index 1024 + n, −1024 ≤ n ≤ 1022: a table, since reading is faster than assembling a double from its bits. */
const POWERS = /* @__PURE__ */ Float64Array.from({ length: 2047 }, (_, i) =>
  i < 2 ? powerOfTwo(i - 1022) / 4 : powerOfTwo(i - 1024),
);

/** cos πx for 0 ≤ x ≤ 1, error below 1e-15: the Taylor series of the sine about ½. */
export function cosPi(x: number): number {
  const y = Math.PI * (0.5 - x);
  let sum = 1;
  for (let k = 22; k > 0; k -= 2) sum = 1 - (sum * y * y) / (k * (k + 1));
  return y * sum;
}

/** xⁿ for an integer n ≥ 0, by squaring. */
export function power(x: number, n: number): number {
  let result = 1;
  for (let base = x; n > 0; n = Math.floor(n / 2), base *= base) if (n % 2 === 1) result *= base;
  return result;
}
