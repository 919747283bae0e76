// The two columns of a Parquet file of counts, row group by row group, as hyparquet reads them.

import type { Stats } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import * as zlib from "node:zlib";
import type { AsyncBuffer, FileMetaData, RowGroup, SchemaElement, SchemaTree } from "hyparquet";
import { quote, show, size } from "../check.js";
import { checkPath, FileError, fileError, reasonOf } from "./file-error.js";
import { checkVersion, FormatError, parseObject } from "./format.js";
import { checkPages, checkStruct, DAMAGED, type Decompress, damaged, MOST_ROWS } from "./parquet-pages.js";

/** What only those need who work with Parquet files. */
export interface Packages {
  hyparquet: typeof import("hyparquet");
  "hyparquet-compressors": typeof import("hyparquet-compressors");
  "hyparquet-writer": typeof import("hyparquet-writer");
}

/** @param doing what for, and which packages that takes in all */
export async function load<Name extends keyof Packages>(
  name: Name,
  [doing, all]: [doing: string, all: string],
): Promise<Packages[Name]> {
  try {
    return await import(name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new FileError(`${doing} expected the package ${name}, which is not installed: npm install ${all}`, { cause });
  }
}

export interface Readers {
  hyparquet: Packages["hyparquet"];
  decompress: Readonly<Record<string, Decompress | undefined>>;
}

/** hyparquet, and what decompresses pages into no more than they are to have. @throws FileError */
export async function readers(): Promise<Readers> {
  const purpose: [string, string] = ["reading counts", "hyparquet hyparquet-compressors"];
  const hyparquet = await load("hyparquet", purpose);
  const { compressors, decompressZstd } = await load("hyparquet-compressors", purpose);
  type Inflate = (bytes: Uint8Array, options: zlib.ZlibOptions) => Uint8Array;
  const bounded = (inflate: Inflate) => (bytes: Uint8Array, length: number) =>
    inflate(bytes, { maxOutputLength: Math.max(length, 1) });
  // From Node 22 on. What hyparquet-compressors has keeps within bounds as well, but can be made to take long.
  const { zstdDecompressSync } = zlib as { zstdDecompressSync?: Inflate };
  const decompress: Record<string, Decompress | undefined> = {
    ...compressors,
    UNCOMPRESSED: (bytes) => bytes,
    GZIP: bounded(zlib.gunzipSync),
    BROTLI: bounded(zlib.brotliDecompressSync),
    ZSTD: zstdDecompressSync
      ? bounded(zstdDecompressSync)
      : (bytes, length) => decompressZstd(bytes, new Uint8Array(length)),
  };
  return { hyparquet, decompress };
}

/**
 * The files that paths name: themselves, or those in a directory that are called *.parquet, at any depth.
 * @throws TypeError, RangeError, FileError
 */
export async function filesAt(paths: string | readonly string[]): Promise<string[]> {
  const all: readonly unknown[] = Array.isArray(paths) ? paths : [paths];
  if (all.length === 0) throw new RangeError('"paths" expected at least one path, got none');
  const files: string[] = [];
  for (const path of all) {
    if (typeof path !== "string") throw new TypeError(`"paths" expected strings, got ${show(path)}`);
    if (!(await reading(path, () => statOf(path))).isDirectory()) {
      files.push(path);
      continue;
    }
    const found = await parquetFiles(path);
    if (found.length === 0) throw new FileError(`cannot read ${quote(path)}: it has no files named *.parquet`);
    files.push(...found);
  }
  return files;
}

/** The files *.parquet in a directory and, as in a partitioned table (n=3/part-0.parquet), in directories below it. */
async function parquetFiles(directory: string): Promise<string[]> {
  const entries = await reading(directory, () => readdir(directory, { withFileTypes: true }));
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    // Spark's own files and the checksums beside its parts begin like this.
    if (/^[._]/.test(entry.name)) continue;
    if (entry.isDirectory()) files.push(...(await parquetFiles(path)));
    else if (entry.name.endsWith(".parquet")) files.push(path);
  }
  return files;
}

/** Of what is in the columns: what is written has it in its description. */
export const VERSION = 1;
const COLUMNS = ["ngram", "count"];
/** "PAR1" */
const MAGIC = 0x31524150;
/** Bounds on what other programs write: Spark's row groups have 128 MiB. */
const MOST_AT_ONCE = 2 ** 30;
const MOST_DESCRIPTION = 2 ** 24;
/**
 * A row takes 110 bytes of memory while its group is read, and some bits of a file where all are equal: 535 bytes can hold 16
 * million rows. These many are read from any file; more where it has a byte for each eight, and their group four bytes for each.
 */
