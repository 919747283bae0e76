// A network: a list of layers over slots, built once by a few function calls, run down the list and back up it. It knows no
// layer by name: a layer is a function, in layers/, that asks for its parameters and slots and adds its two passes.
//
//   const network = new Network();
//   const tokens = network.axis();
//   const ids = network.ids(tokens, V);
//   const labels = network.ids(tokens.sequences, L);
//   const { outputs } = recurrent(network, [embedding(network, ids, E)], { cell: "lstm", hiddenSize: H });
//   softmaxLoss(network, outputs.map((h) => pool(network, h, "max")), labels);
//   await network.build();
//
// One linear memory holds everything, with pointers in bytes:
//
//   parameters | gradients | moments | packed weights | activations      for training
//   parameters | activations                                             for inference only
//
// For inference, each weight is stored only in the form that is read: packed if it is a factor of a product, or in rows
// if its rows are gathered. The activations come last, so that a larger batch only grows the end. They do not outlive a
// pass: only the parameters and the moments persist.

import { roomFor } from "../arrays.js";
import { kindOf, show } from "../check.js";
import { Blocks, Memory, padded } from "../wasm/memory.js";
import {
  floatsOf,
  layoutOf,
  type Parameter,
  type Place,
  parameterCount,
  readParameter,
  writeParameter,
} from "./parameters.js";
import { Axis, Ids, type Slot, type Take } from "./slots.js";
import { SPANS, SpanList, type Spans } from "./spans.js";

/** The blocks with one slot for each parameter: its value, its gradient, and the optimizer's two moments. */
export const BLOCKS = ["parameters", "gradients", "moment1", "moment2"] as const;
export type BlockName = (typeof BLOCKS)[number];

/** Where a layer gets the memory for a batch. */
export interface Room {
  /** Reserves n floats. */
  readonly take: Take;
  /** Makes sure that network.shared has n floats, whose values last until the layer's pass ends. */
  share(n: number): void;
  /** True if there will be a backward pass. */
  readonly training: boolean;
}

export interface Layer {
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Reserves memory for what the layer keeps: called when the shape of a batch has changed. */
  place?(room: Room): void;
  forward(): void;
  /**
   * Adds to the gradients of the parameters and of the inputs, from those of the outputs. Not called if no output got one.
   * A slot that nothing has arrived at is overwritten: see arrive().
   */
  backward(): void;
}

export interface Loss {
  readonly inputs: readonly Slot[];
  /** Factor of the mean in the network's loss. */
  readonly weight: number;
  /** Sum of the losses of the last batch, in nats, and their number. */
  sum: number;
  count: number;
  place?(room: Room): void;
  /** Computes sum and count. */
  evaluate(): void;
  /** Computes sum and count, and the gradient of weight·sum/count. */
  backward(): void;
}

/** Rows of a parameter as a factor W (K×N) of products x·W, in the forms that the kernels read. */
export interface Factor {
  readonly parameter: Parameter;
  /** First row of the parameter. */
  readonly row: number;
  readonly K: number;
  readonly N: number;
  /** True if the parameter stores N×K: an embedding that is also the output's weight. */
  readonly tied: boolean;
  /** Pointer to W packed for x·W. */
  forward: number;
  /** Pointer to Wᵀ packed for δy·Wᵀ; 0 in an inference-only network. */
  backward: number;
}

/** Where everything that lasts is, with pointers in bytes. */
export interface Layout extends Readonly<Record<BlockName, number>> {
  /** True if there are gradients and moments; otherwise, their blocks start at 0. */
  readonly trained: boolean;
  /** Floats in each block. */
  readonly blockSize: number;
  /** Pointer to a row of zeros: the bias of products without one. */
  readonly zeros: number;
  /** Pointer to room for ranges: see spans.ts; 0 in an inference-only network. */
  readonly spans: number;
  readonly end: number;
}

/** A block of memory for the gradient of a slot. */
interface Held {
  readonly start: number;
  readonly length: number;
}

type Mutable<T> = { -readonly [key in keyof T]: T[key] };
interface Options {
  /** True if it is stored transposed; default: true if it is a weight. */
  transposed?: boolean;
  gates?: number;
  /** True if an optimizer leaves rows alone that a batch does not read (as PyTorch's SparseAdam). */
  sparse?: boolean;
}

/** @param row a row of the parameter whose gradient is not zero */
type Mark = (row: number) => void;

