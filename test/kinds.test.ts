// Files of the wrong kind: the message says what they are and what to do. Texts may be gzipped.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { characters, RecurrentModel, Vocabulary } from "../src/entries/index.js";
import { FormatError, loadNgram } from "../src/entries/ngram.js";
import { FileError, readModel, readNgram, readText } from "../src/entries/node.js";
import { writeModel } from "../src/io/model.js";
import { randomNumbers } from "./reference.js";

const directory = mkdtempSync(join(tmpdir(), "rivulet-kinds-"));
afterAll(() => rmSync(directory, { recursive: true }));

const FIXTURES = new URL("fixtures/binary/", import.meta.url);
const fixture = (name: string) => readFileSync(new URL(name, FIXTURES));
const latin1 = (text: string) => Buffer.from(text, "latin1");

function file(name: string, bytes: Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, bytes);
  return path;
}
const textOf = (path: string) => [...readText(path)].join("");

const KENLM = "KenLM's binary format, which depends on the machine";
const IRSTLM = "IRSTLM's own format";
const COMPILE = "convert it to ARPA with compile-lm FILE --text=yes model.arpa";
const TORCH = "save its state_dict with safetensors.torch.save_file()";
const NUMPY = "save its arrays with safetensors.numpy.save_file()";

// Files written by other programs: the kind, the advice if a text was expected, and the advice if a model was.
const kinds: Record<string, [what: string, text: string, model: string]> = {
  "kenlm.probing.bin": [KENLM, "name a text", "load the ARPA file that it was made from"],
  "kenlm.trie.bin": [KENLM, "name a text", "load the ARPA file that it was made from"],
  "kenlm.q8.bin": [KENLM, "name a text", "load the ARPA file that it was made from"],
  "irstlm.blm": [IRSTLM, "name a text", COMPILE],
  "irstlm.qblm": [IRSTLM, "name a text", COMPILE],
  "irstlm.qarpa": [IRSTLM, "name a text", COMPILE],
  "text.bz2": ["bzip2", "unpack it with bunzip2", "unpack it with bunzip2"],
  "text.xz": ["xz", "unpack it with xz -d", "unpack it with xz -d"],
  "text.zst": ["Zstandard", "unpack it with zstd -d", "unpack it with zstd -d"],
  "text.tar": ["a tar archive", "unpack it with tar -xf", "unpack it with tar -xf"],
  "text.zip": ["a zip archive", "unpack it with unzip", "name a model"],
  "text.docx": ["an Office document", "save it as plain text", "name a model"],
  "state.pkl": ["a Python pickle", "name a text", `if PyTorch wrote it, ${TORCH}`],
  "array.npy": ["NumPy's arrays", "name a text", NUMPY],
  "arrays.npz": ["NumPy's arrays", "name a text", NUMPY],
  "weights.h5": ["HDF5, as Keras writes it", "name a text", NUMPY],
  "model.onnx": ["an ONNX or TensorFlow model", "name a text", "rivulet does not read it"],
  "model.gguf": ["a GGUF model", "name a text", "rivulet does not read it"],
  "word2vec.bin": ["word2vec's vectors", "name a text", "rivulet does not read it"],
};
// Only the signatures of these kinds.
const marks: Record<string, [bytes: string, ...(typeof kinds)[string]]> = {
  "notes.pdf": ["%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document", "convert it with pdftotext", "name a model"],
  "old.doc": ["\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document", "save it as plain text", "name a model"],
  "letter.rtf": ["{\\rtf1\\ansi", "an Office document", "save it as plain text", "name a model"],
  "state.pt": [`PK\x03\x04${"\0".repeat(26)}archive/data.pkl`, "a file of torch.save()", "name a text", TORCH],
  "book.epub": [
    `PK\x03\x04${"\0".repeat(26)}mimetypeapplication/epub+zip`,
    "an e-book or OpenDocument file",
    "save it as plain text",
    "name a model",
  ],
  "model.bin": ["\xba\x16\x4f\x2f\x0c\0\0\0", "a fastText model", "name a text", "rivulet does not read it"],
  "lm.bin": [
    "SRILM_BINARY_NGRAM_002\n",
    "SRILM's binary format",
    "name a text",
    "convert it to ARPA with ngram -lm FILE -write-lm model.arpa",
  ],
  "counts.parquet": ["PAR1\x15\x04", "a Parquet file", "counts of n-grams go to --counts", "name a model"],
  "picture.png": ["\x89PNG\r\n\x1a\n", "a picture", "name another file", "name a model"],
  "speech.wav": ["RIFF\x24\x08\0\0WAVEfmt ", "sound or video", "name another file", "name a model"],
};

