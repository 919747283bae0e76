// The features of a text for a bag: numbers that stand for its words, pairs of words, pieces of words and their shapes. Only
// exactly specified operations on code units are used, so that a text has the same features on every engine.
//
//   Win a FREE prize!  →  win, a, free, prize, !  ·  win a, a free, …  ·  <w, wi, in, n>, <wi, …  ·  Xx, x, X, xx, !
//
// A feature is the FNV-1a hash of its code units, 32 bits wide; equal hashes are equal features.

/** Lengths, in code units, of the pieces of words, including the marks < and > at their ends. */
const PIECES = { least: 2, most: 5 } as const;
/** Lengths of the pieces whose place counts, in texts of one length. */
const PLACED = 3;
/** Kinds of features: each starts its hashes from another number. */
const [WORD, PAIR, PIECE, SHAPE, LENGTH, PLACE] = [1, 2, 3, 4, 5, 6].map((kind) => mixed(0x811c9dc5, kind)) as [
  number,
  number,
  number,
  number,
  number,
  number,
];

function mixed(hash: number, value: number): number {
  return Math.imul(hash ^ value, 0x01000193);
}

/** Spreads the bits of a hash (the finalizer of MurmurHash3). */
function spread(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** ASCII and general punctuation and symbols: each is a word of its own. */
const isMark = (c: number): boolean =>
  (c > 32 && c < 48) ||
  (c > 57 && c < 65) ||
  (c > 90 && c < 97 && c !== 95) ||
  (c > 122 && c < 127) ||
  (c > 160 && c < 192 && c !== 170 && c !== 181 && c !== 186) ||
  (c > 0x200f && c < 0x2070) ||
  (c > 0x2fff && c < 0x3004) ||
  (c > 0x3007 && c < 0x3012);
const isSpace = (c: number): boolean =>
  c < 33 || c === 127 || c === 160 || c === 0x3000 || (c > 0x1fff && c < 0x2010) || c === 0x2028 || c === 0x2029;

/** Returns the words and marks of a text: runs of anything but white space and punctuation, and single marks. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  let start = -1;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 32;
    const mark = isMark(c);
    if (!mark && !isSpace(c)) {
      if (start < 0) start = i;
      continue;
    }
    if (start >= 0) words.push(text.slice(start, i));
    start = -1;
    if (mark) words.push(text[i]!);
  }
  return words;
}

/** The class of a character in a shape: X, x, 9, or itself. */
function shapeOf(c: number): number {
  if (c > 47 && c < 58) return 57;
  if (c > 64 && c < 91) return 88;
  if (c > 96 && c < 123) return 120;
  return Math.min(c, 128); // all others are alike
}

/** The hash of a lowercase word, before it is spread. */
function hashOf(word: string): number {
  let hash = WORD;
  for (let i = 0; i < word.length; i++) hash = mixed(hash, word.charCodeAt(i));
  return hash;
}

/**
 * Returns the features of a text, and the hashes of its words alone.
 * @param placed true if pieces of the text count together with their place in it
 */
export function featuresOf(text: string, placed: boolean): { features: number[]; words: number[] } {
  const features: number[] = [];
  const words: number[] = [];
  const given = wordsOf(text);
  let before = 0;
  for (const [at, original] of given.entries()) {
    const word = original.toLowerCase();
    const hash = hashOf(word);
    words.push(spread(hash));
    if (at > 0) features.push(spread(mixed(mixed(PAIR, before), hash)));
    before = hash;
    pieces(`<${word}>`, PIECE, PIECES.least, PIECES.most, false, features);
    let shape = SHAPE;
    for (let i = 0, last = -1, run = 0; i < original.length; i++) {
      const c = shapeOf(original.charCodeAt(i));
      run = c === last ? run + 1 : 1;
      last = c;
      if (run < 3) shape = mixed(shape, c);
    }
    features.push(spread(shape));
  }
  features.push(...words, spread(mixed(LENGTH, 32 - Math.clz32(given.length))));
  if (placed) pieces(text.toLowerCase(), PLACE, 1, PLACED, true, features);
  return { features, words };
}

/** Returns the distinct features and words of texts, in the order of their first occurrence. */
export function hashesOf(texts: readonly string[], placed: boolean): { features: number[]; words: number[] } {
  const found = { features: new Set<number>(), words: new Set<number>() };
  for (const text of texts) {
    const { features, words } = featuresOf(text, placed);
    for (const feature of features) found.features.add(feature);
    for (const word of words) found.words.add(word);
  }
  return { features: [...found.features], words: [...found.words] };
}

/** Returns the words of texts as they are first written, in the order of hashesOf(). */
export function spellingsOf(texts: readonly string[]): string[] {
  const found = new Map<number, string>();
  for (const text of texts) {
    for (const word of wordsOf(text)) {
      const hash = spread(hashOf(word.toLowerCase()));
      if (!found.has(hash)) found.set(hash, word);
    }
  }
  return [...found.values()];
}

/** Appends the pieces of a word from `least` to `most` code units. @param placed true if their places count */
function pieces(word: string, kind: number, least: number, most: number, placed: boolean, features: number[]): void {
  for (let i = 0; i < word.length; i++) {
    let hash = placed ? mixed(kind, i + 1) : kind;
    for (let n = 1; n <= most && i + n <= word.length; n++) {
      hash = mixed(hash, word.charCodeAt(i + n - 1));
      if (n >= least) features.push(spread(mixed(hash, n)));
    }
  }
}
