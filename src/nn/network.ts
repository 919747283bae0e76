// A recurrent network: its parameters, and the passes over them.
//
//   e_t = E[x_t], or x_t one-hot          the embedding
//   h_t = cell(e_t, h_{t-1})              each layer; its h_t is the e_t of the layer above
//   o_t = h_t·Wo + b_o                    the output; softmax(o_t) is the distribution of x_{t+1}
//
// Activations do not outlive a call: only the parameters, the moments and the caller's states persist.

import { integer, kindOf, show } from "../check.js";
import { checkCopied, type TokenIds } from "../text/ids.js";
import { Memory, padded } from "../wasm/memory.js";
import { cells } from "./cells.js";
import { CELLS, directions, type NetworkConfig } from "./config.js";
import {
  inputBackward,
  inputForward,
  logits,
  outputLogLikelihood,
  outputLossAndGradient,
  type Pass,
} from "./layers.js";
import {
  type Activations,
  type BlockName,
  type FixedLayout,
  layOutActivations,
  layOutWeights,
  type PackedWeight,
  scoringSizes,
} from "./layout.js";
import {
  type Parameter,
  type Place,
  parameterCount,
  parameterTable,
  readParameter,
  writeParameter,
} from "./parameters.js";
import { statesBefore, stepTable } from "./steps.js";

/** Windows of B sequences, T steps each, time-major: step t of sequence b is at t·B + b. */
export interface Batch {
  readonly T: number;
  readonly B: number;
  /** T·B ids. */
  readonly inputs: Int32Array;
  /** T·B ids: the token that follows each input, or −1 to predict nothing there. */
  readonly targets: Int32Array;
}

/** A range of a block, in floats from its start. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

/**
 * A network that is used only for inference takes little more memory than its parameters. The first call that needs the
 * blocks for training (gradients, moments, parameters in rows) allocates them.
 */
export class Network {
  readonly parameters: readonly Parameter[];
  /** Number of trainable values. */
  readonly parameterCount: number;
  layout: FixedLayout;
  /**
   * Ranges of the gradient block that may be nonzero: all of it, except for the embedding rows of tokens that were not
   * in the batch.
   */
  touched: readonly Span[];
  /** Increases whenever the parameters change. */
  version = 0;
  private activations: Activations | undefined;
  private packed = { forward: false, backward: false };
  /** True once the parameters have been written; before, they are zero. */
  private written = false;

  private constructor(
    readonly config: NetworkConfig,
    readonly memory: Memory,
  ) {
    this.parameters = parameterTable(config);
    this.parameterCount = this.parameters.reduce((n, parameter) => n + parameterCount(parameter), 0);
    this.layout = this.layOut(false);
    this.touched = [this.whole()];
  }

  /**
   * Creates a network whose parameters are all zero.
   * @throws RangeError if it does not fit into the 4 GiB of a WebAssembly memory
   */
  static async create(config: NetworkConfig): Promise<Network> {
    return new Network(config, await Memory.create());
  }

  /**
   * Copies a parameter, its gradient or a moment out, in PyTorch's layout.
   * @throws RangeError if the name is unknown
   */
  read(name: string, block: BlockName = "parameters"): Float32Array {
    const { floats, parameter, place } = this.stored(name, block);
    return readParameter(floats, parameter, place);
  }

  /** The reverse of read(). @throws RangeError if the name is unknown or the length does not match */
  write(name: string, values: Float32Array, block: BlockName = "parameters"): void {
    if (kindOf(values) !== "Float32Array") throw new TypeError(`"values" expected a Float32Array, got ${show(values)}`);
    const { floats, parameter, place } = this.stored(name, block);
    const expected = parameterCount(parameter);
    if (values.length !== expected) {
      const shape = parameter.shape.join(" × ");
      throw new RangeError(`"${name}" expected ${expected} values (${shape}), got ${values.length}`);
    }
    writeParameter(floats, parameter, values, place);
    this.written = true;
    if (block === "gradients") this.touched = [this.whole()];
    else this.parametersChanged();
  }

