// Reads an ARPA file from pieces of bytes.

import { FormatError } from "../errors.js";
import type { NgramModel } from "../ngram/model.js";
import { ArpaReader } from "./arpa-read.js";
import type { TokenizerOptions } from "./tokenizer.js";

/** @param first the first bytes @throws FormatError if it is another kind of file, cut short or altered */
export async function readArpa(
  first: Uint8Array,
  pieces: AsyncIterable<Uint8Array>,
  { tokenizer }: TokenizerOptions,
): Promise<NgramModel> {
  const other = OTHER_FORMS.find(([bytes]) => bytes.test(String.fromCharCode(...first.subarray(0, 8))));
  if (other) throw new FormatError(`expected an ARPA file, got ${other[1]}: ${other[2]}`);
  const reader = new ArpaReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes: Uint8Array | undefined) => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      throw new FormatError(`line ${reader.line + 1} or later: expected UTF-8, got something else`, { cause });
    }
  };
  for await (const bytes of pieces) reader.push(decode(bytes));
  reader.push(decode(undefined));
  return reader.done(tokenizer);
}

/** Unsupported n-gram formats: a pattern for their first bytes (as characters), the kind, and the advice. */
export const OTHER_FORMS: readonly (readonly [bytes: RegExp, what: string, remedy: string])[] = [
  [/^mmap lm /, "KenLM's binary format, which depends on the machine", "load the ARPA file that it was made from"],
  [/^(Q?blmtI? |[iq]ARPA)/, "IRSTLM's own format", "convert it to ARPA with compile-lm FILE --text=yes model.arpa"],
  [/^SRILM_BI/, "SRILM's binary format", "convert it to ARPA with ngram -lm FILE -write-lm model.arpa"],
];
