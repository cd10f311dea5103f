"""Furnished rooms: an outline with walls, doors and windows, then furniture placed in it.

A room is laid out in its own frame (walls mostly along x and y) and turned at the end by a
random yaw, as scans are not axis-aligned. Everything is in metres, z up, the floor at z = 0.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32

from seggroup.synth import fixtures as fx
from seggroup.synth import furniture as fu
from seggroup.synth import materials as m
from seggroup.synth import storage as st
from seggroup.synth.solids import Mesh, Metres, box, join, move, wall_panel
from seggroup.synth.things import Group, Thing, place, thing

Rng = np.random.Generator


@dataclass(frozen=True)
class Room:
    """A furnished room as triangles with known instances.

    vertices      : metres, z up
    texture       : the vertices in their object's own frame, where materials are evaluated
    face_material : row of `materials`
    face_instance : from 0 (-1 would be none)
    face_semantic : NYU40 id
    outline       : corners of the floor, counter-clockwise, metres
    height        : of the ceiling, metres
    """

    vertices: Float32[np.ndarray, "v 3"]
    texture: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    face_material: Int32[np.ndarray, " f"]
    face_instance: Int32[np.ndarray, " f"]
    face_semantic: Int32[np.ndarray, " f"]
    materials: m.Palette
    outline: Float32[np.ndarray, "n 2"]
    height: float


# What stands in a room: (maker, fewest, most), in the order of placing.
AGAINST_WALL = {
    "living": (
        (fu.sofa, 1, 3), (st.tv_stand, 1, 1), (st.bookshelf, 1, 2), (st.cabinet, 0, 1),
        (fu.desk, 0, 1), (st.odd, 1, 2),
    ),
    "bedroom": (
        (fu.bed, 1, 2), (st.cabinet, 1, 2), (fu.desk, 0, 1), (st.bookshelf, 0, 1), (st.odd, 0, 2),
    ),
    "office": (
        (fu.desk, 2, 6), (st.bookshelf, 1, 3), (st.cabinet, 1, 2), (fu.sofa, 0, 1), (st.odd, 0, 2),
    ),
    "kitchen": ((fx.kitchen, 1, 2), (fx.fridge, 0, 1), (st.cabinet, 0, 2), (st.odd, 0, 2)),
    "bathroom": (
        (fx.bathtub, 1, 1), (fx.shower, 0, 1), (fx.toilet, 1, 1), (fx.vanity, 1, 2),
        (st.cabinet, 0, 1), (st.odd, 0, 1),
    ),
    "studio": (
        (fx.kitchen, 1, 1), (fu.bed, 1, 1), (fu.sofa, 1, 1), (fu.desk, 1, 1), (st.tv_stand, 0, 1),
        (st.bookshelf, 0, 2), (fx.toilet, 0, 1), (fx.vanity, 0, 1), (st.cabinet, 0, 1),
        (st.odd, 0, 2),
    ),
    "meeting": ((st.cabinet, 0, 2), (st.bookshelf, 0, 2), (fu.desk, 0, 1), (st.odd, 0, 2)),
    "storage": ((st.bookshelf, 2, 4), (st.cabinet, 1, 3), (st.odd, 1, 3)),
}  # fmt: skip
STANDING_FREE = {
    "living": ((fu.coffee_table, 1, 2), (fu.dining, 0, 1), (fu.sofa, 0, 1)),
    "bedroom": ((fu.coffee_table, 0, 1),),
    "office": ((fu.dining, 0, 2),),
    "kitchen": ((fu.dining, 0, 1),),
    "bathroom": (),
    "studio": ((fu.dining, 1, 1), (fu.coffee_table, 0, 1)),
    "meeting": ((fu.dining, 2, 5),),
    "storage": ((fu.coffee_table, 0, 1),),
}
SIDES = {  # metres, shortest and longest side of the room's bounding box
    "living": (3.8, 6.0), "bedroom": (3.0, 5.0), "office": (3.5, 6.2), "kitchen": (3.0, 5.0),
    "bathroom": (2.3, 3.6), "studio": (4.8, 6.6), "meeting": (4.0, 6.5), "storage": (2.6, 4.5),
}  # fmt: skip
SHARES = (0.16, 0.15, 0.15, 0.13, 0.18, 0.11, 0.07, 0.05)  # of the kinds, in the order of SIDES
HUNG = ((fx.picture, 1, 5), (fx.hanging, 0, 3))
ATTEMPTS = 16  # places tried before a piece is left out for want of room
PLACES = 4  # places tried for one draw of the piece


def outline(rng: Rng, low: float, high: float) -> Float32[np.ndarray, "n 2"]:
    """Corners of a rectangle, an L, a T or a room with a cut corner, counter-clockwise."""
    w, d = rng.uniform(low, high, 2)
    a, b = rng.uniform(0.3, 0.5) * w, rng.uniform(0.3, 0.5) * d
    kind = rng.choice(4, p=(0.4, 0.3, 0.12, 0.18))
    if kind == 0:
        corners = [(0, 0), (w, 0), (w, d), (0, d)]
    elif kind == 1:
        corners = [(0, 0), (w, 0), (w, d - b), (w - a, d - b), (w - a, d), (0, d)]
    elif kind == 2:
        s = (w - a) / 2
        corners = [(s, 0), (w - s, 0), (w - s, b), (w, b), (w, d), (0, d), (0, b), (s, b)]
    else:
        corners = [(0, 0), (w, 0), (w, d - b), (w - min(a, b), d), (0, d)]
    points = np.array(corners) - (w / 2, d / 2)
    if rng.random() < 0.5:  # mirrored, and still counter-clockwise
        points = (points * (-1, 1))[::-1]
    return points.astype(np.float32)


def inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Which of the points (n, 2) lie inside the polygon (even-odd rule)."""
    a, b = corners, np.roll(corners, -1, axis=0)
    x, y = points[:, :1], points[:, 1:2]
    crosses = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(a[:, 1] == b[:, 1], 1.0, b[:, 1] - a[:, 1])
    at = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return (crosses & (x < at)).sum(1) % 2 == 1


