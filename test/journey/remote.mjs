// The journey, in a worker of rivulet/worker.

import { characters, cosine, randomWindows } from "rivulet";
import { journey } from "./journey.mjs";

export const remote = (worker) => journey({ characters, cosine, randomWindows, ...worker });
