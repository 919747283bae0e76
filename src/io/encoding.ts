// Advice for a text that is not UTF-8.

import { analyse } from "chardet";

/** Confidence, out of 100, that chardet gives to an encoding that is merely possible. */
const POSSIBLE = 10;

/** Returns what to do. @param bytes a part of the text that includes the invalid bytes */
export function encodingAdvice(bytes: Uint8Array): string {
  if (bytes.includes(0)) return "it contains zero bytes, which no text does: name another file";
  const text = new TextDecoder().decode(bytes);
  const invalid = text.split("\ufffd").length - 1;
  // Bytes of another encoding rarely form valid UTF-8 characters.
  const valid = text.replace(/[\0-\x7f\ufffd]/g, "").length;
  if (valid > invalid) {
    return "convert it with iconv -c -f utf-8 -t utf-8, which removes the damaged bytes: the text around them is UTF-8";
  }
  const [best] = analyse(bytes);
  const name = best && best.confidence > POSSIBLE ? best.name.toLowerCase() : "windows-1252";
  return `convert it with iconv -f ${name} -t utf-8, if that is its encoding`;
}
