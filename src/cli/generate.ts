import { defined, NOT_NEGATIVE, SHARE } from "../check.js";
import { type GenerateOptions, generate } from "../lm/generate.js";
import { tokenize } from "../text/tokenizers.js";
import { name } from "../text/vocabulary.js";
import type { Args } from "./args.js";
import { say, write } from "./outputs.js";
import { readModel } from "./read-model.js";

export async function generateCommand(args: Args): Promise<number> {
  const [modelPath] = args.operands as [string];
  const prompt = args.text("prompt") ?? "";
  const options: GenerateOptions = defined({
    prompt,
    length: args.integer("length", 0) ?? 500,
    temperature: args.number("temperature", ...NOT_NEGATIVE),
    topK: args.integer("top-k"),
    topP: args.number("top-p", ...SHARE),
    seed: args.integer("seed", 0),
  });

  const model = await readModel(modelPath, args);
  const generation = generate(model, options);
  const read = tokenize(model.tokenizer, prompt);
  const unseen = new Set(read.filter((token) => !model.vocabulary.has(token)));
  if (unseen.size > 0) {
    say(`the model has never seen ${[...unseen].map(name).join(", ")}: read as <unk>`);
  }
  // Trailing white space that is not a token is dropped, because the first generated word brings its own.
  const trimmed = prompt.trimEnd();
  const dropped = tokenize(model.tokenizer, trimmed).length === read.length;
  write(dropped ? trimmed : prompt);
  for await (const piece of generation) write(piece);
  write("\n");
  return 0;
}
