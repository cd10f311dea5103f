"""A scan on its way to the page, small and exact; `web/src/geometry.ts` decodes it.

Kept exactly: the order of the vertices, colours, segments, and the faces as a multiset of oriented
triangles. Positions move by at most half a quantum along each axis: 0.095 mm where the longest
side of the scan's box is between 3.2 and 199 m, less where it is shorter, and never more than
2^-21 of that side, which covers scans in other units. Not kept: the order of the faces and which
corner of a face comes first. A cloud's normals are rounded to 1/127; a mesh's are not sent.

The format
----------
A container (`seggroup.server.binary`), made to be packed by gzip. Its head: ``vertices`` n,
``faces`` m, ``origin`` (x, y, z) and ``quantum``. A position is the float32 nearest to
``origin + quantum * (whole numbers)``, computed in double precision.

*Numbers in byte planes.* An array of signed numbers d is sent as uint8 with one axis more in
front: plane k holds byte k (the lowest first) of the zigzag code, 2d for d >= 0, else -2d - 1;
as many planes as the largest needs.

*Faces.* They come in an order in which most have an edge in common with an earlier one. An edge of
a decoded face where another face may follow is a gate. Corner i = 3t + j is corner j of decoded
face t, and owns the gate across the opposite edge: with a the corner before it in the face (in the
cyclic order) and b the corner after it, the face behind the gate is (a, b, c). Gates open when
their face is decoded; `after[a]` and `before[b]` note the corner whose gate, from a to b, opened
last. Gates are visited in the order of the corners. A closed one is passed over; an open one is
closed, and takes the next byte of ``steps``:

====  ======================================================================
0     no face lies behind it
1     c is the next of the names (below)
2     c is the start of the gate ``before[a]``, which is open and ends in a
3     c is the end of the gate ``after[b]``, which is open and starts in b
====  ======================================================================

The decoded face has the corners a, b, c in this order; its corner 2 has no gate. Its corner 1 has
the gate from a to c, unless the gate ``before[a]`` is open and starts in c: then that one is
closed, as the two were the same edge. Likewise its corner 0 has the gate from c to b, unless
``after[b]`` is open and ends in c. When no gate is left and faces are missing, the next three
names are a face whose three corners have gates, opened in their order. After m faces all ends.

*Names.* ``names``, in byte planes, has the difference between the named vertex and the larger of
its parents a and b. The parents (a, b, o) of the third vertex of a face behind a gate are the
gate's ends a, b and its corner's vertex o. A face (x, y, z) that starts anew: those of x are three
times the vertex named just before, those of y are (x, x, x), those of z (x, y, x). After the faces
the vertices in no face are named, all those of a cloud: their parents are three times the vertex
named just before. Their order is free; `encode_geometry` goes segment by segment along a Morton
curve. The vertex n, one past the last, stands where there is none before; its position, color,
segment and normal are 0.

*Values.* One column for each vertex, in the order in which they are named for the first time. What
is sent is the difference from a prediction by the parents:

- ``positions`` (3, n) in byte planes: from a + b - o, the parallelogram's corner;
- ``colors`` uint8 (3, n): from (a + b) >> 1, modulo 256; the differences of red and blue less
  that of green;
- ``segments`` (n) in byte planes: dense segment numbers, from a;
- ``normals`` uint8 (3, n), clouds only: 127 times the unit vector, from a, modulo 256.

``segment_ids`` (s) in byte planes: the file's ids of segments 0, 1, …, each from the one before it
(the first from 0).
"""

import zlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int, Int8, Int32, UInt8

from seggroup.server.binary import pack, unpack
from seggroup.server.traversal import END, LEFT, NAMED, traverse
from seggroup.types import Scene

QUANTUM = 0.00019  # metres; half of it is 5 micrometres short of 0.1 mm, for float32's rounding
FINEST, COARSEST = 2.0**-20, 2.0**-14  # of the longest side: bounds of the quantum
Triple = tuple[int, int, int]


@dataclass(frozen=True)
class GeometryHead:
    """The head of the container: numbers of vertices and faces, and the grid of positions."""

    vertices: int
    faces: int
    origin: tuple[float, float, float]
    quantum: float


