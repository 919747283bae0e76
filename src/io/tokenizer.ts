// The tokenizer that a model's file describes.

import { boolean, checkOptions, type Names, show } from "../check.js";
import { checkTokenizer, needsTables, type Tokenizer, type TokenizerSpec, tokenizerFrom } from "../text/tokenizers.js";
import { described, FormatError, record } from "./format.js";

/** How to load a model whose tokenizer is not one of ours. */
export interface TokenizerOptions {
  /** The tokenizer that the model was made with: for one of pattern(), or of your own (default: the file's). */
  tokenizer?: Tokenizer;
  /** Uses the regular expression of a file that you trust: one that was made to can take forever (default false). */
  allowPattern?: boolean;
}

export const TOKENIZER_OPTIONS: Names<TokenizerOptions> = { tokenizer: 1, allowPattern: 1 };

/** @throws TypeError naming the option that is wrong */
export function checkTokenizerOptions(options: TokenizerOptions): TokenizerOptions {
  const { tokenizer, allowPattern } = checkOptions("options", options, TOKENIZER_OPTIONS);
  if (tokenizer !== undefined) checkTokenizer(tokenizer);
  if (allowPattern !== undefined) boolean("allowPattern", allowPattern);
  return options;
}

/**
 * @param what the description, as messages call it
 * @throws FormatError where the file describes none, or one that is not allowed
 * @throws RangeError where the model was made with another tokenizer than the one given
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
      `expected a tokenizer that cannot run forever, got the regular expression ${show(file.source)}: where you ` +
        "trust the file, load it with its tokenizer, { tokenizer: pattern(…) }, or with { allowPattern: true } (--allow-pattern)",
    );
  }
  const tables = needsTables(file) ? await import("../text/sentences.js") : undefined;
  return described(what, () => tokenizerFrom(file, tables));
}

/** A description as text, the flags of a regular expression in their order. */
const text = (spec: TokenizerSpec): string =>
  JSON.stringify(spec, (key, value) => (key === "flags" ? [...String(value)].sort().join("") : value));
