import { FRACTION } from "../check.js";
import { linesOf } from "../data/labels.js";
import { named } from "../io/file-error.js";
import { readText } from "../io/files.js";
import { Classifier, type Prediction } from "../tasks/classifier.js";
import { type Args, quoted, UsageError } from "./args.js";
import { json } from "./numbers.js";
import { write } from "./outputs.js";
import { readAnyModel } from "./read-model.js";

/** Texts predicted at a time. */
const CHUNK = 512;

/** Prints a line of labels, each with its probability, for each line of a text. */
export async function predictCommand(args: Args): Promise<number> {
  const [path, input = "-"] = args.operands as [string, string?];
  const top = args.integer("top");
  const threshold = args.number("threshold", ...FRACTION);
  const options = { ...(top !== undefined && { top }), ...(threshold !== undefined && { threshold }) };
  const model = await readAnyModel(path, args);
  if (!(model instanceof Classifier)) {
    throw new UsageError(
      `rivulet predict expected a classifier, got the language model ${quoted(path)}: try rivulet next`,
    );
  }
  const line = args.has("json")
    ? (labels: Prediction[]) => json({ labels })
    : (labels: Prediction[]) =>
        labels.map(({ label, probability }) => `${label}\t${probability.toFixed(4)}`).join("\t");
  const print = (texts: readonly string[]) => {
    for (const labels of model.predictAll(texts, options)) write(`${line(labels)}\n`);
  };
  await named(input, () => {
    let texts: string[] = [];
    for (const text of linesOf(readText(input))) {
      texts.push(text);
      if (texts.length < CHUNK) continue;
      print(texts);
      texts = [];
    }
    if (texts.length > 0) print(texts);
  });
  return 0;
}
