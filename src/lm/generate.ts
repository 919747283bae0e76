// Sampling text from a language model.

import { checkBytes, checkOptions, integer, type Names, NOT_NEGATIVE, number, SHARE, show, string } from "../check.js";
import { exp } from "../exact.js";
import { pause } from "../pause.js";
import { Random } from "../random.js";
import { encodePrompt } from "../text/corpus.js";
import { checkModel, type LanguageModel, logProbsAfter } from "./language-model.js";
import { largest } from "./largest.js";
import { notWritten } from "./next.js";

export interface GenerateOptions<S = unknown> {
  /** State to continue from, as returned by stateAfter() (default: the start). */
  state?: S;
  /** Text to continue, read after `state` and not included in the output (default: none). */
  prompt?: string;
  /** Number of tokens to generate; fewer if <eos> comes first (default 200). */
  length?: number;
  /**
   * Divides the log-probabilities: below 1, likely tokens become likelier; 0 always picks the likeliest (default 1).
   */
  temperature?: number;
  /** Samples only from the k likeliest tokens (default: all). */
  topK?: number;
  /** Samples only from the likeliest tokens that together have probability p (Holtzman et al. 2020; default 1). */
  topP?: number;
  /** Seed of the random choices (default 1). */
  seed?: number;
  /**
   * Bytes from save() of an earlier generation to continue. They contain its state, prompt, length and seed; temperature,
   * topK and topP have to be given again.
   */
  from?: Uint8Array | ArrayBuffer;
}

const OPTIONS: Names<GenerateOptions> = {
  state: 1,
  prompt: 1,
  length: 1,
  temperature: 1,
  topK: 1,
  topP: 1,
  seed: 1,
  from: 1,
};

/**
 * Generates text. Iterate over the result for its pieces with `for`, or with `for await`, which yields to the event
 * loop. Tokens that do not stand for text (<unk>, <pad>, <bos>) are never drawn. If the model is trained between two
 * pieces, the second is drawn from its new weights.
 * @throws TypeError or RangeError that names the invalid option, or a token of the prompt that the model does not know
 * @throws RangeError (while iterating) if the model's probabilities are not numbers
 */
export function generate<S>(model: LanguageModel<S>, options: GenerateOptions<S> = {}): Generation<S> {
  return new Generation(model, checkOptions<GenerateOptions<S>>("options", options, OPTIONS));
}

/**
 * A text being generated, as returned by generate(): iterate over it for its pieces. After a break, iterating again
 * continues where the loop was left.
 */
export class Generation<S = unknown> implements Iterable<string>, AsyncIterable<string> {
  private state: S;
  private previous: number | undefined;
  private left: number;
  private readonly random: Random;
  private readonly draw: (logProbs: Float32Array) => number;

  constructor(
    private readonly model: LanguageModel<S>,
    options: GenerateOptions<S>,
  ) {
    const { state, prompt = "", length = 200, temperature = 1, topK, topP = 1, seed = 1, from } = options;
    const fixed =
      from !== undefined &&
      (["state", "prompt", "length", "seed"] as const).find((name) => options[name] !== undefined);
    if (fixed)
      throw new TypeError(`"${fixed}" expected no value with "from", which contains it, got ${show(options[fixed])}`);
    checkModel(model);
    const { vocabulary, tokenizer } = model;
    this.left = integer("length", length, 0);
    number("temperature", temperature, ...NOT_NEGATIVE);
    number("topP", topP, ...SHARE);
    const k = topK === undefined ? vocabulary.size : integer("topK", topK);
    this.random = new Random(integer("seed", seed, 0));
    const banned = notWritten(vocabulary);
    this.draw = (logProbs) => sample(logProbs, banned, temperature, k, topP, this.random);
    if (from !== undefined) {
      this.state = this.restore(checkBytes("from", from));
    } else {
      string("prompt", prompt);
      if (state !== undefined) model.saveState(state); // only to check it
      this.state = state === undefined ? model.start() : state;
      for (const id of encodePrompt(prompt, tokenizer, vocabulary)) this.take(id);
    }
  }

