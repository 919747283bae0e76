// CRC-32 as in PNG, gzip and ISO 3309: detects any single altered byte, but not deliberate changes.

/** Bytes processed at a time, by independent table lookups. */
const LANES = 8;
/** (LANES, 256) The effect of a byte on the checksum after 0, 1, … , LANES − 1 further bytes. */
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

/** Returns the checksum of `bytes`, continued from the checksum of the bytes before them. */
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

/** Formats a checksum. */
export const hex = (checksum: number): string => checksum.toString(16).padStart(8, "0");

/** Returns a view of an array's bytes in memory. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
