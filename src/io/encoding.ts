// What to do about a text that is not UTF-8.

import { analyse } from "chardet";

/** Of 100: what chardet says of an encoding that the bytes could be in, and no more. */
const POSSIBLE = 10;

/** @param bytes a part of the text, with the invalid bytes */
export function encodingAdvice(bytes: Uint8Array): string {
  if (bytes.includes(0)) return "it has zeros among its bytes, as no text has: name another file";
  const text = new TextDecoder().decode(bytes);
  const invalid = text.split("\ufffd").length - 1;
  // Bytes in another encoding are hardly ever a character of UTF-8 as well.
  const valid = text.replace(/[\0-\x7f\ufffd]/g, "").length;
  if (valid > invalid) {
    return "convert it with iconv -c -f utf-8 -t utf-8, which leaves out what is damaged: the text around it is UTF-8";
  }
  const [best] = analyse(bytes);
  const name = best && best.confidence > POSSIBLE ? best.name.toLowerCase() : "windows-1252";
  return `convert it with iconv -f ${name} -t utf-8, if that is its encoding`;
}
