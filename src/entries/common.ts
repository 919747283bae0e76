// Exports that all entries share: conversion between text and numbers, and functions for models of any kind.
//
// biome-ignore-all assist/source/organizeImports: grouped by what they are for

// Text to numbers and back
export { decode, encode, type Text } from "../text/corpus.js";
export type { TokenIds } from "../text/ids.js";
export { sentences, words } from "../text/sentences.js";
export {
  characters,
  join,
  lines,
  pattern,
  type Tokenizer,
  type TokenizerSpec,
  tokenize,
  whitespace,
} from "../text/tokenizers.js";
export { UNKNOWN, Vocabulary } from "../text/vocabulary.js";

// Functions for all models
export type { LanguageModel } from "../lm/language-model.js";
export { type Evaluation, evaluate, evaluateAsync, perplexity } from "../lm/perplexity.js";
export { type GenerateOptions, type Generation, generate } from "../lm/generate.js";
export { type NextToken, nextTokens, probability, stateAfter } from "../lm/next.js";

// Errors in files
export { FormatError } from "../errors.js";
export type { TokenizerOptions } from "../io/tokenizer.js";