const FREE_ROWS = 2 ** 20;
const ROWS_IN_BYTE = 8;
const BYTES_IN_GROUP = 4;

export interface Columns {
  ngram: ArrayLike<unknown>;
  count: ArrayLike<unknown>;
}

/**
 * The values of a file's columns "ngram" and "count", as many of both, row group by row group.
 * @throws FormatError, FileError naming the file
 */
export async function* columnsOf(path: string, readers: Readers): AsyncGenerator<Columns, void, undefined> {
  const handle = await reading(path, () => openFile(path));
  try {
    const groups = await reading(path, async () => rowGroups(await bufferOf(handle), readers));
    for (;;) {
      const { done, value } = await reading(path, () => groups.next());
      if (done) return;
      yield value;
    }
  } finally {
    await handle.close();
  }
}

/** Names the file. Whatever else hyparquet throws means that it is damaged: what it says is about its own insides. */
async function reading<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    if (cause instanceof FormatError) cause.message = `${quote(path)}: ${cause.message}`;
    if (cause instanceof FormatError || cause instanceof FileError) throw cause;
    if (reasonOf(cause) === undefined) throw new FormatError(`${quote(path)}: ${DAMAGED}`, { cause });
    throw fileError(`cannot read ${quote(path)}`, cause);
  }
}

async function statOf(path: string): Promise<Stats> {
  checkPath(path);
  return stat(path);
}

async function openFile(path: string): Promise<FileHandle> {
  // Before it is opened: opening a pipe waits for its other end.
  if ((await statOf(path)).isFile()) return open(path);
  throw new FileError(`cannot read ${quote(path)}: expected a file or a directory of files`);
}

/** Reads what there is between two places in a file, and nothing else. */
async function bufferOf(handle: FileHandle): Promise<AsyncBuffer> {
  const { size: byteLength } = await handle.stat();
  async function slice(start: number, end = byteLength): Promise<ArrayBuffer> {
    if (!(start >= 0 && start <= end && end <= byteLength)) throw damaged();
    if (end - start > MOST_AT_ONCE) {
      throw new FormatError(
        `expected row groups of at most ${size(MOST_AT_ONCE)}, got ${size(end - start)}: write smaller ones`,
      );
    }
    const bytes = new Uint8Array(end - start);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
      if (bytesRead === 0) throw damaged();
      at += bytesRead;
    }
    return bytes.buffer;
  }
  return { byteLength, slice };
}

async function* rowGroups(file: AsyncBuffer, readers: Readers): AsyncGenerator<Columns, void, undefined> {
  const { hyparquet, decompress: compressors } = readers;
  const metadata = await description(file, hyparquet);
  const elements = elementsOf(hyparquet.parquetSchema(metadata).children);
  const rows = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  if (!rows.every((rows) => rows >= 0)) throw damaged();
  const total = rows.reduce((sum, rows) => sum + rows, 0);
  if (total > FREE_ROWS + ROWS_IN_BYTE * file.byteLength) {
    throw new FormatError(
      `expected distinct n-grams, got ${total} rows in ${size(file.byteLength)}: add up equal ones`,
    );
  }
  for (const [i, { columns }] of metadata.row_groups.entries()) {
    const bytes = columns.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_compressed_size ?? 0), 0);
    const most = Math.min(MOST_ROWS, Math.floor(FREE_ROWS + Math.min(bytes, file.byteLength) / BYTES_IN_GROUP));
    if (rows[i]! <= most) continue;
    throw new FormatError(`expected a row group of at most ${most} rows, got ${rows[i]}: write smaller ones`);
  }
  const parsers = { stringFromBytes };
  const scan = await hyparquet.parquetScan({ file, metadata, columns: COLUMNS, compressors, parsers });
  let rowStart = 0;
  for (const [i, group] of metadata.row_groups.entries()) {
    if (rows[i] === 0) continue;
    const rowEnd = rowStart + rows[i]!;
    for (const element of elements) await checkColumn(file, group, element, readers);
    const read = (column: string) => scan.readColumn({ column, rowStart, rowEnd });
    const [ngram, count] = await Promise.all([read("ngram"), read("count")]);
    if (ngram.length !== rows[i] || count.length !== rows[i]) throw damaged();
    yield { ngram, count };
    rowStart = rowEnd;
  }
}

