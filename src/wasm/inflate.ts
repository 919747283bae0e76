// Unpacks bytes that are bundled as base64 of their deflated form. When the bundle is compressed for the network, that
// is less than half the size of plain base64, in which compression finds few repetitions.

/** @param length number of inflated bytes */
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
