// Labeled texts, one example a line, in one of three forms:
//
//   label<TAB>text              spam<TAB>Win a free prize
//   __label__label text         __label__a __label__b Some text          as fastText reads it, with one label or more
//   JSON                        {"label": "spam", "text": "…"} or {"labels": ["a", "b"], "text": "…"}

import { show } from "../check.js";
import { FormatError } from "../errors.js";

/** A text and its labels. */
export interface Example {
  readonly text: string;
  readonly labels: readonly string[];
}

export const LABEL_FORMATS = ["tsv", "fasttext", "jsonl"] as const;
export type LabelFormat = (typeof LABEL_FORMATS)[number];

const READ: Record<LabelFormat, { expected: string; read: (line: string) => Example | string }> = {
  tsv: {
    expected: "a label, a tab and a text",
    read(line) {
      const tab = line.indexOf("\t");
      if (tab < 0) return `no tab in ${show(line)}`;
      const label = line.slice(0, tab).trim();
      return label === "" ? "nothing before the tab (column 1)" : { labels: [label], text: line.slice(tab + 1) };
    },
  },
  fasttext: {
    expected: "__label__ and a label, then a text",
    read(line) {
      const [head] = /^(?:__label__\S+[ \t]*)*/.exec(line)!;
      const labels = head.split(/\s+/).filter(Boolean);
      if (labels.length === 0) return show(line);
      return { labels: labels.map((label) => label.slice("__label__".length)), text: line.slice(head.length) };
    },
  },
  jsonl: {
    expected: 'JSON such as {"label": "spam", "text": "…"}',
    read(line) {
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        return show(line);
      }
      const {
        label,
        labels = label === undefined ? undefined : [label],
        text,
      } = (value ?? {}) as Record<string, unknown>;
      if (typeof text !== "string") return `${show(text)} as "text"`;
      if (!Array.isArray(labels) || !labels.every((each) => typeof each === "string" && each !== "")) {
        return `${JSON.stringify(labels) ?? "none"} as "label" or "labels"`;
      }
      return { labels: labels as string[], text };
    },
  },
};

/** Recognizes the form of the first line. */
const formatOf = (line: string): LabelFormat =>
  line.startsWith("__label__") ? "fasttext" : /^\s*\{.*\}\s*$/.test(line) ? "jsonl" : "tsv";

/**
 * Reads labeled texts. Empty lines are skipped.
 * @param source a text, or pieces of one, of any length
 * @param format by default, that of the first line
 * @throws FormatError with the line that is not in the form of the others, or if there is no example
 */
export function readLabels(source: string | Iterable<string>, options: { format?: LabelFormat } = {}): Example[] {
  let { format } = options;
  const examples: Example[] = [];
  let number = 0;
  for (const line of linesOf(source)) {
    number++;
    if (line.trim() === "") continue;
    format ??= formatOf(line);
    const { expected, read } = READ[format];
    const example = read(line);
    if (typeof example !== "string") {
      examples.push(example);
      continue;
    }
    const like = examples.length > 0 && formatOf(line) !== format ? ", as the lines before" : "";
    throw new FormatError(`line ${number} expected ${expected}${like}, got ${example}`);
  }
  if (examples.length === 0) throw new FormatError("expected labeled texts, one a line, got none");
  return examples;
}

/** Yields lines without their ends; a byte order mark before the first is skipped. */
export function* linesOf(source: string | Iterable<string>): Generator<string, void, undefined> {
  let rest = "";
  let first = true;
  for (const piece of typeof source === "string" ? [source] : source) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      yield clean(line, first);
      first = false;
    }
  }
  if (rest !== "") yield clean(rest, first);
}

const clean = (line: string, first: boolean): string =>
  line.slice(first && line.startsWith("\ufeff") ? 1 : 0, line.endsWith("\r") ? -1 : undefined);

/**
 * Checks examples given as data. @param several false if each has exactly one label; by default, any number is right
 * @throws TypeError, RangeError that names the example
 */
export function checkExamples(name: string, examples: readonly Example[], several = true): readonly Example[] {
  if (!Array.isArray(examples)) throw new TypeError(`"${name}" expected an array of examples, got ${show(examples)}`);
  if (examples.length === 0) throw new RangeError(`"${name}" expected at least one example, got none`);
  for (const [i, example] of examples.entries()) {
    const { text, labels } = (example ?? {}) as Partial<Example>;
    if (
      typeof text !== "string" ||
      !Array.isArray(labels) ||
      labels.some((label) => typeof label !== "string" || label === "")
    ) {
      throw new TypeError(`"${name}[${i}]" expected { text: "…", labels: ["…"] }, got ${show(example)}`);
    }
    if (!several && labels.length !== 1) {
      const advice = "create the classifier with { several: true } for texts with several labels, or none";
      throw new RangeError(`"${name}[${i}]" expected one label, got ${labels.length}: ${advice}`);
    }
  }
  return examples;
}
