// The network of a language model, and what its rows mean:
//
//   e_t = E[x_t], or x_t one-hot          the embedding
//   h_t = cell(e_t, h_{t-1})              each recurrent layer; its h_t is the e_t of the layer above
//   o_t = h_t·Wo + b_o                    the output; softmax(o_t) is the distribution of x_{t+1}
//
// A row is a step of a sequence. All sequences of a batch have the same length.

import { integer, kindOf, show } from "../check.js";
import { CELLS, directions, type NetworkConfig } from "../nn/config.js";
import { embedding } from "../nn/layers/embedding.js";
import { type Recurrence, recurrent } from "../nn/layers/recurrent.js";
import { type SoftmaxLoss, softmaxLoss } from "../nn/losses/softmax.js";
import { Network } from "../nn/network.js";
import type { Axis, Ids, Slot } from "../nn/slots.js";
import type { TokenIds } from "../text/ids.js";
import { padded } from "../wasm/memory.js";

/** Windows of B sequences, T steps each, time-major: step t of sequence b is at t·B + b. */
export interface Batch {
  readonly T: number;
  readonly B: number;
  /** T·B ids. */
  readonly inputs: Int32Array;
  /** T·B ids: the token that follows each input, or −1 to predict nothing there. */
  readonly targets: Int32Array;
}

/** Time steps scored at a time. */
const SCORE_STEPS = 256;

export class TokenNetwork {
  readonly network = new Network();
  private readonly steps: Axis;
  private readonly inputs: Ids;
  private readonly targets: Ids;
  private readonly stack: Recurrence;
  private readonly output: SoftmaxLoss;
  /** e_t, unless inputs are one-hot. */
  private readonly embedded: Slot | undefined;

  /** Describes the network, without memory for it: see build(). */
  constructor(readonly config: NetworkConfig) {
    const { vocabularySize: V, embeddingSize: E, hiddenSize: H, tied } = config;
    const { network } = this;
    this.steps = network.axis();
    this.inputs = network.ids(this.steps, V, 0, "inputs");
    this.targets = network.ids(this.steps, V, -1, "targets");
    // A tied embedding starts like the output's weight: a normal one would give scores of variance H.
    const start = { start: { kind: "weight", inputs: H } } as const;
    this.embedded = E > 0 ? embedding(network, this.inputs, E, tied ? start : {}) : undefined;
    this.stack = recurrent(network, this.embedded ? [this.embedded] : this.inputs, { ...config, initial: "given" });
    const shared = tied ? { tied: network.parameters[0]! } : {};
    this.output = softmaxLoss(network, this.stack.outputs, this.targets, shared);
  }

  /**
   * Creates a network whose parameters are all zero.
   * @throws RangeError if it does not fit into the 4 GiB of a WebAssembly memory
   */
  static async create(config: NetworkConfig): Promise<TokenNetwork> {
    return new TokenNetwork(config).build();
  }

  /** Allocates the parameters, all zero. @throws RangeError if they do not fit into 4 GiB */
  async build(): Promise<this> {
    await this.network.build();
    return this;
  }

  /** Checks the states of B sequences, which the kernels trust. @throws TypeError or RangeError if they do not match */
  checkState(state: Float32Array, B = 1): Float32Array {
    if (kindOf(state) !== "Float32Array") {
      throw new TypeError(`"state" expected a state of this model, a Float32Array, got ${show(state)}`);
    }
    const { length } = state;
    if (length === this.stateSize * B) return state;
    throw new RangeError(
      `"state" expected ${this.stateSize * B} numbers, got ${length}: is it from another model, or detached?`,
    );
  }

  /**
   * Returns the state of B sequences before their first token: zeros, (layers, B, H), with two entries per layer if it
   * is bidirectional; for an LSTM, h followed by c.
   */
  initialState(B: number): Float32Array {
    return new Float32Array(this.stateSize * B);
  }

  /** Numbers in the state of one sequence. */
  private get stateSize(): number {
    const { cell, layers, hiddenSize } = this.config;
    return CELLS[cell].states.length * layers * directions(this.config) * hiddenSize;
  }

  /**
   * Forward pass, loss and backpropagation through time over a batch of windows of T steps. The gradient of the mean
   * loss replaces the gradient block.
   * @param state the state before the first step, shaped like initialState(B); replaced by the state after the last
   * step. No gradient flows into it.
   * @param dropoutSeed seed of the dropout masks; without one, there is no dropout
   * @returns the mean loss per target, in nats
   */
  gradients({ T, B, inputs, targets }: Batch, state: Float32Array, dropoutSeed?: number): number {
    this.checkState(state, B);
    this.inputs.write(inputs);
    this.targets.write(targets);
    this.begin(T, B, state, true);
    const loss = this.network.gradients(dropoutSeed);
    this.readState(state);
    return loss;
  }

  /**
   * Runs the passes of gradients(), without dropout, and returns ‖∂L/∂h_t‖, t = 1 to T: an array for each layer, from the
   * lowest up, and for each of its directions.
   */
  stateGradientNorms(batch: Batch, state: Float32Array): Float64Array[] {
    this.stack.norms = true;
    this.gradients(batch, state);
    this.stack.norms = false;
    return this.stack.layers.flatMap((layer) => layer.map(({ norms }) => norms()));
  }

