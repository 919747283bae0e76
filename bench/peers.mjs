// The peers: how each is found and started, and how to install one that is missing. A peer that is run with several
// numbers of threads is one process for each.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Peer } from "./peer.mjs";
import { say } from "./timing.mjs";

const here = new URL(".", import.meta.url).pathname;
const program = (name) => `${here}peers/${name}`;

/** Settings for older builds of OpenBLAS that slow down current ones: peers run without them. */
const UNSET = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"];
export const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !UNSET.includes(name)));
/** With --cpu, peers get one thread: waiting threads spin, which counts as processor time. */
const cpu = process.argv.includes("--cpu");
if (cpu) env.BENCH_CLOCK = "cpu";
const unset = UNSET.filter((name) => name in process.env);

/** Pythons with PyTorch, one for each installation: $TORCH_PYTHON (colon-separated), bench/.venv, and the system's. */
export function torchPythons() {
  const candidates = (process.env.TORCH_PYTHON ?? "").split(":").filter(Boolean);
  candidates.push(`${here}.venv/bin/python`, "python3", "/usr/bin/python3");
  const found = new Map();
  for (const python of candidates) {
    const about = "import torch; print(torch.__file__, torch.__version__)";
    const { status, stdout } = spawnSync(python, ["-c", about], { encoding: "utf8", env });
    const [file, version] = status === 0 ? stdout.trim().split(" ") : [];
    if (!file && process.env.TORCH_PYTHON?.split(":").includes(python)) say(`TORCH_PYTHON: no PyTorch in ${python}`);
    if (file && !found.has(file)) found.set(file, { python, version });
  }
  return [...found.values()];
}

const threadCounts = cpu || availableParallelism() === 1 ? [1] : [1, 2];

function pytorch(major, missing) {
  const pythons = torchPythons().filter(({ version }) => version.startsWith(`${major}.`));
  const start = pythons.flatMap(({ python }) =>
    threadCounts.map((threads) => [python, program("pytorch.py"), String(threads)]),
  );
  return { name: `PyTorch ${major}`, start, missing };
}

function fromNpm(name, folder, start) {
  if (!existsSync(`${here}node_modules/${folder}`)) {
    say(`installing ${name} for the bench …`);
    try {
      execFileSync("npm", ["install", "--no-audit", "--no-fund", "--silent"], { cwd: here, stdio: "inherit" });
    } catch {}
  }
  return { name, start: existsSync(`${here}node_modules/${folder}`) ? start : [], missing: "cd bench && npm install" };
}

const node = process.execPath;
const PEERS = [
  () => pytorch(2, "python3 -m venv bench/.venv && bench/.venv/bin/pip install torch, or set TORCH_PYTHON"),
  () => pytorch(1, "Debian 12: apt-get install python3-torch libopenblas0-pthread"),
  () => fromNpm("TensorFlow.js", "@tensorflow/tfjs-backend-wasm", [[node, program("tensorflow.mjs")]]),
  () =>
    fromNpm(
      "jax-js",
      "@jax-js/jax",
      threadCounts.map((n) => [node, program("jax.mjs"), n === 1 ? "1" : "all"]),
    ),
];

/** Programs that the sections run directly. */
const PROGRAMS = [
  { name: "KenLM", command: "lmplz", missing: "github.com/kpu/kenlm, its programs on the PATH" },
  {
    name: "fastText",
    command: "fasttext",
    missing: "Debian: apt-get install fasttext",
    note: "not compared yet: no section classifies texts",
  },
];

/** Prints which programs are installed. */
export function sayPrograms() {
  for (const { name, command, missing, note } of PROGRAMS) {
    const found = spawnSync(command, ["--help"]).error === undefined;
    say(found ? `${name}: found${note ? `; ${note}` : ""}` : `${name}: MISSING (${missing})`);
  }
}

/** Starts all installed peers, and prints a description of each, or that it is missing. */
export async function startPeers() {
  const peers = [];
  if (cpu) say("peers with more than one thread: SKIPPED, because waiting threads use processor time, too");
  if (unset.length > 0) say(`peers run without ${unset.join(" and ")}, which this environment sets`);
  for (const find of PEERS) {
    const { name, start, missing } = find();
    if (start.length === 0) say(`${name}: MISSING (${missing})`);
    for (const [command, ...args] of start) {
      const peer = new Peer(name, command, args, env);
      const { version, threads, about, slow } = await peer.next();
      peer.family = `${name}, ${threads === 1 ? "one thread" : `${threads} threads`}`;
      peer.name = `${name.replace(/ \d$/, "")} ${version}, ${threads === 1 ? "one thread" : `${threads} threads`}`;
      say(`${peer.name}: ${about}, ${command}`);
      if (slow) say(`${peer.name}: ${slow}`);
      peers.push(peer);
    }
  }
  return peers;
}
