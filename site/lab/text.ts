// The text to learn from: the default one, one that was pasted or typed, or a file. The box shows only the beginning of a
// long one, since a box of megabytes is slow to lay out.

export interface TextSource {
  /** For the name of the model's file. */
  name: string;
  text: string;
}

/** Characters that the box holds at most. */
export const SHOWN = 20_000;
/** The largest text that is read: more would not fit into the memory of a page's worker. */
export const MOST = 100 * 1024 * 1024;

let moby: Promise<TextSource> | undefined;
export function mobyDick(): Promise<TextSource> {
  moby ??= fetch("moby-dick.txt")
    .then((response) => {
      if (!response.ok) throw new Error(`the default text could not be loaded (${response.status})`);
      return response.text();
    })
    .then((text) => ({ name: "moby-dick", text }))
    .catch((error) => {
      moby = undefined;
      throw error;
    });
  return moby;
}

/** Reads a text file. @throws Error saying why it is none */
export async function readFile(file: File): Promise<TextSource> {
  if (file.size > MOST) {
    throw new Error(
      `${file.name} has ${Math.round(file.size / 1048576)} MB, and a page can read ${MOST / 1048576} MB at most.`,
    );
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const utf16 =
    (bytes[0] === 0xff && bytes[1] === 0xfe && "utf-16le") || (bytes[0] === 0xfe && bytes[1] === 0xff && "utf-16be");
  if (!utf16 && bytes.subarray(0, 4096).includes(0)) throw new Error(`${file.name} is no text: it has zero bytes.`);
  let text: string;
  try {
    text = new TextDecoder(utf16 || "utf-8", { fatal: true }).decode(bytes);
  } catch {
    text = new TextDecoder("windows-1252").decode(bytes);
  }
  return { name: file.name.replace(/\.\w{1,5}$/, "") || "text", text: text.replace(/\r\n?/g, "\n") };
}

/** Splits off the last tenth, between two characters. */
export function split(text: string): { train: string; held: string } {
  let at = text.length - Math.floor(text.length / 10);
  const code = text.charCodeAt(at);
  if (code >= 0xdc00 && code < 0xe000) at++;
  return { train: text.slice(0, at), held: text.slice(at) };
}

/** Length and checksum (FNV-1a over UTF-16 code units), by which a link knows the text that it was made for. */
export function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return `${text.length}-${(hash >>> 0).toString(16).padStart(8, "0")}`;
}

/** The first few words, which samples continue. */
export function opening(text: string): string {
  const start = text.slice(0, 400).trimStart().split("\n")[0]!;
  const words = start.match(/^\S+(?:[ \t]+\S+)?/)?.[0] ?? "";
  const short = [...words].slice(0, 24).join("");
  return short.length < start.length && short !== "" ? `${short} ` : short;
}
