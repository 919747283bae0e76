// Partitioning: how a text becomes batches of windows. A partition is plain data, and which windows batch i of an epoch
// has is a function of (partition, number of tokens, epoch, seed): a resumed training finds its place by counting.
//
// A window of T steps at `start` reads the tokens start … start + T − 1 and predicts start + 1 … start + T.

import { mix, Random } from "../random.js";
import { checkSettings, type Given, settings } from "../settings.js";

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
 * The text is cut into `batch` streams of equal length (default 32), which are read side by side, in windows of `window`
 * steps (default 64). The state goes from each window to the next, the gradient does not: truncated BPTT. Reset: at the
 * start of each epoch.
 */
export const carriedWindows = (options: Given<Partition, "carried"> = {}): Partition =>
  settings<Partition>(KINDS, "carried", options);

/**
 * Windows that start every `stride` tokens, in a new random order each epoch; they overlap where the stride is smaller
 * than the window (default 1). Reset: before every window.
 */
export const overlappingWindows = (options: Given<Partition, "overlapping"> = {}): Partition =>
  settings<Partition>(KINDS, "overlapping", options);

/**
 * Windows that lie end to end from a random offset, drawn anew each epoch like their order, so that the text is not
 * always cut at the same places. Each epoch has as many windows, which is up to one
 * fewer than would fit: room for the offset. Reset: before every window.
 */
export const randomWindows = (options: Given<Partition, "random"> = {}): Partition =>
  settings<Partition>(KINDS, "random", options);

/** Holds a partition that did not come from those to the same rules and defaults. @throws RangeError, TypeError */
export const checkPartition = (windows: Partition): Partition =>
  checkSettings(KINDS, "windows", windows, "carriedWindows(), overlappingWindows() or randomWindows()");

/** One epoch's batches. */
export interface Epoch {
  readonly batches: number;
  /** Where the windows of batch i start; the last batch of an epoch can have fewer. */
  starts(i: number): Uint32Array;
  /** Whether batch i goes on from the state that batch i − 1 left; else it starts from zeros. */
  carried(i: number): boolean;
}

/**
 * The batches of one epoch over `tokens` tokens: as many in every epoch, since a training counts them.
 * @throws RangeError where the text is too short for a single batch: what it has, what it needs
 */
export function partition(windows: Partition, tokens: number, epoch: number, seed: number): Epoch {
  const { window, batch, kind } = windows;
  if (kind === "carried") {
    // One token more than the streams read: the last one's successor.
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
  // Random windows leave one window's worth of room, so that they can begin at any place within a window.
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
    `the text to train on has ${tokens} tokens, and ${what} ${needed}, the one that follows included: ` +
      "use a smaller window or batch, or a longer text",
  );
}
