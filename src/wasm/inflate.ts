// Bytes in a bundle: deflated, as base64. A bundle that is compressed on its way is then less than half of what it would be
// with base64 of the bytes themselves, in which compression finds little that repeats.

export async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const deflated = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