  get [Symbol.toStringTag](): string {
    return "Generation";
  }

  *[Symbol.iterator](): Generator<string, void, undefined> {
    const { vocabulary, tokenizer } = this.model;
    while (this.left > 0) {
      const id = this.draw(logProbsAfter(this.model, this.state));
      if (id === vocabulary.end) {
        this.left = 0;
        return;
      }
      const before = this.previous === undefined ? undefined : vocabulary.token(this.previous);
      this.take(id);
      this.left--;
      yield tokenizer.piece(vocabulary.token(id), before);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    const breath = pause(64);
    for (const piece of this) {
      yield piece;
      await breath();
    }
  }

  /**
   * Saves everything that the remaining text depends on: the model's state, the last token, the state of the random
   * numbers, and the number of tokens left. Pass it to generate() as `from`, with the same model, temperature, topK and
   * topP.
   */
  save(): Uint8Array {
    const state = this.model.saveState(this.state);
    const bytes = new Uint8Array(HEADER + state.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC, true);
    view.setInt32(4, this.previous ?? -1, true);
    view.setFloat64(8, this.left, true);
    for (let i = 0; i < 4; i++) view.setUint32(16 + 4 * i, this.random.state[i]!, true);
    bytes.set(state, HEADER);
    return bytes;
  }

  private restore(bytes: Uint8Array): S {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < HEADER || view.getUint32(0, true) !== MAGIC) {
      throw new RangeError(`"from" expected the bytes of a saved generation, got ${bytes.length} other bytes`);
    }
    const previous = view.getInt32(4, true);
    this.previous =
      previous < 0 ? undefined : integer("from's last token", previous, 0, this.model.vocabulary.size - 1);
    this.left = integer("from's length", view.getFloat64(8, true), 0);
    this.random.state.set(Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(16 + 4 * i, true)));
    return this.model.restoreState(bytes.subarray(HEADER));
  }

  private take(id: number): void {
    this.state = this.model.advance(this.state, id);
    this.previous = id;
  }
}

/** "RIVG", and the number of bytes before the model's state. */
const MAGIC = 0x47564952;
const HEADER = 32;

/** Draws one of the k likeliest tokens, cut off at a total probability of p, by probability^(1/temperature). */
function sample(
  logProbs: Float32Array,
  banned: readonly number[],
  temperature: number,
  k: number,
  p: number,
  random: Random,
): number {
  for (const id of banned) logProbs[id] = -Infinity;
  const best = argmax(logProbs);
  const top = logProbs[best]!;
  if (top === -Infinity)
    throw new RangeError("the model gives probability 0 to every token that could be written next");
  if (temperature === 0 || k === 1) return best;
  const weights = new Float64Array(logProbs.length);
  for (let id = 0; id < weights.length; id++) weights[id] = exp((logProbs[id]! - top) / temperature);

  let candidates: ArrayLike<number> | undefined;
  if (k < weights.length || p < 1) {
    let kept = largest(weights, k);
    if (p < 1) {
      // p is relative to the total of the k tokens.
      const enough = p * kept.reduce((sum, id) => sum + weights[id]!, 0);
      let n = 0;
      for (let sum = 0; sum < enough && n < kept.length; n++) sum += weights[kept[n]!]!;
      kept = kept.subarray(0, Math.max(n, 1));
    }
    candidates = kept;
  }

  const n = candidates?.length ?? weights.length;
  let total = 0;
  for (let i = 0; i < n; i++) total += weights[candidates?.[i] ?? i]!;
  let left = random.float() * total;
  for (let i = 0; i < n; i++) {
    const id = candidates?.[i] ?? i;
    left -= weights[id]!;
    if (left < 0) return id;
  }
  return best; // reached only through rounding errors in `left`
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
