import { describe, expect, it } from "vitest";
import {
  characters,
  decode,
  encode,
  join,
  pattern,
  prepare,
  sentences,
  type Tokenizer,
  tokenize,
  UNKNOWN,
  Vocabulary,
  whitespace,
  words,
} from "../src/entries/index.js";
import * as tables from "../src/text/sentences.js";
import { tokenizerFrom } from "../src/text/tokenizers.js";
import { randomNumbers } from "./reference.js";

describe("tokenizers", () => {
  it("characters: code points, surrogate pairs whole, combining marks apart, lone surrogates kept", () => {
    expect(tokenize(characters(), "a😀é")).toEqual(["a", "😀", "e", "\u0301"].slice(0, 2).concat([..."é"]));
    expect(tokenize(characters(), "e\u0301\ud83d")).toEqual(["e", "\u0301", "\ud83d"]);
  });

  it("characters: exact round trip of any string", () => {
    const random = randomNumbers(1);
    for (let i = 0; i < 200; i++) {
      const units = Array.from({ length: 1 + Math.floor(random() * 40) }, () =>
        // Half of them surrogates, in pairs or alone.
        Math.floor(random() < 0.5 ? 0xd800 + random() * 0x800 : random() * 0x10000),
      );
      const text = String.fromCharCode(...units);
      const vocabulary = Vocabulary.from(tokenize(characters(), text));
      expect(decode(encode(text, characters(), vocabulary), characters(), vocabulary)).toBe(text);
      expect(JSON.parse(JSON.stringify(vocabulary.tokens))).toEqual(vocabulary.tokens);
    }
  });

  it("words: letters with marks, apostrophes kept, punctuation single", () => {
    expect(tokenize(words(), "Don't stop—it’s  naïve, cafe\u0301 “x2”!\n")).toEqual([
      "Don't", "stop", "—", "it’s", "naïve", ",", "cafe\u0301", "“", "x2", "”", "!",
    ]); // biome-ignore format: one line
    expect(tokenize(words({ lowercase: true }), "Moby DICK")).toEqual(["moby", "dick"]);
    expect(tokenize(words(), "über-ΑΒΓ 日本語 '")).toEqual(["über", "-", "ΑΒΓ", "日", "本", "語", "'"]);
  });

  it("words: joining puts spaces where English has them", () => {
    const text = "“Well,” he said (twice): don't!";
    expect(join(words(), tokenize(words(), text))).toBe(text);
  });

  it("whitespace and patterns", () => {
    expect(tokenize(whitespace(), " a  b\n\tc,d ")).toEqual(["a", "b", "c,d"]);
    expect(join(whitespace(), ["a", "b"])).toBe("a b");
    expect(tokenize(pattern(/[a-z]+|\d/), "ab12-c")).toEqual(["ab", "1", "2", "c"]);
    expect(tokenize(pattern(/x*/g), "axxb")).toEqual(["xx"]);
    expect(join(pattern(/\w+/, "_"), ["a", "b"])).toBe("a_b");
  });

  const all: [string, Tokenizer][] = [
    ["characters", characters()],
    ["words", words()],
    ["lower-case words", words({ lowercase: true })],
    ["sentences", sentences()],
    ["lower-case sentences of wrapped lines", sentences({ lowercase: true, wrapped: true })],
    ["white space", whitespace()],
    ["a pattern", pattern(/\p{L}+|[^\p{L}]/u, "")],
  ];

  it.each(all)("%s: a stream cut anywhere gives the tokens of the whole", (_, tokenizer) => {
    const text = "It’s 😀 the  naïve\ncafe\u0301, don't — “stop” 12.5\n".repeat(3);
    const vocabulary = Vocabulary.from([...tokenize(tokenizer, text), tokenizer.close ?? ""]);
    const whole = [...encode(text, tokenizer, vocabulary)];
    const random = randomNumbers(2);
    for (let i = 0; i < 50; i++) {
      const pieces: string[] = [];
      for (let at = 0; at < text.length; ) {
        const end = at + 1 + Math.floor(random() * 9);
        pieces.push(text.slice(at, end));
        at = end;
      }
      expect([...encode(pieces, tokenizer, vocabulary)]).toEqual(whole);
    }
  });

  it.each(all)("%s: round-trips through its spec", (_, tokenizer) => {
    const again = tokenizerFrom(JSON.parse(JSON.stringify(tokenizer.spec)), tables);
    const text = "Don't STOP, 😀 12";
    expect(tokenize(again, text)).toEqual(tokenize(tokenizer, text));
    expect(join(again, ["a", "b", "."])).toBe(join(tokenizer, ["a", "b", "."]));
  });

  it("refuses data of another kind", () => {
    const from = (spec: object) => () => tokenizerFrom(spec as never, tables);
    const regex = { kind: "regex", source: "a", flags: "g", separator: "" };
    expect(from({ kind: "bpe" })).toThrow('"tokenizer.kind" expected "char" or "word"');
    expect(from({ kind: "word", lowercase: "no" })).toThrow(
      new TypeError('"lowercase" expected true or false, got "no"'),
    );
    expect(from({ kind: "regex" })).toThrow(new TypeError('"source" expected a string, got undefined'));
    expect(from({ ...regex, flags: 5 })).toThrow(new TypeError('"flags" expected a string, got 5'));
    expect(from({ ...regex, separator: {} })).toThrow('"separator" expected a string, got an Object');
    expect(from({ ...regex, source: `(${"\n".repeat(1000)}` })).toThrow(
      /^"source" expected a regular expression, got "\(.{30,90}…" with the flags "g"$/,
    );
    expect(() => pattern("a+" as never)).toThrow(new TypeError('"regex" expected a regular expression, got "a+"'));
    expect(() => pattern(/a/, 5 as never)).toThrow(new TypeError('"separator" expected a string, got 5'));
    expect(() => words({ lowercase: "no" as never })).toThrow('"lowercase" expected true or false, got "no"');
  });
});

