import { quote } from "../check.js";
import { nextTokens, stateAfter } from "../lm/next.js";
import { tokenize } from "../text/tokenizers.js";
import { name } from "../text/vocabulary.js";
import type { Args } from "./args.js";
import { json } from "./numbers.js";
import { say, write } from "./outputs.js";
import { readModel } from "./read-model.js";

/** Prints the likeliest next tokens after a text. */
export async function nextCommand(args: Args): Promise<number> {
  const [modelPath, text = ""] = args.operands as [string, string?];
  const top = args.integer("top") ?? 10;
  const model = await readModel(modelPath, args);
  const unseen = new Set(tokenize(model.tokenizer, text).filter((token) => !model.vocabulary.has(token)));
  if (unseen.size > 0) say(`the model has never seen ${[...unseen].map(name).join(", ")}: read as <unk>`);
  const next = nextTokens(model, stateAfter(model, text), top);
  if (args.has("json")) {
    console.log(json({ text, next }));
    return 0;
  }
  for (const { token, probability } of next)
    write(`${(100 * probability).toFixed(2).padStart(6)} %  ${quote(token)}\n`);
  return 0;
}
