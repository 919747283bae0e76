// Strings and their numbers, compared with a Map, the engine's sort and its encoder.

import { describe, expect, it } from "vitest";
import { Random } from "../src/random.js";
import { BATCH, Numbering } from "../src/text/numbering.js";
import { findOdd, firstOnes, lengthOfLongest, renumberByCount, writeString } from "../src/text/renumber.js";

/** Distinct strings of the given characters, whose beginnings are often the same. */
function strings(characters: readonly string[], n: number, longest: number): string[] {
  const random = new Random(n);
  const all = new Set<string>();
  while (all.size < n) {
    const known = [...all];
    const stem = known.length > 0 && random.below(2) === 0 ? known[random.below(known.length)]! : "";
    const length = random.below(longest + 1);
    all.add(stem + Array.from({ length }, () => characters[random.below(characters.length)]!).join(""));
  }
  return [...all];
}

const KINDS: Record<string, string[]> = {
  "two letters": strings(["a", "b"], 300, 6),
  "one letter, any number of them": Array.from({ length: 400 }, (_, i) => "x".repeat(i)),
  "Latin-1": strings(["a", "z", "é", "ÿ", "\0", "\x7f", "\x80"], 300, 4),
  "all planes": strings(["a", "ÿ", "Ā", "߿", "ࠀ", "中", "\uffff", "\u{10000}", "\u{1f600}", "\u{10ffff}"], 300, 4),
  "halves of pairs": strings(["a", "\ud83d", "\ude00", "\udfff", "\ud800", "\ue000"], 300, 4),
  "longer than a function takes arguments": ["a".repeat(200_000), "é".repeat(70_000), `${"a".repeat(200_000)}b`],
};

describe.each(Object.entries(KINDS))("%s", (_, all) => {
  const numbered = () => {
    const numbering = new Numbering();
    for (const string of all) numbering.add(string);
    return numbering;
  };

  it("are numbered in the order in which they come, and found again", () => {
    const numbering = numbered();
    expect(numbering.strings).toEqual(all);
    all.forEach((string, number) => {
      expect(numbering.add(string)).toBe(number);
      expect(numbering.find(string)).toBe(number);
      expect(numbering.find(`${string}?`)).toBe(-1);
    });
    expect(lengthOfLongest(numbering)).toBe(Math.max(...all.map(({ length }) => length)));
  });

  it("are numbered many at a time as one by one", () => {
    const numbering = new Numbering();
    const numbers = new Uint32Array(BATCH);
    const repeated = [...all, ...all.toReversed()];
    for (let from = 0; from < repeated.length; from += 100) {
      const some = repeated.slice(from, from + 100);
      numbering.addAll(some, some.length, numbers);
      expect(Array.from(numbers.subarray(0, some.length))).toEqual(some.map((string) => all.indexOf(string)));
    }
    expect(numbering.strings).toEqual(all);
  });

  it("are written as a TextEncoder writes them", () => {
    const numbering = numbered();
    const bytes = new Uint8Array(3 * lengthOfLongest(numbering) + 2);
    all.forEach((string, number) => {
      const end = writeString(numbering, number, bytes, 1);
      expect(Buffer.compare(bytes.subarray(1, end), new TextEncoder().encode(string))).toBe(0);
    });
  });

  it.each([0, 2])("are numbered anew by falling count, equals by code units, all but the first %d", (first) => {
    const random = new Random(7);
    const COUNTS = [0, 1, 1, 1, 2, 0xffff, 0x10000, 0x10001, 0xffffffff];
    const counts = Uint32Array.from(all, () => COUNTS[random.below(COUNTS.length)]!);
    const place = new Map(all.map((string, number) => [string, number]));
    const count = (string: string) => counts[place.get(string)!]!;
    const expected = all.slice(first).sort((a, b) => count(b) - count(a) || (a < b ? -1 : 1));
    const numbering = numbered();
    const renumbered = renumberByCount(numbering, counts, first);
    expect(numbering.strings).toEqual([...all.slice(0, first), ...expected]);
    all.forEach((string, number) => void expect(numbering.find(string)).toBe(renumbered[number]));
    // More may come.
    expect(numbering.add("new")).toBe(all.length);
    expect(numbering.find("new")).toBe(all.length);
  });

  it("the first of them can stand alone", () => {
    const few = Math.min(5, all.length - 1);
    const numbering = firstOnes(numbered(), few);
    expect(numbering.strings).toEqual(all.slice(0, few));
    all.forEach((string, number) => void expect(numbering.find(string)).toBe(number < few ? number : -1));
    all.forEach((string, number) => void expect(numbering.add(string)).toBe(number));
  });
});

it("finds the first string that has a code unit, or none at all", () => {
  const numbering = new Numbering();
  for (const string of ["ab", "cé", "d", "", "e"]) numbering.add(string);
  expect(findOdd(numbering, (unit) => unit === 0xe9)).toBe(1);
  expect(findOdd(numbering, () => false)).toBe(3);
  expect(findOdd(firstOnes(numbering, 3), () => false)).toBe(-1);
});
