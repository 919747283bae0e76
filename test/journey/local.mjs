// The journey, in the thread that asks for it. Names what it uses, so that a bundler ships no more.

import {
  characters,
  cosine,
  generate,
  prepare,
  RecurrentModel,
  randomWindows,
  saveModel,
  selectKernels,
  train,
} from "rivulet";
import { journey } from "./journey.mjs";

export const local = () =>
  journey({ characters, cosine, generate, prepare, RecurrentModel, randomWindows, saveModel, selectKernels, train });
