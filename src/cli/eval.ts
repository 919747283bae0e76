import { named, readBytes, readText } from "../io/files.js";
import { loadModel } from "../io/model.js";
import { evaluate } from "../lm/perplexity.js";
import type { Args } from "./args.js";
import { count } from "./numbers.js";

export async function evaluateCommand(args: Args): Promise<number> {
  const [modelPath, textPath] = args.operands as [string, string];
  const model = await named(modelPath, () => loadModel(readBytes(modelPath)));
  const { nats, bits, perplexity, perplexityExcludingUnknown, unknown, tokens } = await named(textPath, () =>
    evaluate(model, readText(textPath)),
  );
  if (args.has("json")) {
    console.log(JSON.stringify({ nats, perplexity, perplexityExcludingUnknown, unknown, tokens }));
    return 0;
  }
  console.log(`perplexity ${perplexity.toFixed(4)} over ${count(tokens, "token")}`);
  console.log(`${nats.toFixed(4)} nats or ${bits.toFixed(4)} bits a token`);
  if (unknown > 0) {
    console.log(
      `${count(unknown, "token")} unknown to the model; perplexity ${perplexityExcludingUnknown.toFixed(4)} without`,
    );
  }
  return 0;
}