  /**
   * Returns log p of each token, in nats, given `state` and the tokens before it. One sequence of any length.
   * @param state the state before the first token; replaced by the state after the last
   */
  score(tokens: TokenIds, state: Float32Array): Float32Array {
    this.checkState(state);
    const result = new Float32Array(tokens.length);
    const { config, network } = this;
    const { gates, states, kept } = CELLS[config.cell];
    const width =
      config.layers * (gates + states.length + kept) * padded(config.hiddenSize) + padded(config.embeddingSize);
    // The result is the same to the last bit for any number of steps at a time.
    const steps = network.rowsAtATime(width, SCORE_STEPS);
    for (let start = 0; start < tokens.length; start += steps) {
      const chunk = tokens.subarray(start, start + steps);
      this.inputs.write(chunk, "tokens");
      this.targets.write(chunk, "tokens");
      this.begin(chunk.length, 1, state, false);
      network.forward();
      this.readState(state);
      // The state before each token predicts it.
      result.set(this.output.logLikelihood(this.top()), start);
    }
    return result;
  }

  /**
   * Runs over one sequence and returns what its layers computed, from the lowest up: each state, (T, H), and the gates,
   * (T, gates·H), in PyTorch's order.
   * @param state the state before the first token
   */
  traced(tokens: TokenIds, state: Float32Array): { states: Float32Array[][]; gates: Float32Array[] }[] {
    const { config, network } = this;
    const { hiddenSize: H, cell } = config;
    const T = tokens.length;
    const { gates, states } = CELLS[cell];
    this.checkState(state);
    this.inputs.write(tokens, "tokens");
    this.targets.write([]);
    this.begin(T, 1, state, false);
    network.forward();
    const width = padded(H);
    /** T rows of `n` groups of H values. */
    const rows = (pointer: number, n: number) => {
      const floats = network.memory.floats(pointer, T * n * width);
      return Array.from({ length: T }, (_, t) => {
        const row = new Float32Array(n * H);
        for (let i = 0; i < n; i++) row.set(floats.subarray((t * n + i) * width, (t * n + i) * width + H), i * H);
        return row;
      });
    };
    return this.stack.layers.map(([direction]) => ({
      states: states.map((_, i) => rows(direction!.start[i]! + 4 * width, 1)),
      gates: gates === 1 ? [] : rows(direction!.gates(), gates),
    }));
  }

  /**
   * Runs the passes of gradients() over one sequence, without dropout, and returns the loss and ∂L/∂e_t of each step, (T, E).
   * @throws RangeError if inputs are one-hot
   */
  embeddingGradients(
    inputs: Int32Array,
    targets: Int32Array,
    state: Float32Array,
  ): { loss: number; e: Float32Array[] } {
    const { embedded } = this;
    if (!embedded)
      throw new RangeError('"model" expected an embedding, got one-hot inputs: use an embeddingSize over 0');
    const loss = this.gradients({ T: inputs.length, B: 1, inputs, targets }, state);
    const rows = this.network.view(embedded, "gradient");
    const width = padded(embedded.width);
    return { loss, e: Array.from(inputs, (_, t) => rows.slice(t * width, t * width + embedded.width)) };
  }

  /** Reads one token, and replaces `state` by the next state. */
  step(token: number, state: Float32Array): void {
    this.checkState(state);
    integer("token", token, 0, this.config.vocabularySize - 1);
    this.inputs.write([token]);
    this.targets.write([]);
    this.begin(1, 1, state, false);
    this.network.forward();
    this.readState(state);
  }

  /** Returns log p of each of the V tokens after `state`, in nats. */
  logProbs(state: Float32Array): Float32Array {
    this.checkState(state);
    this.begin(1, 1, state, false);
    return this.output.logProbsOf(this.top());
  }

  /** Makes room for training on batches of B windows of T steps. */
  prepareTraining(T: number, B: number): void {
    this.shape(T, B);
    this.network.makeTrainable();
  }

  private shape(T: number, B: number): void {
    const { counts } = this.steps;
    if (counts.length !== T || counts[0] !== B) this.steps.pack(new Array<number>(T).fill(B));
  }

  /** Pointers to the initial states of the top layer, which its states after each step follow. */
  private top(): number[] {
    return this.stack.layers.at(-1)!.map(({ start }) => start[0]!);
  }

  /** Makes room for T steps of B sequences, and copies their states to where the layers read them. */
  private begin(T: number, B: number, state: Float32Array, training: boolean): void {
    this.shape(T, B);
    this.network.prepare(training);
    const H = this.config.hiddenSize;
    this.forStates("start", (row, start) => {
      row.set(state.subarray(start, start + H));
      row.fill(0, H); // the padding, which may hold earlier values
    });
  }

  /** Copies the states after the last step out. */
  private readState(state: Float32Array): void {
    const H = this.config.hiddenSize;
    this.forStates("last", (row, start) => state.set(row.subarray(0, H), start));
  }

  /** Visits the rows of the states before the first step or after the last, with the start of each row in a state. */
  private forStates(which: "start" | "last", visit: (row: Float32Array, start: number) => void): void {
    const { hiddenSize: H, cell } = this.config;
    const B = this.steps.counts[0]!;
    const stride = padded(H);
    let start = 0;
    for (const state of CELLS[cell].states.keys()) {
      for (const direction of this.stack.layers.flat()) {
        const pointer = which === "start" ? direction.start[state]! : direction.last[state]!.value;
        const floats = this.network.memory.floats(pointer, B * stride);
        for (let b = 0; b < B; b++, start += H) visit(floats.subarray(b * stride, (b + 1) * stride), start);
      }
    }
  }
}
