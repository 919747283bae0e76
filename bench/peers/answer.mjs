// The JavaScript peers' side of ../peer.mjs.
import { createInterface } from "node:readline";

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

/** Says what the peer is, then answers the commands of standard input by the functions of their names. */
export async function answerTo(commands, about) {
  answer(about);
  for await (const line of createInterface({ input: process.stdin })) {
    const [[name, argument]] = Object.entries(JSON.parse(line));
    try {
      answer(await commands[name](argument));
    } catch (error) {
      answer({ error: error.message });
    }
  }
}

/** A token drawn from probabilities. */
export function draw(probabilities) {
  let left = Math.random();
  for (const [id, p] of probabilities.entries()) {
    left -= p;
    if (left < 0) return id;
  }
  return probabilities.length - 1;
}
