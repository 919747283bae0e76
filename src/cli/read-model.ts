import { named } from "../io/file-error.js";
import { modelPieces, readBytes } from "../io/files.js";
import { loadModel } from "../io/model.js";
import { loadNgram } from "../io/ngram.js";
import type { LanguageModel } from "../lm/language-model.js";

/** A model of any kind, whatever it is called. @param allowPattern see TokenizerOptions @throws FileError, FormatError */
export async function readModel(path: string, allowPattern: boolean): Promise<LanguageModel<unknown>> {
  return named<LanguageModel<unknown>>(path, () => {
    if (path.endsWith(".safetensors")) return loadModel(readBytes(path), { allowPattern });
    const pieces = modelPieces(path);
    const { value: first } = pieces.next();
    if (first && isSafetensors(first)) {
      pieces.return();
      return loadModel(readBytes(path), { allowPattern });
    }
    // A pipe cannot be read again.
    return loadNgram(
      (function* () {
        if (first) yield first;
        yield* pieces;
      })(),
      { allowPattern },
    );
  });
}

/** Whether a file begins with the length of a header, and the header. */
const isSafetensors = ({ 4: a, 5: b, 6: c, 7: d, 8: brace }: Uint8Array) => !(a || b || c || d) && brace === 0x7b;
