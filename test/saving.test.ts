// Saving while others save, plant links or are killed; and the message for every path that cannot be read or written.

import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileError, readCounts, readModel, readNgram } from "../src/entries/node.js";
import { readBytes, readText } from "../src/io/files.js";
import { checkWritable, isDevice, writePieces, writeWhole } from "../src/io/save.js";

const directory = mkdtempSync(join(tmpdir(), "rivulet-saving-"));
afterAll(() => rmSync(directory, { recursive: true }));
const at = (name: string) => join(directory, name);
const NODE = JSON.stringify(new URL("../dist/node.js", import.meta.url).href);

describe("a path that cannot be read or written", () => {
  const server = createServer();
  beforeAll(async () => {
    writeFileSync(at("file"), "x");
    mkdirSync(at("folder"));
    symlinkSync(at("circle-b"), at("circle-a"));
    symlinkSync(at("circle-a"), at("circle-b"));
    symlinkSync("absent", at("dangling"));
    symlinkSync("no/folder/absent", at("far"));
    symlinkSync(at("file"), at("to-file"));
    await new Promise<void>((resolve) => server.listen(at("socket"), resolve));
  });
  afterAll(() => void server.close());

  const NONE = "there is no such file or directory";
  const DIRECTORY = "it is a directory: name a file";
  const NOT_DIRECTORY = "a part of its path is a file, not a directory: check the path";
  const CIRCLE = "its links form a circle: check where they point";
  const LONG = "its name is too long for the file system: use a shorter one";
  const NUL = "its name contains a NUL character, which no file name can: name another file";
  const EMPTY = "its name is empty: name a file";
  it.each<[string, string, string | RegExp, string | RegExp | undefined]>([
    ["nothing", at("nothing"), NONE, undefined],
    ["in nothing", at("no/x"), NONE, /^the directory ".*no" does not exist: create it, or save elsewhere$/],
    ["below a file", at("file/x"), NOT_DIRECTORY, NOT_DIRECTORY],
    ["below a link to a file", at("to-file/x"), NOT_DIRECTORY, NOT_DIRECTORY],
    ["a file with a slash", at("file/"), NOT_DIRECTORY, NOT_DIRECTORY],
    ["nothing with a slash", at("new/"), NONE, "its name ends like a directory's: name a file in it"],
    ["a directory", at("folder"), DIRECTORY, `${DIRECTORY} in it`],
    ["a directory with a slash", at("folder/"), DIRECTORY, `${DIRECTORY} in it`],
    ["the root", "/", DIRECTORY, `${DIRECTORY} in it`],
    ["this directory", at("."), DIRECTORY, `${DIRECTORY} in it`],
    ["links in a circle", at("circle-a"), CIRCLE, CIRCLE],
    ["below links in a circle", at("circle-a/x"), CIRCLE, CIRCLE],
    ["a link to nothing", at("dangling"), 'it is a link to "absent", which does not exist', undefined],
    [
      "a link to nowhere",
      at("far"),
      'it is a link to "no/folder/absent", which does not exist',
      /^it is a link to ".*absent", and the directory ".*no\/folder" does not exist: create it/,
    ],
    ["a long name", at("n".repeat(256)), LONG, LONG],
    ["a long path", at("d/".repeat(3000)), LONG, LONG],
    ["a NUL", at("a\0b"), NUL, NUL],
    ["no name", "", EMPTY, EMPTY],
  ])("%s", async (_, path, reading, saving) => {
    const quoted = JSON.stringify(path);
    const said = async (action: () => unknown) => {
      try {
        await action();
      } catch (error) {
        expect(error).toBeInstanceOf(FileError);
        const { message } = error as Error;
        expect(message.startsWith(`cannot read ${quoted}`) || message.startsWith(`cannot save ${quoted}`)).toBe(true);
        return message.replace(/^cannot (read|save) ".*?"( \(1 bytes\))?: /, "");
      }
      return undefined;
    };
    const matches = (found: string | undefined, expected: typeof saving) =>
      expected instanceof RegExp ? expect(found).toMatch(expected) : expect(found).toBe(expected);
    for (const read of [readModel, readNgram, readBytes, (path: string) => [...readText(path)]]) {
      matches(await said(() => read(path)), reading);
    }
    // readCounts() reads all files of a directory.
    if (reading !== DIRECTORY) {
      const found = await said(() => readCounts(path, { order: 1 }));
      matches(found, /link to/.test(String(reading)) ? NONE : reading);
    }
    const before = readdirSync(directory);
    const saves = [
      () => checkWritable(path),
      () => writeWhole(path, Uint8Array.of(1)),
      () => writePieces(path, [Uint8Array.of(1)]),
    ];
    for (const save of saves) matches(await said(save), saving);
    if (saving !== undefined) expect(readdirSync(directory)).toEqual(before);
    if (saving !== undefined) matches(await said(() => isDevice(path)), saving);
  });

  it("a link to nothing is saved to as other programs do: its target is made", () => {
    expect([...readFileSync(at("absent"))]).toEqual([1]);
    expect([...readFileSync(at("dangling"))]).toEqual([1]);
  });

  it("a socket, and a name that is no string", async () => {
    expect(() => readBytes(at("socket"))).toThrow("expected a file, got a socket: copy it into a file first");
    const socket = "it is a socket, or a device that does not exist: name a file";
    expect(() => [...readText(at("socket"))]).toThrow(socket);
    expect(() => writeWhole(at("socket"), Uint8Array.of(1))).toThrow(socket);
    for (const action of [readBytes, checkWritable, (path: never) => [...readText(path)]]) {
      expect(() => action(5 as never)).toThrow(new TypeError('"path" expected the name of a file, got 5'));
    }
  });

  it("a name as long as the file system has is saved", () => {
    const path = at("n".repeat(255));
    writeWhole(path, Uint8Array.of(7));
    expect([...readFileSync(path)]).toEqual([7]);
    rmSync(path);
  });

  it("too few descriptors, and no permission", () => {
    const run = (script: string, options = {}, limit = "") => {
      const code = `import { readText, readModel, FileError } from ${NODE}; try { ${script} } catch (e) { console.log(e instanceof FileError, e.message) }`;
      const command = `${limit} exec ${process.execPath} --input-type=module -e "$CODE"`;
      const result: SpawnSyncReturns<string> = spawnSync("bash", ["-c", command], {
        encoding: "utf8",
        env: { ...process.env, CODE: code },
        ...options,
      });
      return result.stdout + result.stderr;
    };
    const exhaust = `import("node:fs"); const fs = process.getBuiltinModule("node:fs"); const open = []; try { for (;;) open.push(fs.openSync("/dev/null")) } catch {}; [...readText(${JSON.stringify(at("file"))})]`;
    expect(run(exhaust, {}, "ulimit -n 64;")).toContain("true cannot read");
    expect(run(exhaust, {}, "ulimit -n 64;")).toContain("too many files are open: close some, or raise the limit");
    // The superuser may read everything, so another user has to try.
    chmodSync(directory, 0o755);
    writeFileSync(at("secret"), "x");
    chmodSync(at("secret"), 0);
    const who = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    expect(run(`[...readText(${JSON.stringify(at("secret"))})]`, { ...who, cwd: "/" })).toContain(
      "permission is denied: check the owner and the permissions",
    );
  });
});

