// gzip, unpacked in pieces as they are asked for: what gzip.ts does for models, but synchronously, as texts are read. Node's
// own zlib can do that only for whole files.

import { Inflate } from "pako";
import { FileError } from "./file-error.js";

/** Bytes that are unpacked at a time: they become a thousand times as many at most. */
const STEP = 1 << 14;
/** What a text may unpack to: so many bytes, and so many times its packed size. Texts shrink to a third or a twentieth. */
const MOST = 1 << 24;
const MOST_TIMES = 100;

/**
 * The bytes that a gzip file, of one member or several, was made of.
 * @param name the file's name, for messages
 * @throws FileError where it is cut short or altered, or would unpack to far more than a text does
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
        if (member !== undefined && bytes[0] === 0) continue; // padding behind the last member
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
