// Unpacking gzip from a stranger: a few bytes can stand for a thousand times as many.

import { size } from "../check.js";
import { FormatError } from "./format.js";

type Pieces = AsyncIterable<Uint8Array>;

export const isGzip = (first: Uint8Array): boolean => first[0] === 0x1f && first[1] === 0x8b;

/** Bytes unpacked at a time: 1032 times as many may come out at once. */
const STEP = 1 << 14;
/** What may come out of any file, however short. */
const FREE = 1 << 24;

/** A file that is being unpacked, and how many of its bytes have gone in so far. */
export interface Unpacked {
  pieces: Pieces;
  taken(): number;
}

/** @throws FormatError (while reading) where the pieces are no gzip file, whole */
export function unpack(pieces: Pieces): Unpacked {
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  let taken = 0;
  const feed = async () => {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length; at += STEP) {
        const step = piece.subarray(at, at + STEP);
        await writer.ready;
        taken += step.length;
        await writer.write(step as BufferSource);
      }
    }
    await writer.close();
  };
  // What goes wrong there, the reader sees.
  feed().catch((error) => writer.abort(error).catch(() => {}));
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      yield* readAll(readable);
    } catch (cause) {
      throw new FormatError("expected a gzip file, got one that is cut short or altered", { cause });
    }
  }
  return { pieces: read(), taken: () => taken };
}

/**
 * Passes pieces on while they are not suspiciously many.
 * @param ratio how many times as long as the packed file they may be, and 16 MiB besides
 * @throws FormatError
 */
export async function* bounded({ pieces, taken }: Unpacked, ratio: number): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    if (total > FREE + ratio * taken()) {
      throw new FormatError(
        `expected gzip that unpacks to at most ${ratio} times its size and ${size(FREE)}, as models do, got ` +
          `${size(total)} out of ${size(taken())}: where you trust the file, unpack it with gunzip and load the result`,
      );
    }
    yield piece;
  }
}

/** A ReadableStream, for programs whose types have none. */
export interface ByteStream {
  getReader(): {
    read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
    cancel(): Promise<unknown>;
  };
}

/** Not every browser can iterate over a stream. */
export async function* readAll(stream: ByteStream): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value!;
  } finally {
    // Where the reading ended early, what is left is not wanted; nor is it waited for, which can take for ever.
    reader.cancel().catch(() => {});
  }
}
