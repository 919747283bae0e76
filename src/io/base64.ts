// Lists of 32-bit integers as base64 of their little-endian bytes, for the JSON in a model's file.

export function encoded64(values: readonly number[]): string {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  let characters = "";
  for (const byte of new Uint8Array(view.buffer)) characters += String.fromCharCode(byte);
  return btoa(characters);
}

/** @throws TypeError that names the text if it is not base64 of such integers */
export function decoded64(name: string, text: unknown): number[] {
  let characters = "?";
  try {
    if (typeof text === "string") characters = atob(text);
  } catch {}
  if (characters.length % 4 !== 0)
    throw new TypeError(`"${name}" expected base64 of 32-bit integers, got something else`);
  const view = new DataView(Uint8Array.from(characters, (character) => character.charCodeAt(0)).buffer);
  return Array.from({ length: characters.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}
