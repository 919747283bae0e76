// From text to tokens and back. A tokenizer is a few functions and a plain-data spec that is saved with a model.

import { boolean, checkOptions, type NoOptions, oneOf, show, string } from "../check.js";
import { SENTENCE_END, SENTENCE_START, strings, UNKNOWN } from "./vocabulary.js";

export type TokenizerSpec =
  | { kind: "char" | "whitespace" }
  | { kind: "word"; lowercase: boolean }
  | { kind: "sentence"; lowercase: boolean; wrapped: boolean }
  | { kind: "lines"; skipSymbols: boolean }
  | { kind: "regex"; source: string; flags: string; separator: string };

export interface Tokenizer {
  readonly spec: TokenizerSpec;
  /** The token that closes each sentence, if the tokenizer has sentences; it also closes a text that ends without it. */
  readonly close?: string;
  /** Calls `emit` with each token of a text, in order. */
  each(text: string, emit: (token: string) => void): void;
  /** Returns how many leading code units can be tokenized before the rest of a stream is known. */
  cut(text: string): number;
  /** Returns the text that a token adds after the token `previous` (undefined at the start). */
  piece(token: string, previous: string | undefined): string;
}

/** Makes each Unicode character (code point) a token, so surrogate pairs stay whole. The round trip is exact. */
export function characters(options: NoOptions = {}): Tokenizer {
  checkOptions("options", options, {});
  return {
    spec: Object.freeze({ kind: "char" }),
    each(text, emit) {
      for (let i = 0; i < text.length; ) {
        const length = text.codePointAt(i)! > 0xffff ? 2 : 1;
        emit(length === 1 ? text[i]! : text.slice(i, i + 2));
        i += length;
      }
    },
    cut(text) {
      const last = text.charCodeAt(text.length - 1);
      return last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
    },
    piece: (token) => token,
  };
}

/** Splits at white space. Joining inserts single spaces. */
export function whitespace(options: NoOptions = {}): Tokenizer {
  checkOptions("options", options, {});
  return {
    spec: Object.freeze({ kind: "whitespace" }),
    each(text, emit) {
      for (const [token] of text.matchAll(/\S+/gu)) emit(token);
    },
    cut: afterLastSpace,
    piece: (token, previous) => (previous === undefined ? token : ` ${token}`),
  };
}

/**
 * Makes each line a sentence, closed by </s>, and splits it into words at blanks, as KenLM does.
 * @param skipSymbols skips <s>, </s> and <unk> in the text; otherwise the first two are an error (default false)
 */
export function lines(options: { skipSymbols?: boolean } = {}): Tokenizer {
  const { skipSymbols = false } = checkOptions("options", options, { skipSymbols: 1 });
  boolean("skipSymbols", skipSymbols);
  return {
    spec: Object.freeze({ kind: "lines", skipSymbols }),
    close: SENTENCE_END,
    each(text, emit) {
      for (let i = 0; i < text.length; i++) {
        const start = i;
        while (i < text.length && !isBlank(text.charCodeAt(i))) i++;
        if (i > start) {
          const word = text.slice(start, i);
          if (word.charCodeAt(0) !== LESS || !isSymbol(word, skipSymbols)) emit(word);
        }
        if (text.charCodeAt(i) === LINE_FEED) emit(SENTENCE_END);
      }
    },
    cut(text) {
      let end = text.length;
      while (end > 0 && !isBlank(text.charCodeAt(end - 1))) end--;
      return end;
    },
    piece(token, previous) {
      if (token === SENTENCE_END) return "\n";
      return previous === undefined || previous === SENTENCE_END ? token : ` ${token}`;
    },
  };
}

const LINE_FEED = 10;
const LESS = 60;

/** True for space, tab, line feed, carriage return and NUL. */
export const isBlank = (code: number) =>
  code <= 32 && (code === 32 || code === LINE_FEED || code === 9 || code === 13 || code === 0);

/** Returns true if lines() reads a token back unchanged, so that a format with blanks between words can store it. */
export const isWord = (token: string): boolean => /^[^ \t\n\r\0]+$/.test(token);