describe("a file of another kind", () => {
  it("has a row for each fixture", () =>
    expect(readdirSync(FIXTURES).sort()).toEqual(["README.md", ...Object.keys(kinds)].sort()));

  const all = [
    ...Object.entries(kinds).map(([name, row]) => [name, fixture(name), ...row] as const),
    ...Object.entries(marks).map(([name, [bytes, ...row]]) => [name, latin1(bytes.padEnd(40, "\0")), ...row] as const),
  ];
  it.each(all)("%s", async (name, bytes, what, text, model) => {
    const path = file(name, bytes);
    expect(() => textOf(path)).toThrow(FileError);
    expect(() => textOf(path)).toThrow(`${JSON.stringify(path)} expected a text in UTF-8, got ${what}: ${text}`);
    for (const read of [readModel, readNgram]) {
      await expect(read(path)).rejects.toThrow(FormatError);
      await expect(read(path)).rejects.toThrow(`${JSON.stringify(path)}: expected a model, got ${what}: ${model}`);
    }
    // The kind is recognized inside gzip as well.
    expect(() => textOf(file("packed.gz", gzipSync(bytes)))).toThrow(`expected a text in UTF-8, got ${what}: ${text}`);
  });

  it.each(["kenlm.probing.bin", "irstlm.blm", "irstlm.qblm"])("%s: without Node, gzipped or not", async (name) => {
    const [what, , model] = kinds[name]!;
    for (const bytes of [fixture(name), gzipSync(fixture(name))]) {
      await expect(loadNgram(bytes)).rejects.toThrow(new FormatError(`expected an ARPA file, got ${what}: ${model}`));
    }
  });

  it("is told apart from a model, whose first bytes are a length", async () => {
    const model = await RecurrentModel.create({
      tokenizer: characters(),
      vocabulary: Vocabulary.from("ab"),
      hiddenSize: 3,
    });
    for (const length of [0x480, 0x580, 0x8b18, 0x4550]) {
      const bytes = writeModel(model, new Map(), { padding: "" });
      const padding = " ".repeat(length - new DataView(bytes.buffer).getUint32(0, true));
      const padded = writeModel(model, new Map(), { padding });
      expect(new DataView(padded.buffer).getUint32(0, true)).toBe(length);
      await readModel(file("padded.safetensors", padded));
    }
  });

  it("is told apart from a text", () => {
    const texts = [
      "BZh",
      "7z",
      "Rar!",
      "PK",
      "3 4\nthe of and\n",
      "mmap",
      "GGUF is a format",
      "PAR1S",
      "RIFF RAFF",
      "{\\r}",
      "MZ",
      "blmt",
    ];
    for (const text of [...texts, "\0a\0", "", "x", "<html>", "{}", "a,b\n1,2\n"]) {
      expect(textOf(file("text.txt", Buffer.from(text)))).toBe(text);
    }
    for (const [text, what] of [
      ["\\data\\\nngram 1=3\n", "an n-gram model"],
      ["rivulet\n\x01", "an n-gram model"],
    ]) {
      expect(() => textOf(file("text.txt", Buffer.from(text!)))).toThrow(`got ${what}: name a text`);
    }
  });
});

