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