/** Returns true if a word is a symbol to skip. @throws RangeError if it is a symbol that a text must not contain */
function isSymbol(word: string, skip: boolean): boolean {
  if (skip) return word === SENTENCE_START || word === SENTENCE_END || word === UNKNOWN;
  if (word === SENTENCE_START || word === SENTENCE_END) throw symbolError(word);
  return false;
}

/** The error for a text that contains a symbol as a word. */
export const symbolError = (word: string): RangeError =>
  new RangeError(
    `the text has the word ${show(word)}, which has a special meaning in a model: ` +
      "remove it from the text, or skip such symbols (skipSymbols, --skip-symbols)",
  );

/**
 * Makes each nonempty match of a custom regular expression a token; text between the matches is dropped.
 * @param separator joins the tokens of a text (default " ")
 */
export function pattern(regex: RegExp, separator = " "): Tokenizer {
  if (!(regex instanceof RegExp)) throw new TypeError(`"regex" expected a regular expression, got ${show(regex)}`);
  string("separator", separator);
  const flags = regex.flags.includes("g") ? regex.flags : `${regex.flags}g`;
  const global = new RegExp(regex.source, flags);
  return {
    spec: Object.freeze({ kind: "regex", source: regex.source, flags, separator }),
    each(text, emit) {
      for (const [token] of text.matchAll(global)) if (token !== "") emit(token);
    },
    cut: () => 0, // a match may reach over any cut
    piece: (token, previous) => (previous === undefined ? token : separator + token),
  };
}

/** @throws TypeError if `tokenizer` is neither a built-in nor a custom tokenizer */
export function checkTokenizer(tokenizer: Tokenizer | undefined, name = "tokenizer"): asserts tokenizer is Tokenizer {
  const { each, cut, piece, spec } = tokenizer ?? ({} as Partial<Tokenizer>);
  if ([each, cut, piece].every((method) => typeof method === "function") && typeof spec?.kind === "string") return;
  throw new TypeError(`"${name}" expected a tokenizer, such as characters(), got ${show(tokenizer)}`);
}

/** Tokenizers with large tables. A bundler can split them off, since they are imported only for a file that needs them. */
export type WordTokenizers = Pick<typeof import("./sentences.js"), "sentences" | "words">;

/**
 * Returns the tokenizer described by `spec`, which may be any JSON.
 * @param tables required if needsTables(spec)
 * @throws RangeError, TypeError if it describes none
 */
export function tokenizerFrom(spec: TokenizerSpec, tables?: WordTokenizers): Tokenizer {
  const { kind, lowercase, wrapped, skipSymbols, source, flags, separator } = spec as Record<string, unknown>;
  switch (oneOf("tokenizer.kind", kind, ["char", "word", "sentence", "whitespace", "lines", "regex"])) {
    case "char":
      return characters();
    case "word":
      return tables!.words({ lowercase: boolean("lowercase", lowercase) });
    case "sentence":
      return tables!.sentences({ lowercase: boolean("lowercase", lowercase), wrapped: boolean("wrapped", wrapped) });
    case "whitespace":
      return whitespace();
    case "lines":
      return lines({ skipSymbols: boolean("skipSymbols", skipSymbols) });
    case "regex":
      return pattern(regexFrom(string("source", source), string("flags", flags)), string("separator", separator));
  }
}

export const needsTables = ({ kind }: TokenizerSpec): boolean => kind === "word" || kind === "sentence";

function regexFrom(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, flags);
  } catch (cause) {
    // The engine's message is not passed on: it quotes the whole source unescaped.
    const found = `${show(source)} with the flags ${show(flags)}`;
    throw new RangeError(`"source" expected a regular expression, got ${found}`, { cause });
  }
}

/** Returns all tokens of a text. */
export function tokenize(tokenizer: Tokenizer, text: string): string[] {
  checkTokenizer(tokenizer);
  string("text", text);
  const tokens: string[] = [];
  tokenizer.each(text, (token) => tokens.push(token));
  return tokens;
}

/** Joins tokens into a text. */
export function join(tokenizer: Tokenizer, tokens: readonly string[]): string {
  checkTokenizer(tokenizer);
  strings("tokens", tokens);
  return tokens.map((token, i) => tokenizer.piece(token, tokens[i - 1])).join("");
}

function afterLastSpace(text: string): number {
  let end = text.length;
  while (end > 0 && !/\s/u.test(text[end - 1]!)) end--;
  return end;
}
