// Initial weights that were learned elsewhere: vectors of words for an embedding, a trained network for another of its shape.

import { firstNotFinite } from "../arrays.js";
import { show } from "../check.js";
import type { Vocabulary } from "../text/vocabulary.js";
import type { Network } from "./network.js";

/** Vectors of words, such as a Map. */
export interface Vectors {
  get(word: string): ArrayLike<number> | undefined;
}

/**
 * Copies the vectors of words into an embedding. A word without one takes that of its lowercase form, as the vocabularies of GloVe
 * and word2vec are often lowercase; otherwise its row keeps its values.
 * @param name the embedding's parameter, (rows, width), such as "embedding.weight"
 * @param words those of the first rows, in order
 * @returns the number of words that have a vector
 * @throws RangeError if a vector has another width or is not finite, or if no word has one; the network is then unchanged
 */
export function copyVectors(network: Network, name: string, words: readonly string[], vectors: Vectors): number {
  if (typeof vectors?.get !== "function") {
    throw new TypeError(`"vectors" expected vectors of words, such as a Map, got ${show(vectors)}`);
  }
  const values = network.read(name);
  const [, width] = network.parameters.find((parameter) => parameter.name === name)!.shape as [number, number];
  let found = 0;
  for (const [row, word] of words.entries()) {
    const vector = vectors.get(word) ?? vectors.get(word.toLowerCase());
    if (vector === undefined) continue;
    if (vector.length !== width) {
      throw new RangeError(
        `"vectors" expected ${width} numbers for each word, the width of the embedding, got ${vector.length} for ${show(word)}`,
      );
    }
    values.set(vector, row * width);
    const bad = firstNotFinite(values.subarray(row * width, (row + 1) * width));
    if (bad !== undefined) throw new RangeError(`"vectors" expected finite numbers, got ${bad} for ${show(word)}`);
    found++;
  }
  if (found === 0) {
    throw new RangeError(
      `"vectors" expected vectors of the vocabulary's ${words.length} words, got none of them: ` +
        "was it tokenized differently?",
    );
  }
  network.write(name, values);
  return found;
}

/** The rows of an embedding, as vectors of its tokens. @throws RangeError if there is no parameter of that name */
export function vectorsOf(network: Network, name: string, vocabulary: Vocabulary): Vectors {
  const values = network.read(name);
  const width = values.length / vocabulary.size;
  return {
    get(word) {
      const row = vocabulary.words.find(word);
      return row < 0 ? undefined : values.subarray(row * width, (row + 1) * width);
    },
  };
}

/**
 * Copies the parameters of a trained network into those of the same names in another: from a language model into the encoder of a
 * classifier. Parameters that only one of them has, such as the output layer of the other, are left as they are.
 * @param names which parameters to copy
 * @throws RangeError if one of these has another shape, or there is none; the network is then unchanged
 */
export function copyWeights(to: Network, from: Network, names: (name: string) => boolean): void {
  const pairs = from.parameters.flatMap((source) => {
    const target = to.parameters.find(({ name }) => name === source.name);
    return target && names(source.name) ? [[source, target] as const] : [];
  });
  if (pairs.length === 0) throw new RangeError('"from" expected a network that has parameters in common, got none');
  for (const [{ name, shape }, target] of pairs) {
    const [expected, got] = [target.shape.join(" × "), shape.join(" × ")];
    if (expected !== got) {
      throw new RangeError(`"from" expected a network whose "${name}" is ${expected}, got ${got}: use its sizes`);
    }
  }
  for (const [{ name }] of pairs) to.write(name, from.read(name));
}
