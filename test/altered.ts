// Safetensors files, altered.

// biome-ignore lint/suspicious/noExplicitAny: any JSON, to be damaged
export type Json = any;

/** The file with its JSON header changed. */
export function withHeader(file: Uint8Array, change: (header: Json) => void): Uint8Array {
  const length = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  change(header);
  return safetensors(JSON.stringify(header), file.subarray(8 + length));
}

/** The file with other metadata, as another program would write them: without checksum. */
export function withMetadata(file: Uint8Array, change: (metadata: Json) => void): Uint8Array {
  return withHeader(file, ({ __metadata__: metadata }) => {
    change(metadata);
    delete metadata.crc32;
  });
}

/** The file with the description under a key of its metadata changed. */
export function withDescription(file: Uint8Array, key: string, change: (description: Json) => void): Uint8Array {
  return withMetadata(file, (metadata) => {
    const description = JSON.parse(metadata[key]);
    change(description);
    metadata[key] = JSON.stringify(description);
  });
}

/** A file of this header and these bytes. */
export function safetensors(json: string, data: ArrayLike<number> = []): Uint8Array {
  const header = new TextEncoder().encode(json);
  const file = new Uint8Array(8 + header.length + data.length);
  new DataView(file.buffer).setUint32(0, header.length, true);
  file.set(header, 8);
  file.set(data, 8 + header.length);
  return file;
}
