// Decodes a scan's geometry; the format stands in src/seggroup/server/geometry.py. This part has
// no worker in it, so that the worker can import it.

import { type Container, unpack } from "./arrays";

/** A scan as the page draws it. `normals` is null for meshes; `segments` are dense numbers. */
export interface ScanGeometry {
  positions: Float32Array; // 3 per vertex, metres as in the file (within 0.1 mm)
  colors: Uint8Array; // 4 per vertex, RGBA, A = 255
  faces: Uint32Array; // 3 per face; empty for a cloud
  normals: Int8Array | null; // clouds: 4 per vertex (xyz in -127..127, 0)
  segments: Uint32Array; // dense segment number of every vertex
  segmentIds: Int32Array; // file id of every dense segment (ascending)
}

interface Head {
  vertices: number;
  faces: number;
  origin: [number, number, number];
  quantum: number;
}

/** The vertices in the order in which their values come, and the three parents of each. */
interface Turns {
  count: number;
  vertex: Int32Array;
  a: Int32Array;
  b: Int32Array;
  o: Int32Array;
}

const END = 0;
const NAMED = 1;
const LEFT = 2;

/** The geometry in a container. Throws an Error where the data is damaged. */
export function decodeGeometry(bytes: ArrayBuffer): ScanGeometry {
  const container = unpack<Head>(bytes);
  const { vertices: n, faces: m } = container.head;
  const naming = startNaming(n, numbers(container, "names"));
  const { turns } = naming;
  const faces = decodeFaces(n, m, stream(container, "steps"), naming);
  while (turns.count < n) naming.nameNext(); // the vertices in no face
  return {
    positions: decodePositions(container, turns),
    colors: decodeColors(n, stream(container, "colors", 3 * n), turns),
    faces,
    normals:
      "normals" in container.arrays
        ? decodeNormals(n, stream(container, "normals", 3 * n), turns)
        : null,
    segments: decodeSegments(n, numbers(container, "segments", n), turns),
    segmentIds: sums(numbers(container, "segment_ids")),
  };
}

/** The bytes of an array, of which there must be `length`. */
function stream(container: Container<Head>, name: string, length?: number): Uint8Array {
  const array = container.arrays[name] as Container<Head>["arrays"][string] | undefined;
  if (!(array instanceof Uint8Array)) throw damaged(`"${name}" is missing`);
  if (length !== undefined && array.length !== length) throw damaged(`"${name}" is too short`);
  return array;
}

/** Signed numbers from planes of bytes of their zigzag code. */
function numbers(container: Container<Head>, name: string, length?: number): Int32Array {
  const bytes = stream(container, name);
  const planes = container.shapes[name][0];
  const count = planes > 0 ? bytes.length / planes : 0;
  if (planes > 4 || (length ?? count) !== count) throw damaged(`"${name}" has a wrong shape`);
  const values = new Int32Array(count);
  for (let k = 0; k < planes; k++) {
    for (let i = 0; i < count; i++) values[i] |= bytes[k * count + i] << (8 * k);
  }
  for (let i = 0; i < count; i++) values[i] = (values[i] >>> 1) ^ -(values[i] & 1);
  return values;
}

function sums(differences: Int32Array): Int32Array {
  for (let i = 1; i < differences.length; i++) differences[i] += differences[i - 1];
  return differences;
}

/** Names vertices one after another, and notes the turns of those that are new. */
interface Naming {
  turns: Turns;
  name(a: number, b: number, o: number): number; // by its parents
  nameNext(): number; // by the vertex named just before
}

function startNaming(n: number, differences: Int32Array): Naming {
  const empty = () => new Int32Array(n);
  const turns = { count: 0, vertex: empty(), a: empty(), b: empty(), o: empty() };
  const seen = new Uint8Array(n);
  let next = 0;
  let last = n;
  const name = (a: number, b: number, o: number): number => {
    last = Math.max(a, b) + differences[next++];
    if (!(last >= 0 && last < n)) throw damaged("it names a vertex that is not there");
    if (seen[last] === 0) {
      seen[last] = 1;
      const k = turns.count++;
      turns.vertex[k] = last;
      turns.a[k] = a;
      turns.b[k] = b;
      turns.o[k] = o;
    }
    return last;
  };
  return { turns, name, nameNext: () => name(last, last, last) };
}

/** The corner before i in its face, cyclically. */
function before(i: number): number {
  return i % 3 === 0 ? i + 2 : i - 1;
}

/** The corner after i in its face, cyclically. */
function after(i: number): number {
  return i % 3 === 2 ? i - 2 : i + 1;
}

