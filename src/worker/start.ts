// Starts a worker in a page, Node, Deno or Bun, and connects to it.

import type { Worker as NodeWorker } from "node:worker_threads";
import { show } from "../check.js";
import { connect, type RivuletWorker, type WorkerPort } from "./client.js";
import type { Answer } from "./wire.js";

/**
 * Starts a worker that runs the library: `worker_threads` in Node, Deno and Bun, a module Web Worker in pages. Bundlers
 * that find workers by `new Worker(new URL(…))` (Vite, webpack, Parcel) need no configuration. With other bundlers,
 * write a worker file that imports "rivulet/worker-thread", and pass its Worker to connectWorker().
 * @throws WorkerError (from every function of the result) if it cannot be started
 */
export function startWorker(): RivuletWorker {
  // Deno and Bun have both, and their Web Workers keep the process alive.
  const threads = globalThis.Worker && globalThis.document ? undefined : nodeThreads();
  // Bundlers recognize the first expression, and must not recognize the second one.
  if (!threads) return connectWorker(new Worker(new URL("./worker-thread.js", import.meta.url), { type: "module" }));
  return connectWorker(new threads.Worker(new URL(`${import.meta.url.replace(/[^/]*$/, "")}worker-thread.js`)));
}

/**
 * Connects to a worker that the caller has started: a Web Worker or one of Node's.
 * @throws TypeError if it is not a worker
 */
export function connectWorker(worker: AnyWorker): RivuletWorker {
  if (typeof worker?.postMessage !== "function" || typeof worker.terminate !== "function") {
    throw new TypeError(`"worker" expected a Worker, got ${show(worker)}`);
  }
  return connect("on" in worker ? nodePort(worker as NodeWorker) : pagePort(worker as Worker));
}

/** The methods that a page's Worker and Node's have in common. */
export interface AnyWorker {
  postMessage(message: unknown): void;
  terminate(): unknown;
}

/** Node's worker_threads; undefined elsewhere. Not imported, because bundlers for pages would fail. @internal */
export function nodeThreads(): typeof import("node:worker_threads") | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.("node:worker_threads") as ReturnType<typeof nodeThreads>;
}

function nodePort(worker: NodeWorker): WorkerPort {
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    listen(hear, failed) {
      worker.on("message", hear);
      worker.on("messageerror", (error) => failed("the worker sent a message that cannot be read", error));
      worker.on("error", (error) => failed(`the worker failed: ${error.message}`, error));
      worker.on("exit", (code) => failed(`the worker ended with the exit code ${code}`));
      worker.postMessage({ lock: "" });
    },
    terminate: () => void worker.terminate(),
    hold: (waits) => (waits ? worker.ref() : worker.unref()),
  };
}

function pagePort(worker: Worker): WorkerPort {
  // The worker holds this lock as long as it lives, because pages get no event when a worker ends.
  const lock = `rivulet-${crypto.randomUUID()}`;
  const given = new AbortController();
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    listen(hear, failed) {
      const wait = () =>
        globalThis.navigator?.locks
          ?.request(lock, { signal: given.signal }, () =>
            failed("the worker ended: it was terminated or ran out of memory"),
          )
          .catch(() => {});
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if ("ready" in data) wait();
        hear(data);
      };
      worker.onmessageerror = () => failed("the worker sent a message that cannot be read");
      worker.onerror = (event) =>
        failed(`the worker failed: ${event.message || "its file could not be loaded"}`, event);
      worker.postMessage({ lock });
    },
    terminate() {
      given.abort();
      worker.terminate();
    },
    hold() {},
  };
}
