// A recurrent network as a language model.

import { checkBytes, checkOptions, integer, type Names, show } from "../check.js";
import { type NetworkConfig, networkConfig } from "../nn/config.js";
import type { InitializationOptions } from "../nn/initialize.js";
import type { Network } from "../nn/network.js";
import type { Vectors } from "../nn/transfer.js";
import { checkIds, type TokenIds } from "../text/ids.js";
import { checkTokenizer, type Tokenizer, type TokenizerSpec } from "../text/tokenizers.js";
import { checkVocabulary, type Vocabulary } from "../text/vocabulary.js";
import type { LanguageModel } from "./language-model.js";
import { TokenNetwork } from "./token-network.js";

export interface RecurrentOptions extends Partial<Omit<NetworkConfig, "vocabularySize">>, InitializationOptions {
  tokenizer: Tokenizer;
  vocabulary: Vocabulary;
  /** Seed of the initial weights (default 1). */
  seed?: number;
  /** Vectors of words, such as a Map, that the embedding starts from (default: random ones). */
  vectors?: Vectors;
}

const OPTIONS: Names<RecurrentOptions> = {
  tokenizer: 1,
  vocabulary: 1,
  seed: 1,
  vectors: 1,
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
  /** The network: its parameters, and their gradients once it is trained. */
  readonly network: Network;

  private constructor(
    /** @internal The network with its tokens and states. */
    readonly tokenNetwork: TokenNetwork,
    readonly tokenizer: Tokenizer,
    readonly vocabulary: Vocabulary,
  ) {
    if (!(tokenNetwork instanceof TokenNetwork)) {
      throw new TypeError('"RecurrentModel" expected await RecurrentModel.create({ … }), got new RecurrentModel(…)');
    }
    this.network = tokenNetwork.network;
    Object.freeze(this);
  }

  get [Symbol.toStringTag](): string {
    return "RecurrentModel";
  }

  /** The configuration of the network. */
  get config(): NetworkConfig {
    return this.tokenNetwork.config;
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
    const { tokenizer, vocabulary, seed = 1, vectors, initialization, forgetBias, ...rest } = given;
    checkTokenizer(tokenizer);
    checkVocabulary(vocabulary);
    integer("seed", seed, 0);
    const config = oneDirection(networkConfig({ ...rest, vocabularySize: vocabulary.size }));
    const tokenNetwork = await TokenNetwork.create(config);
    // Imported on demand, so that pages that only run models do not load it.
    const { initialize } = await import("../nn/initialize.js");
    if (forgetBias !== undefined && config.cell !== "lstm") {
      throw new RangeError(`"forgetBias" expected the cell "lstm", got "${config.cell}"`);
    }
    initialize(tokenNetwork.network, seed, { initialization, forgetBias });
    if (vectors !== undefined) {
      if (config.embeddingSize === 0) {
        throw new RangeError('"vectors" expected an "embeddingSize" equal to their width, got none');
      }
      const { copyVectors } = await import("../nn/transfer.js");
      copyVectors(tokenNetwork.network, "embedding.weight", vocabulary.tokens, vectors);
    }
    return new RecurrentModel(tokenNetwork, tokenizer, vocabulary);
  }

  /**
   * Makes a model from an existing network.
   * @throws RangeError if the vocabulary and the network differ in size, or the network is bidirectional
   */
  static from(tokenNetwork: TokenNetwork, tokenizer: Tokenizer, vocabulary: Vocabulary): RecurrentModel {
    if (!(tokenNetwork instanceof TokenNetwork))
      throw new TypeError(`"tokenNetwork" expected a TokenNetwork, got ${show(tokenNetwork)}`);
    checkTokenizer(tokenizer);
    checkVocabulary(vocabulary);
    oneDirection(tokenNetwork.config);
    integer("vocabulary.size", vocabulary.size, tokenNetwork.config.vocabularySize, tokenNetwork.config.vocabularySize);
    return new RecurrentModel(tokenNetwork, tokenizer, vocabulary);
  }

  /** The description that a file keeps beside the weights. */
  describe(): { network: NetworkConfig; tokenizer: TokenizerSpec; vocabulary: string[] } {
    const { config, tokenizer, vocabulary } = this;
    return { network: config, tokenizer: tokenizer.spec, vocabulary: [...vocabulary.tokens] };
  }

  start(): Float32Array {
    const state = this.tokenNetwork.initialState(1);
    if (this.vocabulary.start !== undefined) this.tokenNetwork.step(this.vocabulary.start, state);
    return state;
  }

  logProbs(state: Float32Array): Float32Array {
    return this.tokenNetwork.logProbs(state);
  }

  logProb(state: Float32Array, token: number): number {
    return this.tokenNetwork.logProbs(state)[this.checked(token)]!;
  }

  advance(state: Float32Array, token: number): Float32Array {
    const next = this.tokenNetwork.checkState(state).slice();
    this.tokenNetwork.step(this.checked(token), next);
    return next;
  }

  score(tokens: TokenIds, state: Float32Array): { logProbs: Float32Array; state: Float32Array } {
    checkIds("tokens", tokens, this.vocabulary.size);
    const next = this.tokenNetwork.checkState(state).slice();
    return { logProbs: this.tokenNetwork.score(tokens, next), state: next };
  }

  saveState(state: Float32Array): Uint8Array {
    const bytes = new DataView(new ArrayBuffer(4 * this.tokenNetwork.checkState(state).length));
    for (let i = 0; i < state.length; i++) bytes.setFloat32(4 * i, state[i]!, true);
    return new Uint8Array(bytes.buffer);
  }

  restoreState(bytes: Uint8Array): Float32Array {
    const state = this.tokenNetwork.initialState(1);
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
