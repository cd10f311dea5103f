"""An object before it stands in a room: painted parts, and how to put it somewhere.

Objects are made in their own frame in metres: x along the wall, y away from the wall (the back
is at y = 0), z up from what they stand on. A `Group` is what is placed together, such as a
desk with its monitor, its clutter and its chair; it claims the footprint |x| <= width/2,
0 <= y <= depth, and height on the wall.
"""

from typing import NamedTuple

import numpy as np

from seggroup.classes import NYU40_IDS
from seggroup.synth.materials import Material
from seggroup.synth.solids import Mesh, Metres, move, turn


class Part(NamedTuple):
    """A mesh of one material; `texture` are its vertices in the object's own frame."""

    mesh: Mesh
    texture: np.ndarray
    material: Material


class Thing(NamedTuple):
    """One instance: a NYU40 class id and its parts."""

    semantic: int
    parts: tuple[Part, ...]


class Group(NamedTuple):
    """Things that are placed together, and the space that they claim in metres."""

    things: tuple[Thing, ...]
    width: Metres
    depth: Metres
    height: Metres


def thing(name: str, *parts: tuple[Mesh, Material]) -> Thing:
    """An instance of the NYU40 class `name`."""
    return Thing(NYU40_IDS[name], tuple(Part(mesh, mesh.vertices, look) for mesh, look in parts))


def place(
    item: Thing, x: Metres = 0, y: Metres = 0, z: Metres = 0, angle: float | int = 0
) -> Thing:
    """The thing turned about z by `angle` radians, then shifted by (x, y, z) metres."""
    return Thing(
        item.semantic,
        tuple(
            Part(move(turn(part.mesh, angle), x, y, z), part.texture, part.material)
            for part in item.parts
        ),
    )


def scatter(
    rng: np.random.Generator,
    makers: tuple,
    count: int | np.integer,
    area: tuple[Metres, Metres, Metres, Metres],
    z: Metres,
    clearance: Metres = 0.13,
) -> list[Thing]:
    """Up to `count` small things on the area (x0, x1, y0, y1) at height z, not too close."""
    x0, x1, y0, y1 = area
    things: list[Thing] = []
    taken: list[tuple[float, float]] = []
    for _ in range(3 * count):
        if len(things) == count or x1 <= x0 or y1 <= y0:
            break
        x, y = rng.uniform(x0, x1), rng.uniform(y0, y1)
        if all(np.hypot(x - a, y - b) > clearance for a, b in taken):
            taken.append((x, y))
            maker = makers[rng.integers(len(makers))]
            things.append(place(maker(rng), x, y, z, rng.uniform(-np.pi, np.pi)))
    return things
