"""Triangle meshes of simple and bent solids, in metres, z up: what furniture is made of."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int32

Metres = float | int | np.floating


class Mesh(NamedTuple):
    """A triangle soup: vertices in metres, faces as indices into them."""

    vertices: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]


def _grid_faces(rows: int, columns: int) -> Int32[np.ndarray, "f 3"]:
    """Two triangles for every cell of a rows x columns grid of vertices."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    return np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)


def join(*meshes: Mesh) -> Mesh:
    """All meshes as one."""
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.faces + s for m, s in zip(meshes, starts, strict=True)]).astype(np.int32),
    )


def move(mesh: Mesh, x: Metres = 0.0, y: Metres = 0.0, z: Metres = 0.0) -> Mesh:
    """The mesh shifted by (x, y, z) metres."""
    return Mesh(mesh.vertices + np.array((x, y, z), np.float32), mesh.faces)


def turn(mesh: Mesh, angle: float | int, axis: int = 2) -> Mesh:
    """The mesh turned about a coordinate axis through the origin; angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.eye(3, dtype=np.float32)
    rotation[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
    return Mesh(mesh.vertices @ rotation.T, mesh.faces)


def surface(
    shape: Callable[[Float[np.ndarray, "r c"], Float[np.ndarray, "r c"]], tuple],
    rows: int,
    columns: int,
) -> Mesh:
    """An open sheet: `shape(a, b)` gives x, y, z for the parameters a, b in [0, 1]."""
    a, b = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    points = np.stack(np.broadcast_arrays(*shape(a, b)), axis=-1)
    return Mesh(points.reshape(-1, 3).astype(np.float32), _grid_faces(rows, columns))


def box(w: Metres, d: Metres, h: Metres) -> Mesh:
    """A box on the ground: |x| <= w/2, |y| <= d/2, 0 <= z <= h."""
    corners = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0, 1)])
    quads = np.array(
        [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    )
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    return Mesh((corners * (w, d, h)).astype(np.float32), faces)


def rounded_box(w: Metres, d: Metres, h: Metres, radius: Metres, middle: int = 2) -> Mesh:
    """A box on the ground with rounded edges; `middle` points across each flat side."""
    radius = min(radius, w / 2, d / 2, h / 2)
    t = 0.6
    line = np.unique(
        np.concatenate([np.linspace(-1, -t, 4), np.linspace(-t, t, middle), np.linspace(t, 1, 4)])
    )
    a, b = np.meshgrid(line, line, indexing="ij")
    one = np.ones_like(a)
    sides = [
        np.roll(np.stack([s * one, a, b], -1).reshape(-1, 3), axis, axis=1)
        for axis in range(3)
        for s in (-1.0, 1.0)
    ]
    cube = np.concatenate(sides)
    core = np.clip(cube, -t, t)
    outward = cube - core
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    half = np.array([w, d, h]) / 2
    vertices = core / t * (half - radius) + radius * outward + (0, 0, h / 2)
    grid = _grid_faces(len(line), len(line))
    faces = np.concatenate([grid + i * len(a) ** 2 for i in range(6)])
    return Mesh(vertices.astype(np.float32), faces.astype(np.int32))


def cushion(w: Metres, d: Metres, h: Metres, square: float | int = 0.5) -> Mesh:
    """A pillow-like superellipsoid on the ground; `square` 1 is an ellipsoid, 0 a box."""

    def power(x: np.ndarray, e: float) -> np.ndarray:
        return np.sign(x) * np.abs(x) ** e

    def shape(a: np.ndarray, b: np.ndarray) -> tuple:
        u, v = np.pi * (a - 0.5), 2 * np.pi * b
        x = power(np.cos(u), 0.7) * power(np.cos(v), square)
        y = power(np.cos(u), 0.7) * power(np.sin(v), square)
        return w / 2 * x, d / 2 * y, h / 2 * (1 + np.sin(u))

    return surface(shape, 13, 25)


def tube(start: tuple, end: tuple, radius: Metres, end_radius: Metres | None = None) -> Mesh:
    """A closed round bar from `start` to `end` (x, y, z in metres), tapering if asked."""
    a, b = np.array(start, float), np.array(end, float)
    along = (b - a) / np.linalg.norm(b - a)
    side = np.cross(along, (1, 0, 0) if abs(along[0]) < 0.9 else (0, 1, 0))
    side /= np.linalg.norm(side)
    other = np.cross(along, side)
    last = radius if end_radius is None else end_radius
    angle = np.linspace(0, 2 * np.pi, 11)
    ring = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * other
    rows = [a + 0 * ring, a + radius * ring, b + last * ring, b + 0 * ring]
    return Mesh(np.concatenate(rows).astype(np.float32), _grid_faces(4, len(angle)))


def legs(w: Metres, d: Metres, h: Metres, radius: Metres, splay: Metres = 0.0) -> Mesh:
    """Four legs inside the rectangle w x d."""
    bars = [
        tube((x * (1 + splay), y * (1 + splay), 0), (x, y, h), radius)
        for x in (-w / 2 + radius, w / 2 - radius)
        for y in (-d / 2 + radius, d / 2 - radius)
    ]
    return join(*bars)


def lathe(
    profile: Sequence[tuple[Metres, Metres]], stretch: float | int = 1.0, sides: int = 20
) -> Mesh:
    """(radius, height) pairs turned about the z axis; `stretch` scales y (ellipses)."""
    r, z = np.array(profile, float).T
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    points = np.stack(
        [
            np.outer(r, np.cos(angle)),
            stretch * np.outer(r, np.sin(angle)),
            np.repeat(z[:, None], sides + 1, 1),
        ],
        axis=-1,
    )
    return Mesh(points.reshape(-1, 3).astype(np.float32), _grid_faces(len(r), sides + 1))


def prism(outline: Sequence[tuple[Metres, Metres]], z0: Metres, z1: Metres) -> Mesh:
    """A convex outline (x, y) raised from z0 to z1, with both lids."""
    xy = np.array(outline, np.float32)
    n = len(xy)
    low = np.column_stack([xy, np.full(n, z0, np.float32)])
    high = np.column_stack([xy, np.full(n, z1, np.float32)])
    i = np.arange(n)
    j = (i + 1) % n
    side = np.concatenate([np.stack([i, j, j + n], 1), np.stack([i, j + n, i + n], 1)])
    fan = np.stack([np.zeros(n - 2, int), i[1:-1], i[2:]], 1)
    return Mesh(
        np.concatenate([low, high]).astype(np.float32),
        np.concatenate([side, fan, fan + n]).astype(np.int32),
    )


def crumple(mesh: Mesh, rng: np.random.Generator, amount: Metres, wavelength: Metres) -> Mesh:
    """The mesh displaced smoothly at random, by about `amount` metres (cloth, cushions)."""
    waves = rng.normal(size=(3, 3, 6)) * 2 * np.pi / wavelength / np.sqrt(3)
    phase = rng.uniform(0, 2 * np.pi, (3, 6))
    shift = [
        np.sin(mesh.vertices @ waves[axis] + phase[axis]).mean(1) * amount * 2 for axis in range(3)
    ]
    return Mesh((mesh.vertices + np.stack(shift, 1)).astype(np.float32), mesh.faces)


def wall_panel(
    width: Metres, height: Metres, holes: Sequence[tuple[Metres, Metres, Metres, Metres]]
) -> Mesh:
    """The rectangle 0 <= x <= width, 0 <= z <= height at y = 0, less holes (x0, x1, z0, z1)."""
    xs = np.unique(np.array([0, width, *(v for hole in holes for v in hole[:2])]))
    zs = np.unique(np.array([0, height, *(v for hole in holes for v in hole[2:])]))
    a, b = np.meshgrid(xs, zs, indexing="ij")
    vertices = np.stack([a, 0 * a, b], -1).reshape(-1, 3).astype(np.float32)
    faces = _grid_faces(len(xs), len(zs))
    centre = vertices[faces].reshape(-1, 2, 3, 3).mean(axis=(1, 2)) if len(faces) else vertices
    keep = np.ones(len(centre), bool)
    for x0, x1, z0, z1 in holes:
        inside = (centre[:, 0] > x0) & (centre[:, 0] < x1)
        keep &= ~(inside & (centre[:, 2] > z0) & (centre[:, 2] < z1))
    return Mesh(vertices, faces[np.repeat(keep, 2)])
