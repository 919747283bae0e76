// Files of n-gram models: other programs' load here, ours load there, and damaged ones are refused with one clear line.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import {
  countNgrams,
  encode,
  evaluate,
  FormatError,
  kneserNey,
  loadNgram,
  maximumLikelihood,
  type NgramModel,
  perplexity,
  saveArpa,
  saveNgram,
  stupidBackoff,
  whitespace,
} from "../src/entries/ngram.js";
import { readNgram, writeNgram } from "../src/entries/node.js";
import { crc32 } from "../src/io/crc32.js";
import { Random } from "../src/random.js";
import { CLI } from "./command.js";

const fixture = (name: string) => readFileSync(new URL(`fixtures/arpa/${name}`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "rivulet-ngram-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);

const BOOK = gunzipSync(readFileSync(new URL("fixtures/kenlm/train.txt.gz", import.meta.url))).toString();
const TEXT = BOOK.slice(0, BOOK.indexOf("\n", 20_000) + 1);
const counts = countNgrams(TEXT, { order: 3 });
const smoothed = kneserNey(counts, { discountFallback: true });
const models: [string, NgramModel][] = [
  ["Kneser–Ney", smoothed],
  ["pruned Kneser–Ney", kneserNey(counts, { discountFallback: true, prune: [0, 0, 1] })],
  ["a vocabulary with hardly an n-gram", kneserNey(countNgrams(BOOK, { order: 3 }), { prune: [0, 20, 20] })],
  ["maximum likelihood", maximumLikelihood(counts)],
  ["stupid backoff", stupidBackoff(counts)],
  ["unigrams", kneserNey(countNgrams(TEXT, { order: 1 }), { discountFallback: true })],
  ["5-grams", kneserNey(countNgrams(TEXT, { order: 5 }), { discountFallback: true })],
];

const bytes = (text: string) => new TextEncoder().encode(text);
const arpaOf = (model: NgramModel) => Buffer.concat([...saveArpa(model)]);
const parts = ({ trie, logP, logB, vocabulary }: NgramModel) => ({ ...trie, logP, logB, tokens: vocabulary.tokens });

describe("ARPA files", () => {
  it.each(models)("give back the model that they were written from, bit for bit: %s", async (_, model) => {
    const again = await loadNgram(arpaOf(model));
    expect(parts(again)).toEqual(parts(model));
    expect(arpaOf(again).equals(arpaOf(model))).toBe(true);
  });

  it("read the same whole, in pieces of any length, compressed, and as a stream", async () => {
    const file = arpaOf(smoothed);
    const random = new Random(1);
    function* pieces() {
      for (let from = 0, to = 0; from < file.length; from = to) {
        to = from + Math.floor(random.float() * 300);
        yield file.subarray(from, to);
      }
    }
    const gz = gzipSync(file);
    const sources = [
      pieces(),
      gz,
      new Blob([gz]).stream(),
      new Blob([file]).stream(),
      gz.buffer.slice(gz.byteOffset, gz.byteOffset + gz.length),
    ];
    for (const source of sources) expect(parts(await loadNgram(source))).toEqual(parts(smoothed));
  });

  it.each(["irstlm", "srilm"])("of other programs score every word as KenLM has it: %s", async (name) => {
    const model = await loadNgram(fixture(`${name}.arpa`));
    const ids = encode(fixture("text.txt").toString(), model.tokenizer, model.vocabulary);
    const { logProbs, orders } = model.score(ids, model.start());
    const expected = [
      ...fixture(`${name}.query.txt`)
        .toString()
        .matchAll(/\S+=\d+ (\d) (\S+)/g),
    ];
    expect(expected.length).toBe(ids.length);
    expect([...orders]).toEqual(expected.map(([, order]) => Number(order)));
    expected.forEach(([, , log10], i) => void expect(logProbs[i]! / Math.LN10).toBeCloseTo(Number(log10), 5));
  });

  it("may have CRLF, comments, blanks and no line feed at the end", async () => {
    const text = fixture("srilm.arpa").toString();
    const model = await loadNgram(bytes(text));
    const odd = `# by SRILM\n${text.trim().replaceAll("\n", " \r\n").replaceAll("\t", " ").replaceAll("=", " = ")}`;
    expect(parts(await loadNgram(bytes(odd)))).toEqual(parts(model));
  });

  it("without </s> are of a stream, and take another tokenizer where it is given", async () => {
    const text = "\\data\\\nngram 1=2\n\n\\1-grams:\n-0.3\ta\n-0.3\tb\n\n\\end\\\n";
    expect((await loadNgram(bytes(text))).tokenizer.spec).toEqual({ kind: "whitespace" });
    expect((await loadNgram(bytes(text), { tokenizer: whitespace() })).tokenizer.spec.kind).toBe("whitespace");
    expect(perplexity(await loadNgram(bytes(text)), "a b a b")).toBeCloseTo(10 ** 0.3, 4);
  });

  const SRILM = fixture("srilm.arpa").toString().trimStart();
  // https://cmusphinx.github.io/wiki/arpaformat: what the CMU-Cambridge toolkit writes before \\data\\.
  const PREAMBLE = `#############################################################################
## Copyright (c) 1996, Carnegie Mellon University, Cambridge University,
#############################################################################
This is a CLOSED-vocabulary language model, based on 4 words
p(wd3|wd1,wd2)= if(trigram exists)           p_3(wd1,wd2,wd3)
                else if(bigram w1,w2 exists) bo_wt_2(w1,w2)*p(wd3|wd2)
The data formats (one data set per section) are as follows: \\data\\

`;
  it.each<[string, string]>([
    ["blank lines within a section", SRILM.replace(/^(-.*)$/gm, "$1\n\n \t")],
    ["no blank lines at all", SRILM.replace(/\n+/g, "\n")],
    ["free text before \\data\\, as the CMU toolkit writes it", PREAMBLE + SRILM],
    [
      "a few lines before \\data\\, as pocketsphinx's tools write them",
      `Language model created by QuickLM on Mon Jun  3 09:52:22 EDT 2024\n(c) 1996\n\n${SRILM}`,
    ],
    ["a byte order mark", `\ufeff${SRILM}`],
    ["CRLF", SRILM.replaceAll("\n", "\r\n")],
    ["blanks for tabs", SRILM.replaceAll("\t", "  ")],
    ["blanks at the ends of lines", SRILM.replaceAll("\n", " \t\n")],
    ["blanks in the header", SRILM.replace(/ngram (.)=/g, "ngram  $1 =   ")],
    [
      "capitals",
      SRILM.replace("\\data", "\\Data")
        .replace(/-grams/g, "-Grams")
        .replace("end", "END"),
    ],
    ["weights of 0 for the longest n-grams", SRILM.replace(/^(\S+\t\S+ \S+ \S+)$/gm, "$1\t0")],
    ["numbers with exponents", SRILM.replace("0.1249387", "1.249387e-1").replace("-0.39794", "-3979.4E-4")],
    ["-inf for -99", SRILM.replaceAll("-99", "-inf")],
    ["a rounded probability of 1", SRILM.replace("-0.39794\tthe fire", "1e-07\tthe fire")],
    ["no line feed at the end", SRILM.trimEnd()],
    ["an empty section", SRILM.replace("3=2", "3=2\nngram 4=0").replace("\\end", "\\4-grams:\n\n\\end")],
    ["an empty section that is missing", SRILM.replace("3=2", "3=2\nngram 4=0")],
  ])("of other programs may have %s", async (what, text) => {
    const expected = parts(await loadNgram(bytes(SRILM)));
    const found = parts(await loadNgram(bytes(text)));
    if (what.includes("section that") || what.includes("an empty")) {
      expect(found.levels).toEqual([...expected.levels, expected.levels.at(-1)]);
      expect(found.logP).toEqual(expected.logP);
    } else if (what.includes("rounded")) {
      expect(found.logP.filter((p, i) => p !== expected.logP[i])).toEqual(Float32Array.of(0));
    } else {
      expect(found).toEqual(expected);
    }
  });

  describe.each([1, 2, 3])("of order %d", (order) => {
    it.each([["<s>", "</s>"], ["<s>"], ["</s>"], []])(
      "with %s %s: every token is scored and counted, the first one after what there is",
      async (...markers) => {
        const sections = Array.from({ length: order }, (_, i) => {
          const words = ["a", "b", "c", ...(markers as string[])];
          // Each bigram and trigram of a and b, so that the first two words are scored by n-grams where they can.
          const ngrams =
            i === 0
              ? words
              : Array.from({ length: 2 ** (i + 1) }, (_, k) =>
                  [..."abc"]
                    .map((_, j) => "ab"[(k >> j) & 1])
                    .slice(0, i + 1)
                    .join(" "),
                );
          if (i === 1 && words.includes("<s>")) ngrams.push("<s> a");
          return ngrams.map(
            (ngram, k) => `-${(0.25 + 0.125 * i + 0.0625 * k).toFixed(4)}\t${ngram}${i < order - 1 ? "\t-0.5" : ""}`,
          );
        });
        const head = sections.map((lines, i) => `ngram ${i + 1}=${lines.length}`);
        const body = sections.map((lines, i) => `\\${i + 1}-grams:\n${lines.join("\n")}\n\n`);
        const file = `\\data\\\n${head.join("\n")}\n\n${body.join("")}\\end\\\n`;
        const model = await loadNgram(bytes(file));
        const closes = (markers as string[]).includes("</s>");
        expect(model.tokenizer.spec.kind).toBe(closes ? "lines" : "whitespace");

        const text = "a b c\nb a\n";
        const ids = encode(text, model.tokenizer, model.vocabulary);
        expect(ids.length).toBe(closes ? 7 : 5);
        const { logProbs } = model.score(ids, model.start());
        const found = evaluate(model, text);
        expect(found).toMatchObject({ tokens: ids.length, unknown: 0, impossible: 0 });
        expect(found.nats).toBeCloseTo(-logProbs.reduce((sum, p) => sum + p, 0) / ids.length, 12);
        // By hand: p(a | <s>), or p(a) where there is no <s>.
        const p = new Map(sections.flat().map((line) => [line.split("\t")[1]!, Number(line.split("\t")[0])]));
        const first = order > 1 && (markers as string[]).includes("<s>") ? p.get("<s> a")! : p.get("a")!;
        expect(logProbs[0]! / Math.LN10).toBeCloseTo(first, 6);

        writeFileSync(at("markers.arpa"), file);
        writeFileSync(at("markers.txt"), text);
        const command = [CLI, "eval", at("markers.arpa"), at("markers.txt"), "--json"];
        const { stdout } = spawnSync(process.execPath, command, { encoding: "utf8" });
        expect(JSON.parse(stdout)).toMatchObject({ tokens: ids.length, nats: found.nats });
      },
    );
  });

  it("with <bos> and <eos> have these as words", async () => {
    const file = "\\data\\\nngram 1=4\n\n\\1-grams:\n-0.3\ta\n-0.4\tb\n-0.5\t<bos>\n-0.6\t<eos>\n\n\\end\\\n";
    const model = await loadNgram(bytes(file));
    expect(model.tokenizer.spec.kind).toBe("whitespace");
    expect(evaluate(model, "<bos> a <eos>").nats / Math.LN10).toBeCloseTo((0.5 + 0.3 + 0.6) / 3, 6);
    expect(arpaOf(model).toString()).toContain("-0.5\t<bos>");
  });

  it("are recognized within a thousand lines", async () => {
    const message = 'line 2: expected \\data\\, got "It was a dark night.": is it an ARPA file?';
    for (const n of [1, 20, 2000]) {
      const text = `# a book\n${"It was a dark night.\n".repeat(n)}`;
      await expect(loadNgram(bytes(text))).rejects.toThrow(new FormatError(message));
    }
    await expect(loadNgram(bytes(`${"It was a dark night.\n".repeat(2000)}${SRILM}`))).rejects.toThrow(FormatError);
  });

  it("are loaded by KenLM, which then finds the same perplexity", () => {
    const found = spawnSync("query", [], { input: "" }).error;
    if (found) {
      console.warn("KenLM's query is not on the PATH: SKIPPED that it loads our ARPA files");
      return;
    }
    for (const [name, model] of models.filter(([, { trie }]) => trie.order > 1 && trie.order < 6)) {
      if (name === "maximum likelihood") continue; // its infinite backoff is -99 in the file
      writeFileSync(at("ours.arpa"), arpaOf(model));
      const { stdout } = spawnSync("query", ["-v", "summary", at("ours.arpa")], { input: TEXT, encoding: "utf8" });
      const [, kenlm] = /including OOVs:\s*(\S+)/.exec(stdout)!;
      expect(Number(kenlm), name).toBeCloseTo(perplexity(model, TEXT), 3);
    }
  });

  const GOOD = fixture("srilm.arpa").toString().trimStart();
  const damaged: [string, string, string][] = [
    ["a missing section", GOOD.replace(/\\2-grams:.*?\n\n/s, ""), 'line 14: expected \\2-grams:, got "\\\\3-grams:"'],
    ["no sections", GOOD.replace(/\\1-grams.*/s, "\\end\\\n"), 'line 6: expected \\1-grams:, got "\\\\end\\\\"'],
    [
      "fewer n-grams than in the header",
      GOOD.replace("2=6", "2=7"),
      'line 22: expected 7 2-grams, as the header says, got "\\\\3-grams:" after 6',
    ],
    [
      "more n-grams than in the header",
      GOOD.replace("3=2", "3=1"),
      "line 24: expected 1 3-grams, as the header says, got more",
    ],
    ["a header without an order", GOOD.replace("ngram 2=6\n", ""), 'line 3: expected ngram 2=…, got "ngram 3=2"'],
    ["a header without a number", GOOD.replace("2=6", "2=six"), 'line 3: expected \\1-grams:, got "ngram 2=six"'],
    ["no header", GOOD.replace(/ngram .=.\n/g, ""), 'line 3: expected ngram 1=…, got "\\\\1-grams:"'],
    [
      "an order of 12",
      `\\data\\\n${Array.from({ length: 12 }, (_, i) => `ngram ${i + 1}=1\n`).join("")}`,
      'line 12: expected n-grams of up to 10 words, got "ngram 11=1": use a lower order',
    ],
    [
      "a positive log probability",
      GOOD.replace("-0.39794\tthe fire", "0.39794\tthe fire"),
      "line 19: expected a log10 probability of at most 0, got 0.39794",
    ],
    ["NaN", GOOD.replace("-0.39794\tthe fire", "nan\tthe fire"), 'line 19: expected a number, got "nan"'],
    ["NaN as a backoff weight", GOOD.replace("0.1249387", "NaN"), 'line 18: expected a number, got "NaN"'],
    [
      "an infinite backoff weight",
      GOOD.replace("0.1249387", "inf"),
      "line 18: expected a finite backoff weight, got Infinity",
    ],
    ["hexadecimal", GOOD.replace("-0.39794\tthe fire", "0x10\tthe fire"), 'line 19: expected a number, got "0x10"'],
    [
      "a word that is no unigram",
      GOOD.replace("the time", "the tide"),
      'line 20: expected words that are among the unigrams, got "tide", which is not',
    ],
    [
      "a context that is no n-gram",
      GOOD.replace("the fire burned", "time fire burned"),
      'line 24: expected the context of each n-gram among the 2-grams, got "time fire", which is not',
    ],
    [
      "a word twice",
      GOOD.replace("fire\t-99", "burned\t-99"),
      'line 10: expected each word once among the unigrams, got "burned" again',
    ],
    [
      "an n-gram twice",
      GOOD.replace("the time", "the fire"),
      "line 20: expected each of the 2-grams once, got one again",
    ],
    [
      "a word too few",
      GOOD.replace("the fire burned", "fire burned"),
      'line 24: expected a number, 3 words, got "-0.0457575\\tfire burned"',
    ],
    [
      "a word too many",
      GOOD.replace("the time", "the time of day"),
      'line 20: expected a number, 2 words and optionally a backoff weight, got "-0.60206\\tthe time of day"',
    ],
    [
      "a backoff weight at the longest",
      GOOD.replace("the fire burned", "the fire burned\t-0.5"),
      "line 24: expected no backoff weight for the longest n-grams, got -0.5",
    ],
    ["a cut", GOOD.slice(0, 300), "line 19: expected \\end\\, got the end of the file: it is cut short"],
    ["no end", GOOD.replace("\\end\\\n", ""), "line 26: expected \\end\\, got the end of the file: it is cut short"],
    ["something behind the end", `${GOOD}\n\\data\\\n`, 'line 28: expected nothing after \\end\\, got "\\\\data\\\\"'],
    [
      "nothing",
      "",
      'line 1: expected an ARPA file, which begins with "\\data\\", got the end of the file: it is cut short',
    ],
    ["another text", "Call me Ishmael.\n", 'line 1: expected \\data\\, got "Call me Ishmael.": is it an ARPA file?'],
  ];
  it.each(damaged)("are refused with %s", async (_, text, message) => {
    await expect(loadNgram(bytes(text))).rejects.toThrow(new FormatError(message));
  });

  it("are refused where they are no UTF-8, cut short in gzip, or one endless line", async () => {
    const latin1 = Uint8Array.from(GOOD.replace("time", "t\xefme"), (c) => c.charCodeAt(0));
    await expect(loadNgram(latin1)).rejects.toThrow("expected UTF-8, got something else");
    const gz = gzipSync(arpaOf(smoothed));
    for (const length of [12, gz.length >> 1, gz.length - 8, gz.length - 1]) {
      await expect(loadNgram(gz.subarray(0, length))).rejects.toThrow(
        new FormatError("expected a gzip file, got one that is cut short or altered"),
      );
    }
    const zeros = gzipSync(new Uint8Array(1 << 26)); // 64 KB that become 64 MB
    await expect(loadNgram(zeros)).rejects.toThrow(
      "line 1: expected a line of up to 1048576 characters, got a longer one",
    );
    await expect(loadNgram("model.arpa" as never)).rejects.toThrow(
      new TypeError('"source" expected bytes, whole or in pieces, got "model.arpa"'),
    );
    await expect(loadNgram([GOOD] as never)).rejects.toThrow('"source" expected pieces that are bytes, got "');
  });

  it("are not written where a word has white space in it", () => {
    const model = kneserNey(countNgrams("a b c a b", { order: 2, tokenizer: whitespace() }), {
      discountFallback: true,
    });
    expect(arpaOf(model).length).toBeGreaterThan(0);
    const characters = {
      ...whitespace(),
      each: (text: string, emit: (t: string) => void) => void [...text].forEach(emit),
    };
    const spaced = kneserNey(countNgrams("a b", { order: 2, tokenizer: characters }), { discountFallback: true });
    expect(() => arpaOf(spaced)).toThrow(
      new RangeError(
        'an ARPA file expected words without white space, got " " (U+0020): save the model in binary form',
      ),
    );
  });
});

describe("the binary form", () => {
  it.each(models)("gives back the model that it was written from, bit for bit: %s", async (_, model) => {
    for (const source of [saveNgram(model), gzipSync(saveNgram(model))]) {
      const again = await loadNgram(source);
      expect(parts(again)).toEqual(parts(model));
      expect(again.smoothing).toEqual(model.smoothing);
      expect(again.tokenizer.spec).toEqual(model.tokenizer.spec);
    }
  });

  it("quantized is much smaller, keeps zeros and unigrams, and is hardly worse", async () => {
    for (const [name, model] of models) {
      const file = saveNgram(model, { quantize: true });
      const again = await loadNgram(file);
      const [found, exact] = [evaluate(again, TEXT), evaluate(model, TEXT)];
      expect(found.impossible, name).toBe(exact.impossible);
      expect(found.nats / exact.nats, name).toBeCloseTo(1, 2);
      const V = model.vocabulary.size;
      expect(again.logP.subarray(0, V + 1), name).toEqual(model.logP.subarray(0, V + 1));
    }
    // A byte instead of four for each value, and 256 values for each length: of logP and, but for the longest, of logB.
    const { levels } = smoothed.trie;
    const values = levels[4]! - levels[2]! + (levels[3]! - levels[2]!);
    const saved = saveNgram(smoothed).length - saveNgram(smoothed, { quantize: true }).length;
    expect(saved).toBe(3 * values - 3 * 1024 + 1);
  });

  const file = saveNgram(smoothed);
  const withChecksum = (damaged: Uint8Array) => {
    new DataView(damaged.buffer).setUint32(12, crc32(damaged.subarray(16)), true);
    return damaged;
  };
  const json = JSON.parse(
    new TextDecoder().decode(file.subarray(20, 20 + new DataView(file.buffer).getUint32(16, true))),
  );
  const described = (change: (description: typeof json) => void) => {
    const description = structuredClone(json);
    change(description);
    const text = bytes(JSON.stringify(description));
    const rest = file.subarray(20 + bytes(JSON.stringify(json)).length);
    const damaged = new Uint8Array(20 + text.length + rest.length);
    damaged.set(file.subarray(0, 20));
    damaged.set(text, 20);
    damaged.set(rest, 20 + text.length);
    new DataView(damaged.buffer).setUint32(16, text.length, true);
    return withChecksum(damaged);
  };

  it("is refused where it is altered, cut short, or of a later version", async () => {
    const altered = file.slice();
    altered[file.length - 5]! ^= 1;
    await expect(loadNgram(altered)).rejects.toThrow(
      /^expected the checksum [0-9a-f]{8}, got [0-9a-f]{8}: the file is cut short or was altered$/,
    );
    await expect(loadNgram(file.subarray(0, 1000))).rejects.toThrow("the file is cut short or was altered");
    await expect(loadNgram(file.subarray(0, 19))).rejects.toThrow("expected an n-gram model, got only 19 bytes");
    const later = file.slice();
    later[8] = 2;
    await expect(loadNgram(later)).rejects.toThrow("expected version 1 of an n-gram model, got 2: use a newer rivulet");
  });

  it.each<[string, (description: typeof json) => void, string]>([
    ["levels that are none", (d) => void Object.assign(d, { levels: 3 }), '"levels" expected an array, got 3'],
    [
      "an order of 12",
      (d) => void Object.assign(d, { levels: Array.from({ length: 14 }, (_, i) => i) }),
      '"levels.length" expected an integer from 3 to 12, got 14',
    ],
    ["other words", ({ vocabulary }) => void vocabulary.pop(), '"levels[2]" expected an integer from'],
    ["a word twice", (d) => void d.vocabulary.splice(5, 1, d.vocabulary[4]), "a vocabulary expected each token once"],
    ["more n-grams", (d) => void d.levels[4]++, "expected the n-grams that the description claims, got"],
    ["fewer n-grams", (d) => void d.levels[4]--, "expected the n-grams that the description claims, got more than"],
    ["n-grams beyond all memory", (d) => void d.levels.splice(4, 1, 2 ** 40), '"levels[4]" expected an integer from'],
    ["other bytes of the trie", (d) => void d.trieBytes++, "expected"],
    ["a tokenizer that is none", (d) => void Object.assign(d, { tokenizer: {} }), '"tokenizer.kind" expected'],
    [
      "a smoothing that is none",
      (d) => void Object.assign(d, { smoothing: { kind: "best" } }),
      '"smoothing.kind" expected "mle" or',
    ],
    ["values as others", (d) => void Object.assign(d, { quantized: true }), "expected"],
  ])("is refused with %s, though the checksum is right", async (_, change, message) => {
    const error = await loadNgram(described(change)).catch((thrown: Error) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toContain(message);
  });

  it("in files: .ngram, .arpa and .arpa.gz, each read whatever it is called", async () => {
    for (const name of ["m.ngram", "m.arpa", "m.arpa.gz", "m"]) {
      await writeNgram(at(name), smoothed);
      expect(parts(await readNgram(at(name))), name).toEqual(parts(smoothed));
    }
    writeFileSync(at("m.ngram"), "\\data\\\n");
    await expect(readNgram(at("m.ngram"))).rejects.toThrow(/^".*m\.ngram": line 2: expected/);
    await expect(readNgram(at("none"))).rejects.toThrow(/cannot read ".*none": there is no such file/);
  });

  it("damaged in any way, and so ARPA files, are read or refused: thousands of them, in bounded time", async () => {
    const random = new Random(7);
    const below = (n: number) => Math.floor(random.float() * n);
    const small = kneserNey(countNgrams(TEXT.slice(0, 2000), { order: 4 }), { discountFallback: true });
    const files = [
      saveNgram(small),
      saveNgram(small, { quantize: true }),
      arpaOf(small),
      fixture("srilm.arpa"),
      fixture("irstlm.arpa"),
    ];
    const scraps = [
      "\n",
      "\\end\\",
      "\\2-grams:",
      "\t",
      "nan",
      "-1e999",
      "999999999999",
      "ngram 3=1000000000",
      "<s>",
      "\\data\\",
      "\0",
    ];
    let refused = 0;
    for (let i = 0; i < 4000; i++) {
      const source = files[i % files.length]!;
      let damaged: Uint8Array = Uint8Array.from(source);
      for (let n = below(4); n >= 0; n--) {
        const place = below(damaged.length);
        const kind = below(4);
        if (kind === 0) damaged[place] = below(256);
        else if (kind === 1) damaged = damaged.subarray(0, place + 1);
        else if (kind === 2)
          damaged.set(bytes(scraps[below(scraps.length)]!).subarray(0, damaged.length - place), place);
        else damaged.copyWithin(place, below(damaged.length), damaged.length);
      }
      if (i % files.length < 2 && damaged.length > 20) damaged = withChecksum(damaged.slice());
      const start = performance.now();
      const result = await loadNgram(damaged).catch((error: Error) => error);
      expect(performance.now() - start).toBeLessThan(2000);
      if (result instanceof Error) {
        refused++;
        expect(result, result.stack).toBeInstanceOf(FormatError);
        expect(result.message.length).toBeLessThan(400);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may reach a terminal
        expect(result.message).not.toMatch(/[\x00-\x1f]/);
      } else {
        // A model that loads can be used.
        const { logProbs } = result.score(Uint8Array.of(0, 1, 2, 0, 0), result.start());
        expect(logProbs.every((p) => !(p > 1e-3) || p < Infinity)).toBe(true);
      }
    }
    expect(refused).toBeGreaterThan(2000);
  });
});