@dataclass(frozen=True)
class Geometry:
    """What the page gets of a scan. normals: 127 times the unit vector; None for a mesh."""

    positions: Float32[np.ndarray, "v 3"]
    colors: UInt8[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    normals: Int8[np.ndarray, "v 3"] | None
    segments: Int32[np.ndarray, " v"]
    segment_ids: Int32[np.ndarray, " s"]


# --- encoding -----------------------------------------------------------------------------------


def encode_geometry(scene: Scene) -> bytes:
    """The scene's geometry in the format above, not gzipped; the same bytes for the same scene."""
    scan, n = scene.scan, len(scene.scan.vertices)
    grid, origin, quantum = _quantise(scan.vertices)
    steps, names = traverse(n, scan.faces)
    names = _with_loose_vertices(names, grid, scene.segments)
    named, a, b, _ = names.T
    order, parents = _first_names(names, n)
    arrays: dict[str, np.ndarray] = {
        "steps": steps,
        "names": _planes(named - np.maximum(a, b)),
        "positions": _planes(_position_residuals(grid, order, parents).T),
        "colors": _color_residuals(scan.colors, order, parents).T,
        "segments": _planes(_from_first_parent(scene.segments, order, parents)),
        "segment_ids": _planes(np.diff(scene.segment_ids, prepend=0)),
    }
    if not scan.is_mesh and scan.normals is not None:
        normals = np.rint(127 * scan.normals).astype(np.int64)
        arrays["normals"] = _from_first_parent(normals, order, parents).astype(np.uint8).T
    return pack(GeometryHead(n, len(scan.faces), origin, quantum), arrays)


def gzipped(data: bytes) -> bytes:
    """`data` as gzip, without a time: the same data gives the same bytes.

    Residuals repeat in nothing but runs. Not to look for other repetitions takes a sixth of the
    time of gzip's default, and what remains compresses better: its codes are for single bytes.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS, 9, zlib.Z_RLE)
    return packer.compress(data) + packer.flush()


def _quantise(
    vertices: Float32[np.ndarray, "v 3"],
) -> tuple[Int[np.ndarray, "v 3"], tuple[float, float, float], float]:
    """Positions as whole numbers up to 2^20, with the origin and the quantum of their grid."""
    if len(vertices) == 0:
        return np.zeros((0, 3), np.int64), (0.0, 0.0, 0.0), QUANTUM
    low, high = vertices.min(axis=0).astype(float), vertices.max(axis=0).astype(float)
    side = float((high - low).max())
    quantum = min(max(QUANTUM, side * FINEST), side * COARSEST) or QUANTUM
    x, y, z = low.tolist()
    return np.rint((vertices - low) / quantum).astype(np.int64), (x, y, z), quantum


def _with_loose_vertices(
    names: Int32[np.ndarray, "c 4"],
    grid: Int[np.ndarray, "v 3"],
    segments: Int32[np.ndarray, " v"],
) -> Int32[np.ndarray, "d 4"]:
    """The names and after them those of the vertices in no face, near ones one after another."""
    is_loose = np.ones(len(grid), bool)
    is_loose[names[:, 0]] = False
    loose = np.flatnonzero(is_loose)
    loose = loose[np.lexsort((_morton(grid[loose]), segments[loose]))].astype(np.int32)
    start = names[-1:, 0] if len(names) else np.array([len(grid)], np.int32)
    previous = np.append(start, loose)[:-1]
    return np.append(names, np.stack([loose, previous, previous, previous], axis=1), axis=0)


def _morton(grid: Int[np.ndarray, "v 3"]) -> Int[np.ndarray, " v"]:
    """Places along the Morton curve: the bits of x, y and z (21 at most) take turns."""
    spread = grid.astype(np.int64)
    for shift, mask in (
        (32, 0x001F00000000FFFF),
        (16, 0x001F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        spread = (spread | spread << shift) & mask
    x, y, z = spread.T
    return x | y << 1 | z << 2


def _first_names(
    names: Int32[np.ndarray, "c 4"], n: int
) -> tuple[Int32[np.ndarray, " v"], Int32[np.ndarray, "v 3"]]:
    """The vertices in the order of their first names, and the parents they have there."""
    first = np.empty(n, np.int64)
    first[names[::-1, 0]] = np.arange(len(names))[::-1]  # of several, the last stays
    first.sort()
    return names[first, 0], names[first, 1:]


def _position_residuals(
    grid: Int[np.ndarray, "v 3"], order: Int32[np.ndarray, " v"], parents: Int32[np.ndarray, "v 3"]
) -> Int[np.ndarray, "v 3"]:
    """Difference from the fourth corner of the parallelogram of the parents."""
    values = np.append(grid, np.zeros((1, 3), np.int64), axis=0)
    a, b, o = parents.T
    return values[order] - (values[a] + values[b] - values[o])


def _color_residuals(
    colors: UInt8[np.ndarray, "v 3"],
    order: Int32[np.ndarray, " v"],
    parents: Int32[np.ndarray, "v 3"],
) -> UInt8[np.ndarray, "v 3"]:
    """Difference from the mean of two parents; red's and blue's less green's: they go together."""
    values = np.append(colors, np.zeros((1, 3), np.uint8), axis=0).astype(np.int16)
    a, b, _ = parents.T
    residual = values[order] - ((values[a] + values[b]) >> 1)
    residual[:, [0, 2]] -= residual[:, 1:2]
    return residual.astype(np.uint8)


def _from_first_parent(
    values: Int[np.ndarray, "v *d"],
    order: Int32[np.ndarray, " v"],
    parents: Int32[np.ndarray, "v 3"],
) -> Int[np.ndarray, "v *d"]:
    """Difference from the first parent's value."""
    padded = np.append(values, np.zeros((1, *values.shape[1:]), values.dtype), axis=0)
    return padded[order] - padded[parents[:, 0]]


def _planes(numbers: Int[np.ndarray, "*d"]) -> UInt8[np.ndarray, "k *d"]:
    """Signed numbers as planes of bytes of their zigzag code; at least one plane."""
    wide = numbers.astype(np.int64)
    code = np.where(wide < 0, -2 * wide - 1, 2 * wide)
    count = max(1, (int(code.max(initial=0)).bit_length() + 7) // 8)
    return np.stack([(code >> 8 * k).astype(np.uint8) for k in range(count)])


# --- decoding, plainly: the twin that the page's decoder is compared with -----------------------


def decode_geometry(data: bytes) -> Geometry:
    """The geometry in what `encode_geometry` made; slow: the page has the fast decoder."""
    head, arrays = unpack(data)
    n = head["vertices"]
    faces, parents = _decode_faces(n, head["faces"], arrays["steps"], _numbers(arrays["names"]))
    columns = {name: _numbers(arrays[name]).T for name in ("positions", "segments")}
    columns |= {
        name: arrays[name].astype(int).T for name in ("colors", "normals") if name in arrays
    }
    grid, colors, normals = np.zeros((3, n + 1, 3), int)
    segments = np.zeros(n + 1, int)
    for k, (v, (a, b, o)) in enumerate(parents.items()):
        grid[v] = grid[a] + grid[b] - grid[o] + columns["positions"][k]
        red, green, blue = columns["colors"][k]
        colors[v] = (colors[a] + colors[b]) // 2 + (red + green, green, blue + green) & 255
        segments[v] = segments[a] + columns["segments"][k]
        normals[v] = normals[a] + (columns["normals"][k] if "normals" in columns else 0) & 255
    return Geometry(
        (np.array(head["origin"]) + head["quantum"] * grid[:n]).astype(np.float32),
        colors[:n].astype(np.uint8),
        np.array(faces, np.int32).reshape(-1, 3),
        normals[:n].astype(np.uint8).view(np.int8) if "normals" in columns else None,
        segments[:n].astype(np.int32),
        np.cumsum(_numbers(arrays["segment_ids"])).astype(np.int32),
    )


def _numbers(planes: UInt8[np.ndarray, "k *d"]) -> Int[np.ndarray, "*d"]:
    """The signed numbers in planes of bytes."""
    code = sum(plane.astype(np.int64) << 8 * k for k, plane in enumerate(planes))
    return np.where(code & 1, -(code + 1) // 2, code // 2)


def _decode_faces(
    n: int, m: int, steps: UInt8[np.ndarray, " t"], names: Int[np.ndarray, " c"]
) -> tuple[list[Triple], dict[int, Triple]]:
    """The faces, and the parents of every vertex, in the order of first naming."""
    step, difference = iter(steps.tolist()), iter(names.tolist())
    faces: list[Triple] = []
    parents: dict[int, Triple] = {}
    gates: list[Triple] = []  # (from, to, the third of their face)
    closed = {-1}  # -1: no gate
    before: dict[int, int] = {}
    after: dict[int, int] = {}

    def name(a: int, b: int, o: int) -> int:
        c = max(a, b) + next(difference)
        parents.setdefault(c, (a, b, o))
        return c

    def open_gate(a: int, b: int, o: int) -> None:
        after[a] = before[b] = len(gates)
        gates.append((a, b, o))

    visited, last = 0, n
    while len(faces) < m:
        if visited == len(gates):
            x = name(last, last, last)
            y = name(x, x, x)
            z = last = name(x, y, x)
            faces.append((x, y, z))
            for gate in ((z, y, x), (x, z, y), (y, x, z)):
                open_gate(*gate)
            continue
        a, b, o = gates[visited]
        passed_over = visited in closed
        closed.add(visited)
        visited += 1
        if passed_over or (kind := next(step)) == END:
            continue
        left, right = before.get(a, -1), after.get(b, -1)
        left_start = -1 if left in closed else gates[left][0]
        right_end = -1 if right in closed else gates[right][1]
        if kind == NAMED:
            c = last = name(a, b, o)
        else:
            c = left_start if kind == LEFT else right_end
        faces.append((a, b, c))
        if right_end == c:
            closed.add(right)
        else:
            open_gate(c, b, a)
        if left_start == c:
            closed.add(left)
        else:
            open_gate(a, c, b)
    while len(parents) < n:
        last = name(last, last, last)
    return faces, parents
