import * as ngram from "rivulet/ngram";
import { ngramJourney } from "./journey.mjs";
import { local } from "./local.mjs";
import { post } from "./post.mjs";

post(async () => ({ networks: await local(), ngrams: await ngramJourney(ngram) }));
