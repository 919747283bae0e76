import * as ngram from "rivulet/ngram";
import { ngramJourney } from "./journey.mjs";
import { local } from "./local.mjs";

export default {
  fetch: async () => Response.json({ networks: await local(), ngrams: await ngramJourney(ngram) }),
};
