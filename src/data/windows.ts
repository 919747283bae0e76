// Partitioning a text into batches of windows. A partition is plain data, and the windows of batch i of an epoch are a
// function of (partition, number of tokens, epoch, seed), so a resumed run needs only the step number to continue.
//
// A window of T steps at `start` reads the tokens start … start + T − 1 and predicts start + 1 … start + T.

import { checkOptions, integer } from "../check.js";
import { mix, Random } from "../random.js";
import { checkSettings, type Given, settings } from "../settings.js";
import { checkIds, type TokenIds } from "../text/ids.js";

export type Partition =
  | { readonly kind: "carried"; readonly window: number; readonly batch: number }
  | { readonly kind: "overlapping"; readonly window: number; readonly batch: number; readonly stride: number }
  | { readonly kind: "random"; readonly window: number; readonly batch: number };

const KINDS = {
  carried: { window: [64], batch: [32] },
  overlapping: { window: [64], batch: [32], stride: [1] },
  random: { window: [64], batch: [32] },
} as const;

/**
 * Cuts the text into `batch` streams of equal length (default 32), which are read in parallel, in windows of `window` time
 * steps (default 64). The state is carried from each window to the next, the gradient is not: truncated BPTT. The state is
 * reset at the start of each epoch.
 */
export const carriedWindows = (options: Given<Partition, "carried"> = {}): Partition =>
  settings<Partition>(KINDS, "carried", options);

/**
 * Starts a window every `stride` tokens (default 1), in a new random order each epoch; windows overlap if the stride is
 * smaller than the window. The state is reset before every window.
 */
export const overlappingWindows = (options: Given<Partition, "overlapping"> = {}): Partition =>
  settings<Partition>(KINDS, "overlapping", options);

/**
 * Lays windows end to end from a random offset. Offset and order are drawn anew each epoch, so that the text is not always
 * cut at the same places. Every epoch has the same number of windows, up to one fewer than would fit, which leaves room for
 * the offset. The state is reset before every window.
 */
export const randomWindows = (options: Given<Partition, "random"> = {}): Partition =>
  settings<Partition>(KINDS, "random", options);

/** Checks a partition written by hand and fills in its defaults. @throws RangeError, TypeError naming the invalid field */
export const checkPartition = (windows: Partition): Partition =>
  checkSettings(KINDS, "windows", windows, "carriedWindows(), overlappingWindows() or randomWindows()");

/** One epoch's batches. */
export interface Epoch {
  readonly batches: number;
  /** Returns the start of each window of batch i; the last batch of an epoch can have fewer windows. */
  starts(i: number): Uint32Array;
  /** Returns true if batch i continues from the state after batch i − 1; otherwise it starts from zeros. */
  carried(i: number): boolean;
}

/**
 * Returns the batches of one epoch over `tokens` tokens. Every epoch has the same number, on which step counts rely.
 * @throws RangeError if the text is too short for a single batch, with the length it has and the length it needs
 */
export function partition(windows: Partition, tokens: number, epoch: number, seed: number): Epoch {
  const { window, batch, kind } = windows;
  if (kind === "carried") {
    // tokens − 1: the last token of the last stream needs a successor to predict.
    const length = Math.floor((tokens - 1) / batch);
    const batches = Math.floor(length / window);
    if (batches < 1) throw tooShort(tokens, window * batch + 1, `${batch} streams of a window of ${window} need`);
    return {
      batches,
      starts: (i) => Uint32Array.from({ length: batch }, (_, b) => b * length + i * window),
      carried: (i) => i > 0,
    };
  }

  if (tokens < window + 1) throw tooShort(tokens, window + 1, `a window of ${window} needs`);
  const random = new Random(mix(seed, epoch));
  const stride = kind === "overlapping" ? windows.stride : window;
  const fit = Math.floor((tokens - 1 - window) / stride) + 1;
  // Random windows leave one window's worth of room, so that the offset can be anything up to a window.
  const count = kind === "random" ? Math.max(1, Math.floor(tokens / window) - 1) : fit;
  const offset = random.below(kind === "random" ? tokens - count * window : 1);
  const starts = Uint32Array.from({ length: count }, (_, i) => offset + i * stride);
  random.shuffle(starts);
  return {
    batches: Math.ceil(starts.length / batch),
    starts: (i) => starts.subarray(i * batch, (i + 1) * batch),
    carried: () => false,
  };
}

function tooShort(tokens: number, needed: number, what: string): RangeError {
  return new RangeError(
    `the text to train on has ${tokens} tokens, and ${what} ${needed}, including the one that follows: ` +
      "use a smaller window or batch, or a longer text",
  );
}

/** The data of one training step: B windows of T tokens. */
export interface WindowBatch {
  /** Where each window starts in the text. */
  readonly starts: Uint32Array;
  /** B arrays of T ids: what each window reads. */
  readonly inputs: readonly TokenIds[];
  /** B arrays of T ids: what each window predicts, one token further on. */
  readonly targets: readonly TokenIds[];
  /** True if the states after the previous batch are carried into this one; otherwise it starts from zeros. */
  readonly carried: boolean;
}

/**
 * Returns the batches of one epoch as train() reads them, to look at: the ids are views of `ids`.
 * @param options epoch: counted from 1 (default 1); seed: that of train() (default 1)
 * @throws TypeError or RangeError if an argument is invalid, or the text is too short for one batch
 */
export function windowsOf(
  windows: Partition,
  ids: TokenIds,
  options: { epoch?: number; seed?: number } = {},
): Iterable<WindowBatch> {
  const { epoch = 1, seed = 1 } = checkOptions("options", options, { epoch: 1, seed: 1 });
  const checked = checkPartition(windows);
  checkIds("ids", ids, 2 ** 32);
  integer("epoch", epoch);
  integer("seed", seed, 0);
  return batchesOf(partition(checked, ids.length, epoch - 1, seed), checked.window, ids);
}

function* batchesOf(epoch: Epoch, T: number, ids: TokenIds): Generator<WindowBatch> {
  for (let i = 0; i < epoch.batches; i++) {
    const starts = epoch.starts(i);
    const at = (shift: number) => Array.from(starts, (start) => ids.subarray(start + shift, start + shift + T));
    yield { starts, inputs: at(0), targets: at(1), carried: epoch.carried(i) };
  }
}
