// Stacked recurrent layers, in one direction or both. Read forward, layer l is
//
//   z_t = x_t·Wx + b          of all steps at once: a product, or a gather for one-hot inputs
//   h_t = cell(z_t, h_{t-1})  the loop over time, in WebAssembly: assembly/rnn.ts, gru.ts, lstm.ts
//
// and its h is the x of the layer above. A bidirectional layer has two of everything, and the layer above has two inputs.
// PyTorch concatenates the two and multiplies them by one matrix; here, x·Wx is the sum of the products with that matrix's
// two halves.

import { padded } from "../../wasm/memory.js";
import { CELLS, type NetworkConfig } from "../config.js";
import type { Network, Room } from "../network.js";
import type { Parameter } from "../parameters.js";
import { Ids, type Slot } from "../slots.js";
import { dropout } from "./dropout.js";

export interface RecurrentOptions extends Pick<NetworkConfig, "cell" | "hiddenSize"> {
  activation?: NetworkConfig["activation"];
  /** Number of stacked layers (default 1). */
  layers?: number;
  bidirectional?: boolean;
  /** Probability of dropout between the layers (default 0). */
  dropout?: number;
  /** PyTorch's module (default "rnn"). */
  name?: string;
  /**
   * For each layer, and each direction in it, the initial states, one row for each sequence: [h], or [h, c] of an LSTM.
   * Default: zeros. "given": whoever runs the network writes them, into `start`, and no gradient flows into them.
   */
  initial?: readonly (readonly Slot[])[] | "given";
}

/** One direction of one layer. */
export interface Direction {
  /** The hidden states after each step. */
  readonly output: Slot;
  /** Pointers to the initial states, one row for each sequence: [h], or [h, c] of an LSTM. */
  readonly start: readonly number[];
  /** The states after each sequence's last step, on the axis of sequences: [h], or [h, c] of an LSTM. */
  readonly last: readonly Slot[];
  /** Pointer to the gates of all rows, in PyTorch's order, after a forward pass; an rnn has none. */
  readonly gates: () => number;
  /** ‖∂L/∂h_t‖ at each step, in the order of time, if `norms` was set. Sequences of one length only. */
  readonly norms: () => Float64Array;
}

export interface Recurrence {
  /** The hidden states of the top layer, one slot for each direction. */
  readonly outputs: readonly Slot[];
  /** Each layer, from the lowest up, and each of its directions. */
  readonly layers: readonly (readonly Direction[])[];
  /** True if the next backward pass records ‖∂L/∂h_t‖. */
  norms: boolean;
}

/**
 * Recurrent layers over packed rows. @param x what the lowest layer reads: matrices side by side, or ids as one-hot rows
 */
export function recurrent(network: Network, x: readonly Slot[] | Ids, options: RecurrentOptions): Recurrence {
  const { layers = 1, bidirectional = false, dropout: p = 0 } = options;
  const D = bidirectional ? 2 : 1;
  const mask = network.masks(2 * layers);
  const stack: Direction[][] = [];
  const result = { outputs: [] as Slot[], layers: stack, norms: false };
  for (let l = 0; l < layers; l++) {
    const below = result.outputs.map((h, d) => dropout(network, h, p, mask + 2 * (l - 1) + d));
    stack.push(layer(network, l === 0 ? x : below, l, D, options, result));
    result.outputs = stack[l]!.map(({ output }) => output);
  }
  return result;
}

const ACTIVATIONS = { tanh: 0, relu: 1 };