export class Network {
  readonly parameters: Parameter[] = [];
  readonly losses: Loss[] = [];
  memory!: Memory;
  layout!: Layout;
  /** Ranges of the gradient block that may be nonzero: all of it, except for rows of embeddings that no token of the batch has. */
  touched: Spans = new Int32Array(0);
  /** Ranges that an optimizer with momentum updates: all but frozen parameters and untouched rows of sparse ones. */
  moving: Spans = new Int32Array(0);
  /** Increases whenever the parameters change. */
  version = 0;
  /** Seed of this pass's dropout masks; without one, there is no dropout. */
  dropoutSeed: number | undefined;
  /** Pointers to memory that layers share: for products aᵀ·b, and for anything else. */
  scratch = 0;
  shared = 0;
  /** Number of dropout masks. */
  #masks = 0;
  readonly #axes: Axis[] = [];
  readonly #slots: Slot[] = [];
  readonly #ids: Ids[] = [];
  readonly #layers: Layer[] = [];
  readonly #factors: Factor[] = [];
  readonly #sums: { pointer: number; size: number; of: readonly Parameter[] }[] = [];
  /** For each parameter that only embeddings read: what they read. */
  readonly #rows = new Map<Parameter, ((mark: Mark) => void)[]>();
  readonly #frozen = new Set<Parameter>();
  /** Scratch for #marked(). */
  #present = new Uint8Array(0);
  #widest = 0;
  #placed: "training" | "inference" | undefined;
  #packed = { forward: false, backward: false };
  /** True once the parameters have been written; before, they are zero. */
  #written = false;

  // ------------------------------------------------------------------------------------------------ for building

  /** A new kind of row. */
  axis(): Axis {
    const axis = new Axis(() => {
      this.#placed = undefined;
    });
    this.#axes.push(axis);
    return axis;
  }

  /** Ids, one for each row of an axis, from 0 (or −1, for none) to size − 1. */
  ids(axis: Axis, size: number, least: 0 | -1 = 0, name = "ids"): Ids {
    const ids = new Ids(axis, size, least, name);
    this.#ids.push(ids);
    return ids;
  }

  /** A matrix of activations. */
  slot(axis: Axis, width: number, kind: Slot["kind"] = "rows"): Slot {
    const slot: Slot = { axis, width, kind, value: 0, gradient: 0, arrived: false };
    this.#slots.push(slot);
    return slot;
  }

  /** A parameter in PyTorch's shape. @throws RangeError if there is another one of that name */
  parameter(name: string, shape: readonly number[], start: Parameter["start"], options: Options = {}): Parameter {
    if (this.parameters.some((parameter) => parameter.name === name)) {
      throw new RangeError(`a network has one parameter "${name}", got another: give one of the layers a "name"`);
    }
    const { transposed = start.kind === "weight" || start.kind === "recurrent", gates = 1, sparse = false } = options;
    const parameter: Parameter = { name, shape, start, transposed, gates, sparse, offset: 0 };
    this.parameters.push(parameter);
    return parameter;
  }

  /** A parameter as the factor of products with several matrices side by side: its rows are those of one after the other. */
  factors(parameter: Parameter, x: readonly Slot[], N: number, tied = false): Factor[] {
    let row = 0;
    return x.map(({ width }) => {
      row += width;
      return this.factor(parameter, width, N, row - width, tied);
    });
  }

  /** K rows of a parameter, from `row` on, as a factor of products x·W. */
  factor(parameter: Parameter, K: number, N: number, row = 0, tied = false): Factor {
    const factor: Factor = { parameter, row, K, N, tied, forward: 0, backward: 0 };
    this.#factors.push(factor);
    this.#rows.delete(parameter);
    return factor;
  }

  /** Biases that are added up, once after each change. Returns a function that gives the pointer to their sum. */
  sum(of: readonly Parameter[]): () => number {
    const sum = { pointer: 0, size: floatsOf(of[0]!), of };
    this.#sums.push(sum);
    return () => sum.pointer;
  }