/** What a file has at its end: the description, its length, "PAR1". */
async function description(file: AsyncBuffer, { parquetMetadata }: Packages["hyparquet"]): Promise<FileMetaData> {
  const end = new DataView(await file.slice(Math.max(0, file.byteLength - 8)));
  if (file.byteLength < 12 || end.getUint32(4, true) !== MAGIC) {
    throw new FormatError("expected a Parquet file, got one that is cut short, or something else");
  }
  const length = end.getUint32(0, true);
  if (length > MOST_DESCRIPTION) {
    const most = size(MOST_DESCRIPTION);
    throw new FormatError(`expected a description of at most ${most}, got ${size(length)}: write fewer row groups`);
  }
  const bytes = await file.slice(file.byteLength - length - 8);
  checkStruct(new Uint8Array(bytes, 0, length));
  const metadata = parquetMetadata(bytes, { geoparquet: false });
  const ours = metadata.key_value_metadata?.find(({ key }) => key === "rivulet")?.value;
  // A file that was written by something else has none.
  if (ours !== undefined) checkVersion("counts", parseObject("what rivulet says of counts", ours).version, VERSION);
  return metadata;
}

/** The columns that there have to be. */
function elementsOf(columns: readonly SchemaTree[]): SchemaElement[] {
  const found = COLUMNS.map((name) => columns.filter(({ element }) => element.name === name));
  const [ngram, count] = found.map((columns) => columns.length === 1 && isFlat(columns[0]!) && columns[0]!.element);
  if (ngram && isText(ngram) && count && isNumber(count)) return [ngram, count];
  const shown = columns.slice(0, 8).map(({ element }) => `${show(element.name)} (${kindOf(element)})`);
  if (columns.length > 8) shown.push("…");
  const names = columns.length === 0 ? "none" : shown.join(", ");
  throw new FormatError(`expected columns "ngram" (string) and "count" (integer), got ${names}`);
}

function isFlat({ element, children }: SchemaTree): boolean {
  return children.length === 0 && /^(REQUIRED|OPTIONAL)$/.test(String(element.repetition_type));
}

function isText({ type, converted_type, logical_type }: SchemaElement): boolean {
  return (
    type === "BYTE_ARRAY" && (converted_type ?? "UTF8") === "UTF8" && (logical_type?.type ?? "STRING") === "STRING"
  );
}

/** Sums are decimal numbers or floating-point ones with some programs. */
function isNumber({ type, type_length = 0, converted_type, logical_type }: SchemaElement): boolean {
  const decimal = converted_type === "DECIMAL";
  if (!/^(U?INT_\d+|DECIMAL)$/.test(converted_type ?? "DECIMAL")) return false;
  if (!/^(INTEGER|DECIMAL)$/.test(logical_type?.type ?? "INTEGER")) return false;
  if (type === "FIXED_LEN_BYTE_ARRAY") return decimal && type_length <= 16;
  return type === "INT32" || type === "INT64" || (!decimal && (type === "FLOAT" || type === "DOUBLE"));
}

function kindOf(element: SchemaElement): string {
  const { type, converted_type, logical_type } = element;
  if (isText(element)) return "string";
  return (logical_type?.type ?? converted_type ?? type ?? "group").toLowerCase().replace("int_", "int");
}

/** Looks a column of a row group over. */
async function checkColumn(
  file: AsyncBuffer,
  { columns, num_rows }: RowGroup,
  { name, type, repetition_type }: SchemaElement,
  { decompress }: Readers,
): Promise<void> {
  const [column, ...others] = columns.flatMap(({ meta_data }) =>
    meta_data?.path_in_schema[0] === name ? meta_data : [],
  );
  if (!column || others.length > 0 || column.path_in_schema.length !== 1 || column.type !== type) throw damaged();
  const unpack = decompress[column.codec];
  if (!unpack) throw new FormatError(`expected pages in a compression like SNAPPY or ZSTD, got ${column.codec}`);
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  const bytes = await file.slice(start, start + Number(column.total_compressed_size));
  checkPages(new Uint8Array(bytes), Number(num_rows), repetition_type === "OPTIONAL", unpack);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function stringFromBytes(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new FormatError('"ngram" expected UTF-8, got something else', { cause });
  }
}
