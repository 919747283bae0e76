// Random numbers in exact 32-bit integer arithmetic: the same seed gives the same numbers everywhere.

/** A 32-bit hash in which each input bit affects each output bit: lowbias32 (Wellons 2018). */
function hash(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Derives a 32-bit seed for one purpose from a seed: mix(seed, epoch), mix(seed, step, layer). */
export function mix(seed: number, ...parts: number[]): number {
  let h = hash(seed >>> 0) ^ hash(Math.floor(seed / 2 ** 32) ^ 0x5bd1e995);
  for (const part of parts) h = hash(h + Math.imul(part + 1, 0x9e3779b9));
  return h >>> 0;
}

/** xoshiro128** (Blackman and Vigna 2018). */
export class Random {
  /** (4) The complete state, for saving. */
  readonly state = new Uint32Array(4);

  constructor(seed: number) {
    for (let i = 0; i < 4; i++) this.state[i] = mix(seed, i);
    this.state[0]! |= 1; // the state must not be all zeros
  }

  /** An integer from 0 to 2³² − 1. */
  uint32(): number {
    const s = this.state as unknown as [number, number, number, number];
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** A multiple of 2⁻³² in [0, 1). */
  float(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer in [0, n), uniformly distributed; n ≤ 2³². */
  below(n: number): number {
    const limit = 2 ** 32 - (2 ** 32 % n);
    let x = this.uint32();
    while (x >= limit) x = this.uint32();
    return x % n;
  }

  /** Approximately normal, mean 0, variance 1, within ±6: the sum of 12 uniforms minus 6, which needs no logarithm. */
  normal(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.float();
    return sum;
  }

  /** The integers from 0 to n − 1 in random order. */
  permutation(n: number): Uint32Array {
    const numbers = new Uint32Array(n);
    for (let i = 0; i < n; i++) numbers[i] = i;
    this.shuffle(numbers);
    return numbers;
  }

  /** Shuffles an array in place (Fisher and Yates). */
  shuffle(array: Uint32Array): void {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const kept = array[i]!;
      array[i] = array[j]!;
      array[j] = kept;
    }
  }
}
