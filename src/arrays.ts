// Growing, trimming, joining, hashing and sorting typed arrays.

type Numbers = Int8Array | Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** Returns a longer copy, which ends in zeros. */
export function grown<T extends Numbers>(array: T, length = Math.ceil(array.length * 1.5)): T {
  const Type = array.constructor as new (length: number) => T;
  const longer = new Type(length);
  longer.set(array);
  return longer;
}

/** Returns `array` if it has room for `length` numbers, otherwise a copy that has, at least half as long again. */
export const roomFor = <T extends Numbers>(array: T, length: number): T =>
  array.length >= length ? array : grown(array, Math.max(length, Math.ceil(array.length * 1.5)));

/** Returns the first `length` numbers without spare memory. */
export const exactly = <T extends Numbers>(array: T, length: number): T =>
  array.length === length ? array : (array.slice(0, length) as T);

/** Joins pieces; a single piece is returned without a copy. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Returns the first value that is NaN or infinite. A loop is four times as fast as find(), and a model has millions. */
export function firstNotFinite(values: Numbers): number | undefined {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return values[i];
  return undefined;
}

/**
 * FNV-1a over integers, the same for arrays of any width.
 * @param hash that of the numbers before these, if any
 */
export function fnv1a(values: ArrayLike<number>, hash = 0x811c9dc5): number {
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ values[i]!, 0x01000193);
  return hash >>> 0;
}

/** Sorts values[from … to − 1] in place: few values by insertion, since a call of the engine's sort costs more. */
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
 * Sorts positions stably by 32-bit keys, words[i][position], the last word most significant; overwrites `places`. A counting
 * sort by eleven bits at a time.
 */
export function sortByBits(places: Uint32Array, words: readonly Uint32Array[]): Uint32Array {
  const n = places.length;
  let from = places;
  let to: Uint32Array = new Uint32Array(n);
  for (const bits of words) {
    // The frequencies do not depend on the order, so one pass counts all three groups of bits.
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