/** The faces: every gate in turn, and a new start wherever no gate is left. */
function decodeFaces(n: number, m: number, steps: Uint8Array, naming: Naming): Uint32Array {
  const faces = new Uint32Array(3 * m);
  const isOpen = new Uint8Array(3 * m); // the gate of every corner
  const into = new Int32Array(n).fill(-1); // the last gate that ends in a vertex
  const from = new Int32Array(n).fill(-1); // the last gate that starts there
  let face = 0;
  let corner = 0;
  let step = 0;

  const open = (i: number): void => {
    isOpen[i] = 1;
    from[faces[before(i)]] = i;
    into[faces[after(i)]] = i;
  };
  const put = (a: number, b: number, c: number): number => {
    const first = 3 * face++;
    faces[first] = a;
    faces[first + 1] = b;
    faces[first + 2] = c;
    return first;
  };

  while (face < m) {
    if (corner === 3 * face) {
      const x = naming.nameNext();
      const y = naming.name(x, x, x);
      const first = put(x, y, naming.name(x, y, x));
      for (let i = first; i < first + 3; i++) open(i);
      continue;
    }
    const i = corner++;
    if (isOpen[i] === 0) continue;
    isOpen[i] = 0;
    if (step === steps.length) throw damaged("faces are missing");
    const kind = steps[step++];
    if (kind === END) continue;
    const a = faces[before(i)];
    const b = faces[after(i)];
    const left = into[a];
    const right = from[b];
    const leftStart = left >= 0 && isOpen[left] === 1 ? faces[before(left)] : -1;
    const rightEnd = right >= 0 && isOpen[right] === 1 ? faces[after(right)] : -1;
    const joined = kind === LEFT ? leftStart : rightEnd;
    const c = kind === NAMED ? naming.name(a, b, faces[i]) : joined;
    if (c < 0) throw damaged("a face lacks its neighbour");
    const first = put(a, b, c);
    if (rightEnd === c) isOpen[right] = 0;
    else open(first);
    if (leftStart === c) isOpen[left] = 0;
    else open(first + 1);
  }
  return faces;
}

function decodePositions(container: Container<Head>, turns: Turns): Float32Array {
  const { vertices: n, origin, quantum } = container.head;
  const residuals = numbers(container, "positions", 3 * n);
  const positions = new Float32Array(3 * n);
  for (let axis = 0; axis < 3; axis++) {
    const grid = new Int32Array(n + 1);
    for (let k = 0; k < n; k++) {
      const predicted = grid[turns.a[k]] + grid[turns.b[k]] - grid[turns.o[k]];
      grid[turns.vertex[k]] = predicted + residuals[axis * n + k];
    }
    for (let v = 0; v < n; v++) positions[3 * v + axis] = origin[axis] + quantum * grid[v];
  }
  return positions;
}

function decodeColors(n: number, residuals: Uint8Array, turns: Turns): Uint8Array {
  const colors = new Uint8Array(4 * n + 4); // one more: black, which is predicted from nothing
  for (let k = 0; k < n; k++) {
    const v = 4 * turns.vertex[k];
    const a = 4 * turns.a[k];
    const b = 4 * turns.b[k];
    const green = residuals[n + k];
    colors[v] = ((colors[a] + colors[b]) >> 1) + residuals[k] + green;
    colors[v + 1] = ((colors[a + 1] + colors[b + 1]) >> 1) + green;
    colors[v + 2] = ((colors[a + 2] + colors[b + 2]) >> 1) + residuals[2 * n + k] + green;
    colors[v + 3] = 255;
  }
  return colors.slice(0, 4 * n);
}

function decodeNormals(n: number, residuals: Uint8Array, turns: Turns): Int8Array {
  const normals = new Int8Array(4 * n + 4);
  for (let k = 0; k < n; k++) {
    for (let axis = 0; axis < 3; axis++) {
      const predicted = normals[4 * turns.a[k] + axis];
      normals[4 * turns.vertex[k] + axis] = predicted + residuals[axis * n + k];
    }
  }
  return normals.slice(0, 4 * n);
}

function decodeSegments(n: number, residuals: Int32Array, turns: Turns): Uint32Array {
  const segments = new Uint32Array(n + 1);
  for (let k = 0; k < n; k++) segments[turns.vertex[k]] = segments[turns.a[k]] + residuals[k];
  return segments.slice(0, n);
}

function damaged(how: string): Error {
  return new Error(`The scan's geometry is damaged: ${how}. Load the page again.`);
}
