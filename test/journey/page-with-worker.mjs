// rivulet/worker, which finds its own file.

import { startWorker } from "rivulet/worker";
import { post } from "./post.mjs";
import { remote } from "./remote.mjs";

post(() => remote(startWorker()));
