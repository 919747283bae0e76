// What comes next: the likeliest tokens after a text.

import { integer, string } from "../check.js";
import { exp } from "../exact.js";
import { encodePrompt } from "../text/corpus.js";
import type { Vocabulary } from "../text/vocabulary.js";
import { checkModel, type LanguageModel, logProbsAfter } from "./language-model.js";
import { largest } from "./largest.js";

export interface NextToken {
  token: string;
  probability: number;
}

/** Tokens that stand for nothing in a text: nobody writes them. */
export const notWritten = ({ unknown, padding, start }: Vocabulary): number[] =>
  [unknown, padding, start].filter((id) => id !== undefined);

/**
 * The state after a text, whose last sentence stays open.
 * @param state what to go on from (default: the start)
 * @throws TypeError; RangeError naming a token that the model does not know
 */
export function stateAfter<S>(model: LanguageModel<S>, text: string, state?: S): S {
  checkModel(model);
  string("text", text);
  if (state !== undefined) model.saveState(state); // which checks it: a text may have no token to advance by
  const ids = encodePrompt(text, model.tokenizer, model.vocabulary);
  return ids.reduce((after, id) => model.advance(after, id), state === undefined ? model.start() : state);
}

/**
 * The k likeliest tokens after a state, the likeliest first, equals in the order of their ids; <unk>, <pad> and <s> are
 * left out, and what has probability 0.
 * @throws TypeError, RangeError
 */
export function nextTokens<S>(model: LanguageModel<S>, state: S, k = 10): NextToken[] {
  checkModel(model);
  integer("k", k);
  const logProbs = logProbsAfter(model, state);
  for (const id of notWritten(model.vocabulary)) logProbs[id] = -Infinity;
  const { vocabulary } = model;
  const next: NextToken[] = [];
  for (const id of largest(logProbs, k)) next.push({ token: vocabulary.token(id), probability: exp(logProbs[id]!) });
  return next;
}
