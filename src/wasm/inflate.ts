// Bytes in a bundle: deflated, as base64. A bundle that is compressed on its way is then less than half of what it would be
// with base64 of the bytes themselves, in which compression finds little that repeats.

/** @param length of what comes out */
export async function inflate(base64: string, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const { readable, writable } = new DecompressionStream("deflate");
  const writer = writable.getWriter();
  const written = writer
    .write(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)))
    .then(() => writer.close());
  const bytes = new Uint8Array(length);
  const reader = readable.getReader();
  for (let at = 0; at < length; ) {
    const { value } = await reader.read();
    bytes.set(value!, at);
    at += value!.length;
  }
  await written;
  return bytes;
}