describe("vocabulary", () => {
  const counts = new Map([
    ["b", 2],
    ["a", 2],
    ["c", 5],
    ["d", 1],
  ]);

  it("orders by descending count, then by code units, special tokens first", () => {
    expect(Vocabulary.fromCounts(counts).tokens).toEqual(["c", "a", "b", "d"]);
    const v = Vocabulary.fromCounts(counts, { minCount: 2, maxSize: 4, specials: ["<unk>", "<bos>"] });
    expect(v.tokens).toEqual(["<unk>", "<bos>", "c", "a"]);
    expect([v.unknown, v.start, v.end, v.padding]).toEqual([0, 1, undefined, undefined]);
    expect([v.id("c"), v.id("d"), v.id("never")]).toEqual([2, 0, 0]);
  });

  it("names a token that it does not have, where it has no <unk>", () => {
    const v = Vocabulary.from("abc");
    expect(() => v.id("é")).toThrow('"é" (U+00E9) is not among the 3 tokens of the vocabulary, which has no <unk>');
    expect(() => v.id("word")).toThrow('"word" is not among');
    expect(() => v.token(3)).toThrow('"id" expected an integer from 0 to 2, got 3');
    expect(() => new Vocabulary(["a", "a"])).toThrow("each token once");
    expect(() => new Vocabulary([])).toThrow("at least one token");
    expect(() => Vocabulary.fromCounts(counts, { minCount: 0.5 })).toThrow(
      '"minCount" expected an integer >= 1, got 0.5',
    );
  });

  it("is made of strings in an array", () => {
    const made = (tokens: unknown) => () => new Vocabulary(tokens as never);
    expect(made([1, 2])).toThrow(new TypeError('"tokens" expected strings, got 1 at 0'));
    expect(made(["a", null])).toThrow(new TypeError('"tokens" expected strings, got null at 1'));
    expect(made("abc")).toThrow(new TypeError('"tokens" expected an array of strings, got "abc"'));
    expect(made({ length: 3 })).toThrow("expected an array of strings, got an Object");
    expect(() => prepare("abc", characters(), { specials: "<unk>" as never })).toThrow(
      new TypeError('"specials" expected an array of strings, got "<unk>"'),
    );
  });

  it("shows one-hot rows", () => {
    const v = Vocabulary.from("aab");
    expect([...v.oneHot([1, 0])]).toEqual([0, 1, 1, 0]);
    expect(() => v.oneHot([2])).toThrow("from 0 to 1");
  });
});

describe("a corpus", () => {
  it("holds out the last part; what only that has is <unk>", () => {
    const { vocabulary, train, valid } = prepare("aaabbbbbxy", characters(), { valid: 0.2 });
    expect(vocabulary.tokens).toEqual([UNKNOWN, "b", "a"]);
    expect([...train]).toEqual([2, 2, 2, 1, 1, 1, 1, 1]);
    expect([...valid]).toEqual([0, 0]);
  });

  it("takes the narrowest ids that hold the vocabulary", () => {
    const text = (n: number) => String.fromCodePoint(...Array.from({ length: n }, (_, i) => 0x4e00 + i));
    const of = (n: number) => prepare(text(n), characters(), { valid: 0 });
    expect(of(255).train).toBeInstanceOf(Uint8Array);
    expect(of(256).train).toBeInstanceOf(Uint16Array); // and <unk>
    expect(decode(of(256).train, characters(), of(256).vocabulary)).toBe(text(256));
    expect(of(5000).train).toBeInstanceOf(Uint16Array);
    const many = Array.from({ length: 70_000 }, (_, i) => `w${i}`).join(" ");
    const wide = prepare(many, whitespace(), { valid: 0 });
    expect(wide.train).toBeInstanceOf(Uint32Array);
    expect(decode(wide.train, whitespace(), wide.vocabulary)).toBe(many);
  });

  it("refuses what is no text, and what is no tokenizer", () => {
    const refused = (text: unknown, message: string) => {
      expect(() => prepare(text as never, characters())).toThrow(message);
      expect(() => encode(text as never, characters(), Vocabulary.from("ab"))).toThrow(TypeError);
    };
    refused(undefined, '"text" expected a string, or strings to iterate over, got undefined');
    refused(Promise.resolve("a"), "got a Promise");
    refused(7, "got 7");
    refused(["a", 2], '"text" expected pieces that are strings, got 2');
    const tokenizer = '"tokenizer" expected a tokenizer, such as characters(), got ';
    expect(() => prepare("a", undefined as never)).toThrow(`${tokenizer}undefined`);
    expect(() => prepare("a", characters as never)).toThrow(`${tokenizer}a Function`);
  });

  it("refuses an empty text, and an unknown token without <unk>", () => {
    expect(() => prepare("", characters())).toThrow("got none: is it empty?");
    expect(() => prepare(" \n", words())).toThrow("got none: is it empty?");
    expect(() => prepare("aaaaaaaaab", characters(), { specials: [] })).toThrow('"b" (U+0062) is not among');
    expect(() => prepare("ab", characters(), { valid: 1 })).toThrow('"valid" expected a number in [0, 1), got 1');
  });

  it("with minCount and maxSize the rest is <unk>", () => {
    const { vocabulary, train } = prepare("a a a b b c", whitespace(), { valid: 0, maxSize: 3, minCount: 2 });
    expect(vocabulary.tokens).toEqual(["<unk>", "a", "b"]);
    expect([...train]).toEqual([1, 1, 1, 2, 2, 0]);
    expect(decode(train, whitespace(), vocabulary)).toBe("a a a b b <unk>");
  });
});
