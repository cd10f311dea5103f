// The container that arrays come in; its format stands in src/seggroup/server/binary.py.

export type TypedArray = Int32Array | Uint8Array | Uint16Array | Uint32Array | Float32Array;

export interface Container<H> {
  head: H;
  arrays: Record<string, TypedArray>; // views of the given buffer
  shapes: Record<string, readonly number[]>;
}

interface Entry {
  dtype: string;
  shape: number[];
  offset: number;
}

interface Header {
  head: unknown;
  arrays: Record<string, Entry>;
}

const MAGIC = 0x31414753; // "SGA1", little-endian
const KINDS = {
  int32: Int32Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  float32: Float32Array,
};

/** The head and the arrays of a container, without copying. Throws an Error on damaged data. */
export function unpack<H>(buffer: ArrayBuffer): Container<H> {
  const bytes = new Uint8Array(buffer);
  const end = headerEnd(bytes);
  if (end === null || end > bytes.length) throw damaged("it ends early");
  const { head, arrays: entries } = header(bytes, end);
  const start = aligned(end);
  const arrays: Record<string, TypedArray> = {};
  const shapes: Record<string, readonly number[]> = {};
  for (const [name, entry] of Object.entries(entries)) {
    const kind = KINDS[entry.dtype as keyof typeof KINDS];
    const last = start + entry.offset + sizeOf(entry);
    if (entry.offset % 8 !== 0 || last > bytes.length) throw damaged(`"${name}" ends early`);
    arrays[name] = new kind(buffer, start + entry.offset, product(entry.shape));
    shapes[name] = entry.shape;
  }
  return { head: head as H, arrays, shapes };
}

/**
 * How many bytes a container has, from its first bytes; null while they are too few to tell.
 * It may be up to 7 less than the file's, which fills up its last array. Throws an Error on
 * damaged data.
 */
export function containerSize(first: Uint8Array): number | null {
  const end = headerEnd(first);
  if (end === null || end > first.length) return null;
  const entries = Object.values(header(first, end).arrays);
  return aligned(end) + Math.max(0, ...entries.map((entry) => entry.offset + sizeOf(entry)));
}

/** Where the header ends; null where not even its length is there. */
function headerEnd(bytes: Uint8Array): number | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(0, true) !== MAGIC) throw damaged("it does not begin with SGA1");
  return 8 + view.getUint32(4, true);
}

function header(bytes: Uint8Array, end: number): Header {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, end)));
  } catch {
    throw damaged("its header is no JSON");
  }
  if (!isHeader(value)) throw damaged("its header lacks what it must have");
  return value;
}

function isHeader(value: unknown): value is Header {
  if (!isRecord(value) || !("head" in value) || !isRecord(value.arrays)) return false;
  return Object.values(value.arrays).every(isEntry);
}

function isEntry(value: unknown): value is Entry {
  if (!isRecord(value) || typeof value.dtype !== "string" || !Array.isArray(value.shape)) {
    return false;
  }
  return Object.hasOwn(KINDS, value.dtype) && isCount(value.offset) && value.shape.every(isCount);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function sizeOf(entry: Entry): number {
  return product(entry.shape) * KINDS[entry.dtype as keyof typeof KINDS].BYTES_PER_ELEMENT;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}

function aligned(offset: number): number {
  return Math.ceil(offset / 8) * 8;
}

function damaged(how: string): Error {
  return new Error(`The data from the server is damaged: ${how}. Load the page again.`);
}
