// rivulet/worker-thread: the file that a worker runs. A custom worker file only has to import it.

import { classifier } from "../tasks/classifier.js";
import { kernels } from "../wasm/inlined.js";
import { provideKernels } from "../wasm/load.js";
import { nodeThreads } from "../worker/start.js";
import { type Port, serve } from "../worker/thread.js";

provideKernels(kernels);

const parent = nodeThreads()?.parentPort;
const page = globalThis as unknown as { postMessage: Port["post"]; onmessage: (event: MessageEvent) => void };
serve(
  parent
    ? { listen: (hear) => parent.on("message", hear), post: (answer, transfer) => parent.postMessage(answer, transfer) }
    : {
        listen(hear) {
          page.onmessage = ({ data }) => hear(data);
        },
        post: (answer, transfer) => page.postMessage(answer, transfer),
      },
  [classifier],
);
