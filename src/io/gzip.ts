// Unpacking untrusted gzip, in which a few bytes can unpack to a thousand times as many.

import { size } from "../check.js";
import { FormatError } from "../errors.js";

type Pieces = AsyncIterable<Uint8Array>;

export const isGzip = (first: Uint8Array): boolean => first[0] === 0x1f && first[1] === 0x8b;

/** Packed bytes processed at a time; they unpack to at most 1032 times as many. */
const STEP = 1 << 14;
/** Unpacked bytes allowed for any file, however short. */
const FREE = 1 << 24;

/** A file being unpacked; `taken` returns how many packed bytes have been read so far. */
export interface Unpacked {
  pieces: Pieces;
  taken(): number;
}

/** @throws FormatError (while reading) if the pieces are not a complete gzip file */
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
  // Errors reach the reader through the aborted stream.
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
 * Passes unpacked pieces on up to a limit.
 * @param ratio limits the unpacked size to this many times the packed size plus 16 MiB
 * @throws FormatError (while reading) if they exceed it
 */
export async function* bounded({ pieces, taken }: Unpacked, ratio: number): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    if (total > FREE + ratio * taken()) {
      throw new FormatError(
        `expected gzip that unpacks to at most ${ratio} times its size plus ${size(FREE)}, as models do, got ` +
          `${size(total)} out of ${size(taken())}: if you trust the file, unpack it with gunzip and load the result`,
      );
    }
    yield piece;
  }
}

/** A ReadableStream, for programs whose type libraries lack it. */
export interface ByteStream {
  getReader(): {
    read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
    cancel(): Promise<unknown>;
  };
}

/** Iterates over a stream, which not every browser supports natively. */
export async function* readAll(stream: ByteStream): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) yield value!;
  } finally {
    // Discards the rest if reading ended early; not awaited, since that may never settle.
    reader.cancel().catch(() => {});
  }
}
