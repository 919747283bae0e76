import * as ngram from "rivulet/ngram";
import { ngramJourney } from "./journey.mjs";
import { local } from "./local.mjs";

console.log(JSON.stringify({ networks: await local(), ngrams: await ngramJourney(ngram) }));
