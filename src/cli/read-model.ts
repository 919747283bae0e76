import { named } from "../io/file-error.js";
import { modelPieces, readBytes } from "../io/files.js";
import { loadModel } from "../io/model.js";
import { loadNgram } from "../io/ngram.js";
import type { LanguageModel } from "../lm/language-model.js";
import { NgramModel } from "../ngram/model.js";
import { type Args, UsageError } from "./args.js";
import { sentenceTokenizerOf } from "./settings.js";

/** Flags that say what a token is. */
const READING = ["tokens", "lowercase", "wrapped", "skip-symbols"];

/**
 * Reads a model of any kind, under any name. Where it is an ARPA file, which does not say what a token is, flags can.
 * @throws FileError, FormatError; UsageError where there are such flags and the file says what a token is
 */
export async function readModel(path: string, args: Args): Promise<LanguageModel<unknown>> {
  const allowPattern = args.has("allow-pattern");
  const flag = READING.find((name) => args.has(name));
  const tokenizer = flag === undefined ? undefined : sentenceTokenizerOf(args);
  const network = () => {
    if (flag !== undefined) throw decided(flag);
    return loadModel(readBytes(path), { allowPattern });
  };
  return named<LanguageModel<unknown>>(path, async () => {
    if (path.endsWith(".safetensors")) return network();
    const pieces = modelPieces(path);
    const { value: first } = pieces.next();
    if (first && isSafetensors(first)) {
      pieces.return();
      return network();
    }
    // A pipe cannot be read again.
    const all = (function* () {
      if (first) yield first;
      yield* pieces;
    })();
    const model = await loadNgram(all, { allowPattern });
    if (flag === undefined || tokenizer === undefined) return model;
    if (!fromArpa(model)) throw decided(flag);
    // A model without </s> has no sentences.
    if (tokenizer.spec.kind === "lines" && model.vocabulary.end === undefined) return model;
    return new NgramModel(tokenizer, model.vocabulary, model.trie, model.logP, model.logB);
  });
}

/** An ARPA file keeps neither the tokenizer nor the smoothing. */
const fromArpa = ({ smoothing, tokenizer }: NgramModel) =>
  smoothing === undefined && (tokenizer.spec.kind === "lines" || tokenizer.spec.kind === "whitespace");

const decided = (flag: string) =>
  new UsageError(`"--${flag}" expected an ARPA file, got a model that knows its tokens: leave --${flag} out`);

/** Whether a file begins with the length of a header, and the header. */
const isSafetensors = ({ 4: a, 5: b, 6: c, 7: d, 8: brace }: Uint8Array) => !(a || b || c || d) && brace === 0x7b;
