// The likeliest next tokens after a text.

import { checkOptions, integer, show, string } from "../check.js";
import { exp } from "../exact.js";
import { encodePrompt } from "../text/corpus.js";
import type { Vocabulary } from "../text/vocabulary.js";
import { checkModel, type LanguageModel, logProbsAfter, notNumbers } from "./language-model.js";
import { largest } from "./largest.js";

export interface NextToken {
  token: string;
  probability: number;
}

/** Ids of the tokens that do not stand for text: <unk>, <pad> and <bos> or <s>. */
export const notWritten = ({ unknown, padding, start }: Vocabulary): number[] =>
  [unknown, padding, start].filter((id) => id !== undefined);

/**
 * Returns the state after a text, whose last sentence stays open.
 * @param state the state to continue from (default: model.start())
 * @throws TypeError if an argument has the wrong type; RangeError that names a token that the model does not know
 */
export function stateAfter<S>(model: LanguageModel<S>, text: string, state?: S): S {
  checkModel(model);
  string("text", text);
  if (state !== undefined) model.saveState(state); // only to check it: a text without tokens never uses it
  const ids = encodePrompt(text, model.tokenizer, model.vocabulary);
  return ids.reduce((after, id) => model.advance(after, id), state === undefined ? model.start() : state);
}

/**
 * Returns the k likeliest tokens after a state, likeliest first, ties in order of id. <unk>, <pad>, <s> and tokens with
 * probability 0 are left out.
 * @throws TypeError or RangeError if an argument is invalid
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

/**
 * Returns P(text | after): the product of the probabilities of the text's tokens, each given those before it. A token
 * that the model does not know counts as <unk>.
 *
 * In an n-gram model </s> is a token like others, and a text begins after <s>. So, without `after`, P("the") of an order
 * above 1 is how likely a sentence begins with "the"; and of order 1, it is c(the) divided by the number of words *and*
 * sentence ends.
 * @param options after: the text before (default: none, the start)
 * @throws TypeError if an argument is of the wrong kind; RangeError if the text has no tokens
 */
export function probability<S>(model: LanguageModel<S>, text: string, options: { after?: string } = {}): number {
  checkModel(model);
  string("text", text);
  const { after = "" } = checkOptions("options", options, { after: 1 });
  string("after", after);
  const ids = encodePrompt(text, model.tokenizer, model.vocabulary);
  if (ids.length === 0) throw new RangeError(`"text" expected at least one token, got none in ${show(text)}`);
  let state = stateAfter(model, after);
  let logProb = 0;
  for (const id of ids) {
    logProb += model.logProb(state, id);
    state = model.advance(state, id);
  }
  if (Number.isNaN(logProb)) throw notNumbers();
  return exp(logProb);
}
