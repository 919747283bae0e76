// A recurrent network as a language model.

import { checkBytes, checkOptions, integer, type Names, show } from "../check.js";
import { type NetworkConfig, networkConfig } from "../nn/config.js";
import type { InitializationOptions } from "../nn/initialize.js";
import { Network } from "../nn/network.js";
import { checkIds, type TokenIds } from "../text/ids.js";
import { checkTokenizer, type Tokenizer, type TokenizerSpec } from "../text/tokenizers.js";
import { checkVocabulary, type Vocabulary } from "../text/vocabulary.js";
import type { LanguageModel } from "./language-model.js";

export interface RecurrentOptions extends Partial<Omit<NetworkConfig, "vocabularySize">>, InitializationOptions {
  tokenizer: Tokenizer;
  vocabulary: Vocabulary;
  /** Seed of the initial weights (default 1). */
  seed?: number;
}

const OPTIONS: Names<RecurrentOptions> = {
  tokenizer: 1,
  vocabulary: 1,
  seed: 1,
  cell: 1,
  activation: 1,
  hiddenSize: 1,
  layers: 1,
  embeddingSize: 1,
  tied: 1,
  dropout: 1,
  initialization: 1,
  forgetBias: 1,
  bidirectional: 1,
};

/**
 * A recurrent language model. Its state is (layers, H): the hidden states after the last token; for an LSTM, h and c.
 */
export class RecurrentModel implements LanguageModel<Float32Array> {
  private constructor(
    readonly network: Network,
    readonly tokenizer: Tokenizer,
    readonly vocabulary: Vocabulary,
  ) {
    if (!(network instanceof Network)) {
      throw new TypeError('"RecurrentModel" expected await RecurrentModel.create({ … }), got new RecurrentModel(…)');
    }
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "RecurrentModel";
  }

  get version(): number {
    return this.network.version;
  }

  /**
   * Creates a model with random weights.
   * @throws TypeError or RangeError that names the invalid option; RangeError if the model does not fit into 4 GiB
   */
  static async create(options: RecurrentOptions): Promise<RecurrentModel> {
    // Plain JavaScript can call this without options.
    const given: Partial<RecurrentOptions> = options === undefined ? {} : checkOptions("options", options, OPTIONS);
    const { tokenizer, vocabulary, seed = 1, initialization, forgetBias, ...rest } = given;
    checkTokenizer(tokenizer);
    checkVocabulary(vocabulary);
    integer("seed", seed, 0);
    const config = oneDirection(networkConfig({ ...rest, vocabularySize: vocabulary.size }));
    const network = await Network.create(config);
    // Imported on demand, so that pages that only run models do not load it.
    const { initialize } = await import("../nn/initialize.js");
    initialize(network, seed, { initialization, forgetBias });
    return new RecurrentModel(network, tokenizer, vocabulary);
  }

  /**
   * Makes a model from an existing network.
   * @throws RangeError if the vocabulary and the network differ in size, or the network is bidirectional
   */
  static from(network: Network, tokenizer: Tokenizer, vocabulary: Vocabulary): RecurrentModel {
    if (!(network instanceof Network)) throw new TypeError(`"network" expected a Network, got ${show(network)}`);
    checkTokenizer(tokenizer);
    checkVocabulary(vocabulary);
    oneDirection(network.config);
    integer("vocabulary.size", vocabulary.size, network.config.vocabularySize, network.config.vocabularySize);
    return new RecurrentModel(network, tokenizer, vocabulary);
  }

  /** What a file keeps beside the weights. */
  describe(): { network: NetworkConfig; tokenizer: TokenizerSpec; vocabulary: string[] } {
    const { network, tokenizer, vocabulary } = this;
    return { network: network.config, tokenizer: tokenizer.spec, vocabulary: [...vocabulary.tokens] };
  }

  start(): Float32Array {
    const state = this.network.initialState(1);
    if (this.vocabulary.start !== undefined) this.network.step(this.vocabulary.start, state);
    return state;
  }

  logProbs(state: Float32Array): Float32Array {
    return this.network.logProbs(state);
  }

  logProb(state: Float32Array, token: number): number {
    return this.network.logProbs(state)[this.checked(token)]!;
  }

  advance(state: Float32Array, token: number): Float32Array {
    const next = this.network.checkState(state).slice();
    this.network.step(this.checked(token), next);
    return next;
  }

  score(tokens: TokenIds, state: Float32Array): { logProbs: Float32Array; state: Float32Array } {
    checkIds("tokens", tokens, this.vocabulary.size);
    const next = this.network.checkState(state).slice();
    return { logProbs: this.network.score(tokens, next), state: next };
  }

  saveState(state: Float32Array): Uint8Array {
    const bytes = new DataView(new ArrayBuffer(4 * this.network.checkState(state).length));
    for (let i = 0; i < state.length; i++) bytes.setFloat32(4 * i, state[i]!, true);
    return new Uint8Array(bytes.buffer);
  }

  restoreState(bytes: Uint8Array): Float32Array {
    const state = this.network.initialState(1);
    checkBytes("bytes", bytes);
    if (bytes.length !== 4 * state.length) {
      throw new RangeError(`a state of this model expected ${4 * state.length} bytes, got ${bytes.length}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return state.map((_, i) => view.getFloat32(4 * i, true));
  }

  /** Checks a token: with one outside the vocabulary, the kernels would read outside the weights. */
  private checked(token: number): number {
    if (Number.isInteger(token) && token >= 0 && token < this.vocabulary.size) return token;
    return integer("token", token, 0, this.vocabulary.size - 1);
  }
}

/** @throws TypeError if it is not a RecurrentModel */
export function checkRecurrent(model: RecurrentModel): RecurrentModel {
  if (model instanceof RecurrentModel) return model;
  throw new TypeError(`"model" expected a RecurrentModel, such as from RecurrentModel.create(), got ${show(model)}`);
}

/** @throws RangeError if the network is bidirectional: reading backward, it would have seen the token to predict */
function oneDirection(config: NetworkConfig): NetworkConfig {
  if (!config.bidirectional) return config;
  throw new RangeError(
    '"bidirectional" expected false, got true: a language model cannot read ahead, only networks for labeling can',
  );
}
