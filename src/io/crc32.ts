// CRC-32 as in PNG, gzip and ISO 3309: it finds every altered byte, and is no defence against intent.

/** Bytes that are taken at a time: what is read for one of them does not wait for the others. */
const LANES = 8;
/** (LANES, 256) What a byte does to the checksum once 0, 1, … , LANES − 1 more have followed. */
const table = /* @__PURE__ */ tables();

function tables(): Int32Array {
  const table = new Int32Array(LANES * 256);
  for (let i = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    table[i] = crc;
  }
  for (let i = 256; i < table.length; i++) table[i] = (table[i - 256]! >>> 8) ^ table[table[i - 256]! & 0xff]!;
  return table;
}

/** The checksum of `bytes`, going on from that of what came before. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  let i = 0;
  for (; i + LANES <= bytes.length; i += LANES) {
    crc =
      table[7 * 256 + ((crc ^ bytes[i]!) & 0xff)]! ^
      table[6 * 256 + (((crc >>> 8) ^ bytes[i + 1]!) & 0xff)]! ^
      table[5 * 256 + (((crc >>> 16) ^ bytes[i + 2]!) & 0xff)]! ^
      table[4 * 256 + ((crc >>> 24) ^ bytes[i + 3]!)]! ^
      table[3 * 256 + bytes[i + 4]!]! ^
      table[2 * 256 + bytes[i + 5]!]! ^
      table[256 + bytes[i + 6]!]! ^
      table[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}

/** A checksum as it is shown. */
export const hex = (checksum: number): string => checksum.toString(16).padStart(8, "0");

/** The bytes of an array, as they lie in memory. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
