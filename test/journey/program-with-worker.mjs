import { startWorker } from "rivulet/worker";
import { remote } from "./remote.mjs";

console.log(JSON.stringify({ networks: await remote(startWorker()) }));
