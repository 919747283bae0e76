// rivulet train --task classify, eval and predict.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { labelFigures } from "../src/cli/labels.js";
import { commandIn, inProcess } from "./command.js";

const { directory, run } = commandIn("labels");
const at = (name: string) => join(directory, name);
const TOPICS = {
  food: "bread soup apple cheese rice",
  sky: "cloud rain sun wind star",
  home: "door roof chair lamp wall",
};
/** Sorted by label, as many files are. */
const examples = Object.entries(TOPICS).flatMap(([label, words]) =>
  Array.from({ length: 40 }, (_, i) => {
    const all = words.split(" ");
    return [label, `the ${all[i % 5]} and the ${all[(i + 1 + (i % 3)) % 5]}`] as const;
  }),
);
const TRAIN = "train topics.tsv --task classify --seed 3";
const lines = (text: string) => text.trim().split("\n");
const objects = (text: string) => lines(text).map((line) => JSON.parse(line));

beforeAll(() => {
  writeFileSync(at("topics.tsv"), examples.map(([label, text]) => `${label}\t${text}\n`).join(""));
  writeFileSync(at("topics.jsonl"), examples.map(([label, text]) => `${JSON.stringify({ label, text })}\n`).join(""));
  writeFileSync(at("topics.txt"), examples.map(([label, text]) => `__label__${label} ${text}\n`).join(""));
});

describe("a classifier", () => {
  it("is trained, evaluated and asked", () => {
    const trained = run(`${TRAIN} --epochs 8 --out m.safetensors`);
    expect(trained.stderr).toContain("108 examples to train on, 12 examples held out; 3 labels");
    expect(trained.stdout).toMatch(/^accuracy 100.00 %, macro F1 1.0000 on 12 held-out examples\n$/);
    expect(trained.status).toBe(0);
    const [figures] = objects(run("eval m.safetensors topics.jsonl --json").stdout);
    expect(figures).toMatchObject({ accuracy: 1, macroF1: 1, examples: 120 });
    expect(Object.keys(figures.perLabel)).toEqual(["food", "home", "sky"]);
    const shown = run("eval m.safetensors topics.txt").stdout;
    expect(shown).toMatch(/accuracy 100.00 %.* on 120 examples\n[\s\S]*rows: labels; columns: predictions\n {6}food/);
    const asked = run("predict m.safetensors", "the soup and the rice\nthe rain\n\nthe chair");
    expect(lines(asked.stdout).map((line) => line.split("\t")[0])).toEqual(["food", "sky", expect.any(String), "home"]);
    const options = "--top 2 --threshold 0.5 --json";
    const [first, second] = objects(run(`predict m.safetensors - ${options}`, "the sun\nzzz\n").stdout);
    expect(first.labels).toEqual([{ label: "sky", probability: expect.any(Number) }]);
    expect(second.labels.length).toBeLessThan(2);
  });

  it("says how to resume with the format that was given", () => {
    const { stderr } = run(`${TRAIN} --format tsv --epochs 1 --out f.safetensors`);
    expect(stderr).toContain("rivulet train topics.tsv --resume f.checkpoint.safetensors --format tsv --epochs N");
  });

  it("resumes with the same bits, and prints one object a line", () => {
    // The default schedule depends on the length of the whole run.
    const constant = `${TRAIN} --schedule constant`;
    const whole = run(`${constant} --epochs 4 --json --out whole.safetensors`);
    run(`${constant} --epochs 2 --out half.safetensors`);
    const rest = run("train topics.tsv --resume half.checkpoint.safetensors --epochs 4 --json");
    expect(rest.stderr).toContain("resuming from step 8");
    expect(objects(whole.stdout).at(-1)).toMatchObject({
      done: true,
      valid: { accuracy: expect.any(Number), examples: 12 },
    });
    expect(readFileSync(at("half.safetensors")).equals(readFileSync(at("whole.safetensors")))).toBe(true);
    writeFileSync(at("fewer.tsv"), readFileSync(at("topics.tsv"), "utf8").split("\n").slice(20).join("\n"));
    const wrong = run("train fewer.tsv --resume half.checkpoint.safetensors --epochs 6");
    expect(wrong.stderr).toContain("fewer.tsv");
    expect(wrong.status).toBe(1);
  });

  it.each([
    ["train t --task tag", '"--task" expected "lm" or "classify", got "tag"'],
    ["train t --several", '"--several" expected "--task classify" with it'],
    ["train t --task classify --tokens word", '"--tokens" is for language models: leave it out with --task classify'],
    ["train t --task classify --hidden 5", '"--hidden" expected "--cell" with it'],
    ["train t --task classify --threads 2", '"--threads" expected 1, got 2: this version trains on one thread'],
    ["train t --task classify --format csv", '"--format" expected "tsv" or "fasttext" or "jsonl", got "csv"'],
  ])("%s: %s", async (line, message) => {
    await expect(inProcess(line)).rejects.toThrow(message);
  });

  it("is no language model, and a language model no classifier", () => {
    writeFileSync(at("text.txt"), "the cat sat on the mat. ".repeat(40));
    expect(run("train text.txt --steps 2 --window 8 --batch 4 --hidden 4 --out lm.safetensors").status).toBe(0);
    const cases: [string, number, string][] = [
      ["generate m.safetensors", 1, "expected a language model, got a classifier"],
      ["predict lm.safetensors text.txt", 2, "expected a classifier, got the language model"],
      ["eval m.safetensors text.txt", 1, "line 1 expected a label, a tab and a text, got no tab"],
      ["quantize m.safetensors --out small.safetensors", 0, ""],
    ];
    for (const [line, code, message] of cases) {
      const { status, stderr } = run(line);
      expect(stderr).toContain(message);
      expect(status, line + stderr).toBe(code);
    }
    expect(objects(run("eval small.safetensors topics.tsv --json").stdout)[0].accuracy).toBeGreaterThan(0.95);
  });
});

describe("the figures of a classifier", () => {
  const figures = (names: string[], confusion: Record<string, Record<string, number>>) =>
    labelFigures({
      ...{ nats: 0.5, examples: 30, accuracy: 0.9, macroF1: 0.8, calibrationError: 0.01, unknown: 1 },
      perLabel: Object.fromEntries(names.map((name) => [name, { precision: 1, recall: 1, f1: 1, support: 2 }])),
      confusion,
    });

  it("have a matrix for few labels, and the most frequent mistakes of many", () => {
    expect(figures(["a", "bb"], { a: { a: 3, bb: 1 }, bb: { bb: 12 } })).toBe(
      [
        "accuracy 90.00 %, macro F1 0.8000 on 30 examples",
        "0.5000 nats per example, expected calibration error 0.0100",
        "1 example with a label that the model does not know",
        "",
        "label  precision  recall     F1  examples",
        "a          1.000   1.000  1.000         2",
        "bb         1.000   1.000  1.000         2",
        "",
        "rows: labels; columns: predictions",
        "    a  bb",
        "a   3   1",
        "bb  0  12",
      ].join("\n"),
    );
    const many = Array.from({ length: 30 }, (_, i) => `l${i}`);
    const confusion = Object.fromEntries(many.map((name, i) => [name, { [name]: 50, l0: i }]));
    const shown = figures(many, confusion).split("\n");
    expect(shown.slice(-22, -18)).toEqual([
      "the most frequent mistakes:",
      "label  prediction  examples",
      "l29            l0        29",
      "l28            l0        28",
    ]);
    expect(figures(many, {}).endsWith("no mistakes")).toBe(true);
  });
});