def _overlap(p: np.ndarray, q: np.ndarray) -> bool:
    """Whether two convex quadrilaterals (4, 2) overlap (separating axes)."""
    for quad in (p, q):
        edges = np.roll(quad, -1, axis=0)[:2] - quad[:2]
        for axis in edges[:, ::-1] * (1, -1):
            a, b = p @ axis, q @ axis
            if a.max() <= b.min() + 1e-6 or b.max() <= a.min() + 1e-6:
                return False
    return True


class _Wall:
    """One side of the room: where it runs and what is already on it."""

    def __init__(self, start: np.ndarray, end: np.ndarray) -> None:
        self.start = start
        self.length = float(np.linalg.norm(end - start))
        self.along = (end - start) / self.length
        self.inward = np.array([-self.along[1], self.along[0]])
        self.angle = float(np.arctan2(self.along[1], self.along[0]))
        self.taken: list[tuple[Metres, Metres, Metres, Metres]] = []  # s0, s1, z0, z1
        self.holes: list[tuple[Metres, Metres, Metres, Metres]] = []
        self.reveals: list[Mesh] = []

    def at(self, s: Metres, out: Metres = 0.0) -> np.ndarray:
        """The point `s` metres along the wall and `out` metres before it."""
        return self.start + s * self.along + out * self.inward

    def free(self, s0: Metres, s1: Metres, z0: Metres, z1: Metres) -> bool:
        """Whether nothing hangs or stands on that part of the wall."""
        return all(
            s1 <= a + 1e-4 or s0 >= b - 1e-4 or z1 <= c or z0 >= d for a, b, c, d in self.taken
        )

    def position(self, rng: Rng, width: Metres) -> float:
        """A place for something `width` wide: in a corner, next to something, or anywhere."""
        ends = [width / 2, self.length - width / 2]
        ends += [b + width / 2 for _, b, z, _ in self.taken if z < 0.1]
        ends += [a - width / 2 for a, _, z, _ in self.taken if z < 0.1]
        if rng.random() < 0.6:
            return float(ends[rng.integers(len(ends))])
        return float(rng.uniform(width / 2, max(width / 2, self.length - width / 2)))


