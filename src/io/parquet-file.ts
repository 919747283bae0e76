// Reads the two columns of a Parquet file of counts, one row group at a time, by hyparquet.

import type { Stats } from "node:fs";
import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import * as zlib from "node:zlib";
import type { AsyncBuffer, FileMetaData, RowGroup, SchemaElement, SchemaTree } from "hyparquet";
import { quote, show, size } from "../check.js";
import { FormatError } from "../errors.js";
import { checkPath, FileError, fileError, reasonOf } from "./file-error.js";
import { checkVersion, parseObject } from "./format.js";
import { checkPages, checkStruct, DAMAGED, type Decompress, damaged, MOST_ROWS } from "./parquet-pages.js";

/** Optional packages, needed only for Parquet files. */
export interface Packages {
  hyparquet: typeof import("hyparquet");
  "hyparquet-compressors": typeof import("hyparquet-compressors");
  "hyparquet-writer": typeof import("hyparquet-writer");
}

/** @param doing the purpose, and all packages it requires; for the message */
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

/** Loads hyparquet, and decompressors that never exceed a page's declared size. @throws FileError if it is not installed */
export async function readers(): Promise<Readers> {
  const purpose: [string, string] = ["reading counts", "hyparquet hyparquet-compressors"];
  const hyparquet = await load("hyparquet", purpose);
  const { compressors, decompressZstd } = await load("hyparquet-compressors", purpose);
  type Inflate = (bytes: Uint8Array, options: zlib.ZlibOptions) => Uint8Array;
  const bounded = (inflate: Inflate) => (bytes: Uint8Array, length: number) =>
    inflate(bytes, { maxOutputLength: Math.max(length, 1) });
  // Node has it from version 22 on. hyparquet-compressors' is bounded as well, but a hostile file can make it slow.
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
 * Expands paths: files stay, directories become their *.parquet files at any depth.
 * @throws TypeError, RangeError if `paths` is invalid; FileError if one cannot be read
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

/** Lists the *.parquet files in a directory and, as in a partitioned table (n=3/part-0.parquet), in its subdirectories. */
async function parquetFiles(directory: string): Promise<string[]> {
  const entries = await reading(directory, () => readdir(directory, { withFileTypes: true }));
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    // Skips Spark's metadata files and checksums.
    if (/^[._]/.test(entry.name)) continue;
    if (entry.isDirectory()) files.push(...(await parquetFiles(path)));
    else if (entry.name.endsWith(".parquet")) files.push(path);
  }
  return files;
}

/** The version of the columns' contents, stored in the description of files that rivulet writes. */
export const VERSION = 1;
const COLUMNS = ["ngram", "count"];
/** "PAR1" */
const MAGIC = 0x31524150;
/** Limits, above what other programs write: Spark's row groups have 128 MiB. */
const MOST_AT_ONCE = 2 ** 30;
const MOST_DESCRIPTION = 2 ** 24;
/**
 * Limits on rows. A row takes 110 bytes of memory while its group is read, but only a few bits of the file if all rows are
 * equal: 535 bytes can hold 16 million rows. Any file may have FREE_ROWS; more require a byte of the file per 8 rows, and 4
 * bytes of the group per row.
 */
const FREE_ROWS = 2 ** 20;
const ROWS_IN_BYTE = 8;
const BYTES_IN_GROUP = 4;

export interface Columns {
  ngram: ArrayLike<unknown>;
  count: ArrayLike<unknown>;
}

/**
 * Reads the columns "ngram" and "count", of equal length, one row group at a time.
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

/** Adds the file's name to errors. Any other error of hyparquet means that the file is damaged; its message is internal. */
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
  // Checked before opening, since opening a pipe waits for its other end.
  if ((await statOf(path)).isFile()) return open(path);
  throw new FileError(`cannot read ${quote(path)}: expected a file or a directory of files`);
}

/** Reads only the requested ranges of a file. */
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

/** Reads the end of a file: the description, its length, "PAR1". */
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
  // Absent in files of other programs.
  if (ours !== undefined) checkVersion("counts", parseObject("rivulet's description of counts", ours).version, VERSION);
  return metadata;
}

/** Returns the two required columns. @throws FormatError if they are missing or of another type */
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

/** Accepts integers, and also decimals and floating-point numbers, which some programs use for sums. */
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

/** Checks a column of a row group before hyparquet reads it. */
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
