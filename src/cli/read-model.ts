import { named, readBytes, readPieces } from "../io/files.js";
import { loadModel } from "../io/model.js";
import { loadNgram } from "../io/ngram.js";
import type { LanguageModel } from "../lm/language-model.js";

/** A model of any kind, whatever it is called. @throws FileError, FormatError */
export async function readModel(path: string): Promise<LanguageModel<unknown>> {
  return named<LanguageModel<unknown>>(path, () => {
    if (path.endsWith(".safetensors") || isSafetensors(path)) return loadModel(readBytes(path));
    return loadNgram(readPieces(path));
  });
}

/** Whether a file begins with the length of a header, and the header. */
function isSafetensors(path: string): boolean {
  for (const { 4: a, 5: b, 6: c, 7: d, 8: brace } of readPieces(path)) return !(a || b || c || d) && brace === 0x7b;
  return false;
}