  /** Says which rows of an embedding a batch reads: the gradient of the others is zero. */
  reads(parameter: Parameter, rows: (mark: Mark) => void): void {
    if (this.#factors.some((factor) => factor.parameter === parameter)) return;
    this.#rows.set(parameter, [...(this.#rows.get(parameter) ?? []), rows]);
  }

  /** Numbers `n` dropout masks, and returns the first number. */
  masks(n: number): number {
    this.#masks += n;
    return this.#masks - n;
  }

  add(layer: Layer): void {
    this.#layers.push(layer);
  }

  addLoss(loss: Loss): void {
    this.losses.push(loss);
  }

  /**
   * Lays out the parameters, all zero.
   * @throws RangeError if they do not fit into the 4 GiB of a WebAssembly memory
   */
  async build(): Promise<this> {
    this.#widest = Math.max(4, ...this.#slots.map(({ width }) => padded(width)));
    this.memory = await Memory.create();
    this.#lay(false);
    this.#reserve(this.layout.end);
    this.touched = this.moving = this.#whole();
    return this;
  }

  // ------------------------------------------------------------------------------------------------ for layers

  get kernels(): Memory["kernels"] {
    return this.memory.kernels;
  }

  /** Pointer to a parameter. */
  at({ offset }: Parameter): number {
    return this.layout.parameters + 4 * offset;
  }

  /** Pointer to the gradient of a parameter, from its `row` on. */
  gradientAt(parameter: Parameter, row = 0): number {
    return this.layout.gradients + 4 * (parameter.offset + row * layoutOf(parameter).stride);
  }

  /** The factor that a parameter is stored as, in a network that is used only for inference; undefined if it is in rows. */
  storedAs(parameter: Parameter): Factor | undefined {
    return this.layout.trained ? undefined : this.#factors.find((factor) => factor.parameter === parameter);
  }

  /** Says that a gradient arrives at a slot. @returns true if it is to be added to the one that is there */
  arrive(slot: Slot): boolean {
    const { arrived } = slot;
    slot.arrived = true;
    return arrived;
  }

  /** Makes the gradient of a slot ready to be added to: zeros, if nothing has arrived. */
  accumulate(slot: Slot): void {
    if (!this.arrive(slot)) this.view(slot, "gradient").fill(0);
  }

  /** Adds n floats to the gradient of a slot, or copies them if they are the first. */
  pass(slot: Slot, from: number, n: number): void {
    if (this.arrive(slot)) this.kernels.biasBackward(slot.gradient, from, 1, n);
    else this.memory.floats(slot.gradient, n).set(this.memory.floats(from, n));
  }

  /** Adds rows to the rows of a slot's gradient that `ids` (a pointer) numbers. */
  scatter(slot: Slot, from: number, ids: number, rows: number): void {
    this.accumulate(slot);
    this.kernels.scatterAdd(slot.gradient, from, ids, rows, slot.width);
  }

  /** y = b + Σ x·W over several matrices side by side. @param b pointer to the bias, or 0 */
  product(y: number, b: number, x: readonly number[], W: readonly Factor[], rows: number): void {
    const { kernels } = this;
    for (const [i, { forward, N, K }] of W.entries()) {
      if (i > 0) kernels.multiply(y, x[i]!, forward, rows, N, K);
      else kernels.affine(y, b || this.layout.zeros, x[i]!, forward, rows, N, K);
    }
  }

  /** The backward pass of a product, for `rows` rows from `start` on: adds to the gradients of W and of x. */
  productBackward(
    dy: number,
    x: readonly Slot[],
    W: readonly Factor[],
    rows: number,
    start = 0,
    add = x.map((slot) => this.arrive(slot)),
  ): void {
    const { kernels } = this;
    for (const [i, { parameter, row, tied, backward, K, N }] of W.entries()) {
      const slot = x[i]!;
      const from = 4 * start * padded(K);
      const dW = this.gradientAt(parameter, row);
      if (tied) kernels.aTb(dW, dy, slot.value + from, N, K, rows, this.scratch);
      else kernels.aTb(dW, slot.value + from, dy, K, N, rows, this.scratch);
      if (add[i]) kernels.multiply(slot.gradient + from, dy, backward, rows, K, N);
      else kernels.affine(slot.gradient + from, this.layout.zeros, dy, backward, rows, K, N);
    }
  }

  /**
   * Number of rows of a width to compute at a time for inference: as many as fit into a tenth of the parameters' memory,
   * or into 256 KiB if that is more.
   */
  rowsAtATime(width: number, most: number): number {
    const floats = Math.max(this.layout.blockSize / 10, 1 << 16);
    return Math.min(most, Math.max(16, Math.floor(floats / width)));
  }

  // ------------------------------------------------------------------------------------------------ for running

  /**
   * Makes room for a batch in the shape of the axes, and packs the weights. The initial states and other values that no
   * layer computes are written after it.
   */
  prepare(training: boolean): void {
    if (training) this.makeTrainable();
    const placed = training ? "training" : "inference";
    if (this.#placed !== placed) {
      this.#reserve(this.#place(training));
      for (const axis of this.#axes) axis.fill(this.memory);
      this.#placed = placed;
    }
    this.#pack("forward");
    if (training) this.#pack("backward");
  }

  /** Runs the layers, without dropout and without losses. */
  forward(): void {
    this.prepare(false);
    this.#forward();
  }

  /** Runs the layers and the losses, without gradients. @returns the loss in nats: Σ weight·sum/count */
  evaluate(): number {
    this.forward();
    return this.#total((loss) => loss.evaluate());
  }

  /**
   * Forward pass, losses and backward pass. The gradient of the loss replaces the gradient block.
   * @param dropoutSeed seed of the dropout masks; without one, there is no dropout
   * @returns the loss in nats: Σ weight·sum/count
   */
  gradients(dropoutSeed?: number): number {
    this.prepare(true);
    this.dropoutSeed = dropoutSeed;
    try {
      this.#clearGradients();
      this.#forward();
      for (const slot of this.#slots) slot.arrived = false;
      const loss = this.#total((each) => each.backward());
      for (let i = this.#layers.length - 1; i >= 0; i--) {
        const layer = this.#layers[i]!;
        if (layer.outputs.some(({ arrived }) => arrived)) layer.backward();
      }
      return loss;
    } finally {
      this.dropoutSeed = undefined;
    }
  }

  /** A view of a slot's values or gradient: (rows, width padded to a multiple of 4). The next call may detach it. */
  view({ axis, width, ...slot }: Slot, of: "value" | "gradient" = "value"): Float32Array<ArrayBuffer> {
    return this.memory.floats(slot[of], axis.rows * padded(width));
  }

  // ------------------------------------------------------------------------------------------------ parameters

  /** Number of trainable values. */
  get parameterCount(): number {
    return this.parameters.reduce((n, parameter) => n + parameterCount(parameter), 0);
  }

  /**
   * Copies a parameter, its gradient or a moment out, in PyTorch's layout.
   * @throws RangeError if the name is unknown
   */
  read(name: string, block: BlockName = "parameters"): Float32Array {
    const { floats, parameter, place } = this.#stored(name, block);
    return readParameter(floats, parameter, place);
  }

  /** The reverse of read(). @throws RangeError if the name is unknown or the length does not match */
  write(name: string, values: Float32Array, block: BlockName = "parameters"): void {
    if (kindOf(values) !== "Float32Array") throw new TypeError(`"values" expected a Float32Array, got ${show(values)}`);
    const { floats, parameter, place } = this.#stored(name, block);
    const expected = parameterCount(parameter);
    if (values.length !== expected) {
      const shape = parameter.shape.join(" × ");
      throw new RangeError(`"${name}" expected ${expected} values (${shape}), got ${values.length}`);
    }
    writeParameter(floats, parameter, values, place);
    this.#written = true;
    if (block === "gradients") this.touched = this.#whole();
    else this.parametersChanged();
  }

  isFrozen(parameter: Parameter): boolean {
    return this.#frozen.has(parameter);
  }

  /** Excludes a parameter from training, or includes it again. @throws RangeError if the name is unknown */
  freeze(name: string, frozen = true): void {
    const { parameter } = this.#stored(name, "parameters");
    if (frozen) this.#frozen.add(parameter);
    else this.#frozen.delete(parameter);
  }

  /** Returns a view of a whole block as it is in memory. The next call may detach it. */
  block(name: BlockName): Float32Array<ArrayBuffer> {
    this.makeTrainable();
    return this.memory.floats(this.layout[name], this.layout.blockSize);
  }

  /** Must be called after writing to the parameter block: the packed copies are stale. */
  parametersChanged(): void {
    this.#packed = { forward: false, backward: false };
    this.version++;
  }

  /**
   * Allocates gradients and moments, all zero, and stores the parameters in rows; with room for a batch in the shape of
   * the axes, since making it in two steps would copy everything.
   */
  makeTrainable(): void {
    if (this.layout.trained) return;
    const { version, memory } = this;
    const { bytes } = memory;
    const values = this.#written ? this.parameters.map(({ name }) => this.read(name)) : [];
    this.#placed = undefined;
    this.#lay(true);
    try {
      this.#reserve(this.#place(true));
    } catch (error) {
      this.#lay(false);
      throw error;
    }
    const { parameters, end } = this.layout;
    // Later bytes are zero: they are new.
    memory.floats(parameters, (Math.min(bytes, end) - parameters) / 4).fill(0);
    this.touched = this.moving = this.#whole();
    for (const [i, value] of values.entries()) this.write(this.parameters[i]!.name, value);
    this.parametersChanged();
    this.version = version; // the values have moved, but not changed
  }

  // ------------------------------------------------------------------------------------------------ memory

  #lay(trained: boolean): void {
    let size = 0;
    for (const parameter of this.parameters as Mutable<Parameter>[]) {
      parameter.offset = size;
      const tied = !trained && this.#factors.find((factor) => factor.tied && factor.parameter === parameter);
      size += Math.max(floatsOf(parameter), tied ? tied.K * padded(tied.N) : 0);
    }
    const blocks = new Blocks(this.kernels.heapBase());
    const block = (there: boolean) => (there ? blocks.take(size) : 0);
    const parameters = block(true);
    const [gradients, moment1, moment2] = [block(trained), block(trained), block(trained)];
    for (const factor of this.#factors) {
      const { parameter, row, K, N } = factor;
      const place = parameters + 4 * (parameter.offset + row * layoutOf(parameter).stride);
      factor.forward = trained ? blocks.take(K * padded(N)) : place;
      factor.backward = trained ? blocks.take(N * padded(K)) : 0;
    }
    for (const sum of this.#sums) sum.pointer = blocks.take(sum.size);
    const zeros = blocks.take(this.#widest);
    const spans = trained ? blocks.take(2 * SPANS) : 0;
    this.layout = { trained, parameters, gradients, moment1, moment2, blockSize: size, zeros, spans, end: blocks.end };
  }

  /** Reserves memory for a batch, and returns its end. Gradients of slots that are not in use at the same time share it. */
  #place(training: boolean): number {
    const blocks = new Blocks(this.layout.end);
    let shared = 0;
    const take = (n: number) => blocks.take(n);
    const share = (n: number) => {
      shared = Math.max(shared, n);
    };
    const room = { take, share, training };
    for (const axis of this.#axes) axis.place(take);
    for (const ids of this.#ids) ids.pointer = take(ids.axis.rows);
    const initial = ({ kind, axis, width }: Slot) => (kind === "states" ? (axis.counts[0] ?? 0) * padded(width) : 0);
    const floats = (slot: Slot) => initial(slot) + slot.axis.rows * padded(slot.width);
    for (const slot of this.#slots) if (slot.kind !== "view") slot.value = take(floats(slot)) + 4 * initial(slot);
    for (const each of [...this.#layers, ...this.losses]) each.place?.(room);

    if (training) {
      const free: Held[] = [];
      const held = new Map<Slot, Held>();
      const hold = (slot: Slot) => {
        if (held.has(slot)) return;
        const n = floats(slot);
        let block = free.find(({ length }) => length >= n);
        if (block) free.splice(free.indexOf(block), 1);
        else block = { start: take(n), length: n };
        held.set(slot, block);
        slot.gradient = block.start + 4 * initial(slot);
      };
      for (const { inputs } of this.losses) inputs.forEach(hold);
      for (const { inputs, outputs } of [...this.#layers].reverse()) {
        // A gradient that no reader has still takes part if another output of the layer has one.
        outputs.forEach(hold);
        inputs.forEach(hold);
        for (const slot of outputs) free.push(held.get(slot)!);
      }
      const { aTbScratch } = this.kernels;
      const sizes = this.#factors.map(({ K, N, tied }) => (tied ? aTbScratch(N, K) : aTbScratch(K, N)));
      this.scratch = take(Math.max(0, ...sizes));
    }
    this.shared = take(shared);
    return blocks.end;
  }

  #reserve(bytes: number): void {
    const { counts, rows } = this.#axes[0] ?? { counts: [], rows: 0 };
    const over =
      counts.length > 0 ? ` over ${counts.length} steps of ${counts[0]} sequences` : rows ? ` over ${rows} rows` : "";
    this.memory.reserve(bytes, `a network of ${this.parameterCount.toLocaleString("en")} parameters${over}`);
  }

  #forward(): void {
    for (const ids of this.#ids) if (ids.values.length > 0) ids.fill(this.memory);
    for (const layer of this.#layers) layer.forward();
  }

  #total(run: (loss: Loss) => void): number {
    let total = 0;
    for (const loss of this.losses) {
      run(loss);
      if (loss.count > 0) total += (loss.weight * loss.sum) / loss.count;
    }
    return total;
  }

  /** Packs the weights for the forward or the backward pass, once after each change of the parameters. */
  #pack(direction: "forward" | "backward"): void {
    if (this.#packed[direction]) return;
    this.#packed[direction] = true;
    const { layout, memory } = this;
    const { pack, packT } = memory.kernels;
    for (const { parameter, row, tied, K, N, [direction]: packed } of layout.trained ? this.#factors : []) {
      const W = this.at(parameter) + 4 * row * layoutOf(parameter).stride;
      // A tied weight is stored transposed, so pack and packT swap roles.
      if (direction === "forward") (tied ? packT : pack)(packed, W, K, N);
      else (tied ? pack : packT)(packed, W, N, K);
    }
    if (direction === "backward") return;
    for (const { pointer, size, of } of this.#sums) {
      const sum = memory.floats(pointer, size);
      sum.set(memory.floats(this.at(of[0]!), size));
      for (const parameter of of.slice(1)) {
        memory.floats(this.at(parameter), size).forEach((value, i) => {
          sum[i]! += value;
        });
      }
    }
  }

  /** Finds a parameter: a view of its block, and the place of its values there if they are packed. */
  #stored(name: string, block: BlockName): { floats: Float32Array; parameter: Parameter; place?: Place } {
    if (block !== "parameters") this.makeTrainable();
    const { layout, memory } = this;
    const parameter = this.parameters.find((candidate) => candidate.name === name);
    if (!parameter) {
      const names = this.parameters.map((candidate) => candidate.name).join(", ");
      throw new RangeError(`there is no parameter "${name}": this network has ${names}`);
    }
    const floats = memory.floats(layout[block], layout.blockSize);
    const parts = layout.trained ? [] : this.#factors.filter((factor) => factor.parameter === parameter);
    if (parts.length === 0) return { floats, parameter };
    const { packedIndex } = memory.kernels;
    const place: Place = (row, column) => {
      const part = parts.find((candidate) => row < candidate.row + candidate.K)!;
      return (part.forward - layout.parameters) / 4 + packedIndex(row - part.row, column, part.K, part.N);
    };
    return { floats, parameter: parts[0]!.tied ? { ...parameter, transposed: true } : parameter, place };
  }

  /** Returns the rows that the functions mark, in order. */
  #marked(rows: readonly ((mark: Mark) => void)[]): Int32Array {
    const found: number[] = [];
    for (const each of rows) {
      each((row) => {
        this.#present = roomFor(this.#present, row + 1);
        if (this.#present[row] === 0) found.push(row);
        this.#present[row] = 1;
      });
    }
    for (const row of found) this.#present[row] = 0;
    return Int32Array.from(found).sort();
  }

  #whole(): Spans {
    return Int32Array.of(0, this.layout.blockSize);
  }

  /** Zeros the gradients of the batch before, and finds the ranges that this one touches. Adjacent rows form one range. */
  #clearGradients(): void {
    const gradients = this.block("gradients");
    const before = this.touched;
    for (let i = 0; i < before.length; i += 2) gradients.fill(0, before[i], before[i]! + before[i + 1]!);
    const touched = new SpanList();
    const moving = new SpanList();
    let rowsBefore = false;
    for (const parameter of this.parameters) {
      const { offset, sparse } = parameter;
      const size = floatsOf(parameter);
      const reads = this.#rows.get(parameter);
      if (this.#frozen.has(parameter)) {
        if (!reads) gradients.fill(0, offset, offset + size);
        continue;
      }
      if (!reads || !sparse) moving.add(offset, size);
      // The norm of the gradients is a sum over the ranges: rows of an embedding do not join those of other parameters.
      if (!reads) touched.add(offset, size, !rowsBefore);
      else {
        const { stride } = layoutOf(parameter);
        for (const [i, row] of this.#marked(reads).entries()) {
          touched.add(offset + row * stride, stride, i > 0);
          if (sparse) moving.add(offset + row * stride, stride);
        }
      }
      rowsBefore = reads !== undefined;
    }
    [this.touched, this.moving] = [touched.done(), moving.done()];
  }
}