/** Layer l of the stack, in D directions. */
function layer(
  network: Network,
  x: readonly Slot[] | Ids,
  l: number,
  D: number,
  options: RecurrentOptions,
  settings: { readonly norms: boolean },
): Direction[] {
  const { cell, hiddenSize: H, name = "rnn", initial } = options;
  const activation = ACTIVATIONS[options.activation ?? "tanh"];
  const { gates, states, kept, ownBias } = CELLS[cell];
  const width = padded(H);
  const N = gates * width;
  const [inputs, ids] = x instanceof Ids ? [[], x] : [x];
  const { axis } = ids ?? inputs[0]!;
  const { sequences } = axis;
  const K = ids?.size ?? inputs.reduce((sum, slot) => sum + slot.width, 0);
  const initialGradient = initial !== undefined && initial !== "given";
  const rowsOf = (n: number) => 4 * n * width;

  const directions = Array.from({ length: D }, (_, d) => {
    const add = (part: string, columns: number[], start: Parameter["start"]) =>
      network.parameter(`${name}.${part}_l${l}${d === 1 ? "_reverse" : ""}`, [gates * H, ...columns], start, { gates });
    const wx = add("weight_ih", [K], { kind: "weight", inputs: H });
    const wh = add("weight_hh", [H], { kind: "recurrent", inputs: H });
    // The two biases of an LSTM are summed, so only one gets the forget gate's.
    const forget = (share: number) => (cell === "lstm" ? { forget: share } : {});
    const bx = add("bias_ih", [], { kind: "bias", inputs: H, ...forget(1) });
    const bh = add("bias_hh", [], { kind: "bias", inputs: H, ...forget(0) });
    const Wx = network.factors(wx, inputs, N);
    return {
      ...{ wx, wh, bx, bh, Wx, Wh: network.factor(wh, H, N) },
      b: ownBias ? () => network.at(bx) : network.sum([bx, bh]),
      given: initialGradient ? initial[l * D + d]! : [],
      order: axis.order(d === 1, initialGradient),
      output: network.slot(axis, H, "states"),
      last: states.map(() => network.slot(sequences, H, "view")),
      /** Pointers to the states of all rows, the initial ones in front. */
      start: [0, 0] as [number, number],
      /** z, which the cell replaces by its gates, and the backward pass by their gradients. */
      z: 0,
      /** lstm: tanh(c). gru: h·Wh + b', 3 gates wide. */
      kept: 0,
      norms: 0,
    };
  });

  network.add({
    inputs: [...inputs, ...directions.flatMap(({ given }) => given)],
    outputs: directions.flatMap(({ output, last }) => [output, ...last]),

    place({ take, share, training }: Room) {
      const { rows } = axis;
      const B = sequences.rows;
      for (const at of directions) {
        at.start[0] = at.output.value - rowsOf(B);
        at.start[1] = states.length > 1 ? take((rows + B) * width) : 0;
        // The rnn cell's only gate becomes the hidden state, so it shares its memory.
        at.z = gates === 1 ? at.output.value : take(rows * N);
        at.kept = take(rows * kept * width);
        at.norms = training ? take(2 * at.order.length) : 0;
        // The last states of a direction that reads backward are those at each sequence's first row.
        const first = at.order.backward ? 0 : rows - B;
        for (const [i, slot] of at.last.entries()) {
          slot.value = axis.last && !at.order.backward ? take(B * width) : at.start[i]! + rowsOf(B + first);
        }
        if (training) share(Math.max(B, at.order.before ? rows : 0) * width);
      }
    },

    forward() {
      const { kernels, memory } = network;
      const { rows, last } = axis;
      const B = sequences.rows;
      for (const { Wh, wx, Wx, bh, b, given, order, start, z, kept, ...at } of directions) {
        if (ids) kernels.gather(z, network.at(wx), b(), ids.pointer, rows, N);
        else
          network.product(
            z,
            b(),
            inputs.map(({ value }) => value),
            Wx,
            rows,
          );
        for (const i of initial === "given" ? [] : states.keys()) {
          const state = memory.floats(start[i]!, B * width);
          if (given[i]) state.set(memory.floats(given[i].value, B * width));
          else state.fill(0);
        }
        const [h, c] = start;
        if (cell === "rnn") kernels.rnnForward(h, Wh.forward, order.table, H, activation);
        else if (cell === "gru") kernels.gruForward(h, z, kept, Wh.forward, network.at(bh), order.table, H);
        else kernels.lstmForward(h, c, kept, z, Wh.forward, order.table, H);
        if (!last || order.backward) continue;
        for (const [i, slot] of at.last.entries()) {
          kernels.gather(slot.value, start[i]! + rowsOf(B), 0, last, B, H);
        }
      }
    },

    backward() {
      const { kernels, memory } = network;
      const { rows, last } = axis;
      const B = sequences.rows;
      const n = B * width;
      for (const { Wh, wx, wh, Wx, bx, bh, given, order, output, start, z, kept, ...at } of directions) {
        const [h, c] = start;
        const [lastH, lastC] = at.last as [Slot, Slot?];
        const dh = output.gradient;
        if (!output.arrived) network.view(output, "gradient").fill(0);
        if (lastH.arrived) {
          if (order.backward) kernels.biasBackward(dh, lastH.gradient, 1, n);
          else if (last) kernels.scatterAdd(dh, lastH.gradient, last, B, H);
          else kernels.biasBackward(dh + rowsOf(rows - B), lastH.gradient, 1, n);
        }
        if (initialGradient) memory.floats(dh - rowsOf(B), n).fill(0);

        const all = dh - rowsOf(B);
        const norms = settings.norms ? at.norms : 0;
        const [dbx, dbh] = [network.gradientAt(bx), network.gradientAt(bh)];
        const dc = network.shared;
        if (cell === "rnn") {
          kernels.rnnBackward(all, dbx, h, Wh.backward, norms, order.table, H, activation);
        } else if (cell === "gru") {
          kernels.gruBackward(z, kept, dbx, dbh, all, h, Wh.backward, norms, order.table, H);
        } else {
          if (lastC!.arrived) memory.floats(dc, n).set(memory.floats(lastC!.gradient, n));
          else memory.floats(dc, n).fill(0);
          kernels.lstmBackward(z, dbx, all, dc, c, kept, Wh.backward, norms, order.table, H);
        }
        for (const [i, slot] of given.entries()) network.pass(slot, i === 0 ? all : dc, n);

        // The gradients of x·Wx + b and of h·Wh.
        const dz = cell === "rnn" ? dh : z;
        const du = cell === "gru" ? kept : dz;
        // The states before, row by row: read forward, sequences of one length have them in this order.
        if (order.before) kernels.gather(network.shared, h, 0, order.before, rows, H);
        kernels.aTb(network.gradientAt(wh), order.before ? network.shared : h, du, H, N, rows, network.scratch);
        if (!ownBias) memory.floats(dbh, N).set(memory.floats(dbx, N));
        if (ids) kernels.scatterAdd(network.gradientAt(wx), dz, ids.pointer, rows, N);
        else network.productBackward(dz, inputs, Wx, rows);
      }
    },
  });

  return directions.map((direction) => ({
    ...{ output: direction.output, last: direction.last, start: direction.start },
    gates: () => direction.z,
    norms() {
      const { norms: squares, order } = direction;
      const norms = network.memory.doubles(squares, order.length).map(Math.sqrt);
      return order.backward ? norms.reverse() : norms;
    },
  }));
}
