import { named } from "../io/file-error.js";
import { modelPieces, readBytes } from "../io/files.js";
import { type Kind, languageModel, loadKinds } from "../io/model.js";
import { loadNgram } from "../io/ngram.js";
import type { LanguageModel } from "../lm/language-model.js";
import type { RecurrentModel } from "../lm/recurrent.js";
import { NgramModel } from "../ngram/model.js";
import { type Classifier, classifier } from "../tasks/classifier.js";
import { type Args, UsageError } from "./args.js";
import { sentenceTokenizerOf } from "./settings.js";

/** The kinds of models that the command trains, evaluates and saves. */
export const KINDS: readonly Kind<RecurrentModel | Classifier>[] = [languageModel, classifier];

/** Flags that choose the tokenizer. */
const READING = ["tokens", "lowercase", "wrapped", "skip-symbols"];

/**
 * Reads a language model or an n-gram model, whatever its name. An ARPA file does not store its tokenizer, so flags can choose it.
 * @throws FileError if the file cannot be read; FormatError if it is not a valid model; UsageError if flags choose a
 * tokenizer and the file stores one
 */
export const readModel = (path: string, args: Args): Promise<LanguageModel<unknown>> =>
  readKinds(path, args, [languageModel]);

/** Reads a model of any kind. @throws the errors of readModel() */
export const readAnyModel = (path: string, args: Args): Promise<RecurrentModel | NgramModel | Classifier> =>
  readKinds<RecurrentModel | Classifier>(path, args, KINDS);

async function readKinds<M>(path: string, args: Args, kinds: readonly Kind<M>[]): Promise<M | NgramModel> {
  const allowPattern = args.has("allow-pattern");
  const flag = READING.find((name) => args.has(name));
  const tokenizer = flag === undefined ? undefined : sentenceTokenizerOf(args);
  const network = () => {
    if (flag !== undefined) throw decided(flag);
    return loadKinds(kinds, readBytes(path), { allowPattern });
  };
  return named<M | NgramModel>(path, async () => {
    if (path.endsWith(".safetensors")) return network();
    const pieces = modelPieces(path);
    const { value: first } = pieces.next();
    if (first && isSafetensors(first)) {
      pieces.return();
      return network();
    }
    // A pipe cannot be read again, so the first piece is passed on.
    const all = (function* () {
      if (first) yield first;
      yield* pieces;
    })();
    const model = await loadNgram(all, { allowPattern });
    if (flag === undefined || tokenizer === undefined) return model;
    if (!fromArpa(model)) throw decided(flag);
    // A model without </s> does not use sentences.
    if (tokenizer.spec.kind === "lines" && model.vocabulary.end === undefined) return model;
    return new NgramModel(tokenizer, model.vocabulary, model.trie, model.logP, model.logB);
  });
}

/** Returns true for a model from an ARPA file, which stores neither the tokenizer nor the smoothing. */
const fromArpa = ({ smoothing, tokenizer }: NgramModel) =>
  smoothing === undefined && (tokenizer.spec.kind === "lines" || tokenizer.spec.kind === "whitespace");

const decided = (flag: string) =>
  new UsageError(`"--${flag}" expected an ARPA file, got a model that stores its tokenizer: leave --${flag} out`);

/** Returns true if a file begins like safetensors: a header's length in 8 bytes, below 4 GiB, and the header's "{". */
const isSafetensors = ({ 4: a, 5: b, 6: c, 7: d, 8: brace }: Uint8Array) => !(a || b || c || d) && brace === 0x7b;
