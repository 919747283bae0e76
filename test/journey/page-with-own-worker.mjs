// rivulet/worker with a file of one's own, for bundlers that find no workers.

import { connectWorker } from "rivulet/worker";
import { post } from "./post.mjs";
import { remote } from "./remote.mjs";

post(() => remote(connectWorker(new Worker("./own-worker.js", { type: "module" }))));