  /** Returns a view of a whole block as it is in memory. The next call may detach it. */
  block(name: BlockName): Float32Array<ArrayBuffer> {
    this.makeTrainable();
    return this.memory.floats(this.layout[name], this.layout.blockSize);
  }

  /** Must be called after writing to the parameter block: the packed copies are stale. */
  parametersChanged(): void {
    this.packed = { forward: false, backward: false };
    this.version++;
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
   * @param dropoutSeed seed of the dropout masks
   * @returns the mean loss per target, in nats
   */
  gradients(batch: Batch, state: Float32Array, dropoutSeed = 0): number {
    return this.backpropagate(batch, state, this.pass(batch.T, batch.B, true, { dropoutSeed }));
  }

  /**
   * Runs the passes of gradients() and returns ‖∂L/∂h_t‖, t = 1 to T: an array for each layer, from the lowest up, and
   * for each of its directions.
   */
  stateGradientNorms(batch: Batch, state: Float32Array): Float64Array[] {
    const pass = this.pass(batch.T, batch.B, true, { norms: true });
    this.backpropagate(batch, state, pass);
    return pass.acts.layers.flatMap((layer) =>
      layer.map(({ norms }, direction) => {
        const read = this.memory.doubles(norms, batch.T).map(Math.sqrt);
        return direction === 0 ? read : read.reverse();
      }),
    );
  }

  private backpropagate({ T, B, ...batch }: Batch, state: Float32Array, pass: Pass): number {
    const { acts, config, memory } = pass;
    this.checkState(state, B);
    // The copies are checked rather than the originals, which the caller could still change.
    const inputs = memory.integers(acts.inputs, T * B);
    inputs.set(batch.inputs);
    checkCopied("inputs", inputs, 0, config.vocabularySize);
    const following = memory.integers(acts.targets, T * B);
    following.set(batch.targets);
    const targets = checkCopied("targets", following, -1, config.vocabularySize);
    this.pack("forward");
    this.pack("backward");
    const gradients = this.block("gradients");
    for (const { start, length } of this.touched) gradients.fill(0, start, start + length);
    this.touched = this.spansOf(batch.inputs);

    this.writeState(state, acts);
    this.forward(pass);
    let [dh, dx] = acts.d;
    const after = (pointers: readonly number[]) => pointers.map((pointer) => pointer + acts.initial);
    const loss = outputLossAndGradient(pass, after(dh), 1 / targets);
    for (let l = config.layers - 1; l >= 0; l--) {
      const d = dh.map((gradient, direction) => cells[config.cell].backward(pass, l, direction, gradient));
      inputBackward(pass, l, after(dx), d);
      [dh, dx] = [dx, dh];
    }
    this.readState(state, acts);
    return loss / targets;
  }

  /**
   * Returns log p of each token, in nats, given `state` and the tokens before it. One sequence of any length.
   * @param state the state before the first token; replaced by the state after the last
   */
  score(tokens: TokenIds, state: Float32Array): Float32Array {
    this.checkState(state);
    const result = new Float32Array(tokens.length);
    this.pack("forward");
    const { steps } = scoringSizes(this.config, this.layout);
    for (let start = 0; start < tokens.length; start += steps) {
      const chunk = tokens.subarray(start, start + steps);
      const pass = this.pass(chunk.length, 1);
      const { acts, memory } = pass;
      const ids = memory.integers(acts.inputs, chunk.length);
      ids.set(chunk);
      checkCopied("tokens", ids, 0, this.config.vocabularySize);
      memory.integers(acts.targets, chunk.length).set(ids);
      this.writeState(state, acts);
      this.forward(pass);
      this.readState(state, acts);
      outputLogLikelihood(pass);
      result.set(memory.floats(acts.logP, chunk.length), start);
    }
    return result;
  }

  /** Reads one token, and replaces `state` by the next state. */
  step(token: number, state: Float32Array): void {
    this.checkState(state);
    integer("token", token, 0, this.config.vocabularySize - 1);
    const pass = this.pass(1, 1);
    this.pack("forward");
    this.memory.integers(pass.acts.inputs, 1)[0] = token;
    this.writeState(state, pass.acts);
    this.forward(pass);
    this.readState(state, pass.acts);
  }

  /** Returns log p of each of the V tokens after `state`, in nats. */
  logProbs(state: Float32Array): Float32Array {
    const { layers, vocabularySize } = this.config;
    this.checkState(state);
    const pass = this.pass(1, 1);
    const { acts, memory } = pass;
    this.pack("forward");
    this.writeState(state, acts);
    logits(pass, [acts.layers[layers - 1]![0]!.states[0]!], 1);
    memory.kernels.logSoftmax(acts.logP, acts.logits, vocabularySize);
    return memory.floats(acts.logP, vocabularySize).slice();
  }

  /** Makes room for training on batches of B windows of T steps at once: making it in two steps would copy all of it. */
  prepareTraining(T: number, B: number): void {
    if (this.layout.trained) return;
    const { config, memory } = this;
    const { bytes, kernels } = memory;
    const weights = layOutWeights(config, kernels.heapBase(), true);
    this.reserve(layOutActivations(config, kernels, weights, T, B, true), T, B);
    this.makeTrainable(bytes);
  }

  private reserve({ end }: Activations, T: number, B: number): void {
    this.memory.reserve(end, `a network of ${this.parameterCount} parameters over ${T} steps of ${B} sequences`);
  }

  private layOut(trained: boolean): FixedLayout {
    const layout = layOutWeights(this.config, this.memory.kernels.heapBase(), trained);
    this.memory.reserve(layout.end, `a network of ${this.parameterCount.toLocaleString("en")} parameters`);
    return layout;
  }

  /**
   * Allocates gradients and moments, all zero, and stores the parameters in rows.
   * @param used how many bytes of the memory may be other than zero
   */
  private makeTrainable(used = this.memory.bytes): void {
    if (this.layout.trained) return;
    const { version } = this;
    const values = this.written ? this.parameters.map(({ name }) => this.read(name)) : [];
    this.layout = this.layOut(true);
    const { parameters, end } = this.layout;
    this.memory.floats(parameters, (Math.min(used, end) - parameters) / 4).fill(0);
    this.activations = undefined;
    this.touched = [this.whole()];
    for (const [i, value] of values.entries()) this.write(this.parameters[i]!.name, value);
    this.parametersChanged();
    this.version = version; // the values have moved, but not changed
  }

  /** Finds a parameter: a view of its block, and the place of its values there if they are packed. */
  private stored(name: string, block: BlockName): { floats: Float32Array; parameter: Parameter; place?: Place } {
    if (block !== "parameters") this.makeTrainable();
    const { layout, memory } = this;
    const parameter = layout.table.find((candidate) => candidate.name === name);
    if (!parameter) {
      const names = this.parameters.map((candidate) => candidate.name).join(", ");
      throw new RangeError(`there is no parameter "${name}": this network has ${names}`);
    }
    const floats = memory.floats(layout[block], layout.blockSize);
    const parts = layout.packed.get(name);
    if (!parts) return { floats, parameter };
    const { packedIndex } = memory.kernels;
    const [{ K, N, tied }] = parts as [PackedWeight];
    const place: Place = (row, column) => parts[Math.floor(row / K)]!.offset + packedIndex(row % K, column, K, N);
    return { floats, parameter: tied ? { ...parameter, transposed: true } : parameter, place };
  }

  private whole(): Span {
    return { start: 0, length: this.layout.blockSize };
  }

  /** Ranges of the gradient block that a batch touches. Adjacent embedding rows form one range. */
  private spansOf(inputs: Int32Array): Span[] {
    const { config, layout } = this;
    if (layout.embedding === undefined || config.tied) return [this.whole()];
    const V = config.vocabularySize;
    const width = padded(config.embeddingSize);
    const present = new Uint8Array(V);
    for (let i = 0; i < inputs.length; i++) present[inputs[i]!] = 1;
    const spans: Span[] = [];
    for (let from = present.indexOf(1), to = 0; from >= 0; from = present.indexOf(1, to)) {
      to = present.indexOf(0, from);
      if (to < 0) to = V;
      spans.push({ start: layout.embedding + from * width, length: (to - from) * width });
    }
    const end = layout.embedding + V * width;
    return [...spans, { start: end, length: layout.blockSize - end }];
  }

  /** Makes room for the activations of T steps of B sequences, with those of the backward pass if `backward`. */
  private pass(T: number, B: number, backward = false, options: Pick<Pass, "dropoutSeed" | "norms"> = {}): Pass {
    if (backward) this.makeTrainable();
    const { config, memory, layout: weights } = this;
    let acts = this.activations;
    if (acts?.T !== T || acts.B !== B || acts.backward !== backward) {
      acts = layOutActivations(config, memory.kernels, weights, T, B, backward);
      this.reserve(acts, T, B);
      this.activations = acts;
      const counts = new Array<number>(T).fill(B);
      acts.steps.forEach((steps, direction) => {
        const table = stepTable(counts, direction === 1, false);
        memory.integers(steps.table, table.length).set(table);
        if (backward && direction === 1) memory.integers(steps.before, T * B).set(statesBefore(table, T * B));
      });
    }
    return { config, memory, weights, acts, ...options };
  }

  private forward(pass: Pass): void {
    const { cell, layers } = this.config;
    for (let l = 0; l < layers; l++) {
      inputForward(pass, l);
      for (let d = 0; d < directions(this.config); d++) cells[cell].forward(pass, l, d);
    }
  }

  /** Packs the weights for the forward or the backward pass, once after each change of the parameters. */
  private pack(direction: "forward" | "backward"): void {
    if (this.packed[direction]) return;
    this.packed[direction] = true;
    const { layout, memory } = this;
    const { pack, packT } = memory.kernels;
    const layers = layout.layers.flat();
    const weights = layout.trained ? [...layers.flatMap(({ Wx, Wh }) => [...Wx, Wh]), ...layout.Wo] : [];
    for (const { tied, K, N, offset, [direction]: packed } of weights) {
      const W = layout.parameters + 4 * offset;
      // A tied weight is stored transposed, so pack and packT swap roles.
      if (direction === "forward") (tied ? packT : pack)(packed, W, K, N);
      else (tied ? pack : packT)(packed, W, N, K);
    }
    if (direction === "backward" || CELLS[this.config.cell].ownBias) return;
    for (const { Wh, bx, bh, b } of layers) {
      const sum = memory.floats(b, Wh.N);
      sum.set(memory.floats(layout.parameters + 4 * bx, Wh.N));
      memory.floats(layout.parameters + 4 * bh, Wh.N).forEach((value, i) => {
        sum[i]! += value;
      });
    }
  }

  /** Copies a state into the initial slots, and zeros their padding, which may hold earlier values. */
  private writeState(state: Float32Array, acts: Activations): void {
    this.forStateRows(acts, 0, (row, start, length) => {
      row.set(state.subarray(start, start + length));
      row.fill(0, length);
    });
  }

  /** Copies the state out of the slots of the last step. */
  private readState(state: Float32Array, acts: Activations): void {
    this.forStateRows(acts, acts.T, (row, start, length) => state.set(row.subarray(0, length), start));
  }

  /**
   * Visits the rows of the states before the first step (0) or after the last (T), padding included, with the start and
   * length of each row in a state. The last step of the reverse direction is the first in time.
   */
  private forStateRows(
    { layers, B }: Activations,
    steps: number,
    visit: (row: Float32Array, start: number, length: number) => void,
  ): void {
    const H = this.config.hiddenSize;
    const stride = padded(H);
    let start = 0;
    for (const state of CELLS[this.config.cell].states.keys()) {
      for (const directions of layers) {
        for (const [d, { states }] of directions.entries()) {
          const slot = d === 0 ? steps : Math.min(steps, 1);
          const floats = this.memory.floats(states[state]! + 4 * slot * B * stride, B * stride);
          if (stride === H) visit(floats, start, B * H);
          else for (let b = 0; b < B; b++) visit(floats.subarray(b * stride, (b + 1) * stride), start + b * H, H);
          start += B * H;
        }
      }
    }
  }
}