describe("a text in another encoding", () => {
  const TEXT = "Où est le café? “Là-bas”, près de la forêt, a dit l’élève à son père.\n".repeat(3);
  const JAPANESE = "日本語のテキストです。これはペンです。\n".repeat(3);
  const RUSSIAN =
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему. Всё смешалось в доме Облонских.\n";

  // iconv's name for it, and the text.
  it.each([
    ["utf-16", TEXT],
    ["utf-16le", TEXT],
    ["utf-16be", "Hello there\n"],
    ["utf-16le", RUSSIAN],
    ["utf-32", TEXT],
    ["utf-32le", "Hello there\n"],
    ["utf-32be", "Hello there\n"],
    ["windows-1252", TEXT],
    ["iso-8859-1", "Größe und Übermut für schöne Mädchen\n"],
    ["shift_jis", JAPANESE],
    ["euc-jp", JAPANESE],
    ["gb18030", "我爱北京天安门，天安门上太阳升。你好世界\n"],
    ["big5", "我愛北京天安門，你好世界，中文測試。\n"],
    ["euc-kr", "한국어를 공부합니다. 안녕하세요\n"],
    ["windows-1251", RUSSIAN],
    ["koi8-r", RUSSIAN],
  ])("%s: the command that is named makes UTF-8 of it", (encoding, text) => {
    const path = file("text.txt", execFileSync("iconv", ["-f", "utf-8", "-t", encoding], { input: text }));
    let message = "";
    try {
      textOf(path);
    } catch (error) {
      message = (error as Error).message;
    }
    const [, from] = /convert it with iconv -f (\S+) -t utf-8/.exec(message) ?? [message];
    expect(execFileSync("iconv", ["-f", from!, "-t", "utf-8", path]).toString()).toBe(text);
  });

  it("damaged in a few places is still UTF-8", () => {
    const bytes = Buffer.concat([Buffer.from(TEXT), latin1("\xe9"), Buffer.from(JAPANESE)]);
    const path = file("text.txt", bytes);
    const at = Buffer.byteLength(TEXT);
    expect(() => textOf(path)).toThrow(
      `got the byte 0xE9 at offset ${at}: convert it with iconv -c -f utf-8 -t utf-8, which removes the damaged bytes`,
    );
    expect(execFileSync("sh", ["-c", `iconv -c -f utf-8 -t utf-8 "$0" || true`, path]).toString()).toBe(
      TEXT + JAPANESE,
    );
  });

  it("with zeros in it is no text", () => {
    expect(() => textOf(file("x", latin1("ab\xff\0\x01cd")))).toThrow("it contains zero bytes, which no text does");
  });
});

describe("a gzipped text", () => {
  const text = `\ufeff${Array.from({ length: 60_000 }, (_, i) => `line ${i} añ日😀`).join("\n")}`;
  const packed = gzipSync(text);

  it("is read as it was, in pieces, of one member or several", () => {
    const pieces = [...readText(file("t.gz", packed))];
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("") === text.slice(1)).toBe(true);
    const [a, b] = [gzipSync(text.slice(0, 70_000)), gzipSync(text.slice(70_000))];
    for (const bytes of [Buffer.concat([a, b]), Buffer.concat([a, gzipSync(""), b, Buffer.alloc(700)])]) {
      expect(textOf(file("t.gz", bytes)) === text.slice(1)).toBe(true);
    }
    // A member that ends exactly at a step of the reader.
    const random = randomNumbers(1);
    const noise = latin1(Array.from({ length: 1 << 14 }, () => String.fromCharCode(97 + random() * 26)).join(""));
    const stored = gzipSync(noise, { level: 0 });
    const padding = gzipSync(noise.subarray(0, (1 << 15) - stored.length - 23 - 5), { level: 0 });
    const members = Buffer.concat([stored, padding, gzipSync("end")]);
    expect(textOf(file("t.gz", members)).endsWith("end")).toBe(true);
  });

  it("is refused where it is cut short, altered, or packed twice", () => {
    const damaged = "expected a gzip file, got one that is cut short or altered";
    for (const length of [3, 12, packed.length >> 1, packed.length - 8, packed.length - 1]) {
      expect(() => textOf(file("t.gz", packed.subarray(0, length)))).toThrow(damaged);
    }
    for (const at of [packed.length >> 1, packed.length - 6, packed.length - 2]) {
      const altered = Uint8Array.from(packed);
      altered[at]! ^= 1;
      expect(() => textOf(file("t.gz", altered))).toThrow();
    }
    expect(() => textOf(file("t.gz", gzipSync(packed)))).toThrow("got gzip within gzip: unpack it with gunzip");
  });

  it("is refused where it would be endless", () => {
    const bomb = gzipSync(Buffer.alloc(1 << 27, "a b\n"));
    let read = 0;
    const all = () => {
      for (const piece of readText(file("bomb.gz", bomb))) read += piece.length;
    };
    expect(all).toThrow(
      /"\S+bomb.gz" expected a gzipped text, got \d+ bytes that unpack to more than 100 times as many/,
    );
    expect(read).toBeLessThan(1 << 27);
  });
});
