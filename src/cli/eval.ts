import { readLabels } from "../data/labels.js";
import { named } from "../io/file-error.js";
import { readText } from "../io/files.js";
import type { LanguageModel } from "../lm/language-model.js";
import { evaluate } from "../lm/perplexity.js";
import { Classifier } from "../tasks/classifier.js";
import type { Args } from "./args.js";
import { formatOf, labelFigures } from "./labels.js";
import { count, json } from "./numbers.js";
import { readAnyModel } from "./read-model.js";

export async function evaluateCommand(args: Args): Promise<number> {
  const [modelPath, textPath] = args.operands as [string, string];
  const model = await readAnyModel(modelPath, args);
  if (model instanceof Classifier) {
    const examples = await named(textPath, () => readLabels(readText(textPath), formatOf(args)));
    const figures = evaluate(model, examples);
    console.log(args.has("json") ? json(figures) : labelFigures(figures));
    return 0;
  }
  const evaluation = await named(textPath, () => evaluate(model as LanguageModel<unknown>, readText(textPath)));
  if (args.has("json")) {
    console.log(json(evaluation));
    return 0;
  }
  const { nats, bits, perplexity, perplexityExcludingUnknown, unknown, impossible, tokens } = evaluation;
  if (impossible > 0) {
    console.log(
      `perplexity infinite: the model gives ${impossible.toLocaleString("en")} of ${count(tokens, "token")} probability 0`,
    );
    console.log(
      "it gives unseen n-grams no probability: use a smoothed model, such as one with --smoothing kneser-ney",
    );
    return 0;
  }
  console.log(`perplexity ${perplexity.toFixed(4)} over ${count(tokens, "token")}`);
  console.log(`${nats.toFixed(4)} nats or ${bits.toFixed(4)} bits per token`);
  if (unknown > 0) {
    const without =
      perplexityExcludingUnknown === undefined
        ? "it knows none of the text"
        : `perplexity ${perplexityExcludingUnknown.toFixed(4)} without ${unknown === 1 ? "it" : "them"}`;
    console.log(`${count(unknown, "token")} unknown to the model; ${without}`);
  }
  return 0;
}
