// A recurrent network as a language model.

import { integer, show } from "../check.js";
import { type NetworkConfig, networkConfig } from "../nn/config.js";
import type { InitializationOptions } from "../nn/initialize.js";
import { Network } from "../nn/network.js";
import type { TokenIds } from "../text/ids.js";
import { checkTokenizer, type Tokenizer } from "../text/tokenizers.js";
import { Vocabulary } from "../text/vocabulary.js";
import type { LanguageModel } from "./language-model.js";

export interface RecurrentOptions extends Partial<Omit<NetworkConfig, "vocabularySize">>, InitializationOptions {
  tokenizer: Tokenizer;
  vocabulary: Vocabulary;
  /** Fixes the initial weights (default 1). */
  seed?: number;
}

/** A state is (layers, H): the hidden states after the last token. */
export class RecurrentModel implements LanguageModel<Float32Array> {
  private constructor(
    readonly network: Network,
    readonly tokenizer: Tokenizer,
    readonly vocabulary: Vocabulary,
  ) {}

  /**
   * A new model with random weights.
   * @throws TypeError, RangeError naming the option that is wrong; RangeError where it does not fit into 4 GiB
   */
  static async create(options: RecurrentOptions): Promise<RecurrentModel> {
    // Without types nothing keeps a caller from leaving them out.
    const given: Partial<RecurrentOptions> = options ?? {};
    const { tokenizer, vocabulary, seed = 1, initialization, forgetBias, ...rest } = given;
    checkTokenizer(tokenizer);
    if (!(vocabulary instanceof Vocabulary)) {
      throw new TypeError(`"vocabulary" expected a Vocabulary, such as prepare() makes, got ${show(vocabulary)}`);
    }
    integer("seed", seed, 0);
    const config = oneDirection(networkConfig({ ...rest, vocabularySize: vocabulary.size }));
    const network = await Network.create(config);
    network.initialize(seed, { initialization, forgetBias });
    return new RecurrentModel(network, tokenizer, vocabulary);
  }

  /**
   * A model of a network that is there.
   * @throws RangeError where the vocabulary has another size than the network, or the network reads in both directions
   */
  static from(network: Network, tokenizer: Tokenizer, vocabulary: Vocabulary): RecurrentModel {
    oneDirection(network.config);
    integer("vocabulary.size", vocabulary.size, network.config.vocabularySize, network.config.vocabularySize);
    return new RecurrentModel(network, tokenizer, vocabulary);
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
    const next = state.slice();
    this.network.step(this.checked(token), next);
    return next;
  }

  score(tokens: TokenIds, state: Float32Array): { logProbs: Float32Array; state: Float32Array } {
    for (let i = 0; i < tokens.length; i++) this.checked(tokens[i]!);
    const next = state.slice();
    return { logProbs: this.network.score(tokens, next), state: next };
  }

  saveState(state: Float32Array): Uint8Array {
    const bytes = new DataView(new ArrayBuffer(4 * state.length));
    for (let i = 0; i < state.length; i++) bytes.setFloat32(4 * i, state[i]!, true);
    return new Uint8Array(bytes.buffer);
  }

  restoreState(bytes: Uint8Array): Float32Array {
    const state = this.network.initialState(1);
    if (bytes.length !== 4 * state.length) {
      throw new RangeError(`a state of this model expected ${4 * state.length} bytes, got ${bytes.length}`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return state.map((_, i) => view.getFloat32(4 * i, true));
  }

  /** A token that is outside the vocabulary would have the kernels read outside the weights. */
  private checked(token: number): number {
    if (token >= 0 && token < this.vocabulary.size && Number.isInteger(token)) return token;
    return integer("token", token, 0, this.vocabulary.size - 1);
  }
}

/** Read backward, what is to be predicted is known. @throws RangeError */
function oneDirection(config: NetworkConfig): NetworkConfig {
  if (!config.bidirectional) return config;
  throw new RangeError(
    '"bidirectional" expected false, got true: a language model cannot read ahead, networks that do are for labels',
  );
}