describe("a temporary file", () => {
  const temporaries = (folder = directory) => readdirSync(folder).filter((name) => name.startsWith(".rivulet-"));

  it("is nobody else's: threads of one process save under one name, and readers see whole files", async () => {
    const path = at("shared");
    const code = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(${JSON.stringify(new URL("../dist/node.js", import.meta.url).href)}).then(async ({ writeNgram }) => {
        const { loadNgram, countNgrams, maximumLikelihood } = await import(${JSON.stringify(new URL("../dist/ngram.js", import.meta.url).href)});
        const text = (("w" + workerData + " ").repeat(9) + "\\n").repeat(3) + Array.from({ length: 3000 * (1 + workerData) }, (_, i) => "x" + i).join(" ");
        const model = maximumLikelihood(countNgrams(text, { order: 2 }));
        for (let i = 0; i < 12; i++) await writeNgram(${JSON.stringify(path)}, model);
        parentPort.postMessage("done");
      });`;
    const workers = [0, 1, 2].map((workerData) => new Worker(code, { eval: true, workerData }));
    let running = workers.length;
    const ended = Promise.all(
      workers.map((worker) =>
        new Promise<unknown>((resolve, reject) => {
          worker.on("message", resolve).on("error", reject);
        }).finally(() => running--),
      ),
    );
    let read = 0;
    const sizes = new Set<number>();
    while (running > 0) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (!existsSync(path)) continue;
      const model = await readNgram(path);
      sizes.add(model.vocabulary.size);
      read++;
    }
    expect(await ended).toEqual(["done", "done", "done"]);
    expect(read).toBeGreaterThan(3);
    for (const size of sizes) expect([3004, 6004, 9004].some((n) => Math.abs(n - size) < 4)).toBe(true);
    expect(temporaries()).toEqual([]);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  it("is removed after kill -9, unless the process lives, or may live elsewhere", async () => {
    const folder = at("killed");
    mkdirSync(folder);
    const script = `
      import { writeNgram } from ${NODE};
      import { countNgrams, maximumLikelihood } from ${JSON.stringify(new URL("../dist/ngram.js", import.meta.url).href)};
      const model = maximumLikelihood(countNgrams(Array.from({ length: 200000 }, (_, i) => "x" + i).join(" "), { order: 2 }));
      console.log("writing");
      for (;;) await writeNgram(${JSON.stringify(join(folder, "model.arpa"))}, model);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    while (temporaries(folder).length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    // Another process's save leaves it alone while it is being written.
    child.kill("SIGSTOP");
    const [name] = temporaries(folder);
    writeWhole(join(folder, "other"), Uint8Array.of(1));
    const kept = existsSync(join(folder, name!));
    child.kill("SIGKILL");
    await new Promise((resolve) => child.on("close", resolve));
    expect(kept).toBe(true);
    expect(temporaries(folder)).toEqual([name]);
    const elsewhere = name!.replace(/-[0-9a-f]{8}-/, "-00000000-");
    writeFileSync(join(folder, elsewhere), "");
    const recent = elsewhere.replace(/.{5}\.tmp$/, "00000.tmp");
    writeFileSync(join(folder, recent), "");
    utimesSync(join(folder, elsewhere), new Date(0), new Date(0));
    writeFileSync(join(folder, ".rivulet-notes.tmp"), "somebody's");
    writeWhole(join(folder, "other"), Uint8Array.of(1));
    expect(temporaries(folder).sort()).toEqual([recent, ".rivulet-notes.tmp"].sort());
  });

  it("is new, whatever is planted, and keeps the permissions of what it replaces", async () => {
    const victim = at("victim");
    writeFileSync(victim, "whole");
    // Names used by earlier versions, and other predictable ones.
    for (const name of [".m.safetensors", ".rivulet"]) {
      symlinkSync(victim, at(`${name}.${process.pid}.tmp`));
    }
    const path = at("m.safetensors");
    writeWhole(path, Uint8Array.of(1));
    checkWritable(path);
    expect(readFileSync(victim, "utf8")).toBe("whole");
    for (const mode of [0o600, 0o666, 0o640]) {
      chmodSync(path, mode);
      writeWhole(path, Uint8Array.of(2));
      expect(statSync(path).mode & 0o777).toBe(mode);
    }
    const names = new Set<string>();
    for (let i = 0; i < 20; i++) await expect(writePieces(path, stopped(names))).rejects.toThrow("enough");
    expect(names.size).toBe(20);
    expect(temporaries()).toEqual([]);
    expect([...readFileSync(path)]).toEqual([2]);
  });

  function* stopped(names: Set<string>) {
    yield Uint8Array.of(3);
    for (const name of temporaries()) names.add(name);
    throw new RangeError("enough");
  }
});
