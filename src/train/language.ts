// Language modeling as a task: windows of a text, each token predicted from those before it.

import { fnv1a } from "../arrays.js";
import { size } from "../check.js";
import { checkPartition, type Partition, partition } from "../data/windows.js";
import { type Evaluation, evaluating } from "../lm/perplexity.js";
import { RecurrentModel } from "../lm/recurrent.js";
import type { Batch } from "../lm/token-network.js";
import { checkIds, type TokenIds } from "../text/ids.js";
import { type AnyTask, checkTask, type Task, type TrainSettings } from "./task.js";

/** The task of a model: language modeling for recurrent models; all others bring their own. */
export function taskOf(model: unknown): AnyTask {
  return model instanceof RecurrentModel ? languageModeling(model) : checkTask(model);
}

function languageModeling(model: RecurrentModel): Task<TokenIds, Evaluation> {
  const { network, tokenNetwork, vocabulary } = model;
  const windowsOf = ({ windows }: TrainSettings): Partition => checkPartition(windows!);
  const task: Task<TokenIds, Evaluation> = {
    kind: "language model",
    network,
    cut: "windows",
    defaults: {},
    watched: { figure: "nats", better: "lower" },
    describe: () => model.describe(),
    prepare(name, tokens) {
      checkIds(name, tokens, vocabulary.size);
      if (name === "valid" && tokens.length < 2) {
        throw new RangeError(`"valid" expected at least 2 tokens, got ${tokens.length}`);
      }
      return tokens;
    },
    fingerprint: (tokens) => ({ tokens: tokens.length, hash: fnv1a(tokens) }),
    epoch(tokens, settings, index) {
      const windows = windowsOf(settings);
      const { batches, starts, carried } = partition(windows, tokens.length, index, settings.seed);
      return {
        batches,
        gradients(i, seed, carry) {
          const batch = cut(tokens, starts(i), windows.window, vocabulary.size);
          const state = carried(i) ? carry.slice() : tokenNetwork.initialState(batch.B);
          const loss = tokenNetwork.gradients(batch, state, seed);
          return { loss, tokens: batch.inputs.length, carry: state };
        },
      };
    },
    first: (tokens, settings) => tokens.subarray(0, windowsOf(settings).window + 1),
    evaluating: (name, tokens) => evaluating(model, tokens, name),
    reserve(tokens, settings) {
      const windows = windowsOf(settings);
      const { length } = partition(windows, tokens.length, 0, settings.seed).starts(0);
      tokenNetwork.prepareTraining(windows.window, length);
    },
    firstState(settings) {
      const { window, batch } = windowsOf(settings);
      const bytes = 4 * tokenNetwork.initialState(1).length * window * batch;
      if (bytes <= 2 ** 32) return tokenNetwork.initialState(batch);
      throw new RangeError(
        `a batch of ${batch} windows of ${window} steps needs ${size(bytes)} of memory for its states alone, ` +
          "and WebAssembly has 4 GiB: use a smaller batch or window",
      );
    },
  };
  return task;
}

/** Copies windows out of a text, time-major. Each step's targets are the next step's inputs, so one copy holds both. */
function cut(tokens: TokenIds, starts: Uint32Array, T: number, size: number): Batch {
  const B = starts.length;
  const steps = new Int32Array((T + 1) * B);
  for (let t = 0, i = 0; t <= T; t++) {
    for (let b = 0; b < B; b++, i++) {
      const id = tokens[starts[b]! + t]!;
      if (!(id >= 0 && id < size)) throw changed(starts[b]! + t, id, size);
      steps[i] = id;
    }
  }
  return { T, B, inputs: steps.subarray(0, T * B), targets: steps.subarray(B) };
}

/** Error for an id that changed after it was checked. @param id undefined if the array became shorter */
const changed = (at: number, id: number | undefined, size: number): RangeError =>
  new RangeError(
    `"tokens[${at}]" expected an integer from 0 to ${size - 1}, got ${id}: the ids must not change while a model is ` +
      "trained on them. The model keeps the weights of the last step",
  );