class _Layout:
    """The room while it is being furnished: what is placed, and the floor already claimed."""

    def __init__(self, corners: np.ndarray, height: float) -> None:
        self.corners = corners.astype(float)
        self.height = height
        ends = np.roll(self.corners, -1, axis=0)
        self.walls = [_Wall(a, b) for a, b in zip(self.corners, ends, strict=True)]
        self.claims: list[np.ndarray] = []
        self.things: list[Thing] = []

    def claim(self, quad: np.ndarray) -> bool:
        """Claim a piece of floor (4, 2); refused when outside or already claimed."""
        centre = quad.mean(0)
        inner = centre + (quad - centre) * 0.98
        midpoints = (inner + np.roll(inner, -1, axis=0)) / 2
        if not inside(np.concatenate([inner, midpoints]), self.corners).all():
            return False
        if any(_overlap(quad, other) for other in self.claims):
            return False
        self.claims.append(quad)
        return True

    def put(self, group: Group, where: np.ndarray, angle: float) -> None:
        """Stand the group's things at `where`, turned by `angle`."""
        self.things += [place(t, where[0], where[1], 0, angle) for t in group.things]


def _quad(where: np.ndarray, angle: float, width: Metres, depth: Metres) -> np.ndarray:
    """The footprint |x| <= width/2, 0 <= y <= depth turned by `angle` and moved to `where`."""
    corners = np.array([(-0.5, 0), (0.5, 0), (0.5, 1), (-0.5, 1)]) * (width, depth)
    c, s = np.cos(angle), np.sin(angle)
    return corners @ np.array([(c, s), (-s, c)]) + where


def _against_wall(rng: Rng, layout: _Layout, maker, stands: bool = True) -> None:
    """Try to stand a new piece against some wall, or to hang it there."""
    for attempt in range(ATTEMPTS):
        if attempt % PLACES == 0:
            group = maker(rng)
        wall = layout.walls[rng.integers(len(layout.walls))]
        low = 0.0 if stands else group.height - 0.9
        s = wall.position(rng, group.width) if stands else rng.uniform(0, wall.length)
        s0, s1 = s - group.width / 2, s + group.width / 2
        if s0 < -1e-4 or s1 > wall.length + 1e-4 or not wall.free(s0, s1, low, group.height):
            continue
        gap = rng.uniform(0, 0.03) if stands else 0.0
        if stands:
            quad = _quad(wall.at(s, gap), wall.angle, group.width, group.depth)
            if not layout.claim(quad):
                continue
        wall.taken.append((s0, s1, low, group.height))
        layout.put(group, wall.at(s, gap), wall.angle)
        return


def _stand_free(rng: Rng, layout: _Layout, maker) -> None:
    """Try to stand a new piece somewhere on the floor."""
    low, high = layout.corners.min(0), layout.corners.max(0)
    for attempt in range(ATTEMPTS):
        if attempt % PLACES == 0:
            group = maker(rng)
        where = rng.uniform(low, high)
        angle = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.15)
        if layout.claim(_quad(where, angle, group.width, group.depth)):
            layout.put(group, where, angle)
            return


def _open(rng: Rng, layout: _Layout, kind: str) -> None:
    """Cut a door or a window into some wall."""
    for _ in range(ATTEMPTS):
        wall = layout.walls[rng.integers(len(layout.walls))]
        if kind == "door":
            group, recess = fx.door(rng)
            low = 0.0
        else:
            group, recess, low = fx.window(rng)
        w = group.width
        if wall.length < w + 0.1 or low + group.height > layout.height - 0.05:
            continue
        s = rng.uniform(w / 2 + 0.03, wall.length - w / 2 - 0.03)
        s0, s1, high = s - w / 2, s + w / 2, low + group.height
        if not wall.free(s0 - 0.1, s1 + 0.1, 0.0, layout.height):
            continue
        quad = _quad(wall.at(s), wall.angle, w, group.depth)
        if kind == "door" and not layout.claim(quad):
            continue
        wall.taken.append((s0, s1, low, high))
        wall.holes.append((s0, s1, low, high))
        deep, mid = recess + 0.03, (s0 + s1) / 2
        jambs = [move(box(0.01, deep, group.height), x, -deep / 2, low) for x in (s0, s1)]
        lids = [move(box(w, deep, 0.01), mid, -deep / 2, z) for z in (low - 0.01, high)]
        wall.reveals += [*jambs, *lids] if recess > 0 else []
        layout.put(group, wall.at(s), wall.angle)
        return


