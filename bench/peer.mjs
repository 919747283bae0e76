// A peer is a process that describes itself, then reads commands, one JSON object per line, and answers each with
// another:
//
//   {"version", "threads", "about", "slow": a warning, or nothing}
//   {"load": {configuration, file, weights: {name: {shape, offset}}, inputs, targets, …}}
//                        →  {"loss": of the first batch}, or {"unable": true}
//   {"train": n}      →  {"seconds": for n training steps}
//   {"generate": n}   →  {"seconds": for n generated tokens}
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export class Peer {
  constructor(name, command, args, env) {
    this.name = name;
    this.process = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  async ask(command) {
    this.process.stdin.write(`${JSON.stringify(command)}\n`);
    return this.next();
  }

  /** Returns the next answer of the peer. */
  async next() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name} ended`);
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`${this.name}: ${answer.error}`);
    return answer;
  }

  async end() {
    this.process.stdin.end();
    await once(this.process, "exit");
  }
}
