// Unpacks gzip lazily in pieces, as gzip.ts does for models, but synchronously, as texts are read. Node's zlib works
// synchronously only on whole files.

import { Inflate } from "pako";
import { FileError } from "./file-error.js";

/** Packed bytes processed at a time; they unpack to at most a thousand times as many. */
const STEP = 1 << 14;
/** A text may unpack to this many bytes plus this many times its packed size. Texts shrink to between 1/3 and 1/20. */
const MOST = 1 << 24;
const MOST_TIMES = 100;

/**
 * Unpacks a gzip file of one or more members.
 * @param name the file's name, for messages
 * @throws FileError if it is cut short or altered, or unpacks to far more than a text would
 */
export function* gunzip(pieces: Iterable<Uint8Array>, name: string): Generator<Uint8Array, void, undefined> {
  const damaged = () => new FileError(`${name} expected a gzip file, got one that is cut short or altered`);
  let member: Inflate | undefined;
  let unpacked: Uint8Array[] = [];
  let [read, written] = [0, 0];
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += STEP) {
      const bytes = piece.subarray(from, from + STEP);
      read += bytes.length;
      if (member === undefined || member.ended) {
        if (member !== undefined && bytes[0] === 0) continue; // padding after the last member
        member = new Inflate({ windowBits: 31 });
        member.onData = (chunk) => void unpacked.push(chunk);
      }
      if (!member.push(bytes)) throw damaged();
      for (const chunk of unpacked) written += chunk.length;
      if (written > MOST + MOST_TIMES * read) {
        throw new FileError(
          `${name} expected a gzipped text, got ${read} bytes that unpack to more than ${MOST_TIMES} times as many: ` +
            "if it is one, unpack it with gunzip",
        );
      }
      yield* unpacked;
      unpacked = [];
    }
  }
  if (!member?.ended) throw damaged();
}
