// Strings, numbered in the order in which they come: a hash table with open addressing. A Map does the same, and takes
// twice as long once there are so many words that they do not fit into the processor's cache.

export class Numbering {
  /** The strings, by their numbers. */
  readonly strings: string[] = [];
  /** Pairs of a hash and one more than a number; 0 where there is none. */
  private slots = new Uint32Array(2 * 1024);

  /** Where hashes start from, so that nobody can choose words that all have one. */
  private readonly basis = Math.floor(Math.random() * 2 ** 32);

  /** The number of a string, or −1 where it has none. */
  find(string: string): number {
    return this.slots[this.slotOf(string, hash(string, this.basis)) + 1]! - 1;
  }

  /** The number of a string: the next one, where it has none. */
  add(string: string): number {
    const h = hash(string, this.basis);
    const slot = this.slotOf(string, h);
    const known = this.slots[slot + 1]!;
    if (known > 0) return known - 1;
    // By itself: a part of a text keeps all of the text in memory.
    const number = this.strings.push(string.length < 13 ? string : ` ${string}`.slice(1));
    this.slots[slot] = h;
    this.slots[slot + 1] = number;
    if (4 * number > this.slots.length) this.grow();
    return number - 1;
  }

  /** Where a string is, or the free place where it would be. */
  private slotOf(string: string, h: number): number {
    const { slots, strings } = this;
    const last = slots.length - 2;
    let slot = (2 * h) & last;
    while (slots[slot + 1] !== 0 && (slots[slot] !== h || strings[slots[slot + 1]! - 1] !== string))
      slot = (slot + 2) & last;
    return slot;
  }

  private grow(): void {
    const { slots } = this;
    const last = 2 * slots.length - 2;
    this.slots = new Uint32Array(2 * slots.length);
    for (let i = 0; i < slots.length; i += 2) {
      if (slots[i + 1] === 0) continue;
      let slot = (2 * slots[i]!) & last;
      while (this.slots[slot + 1] !== 0) slot = (slot + 2) & last;
      this.slots[slot] = slots[i]!;
      this.slots[slot + 1] = slots[i + 1]!;
    }
  }
}

/** FNV-1a over the code units from another basis, its bits mixed once more (degski's finalizer has the low ones depend on all). */
function hash(string: string, basis: number): number {
  let h = basis;
  for (let i = 0; i < string.length; i++) h = Math.imul(h ^ string.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}
