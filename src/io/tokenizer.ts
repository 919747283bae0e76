// The tokenizer described in a model's file.

import { boolean, checkOptions, type Names, show } from "../check.js";
import { FormatError } from "../errors.js";
import { checkTokenizer, needsTables, type Tokenizer, type TokenizerSpec, tokenizerFrom } from "../text/tokenizers.js";
import { described, record } from "./format.js";

/** Options for loading a model whose tokenizer is a regular expression or custom. */
export interface TokenizerOptions {
  /** The tokenizer that the model was made with, if made by pattern() or custom (default: the file's). */
  tokenizer?: Tokenizer;
  /** Uses the regular expression in a file that you trust; a malicious one can run forever (default false). */
  allowPattern?: boolean;
}

export const TOKENIZER_OPTIONS: Names<TokenizerOptions> = { tokenizer: 1, allowPattern: 1 };

/** @throws TypeError naming the invalid option */
export function checkTokenizerOptions(options: TokenizerOptions): TokenizerOptions {
  const { tokenizer, allowPattern } = checkOptions("options", options, TOKENIZER_OPTIONS);
  if (tokenizer !== undefined) checkTokenizer(tokenizer);
  if (allowPattern !== undefined) boolean("allowPattern", allowPattern);
  return options;
}

/**
 * Returns the given tokenizer if it matches the file's, otherwise the one that the file describes.
 * @param what names the description in messages
 * @throws FormatError if the file does not describe a tokenizer, or describes one that is not allowed
 * @throws RangeError if the given tokenizer is not the one that the model was made with
 */
export async function tokenizerOf(
  spec: unknown,
  what: string,
  { tokenizer, allowPattern }: TokenizerOptions,
): Promise<Tokenizer> {
  const file = described(what, () => record('"tokenizer"', spec)) as unknown as TokenizerSpec;
  if (tokenizer !== undefined) {
    const [expected, found] = [text(file), text(tokenizer.spec)];
    if (found === expected) return tokenizer;
    throw new RangeError(
      `"tokenizer" expected the one that the model was made with, ${show(expected)}, got ${show(found)}`,
    );
  }
  if (file.kind === "regex" && allowPattern !== true) {
    throw new FormatError(
      `expected a tokenizer that cannot run forever, got the regular expression ${show(file.source)}: if you ` +
        "trust the file, load it with its tokenizer, { tokenizer: pattern(…) }, or with { allowPattern: true } (--allow-pattern)",
    );
  }
  const tables = needsTables(file) ? await import("../text/sentences.js") : undefined;
  return described(what, () => tokenizerFrom(file, tables));
}

/** Formats a spec as text, with the flags of a regular expression sorted. */
const text = (spec: TokenizerSpec): string =>
  JSON.stringify(spec, (key, value) => (key === "flags" ? [...String(value)].sort().join("") : value));
