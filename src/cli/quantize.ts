import { statSync } from "node:fs";
import { quote, size } from "../check.js";
import { writeModel, writeNgram } from "../entries/node.js";
import { named } from "../io/file-error.js";
import { checkWritable } from "../io/save.js";
import { NgramModel } from "../ngram/model.js";
import { type Args, UsageError } from "./args.js";
import { json } from "./numbers.js";
import { checkName, keepInputs, say, writing } from "./outputs.js";
import { readAnyModel } from "./read-model.js";

/** Saves a smaller copy of a model: int8 weights for a network, 8-bit probabilities for an n-gram model. */
export async function quantizeCommand(args: Args): Promise<number> {
  const [path] = args.operands as [string];
  const out = args.file("out");
  if (out === undefined)
    throw new UsageError('"--out" expected a file to save to, got none: MODEL itself is not changed');
  keepInputs(out, out, [path]);
  const model = await readAnyModel(path, args);
  const network = !(model instanceof NgramModel);
  if (!network && !/\.ngram$/i.test(out)) {
    throw new UsageError(`"--out" expected a name that ends in .ngram for an n-gram model, got ${quote(out)}`);
  }
  const untold = checkName(network ? "model" : "ngram", out);
  checkWritable(out);
  if (untold) say(untold);
  await writing(() =>
    named(out, async () => {
      if (network) writeModel(out, model, { quantize: "int8" });
      else await writeNgram(out, model, { quantize: true });
    }),
  );
  const bytes = statSync(out).size;
  const before = path === "-" ? undefined : statSync(path).size;
  if (args.has("json")) console.log(json({ bytes, ...(before !== undefined && { before }) }));
  else say(`saved ${out}: ${size(bytes)}${before === undefined ? "" : `, was ${size(before)}`}`);
  return 0;
}
