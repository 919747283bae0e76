// Typed arrays that grow, and parts of them that are sorted.

type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** The same numbers with room for half as many more. */
export function grown<T extends Numbers>(array: T): T {
  const Type = array.constructor as new (length: number) => T;
  const more = new Type(Math.ceil(array.length * 1.5));
  more.set(array);
  return more;
}

/** The first numbers of an array, and no more memory than they need. */
export const exactly = <T extends Numbers>(array: T, length: number): T =>
  array.length === length ? array : (array.slice(0, length) as T);

/** Sorts the places from … to − 1. A call of the engine's sort costs more than a few numbers are worth. */
export function sortPart(values: Float64Array, from: number, to: number): void {
  if (to - from > 24) {
    values.subarray(from, to).sort();
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const value = values[i]!;
    let j = i;
    for (; j > from && values[j - 1]! > value; j--) values[j] = values[j - 1]!;
    values[j] = value;
  }
}

/**
 * The places, which are overwritten, sorted by what words of 32 bits say of them, the first word least; equals stay in their order. A
 * counting sort by eleven bits at a time.
 */
export function sortByBits(places: Uint32Array, words: readonly Uint32Array[]): Uint32Array {
  const n = places.length;
  let from = places;
  let to: Uint32Array = new Uint32Array(n);
  for (const bits of words) {
    // How often each group of bits is there does not depend on the order.
    const frequencies = [new Uint32Array(2048), new Uint32Array(2048), new Uint32Array(2048)] as const;
    for (let i = 0; i < n; i++) {
      const b = bits[from[i]!]!;
      frequencies[0][b & 2047]!++;
      frequencies[1][(b >>> 11) & 2047]!++;
      frequencies[2][b >>> 22]!++;
    }
    for (const [group, next] of frequencies.entries()) {
      if (next.includes(n)) continue; // all have the same bits there
      const shift = 11 * group;
      for (let i = 0, sum = 0; i < next.length; i++) {
        const frequency = next[i]!;
        next[i] = sum;
        sum += frequency;
      }
      for (let i = 0; i < n; i++) to[next[(bits[from[i]!]! >>> shift) & 2047]!++] = from[i]!;
      [from, to] = [to, from];
    }
  }
  return from;
}
