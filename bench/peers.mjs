// The peers that this machine has. One that is missing is said aloud.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { Peer } from "./peer.mjs";

const here = new URL(".", import.meta.url).pathname;

/** Whichever Python has PyTorch; undefined, and said aloud, where none does. */
export function torchPython() {
  const python = ["python3", "/usr/bin/python3"].find(
    (name) => spawnSync(name, ["-c", "import torch"], { stdio: "ignore" }).status === 0,
  );
  if (!python) {
    console.log("\nPyTorch: SKIPPED, not on this machine (Debian: apt-get install python3-torch libopenblas0-pthread)");
  }
  return python;
}

export async function startTorch() {
  const python = torchPython();
  if (!python) return undefined;
  const peer = new Peer("PyTorch", python, [`${here}peers/torch_peer.py`]);
  const { version, gflops } = JSON.parse((await peer.lines.next()).value);
  console.log(`\nPyTorch ${version}, one thread, ${gflops.toFixed(0)} GFLOPS in a 512×512 product`);
  if (gflops < 20) {
    console.log(
      "PyTorch: WITHOUT AN OPTIMIZED BLAS its ratios below say nothing (Debian: apt-get install libopenblas0-pthread)",
    );
  }
  return peer;
}

/** TensorFlow.js, installed beside the bench at its first run. */
export async function startTensorFlow() {
  if (!existsSync(`${here}node_modules/@tensorflow/tfjs-backend-wasm`)) {
    console.log("\ninstalling TensorFlow.js for the bench …");
    try {
      execFileSync("npm", ["install", "--no-audit", "--no-fund", "--silent"], { cwd: here, stdio: "inherit" });
    } catch {
      console.log("TensorFlow.js: SKIPPED, could not be installed");
      return undefined;
    }
  }
  const peer = new Peer("TensorFlow.js", process.execPath, [`${here}peers/tfjs_peer.cjs`]);
  const { version, backend } = JSON.parse((await peer.lines.next()).value);
  console.log(`TensorFlow.js ${version}, ${backend} backend, one thread`);
  return peer;
}
