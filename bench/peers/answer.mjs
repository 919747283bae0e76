// The JavaScript peers' side of ../peer.mjs.
import { createInterface } from "node:readline";

const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

/** Prints the description of the peer, then answers each command on standard input with the function of its name. */
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

/** Draws a token from probabilities. */
export function draw(probabilities) {
  let left = Math.random();
  for (const [id, p] of probabilities.entries()) {
    left -= p;
    if (left < 0) return id;
  }
  return probabilities.length - 1;
}
