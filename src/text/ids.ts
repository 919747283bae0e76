// Arrays of token ids: one byte each where the vocabulary allows it, else two or four.

export type TokenIds = Uint8Array | Uint16Array | Uint32Array;

/** `ids` itself where it can hold all ids below `size`, else an array as long that can. */
export function idsFor(size: number, ids: TokenIds): TokenIds {
  const bytes = size <= 0x100 ? 1 : size <= 0x10000 ? 2 : 4;
  if (bytes <= ids.BYTES_PER_ELEMENT) return ids;
  return bytes === 2 ? new Uint16Array(ids.length) : new Uint32Array(ids.length);
}

/** An array that grows, and widens when an id needs it. */
export class IdArray {
  private ids: TokenIds;
  private length = 0;

  /** @param expected about how many ids will come */
  constructor(expected: number) {
    this.ids = new Uint8Array(Math.max(1024, expected));
  }

  push(id: number): void {
    const ids = idsFor(id + 1, this.ids);
    if (ids !== this.ids) this.moveTo(ids);
    if (this.length === this.ids.length) {
      const Type = this.ids.constructor as Uint8ArrayConstructor;
      this.moveTo(new Type(Math.ceil(this.length * 1.25)));
    }
    this.ids[this.length++] = id;
  }

  /** The ids pushed so far. */
  done(): TokenIds {
    return this.ids.subarray(0, this.length);
  }

  private moveTo(ids: TokenIds): void {
    ids.set(this.ids.subarray(0, this.length));
    this.ids = ids;
  }
}
