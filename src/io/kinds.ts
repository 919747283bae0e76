// Recognizes files of the wrong kind by their first bytes, with advice for each.
//
// biome-ignore-all lint/suspicious/noControlCharactersInRegex: the patterns match bytes

import { OTHER_FORMS } from "./arpa.js";

/** Number of leading bytes examined: enough for a tar archive's signature. */
export const HEAD = 512;

/** A pattern, in which each byte is a character up to U+00FF, the kind and the advice. */
type Kind = (typeof OTHER_FORMS)[number];

const iconv = (encoding: string): string => `convert it with iconv -f ${encoding} -t utf-8`;

/** Encodings, compressions and archives. */
const WRAPPINGS: readonly Kind[] = [
  [/^(?:\xff\xfe\0\0|\0\0\xfe\xff)/, "UTF-32", iconv("utf-32")],
  [/^(?:[\t\n\r -~]\0\0\0){2}/, "UTF-32", iconv("utf-32le")],
  [/^(?:\0\0\0[\t\n\r -~]){2}/, "UTF-32", iconv("utf-32be")],
  [/^(?:\xff\xfe|\xfe\xff)/, "UTF-16", iconv("utf-16")],
  [/^\x28\xb5\x2f\xfd/, "Zstandard", "unpack it with zstd -d"],
  [/^BZh[1-9]1AY&SY/, "bzip2", "unpack it with bunzip2"],
  [/^\xfd7zXZ\0/, "xz", "unpack it with xz -d"],
  [/^\x04\x22\x4d\x18/, "LZ4", "unpack it with lz4 -d"],
  [/^7z\xbc\xaf\x27\x1c/, "a 7z archive", "unpack it with 7z x"],
  [/^Rar!\x1a\x07/, "a RAR archive", "unpack it with unrar x"],
  [/^.{257}ustar/s, "a tar archive", "unpack it with tar -xf"],
];

const TWICE: Kind = [/^\x1f\x8b/, "gzip within gzip", "unpack it with gunzip"];

const TORCH = "save its state_dict with safetensors.torch.save_file()";
const NUMPY = "save its arrays with safetensors.numpy.save_file()";
const UNREAD = "rivulet does not read it";

/** Models of other programs. */
const MODELS: readonly Kind[] = [
  ...OTHER_FORMS,
  [/^PK\x03\x04.{26}[^\0]*data\.pkl/s, "a file of torch.save()", TORCH],
  [/^\x80[\x02-\x05]/, "a Python pickle", `if PyTorch wrote it, ${TORCH}`],
  [/^(?:\x93NUMPY|PK\x03\x04.{26}[^\0]*\.npy)/s, "NumPy's arrays", NUMPY],
  [/^\x89HDF\r\n/, "HDF5, as Keras writes it", NUMPY],
  [/^GGUF[\x01-\x09]\0\0/, "a GGUF model", UNREAD],
  [/^\x08[\x01-\x0f]\x12/, "an ONNX or TensorFlow model", UNREAD],
  [/^.{4}TFL3/s, "a TensorFlow Lite model", UNREAD],
  [/^\xba\x16\x4f\x2f/, "a fastText model", UNREAD],
  [/^\d+ \d+\n\S+ .{0,400}[\0-\x08\x0e-\x1f]/s, "word2vec's vectors", UNREAD],
];

/** Models that rivulet reads. */
const OURS: readonly Kind[] = [
  [/^(?:rivulet\n|\s*\\data\\\s)/, "an n-gram model", ""],
  [/^.{4}\0{4}\{/s, "safetensors", ""],
];

const PLAIN = "save it as plain text";
const OTHER = "name another file";

/** Files that may contain a text or be mistaken for one. */
const DOCUMENTS: readonly Kind[] = [
  [/^%PDF-/, "a PDF document", "convert it with pdftotext"],
  [/^(?:\{\\rtf|\xd0\xcf\x11\xe0|PK\x03\x04.{26}(?:\[Content_|_rels|docProps|word\/))/s, "an Office document", PLAIN],
  [/^PK\x03\x04.{26}mimetype/s, "an e-book or OpenDocument file", PLAIN],
  [/^PK(?:\x03\x04|\x05\x06|\x07\x08)/, "a zip archive", "unpack it with unzip"],
  [/^PAR1\x15/, "a Parquet file", "counts of n-grams go to --counts, or to readCounts()"],
  [/^SQLite format 3\0/, "an SQLite database", "export its text"],
  [/^(?:\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP)/s, "a picture", OTHER],
  [/^(?:ID3[\x02-\x04]|OggS|fLaC|RIFF.{4}(?:WAVE|AVI )|.{4}ftyp|\x1aE\xdf\xa3)/s, "sound or video", OTHER],
  [/^(?:\x7fELF|\0asm|MZ.\0|!<arch>\n)/s, "a program", OTHER],
];

/** Describes a file that is not a text, with advice; undefined for a text. Callers unpack gzip first. */
export const notText = (head: Uint8Array): string | undefined =>
  find(head, [...instead(OURS, "name a text"), ...WRAPPINGS, TWICE, ...instead(MODELS, "name a text"), ...DOCUMENTS]);

/** Describes a file that is not a model, with advice; undefined for a model. */
export const notModel = (head: Uint8Array): string | undefined =>
  isOurs(head) ? undefined : find(head, [...WRAPPINGS, ...MODELS, ...instead(DOCUMENTS, "name a model")]);

const instead = (kinds: readonly Kind[], remedy: string): Kind[] => kinds.map(([bytes, what]) => [bytes, what, remedy]);

const charactersOf = (head: Uint8Array): string => String.fromCharCode(...head.subarray(0, HEAD));

/** Returns true for our models. Checked first: the length of a safetensors header may look like another signature. */
const isOurs = (head: Uint8Array): boolean => OURS.some(([bytes]) => bytes.test(charactersOf(head)));

function find(head: Uint8Array, kinds: readonly Kind[]): string | undefined {
  const characters = charactersOf(head);
  const kind = kinds.find(([bytes]) => bytes.test(characters)) ?? unmarked(characters);
  return kind && `${kind[1]}: ${kind[2]}`;
}

/** Recognizes UTF-16 without a byte order mark: the zeros of its Latin letters are all at even or all at odd offsets. */
function unmarked(characters: string): Kind | undefined {
  const zeros = Array.from(characters.matchAll(/\0/g), ({ index }) => index % 2);
  const odd = zeros.filter(Boolean).length;
  if (zeros.length < 3 || 20 * zeros.length < characters.length || (odd > 0 && odd < zeros.length)) return undefined;
  return [/\0/, "UTF-16", iconv(odd > 0 ? "utf-16le" : "utf-16be")];
}