def _shell(rng: Rng, layout: _Layout) -> list[Thing]:
    """Floor, ceiling and the walls, one instance for each side."""
    low, high = layout.corners.min(0) - 0.3, layout.corners.max(0) + 0.3
    size, middle = high - low, (low + high) / 2
    ground = move(box(size[0], size[1], 0.02), middle[0], middle[1], -0.02)
    lid = move(box(size[0], size[1], 0.02), middle[0], middle[1], layout.height)
    things = [
        thing("floor", (ground, m.floorboards(rng))),
        thing("ceiling", (lid, m.paint(rng, m.WHITES))),
    ]
    tiled = rng.random() < 0.15
    coat = m.tiles(rng) if tiled else m.paint(rng)
    skirting = m.paint(rng, m.WHITES + m.WOODS) if rng.random() < 0.7 else None
    for wall in layout.walls:
        own = m.paint(rng) if rng.random() < 0.15 else coat
        panel = wall_panel(wall.length, layout.height, wall.holes)
        parts = [(join(panel, *wall.reveals), own)]
        if skirting:
            ends = [0.0, *(v for h in sorted(wall.holes) if h[2] < 0.1 for v in h[:2]), wall.length]
            runs = zip(ends[::2], ends[1::2], strict=True)
            strips = [move(box(b - a, 0.02, 0.09), (a + b) / 2, 0.005) for a, b in runs]
            parts.append((join(*strips), skirting))
        item = thing("wall", *parts)
        things.append(place(item, wall.start[0], wall.start[1], 0, wall.angle))
    return things


def assemble(things: list[Thing], corners: np.ndarray, height: float, yaw: float) -> Room:
    """All things as one triangle soup, turned by `yaw` radians; instance i is things[i]."""
    parts = [(i, t.semantic, part) for i, t in enumerate(things) for part in t.parts]
    materials = list(dict.fromkeys(part.material for _, _, part in parts))
    row = {material: i for i, material in enumerate(materials)}
    count = [len(part.mesh.faces) for _, _, part in parts]
    mesh = join(*(part.mesh for _, _, part in parts))
    c, s = np.cos(yaw), np.sin(yaw)
    turned = mesh.vertices.astype(np.float64) @ np.array([(c, s, 0), (-s, c, 0), (0, 0, 1)])

    def per_face(values: list[int]) -> np.ndarray:
        return np.repeat(np.array(values, np.int32), count)

    return Room(
        vertices=turned.astype(np.float32),
        texture=np.concatenate([part.texture for _, _, part in parts]).astype(np.float32),
        faces=mesh.faces,
        face_material=per_face([row[part.material] for _, _, part in parts]),
        face_instance=per_face([i for i, _, _ in parts]),
        face_semantic=per_face([semantic for _, semantic, _ in parts]),
        materials=m.palette(materials),
        outline=(corners @ np.array([(c, s), (-s, c)])).astype(np.float32),
        height=height,
    )


def furnish(rng: Rng) -> Room:
    """A furnished room of a random kind; every Thing is one instance."""
    kind = list(SIDES)[rng.choice(len(SIDES), p=SHARES)]
    layout = _Layout(outline(rng, *SIDES[kind]), float(rng.uniform(2.3, 2.9)))
    openings = ["door"] * rng.integers(1, 3) + ["window"] * rng.integers(
        0 if kind == "bathroom" else 1, 4
    )
    for opening in openings:
        _open(rng, layout, opening)
    for maker, low, high in AGAINST_WALL[kind]:
        for _ in range(rng.integers(low, high + 1)):
            _against_wall(rng, layout, maker)
    for maker, low, high in STANDING_FREE[kind]:
        for _ in range(rng.integers(low, high + 1)):
            _stand_free(rng, layout, maker)
    for _ in range(rng.integers(1, 6)):
        _stand_free(rng, layout, st.on_floor)
    for maker, low, high in HUNG:
        for _ in range(rng.integers(low, high + 1)):
            _against_wall(rng, layout, maker, stands=False)
    if rng.random() < 0.35:
        # A rug goes under the furniture, so it claims nothing.
        rug = st.mat(rng)
        where = layout.corners.mean(0) + rng.normal(0, 0.4, 2)
        angle = rng.integers(4) * np.pi / 2
        if inside(_quad(where, angle, rug.width, rug.depth), layout.corners).all():
            layout.put(rug, where, angle)
    things = _shell(rng, layout) + layout.things
    return assemble(things, layout.corners, layout.height, float(rng.uniform(-np.pi, np.pi)))
