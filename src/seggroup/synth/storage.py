"""Cabinets, shelves and odd pieces, and what lies on the floor.

Makers take a generator and give a `Group` (see `things`), or a Thing where they say so.
"""

from itertools import pairwise

import numpy as np

from seggroup.synth import clutter
from seggroup.synth import materials as m
from seggroup.synth.solids import Mesh, box, crumple, cushion, join, lathe, legs, move, rounded_box
from seggroup.synth.things import Group, Thing, place, scatter, thing

Rng = np.random.Generator


def cabinet_box(
    rng: Rng, name: str, w: float, d: float, h: float, look: m.Material | None = None
) -> Thing:
    """A closed cabinet with door leaves or drawers and handles on its front (+y), centred."""
    look = look or (m.wood(rng) if rng.random() < 0.6 else m.paint(rng, m.WHITES + m.GREYS))
    front = look if rng.random() < 0.6 else m.wood(rng)
    columns = max(1, round(w / rng.uniform(0.4, 0.6)))
    rows = int(rng.integers(1, 5)) if h < 1.3 else int(rng.integers(1, 3))
    leaf_w, leaf_h = w / columns, (h - 0.08) / rows
    leaves, handles = [], []
    for i in range(columns):
        for j in range(rows):
            x, z = (i - (columns - 1) / 2) * leaf_w, 0.06 + j * leaf_h
            out = d / 2 + rng.uniform(0.0, 0.012)
            leaves.append(move(box(leaf_w - 0.012, 0.02, leaf_h - 0.012), x, out, z))
            handle = rounded_box(0.12, 0.03, 0.02, 0.01)
            handles.append(move(handle, x, out + 0.02, z + 0.75 * leaf_h))
    return thing(name, (box(w, d, h), look), (join(*leaves), front), (join(*handles), m.metal(rng)))


def cabinet(rng: Rng) -> Group:
    """One to three cabinets, wardrobes or dressers side by side, clutter on the low ones."""
    d = rng.uniform(0.4, 0.62)
    count = int(rng.integers(1, 4))
    alike = m.wood(rng) if rng.random() < 0.5 else m.paint(rng, m.WHITES + m.GREYS)
    items: list[Thing] = []
    x, tallest = 0.0, 0.0
    h = rng.uniform(0.7, 1.1) if rng.random() < 0.6 else rng.uniform(1.6, 2.2)
    for _ in range(count):
        w = rng.uniform(0.5, 1.1)
        if rng.random() < 0.4:
            h = rng.uniform(0.7, 1.2)
        name = "dresser" if h < 1.2 and rng.random() < 0.25 else "cabinet"
        look = alike if rng.random() < 0.7 else None
        items.append(place(cabinet_box(rng, name, w, d, h, look), x + w / 2, d / 2))
        if h < 1.3:
            area = (x + 0.12, x + w - 0.12, 0.12, d - 0.1)
            items += scatter(rng, clutter.ON_SHELF, rng.integers(0, 4), area, h)
        elif rng.random() < 0.4:
            items.append(place(clutter.carton(rng), x + w / 2, d / 2, h))
        x += w
        tallest = max(tallest, h)
    return Group(tuple(place(t, -x / 2) for t in items), x, d + 0.02, tallest)


def bookshelf(rng: Rng) -> Group:
    """Open shelves, more or less full of books; every filled board is one instance of books."""
    w, d, h = rng.uniform(0.7, 1.4), rng.uniform(0.24, 0.36), rng.uniform(0.9, 2.1)
    look = m.wood(rng) if rng.random() < 0.7 else m.paint(rng, m.WHITES)
    boards = int(h / rng.uniform(0.3, 0.4)) + 1
    levels = np.linspace(0.04, h - 0.02, boards)
    side = box(0.025, d, h)
    frame = [move(side, -w / 2), move(side, w / 2), *(move(box(w, d, 0.025), z=z) for z in levels)]
    if rng.random() < 0.7:
        frame.append(move(box(w, 0.012, h), 0, -d / 2))
    name = "bookshelf" if rng.random() < 0.85 else "shelves"
    items = [thing(name, (join(*frame), look))]
    for low, high in pairwise(levels):
        fill = rng.random()
        if fill < 0.7:
            start, length = -w / 2 + 0.02, (w - 0.04) * rng.uniform(0.4, 1.0)
            row = clutter.books_row(rng, length, high - low - 0.04, d)
            items.append(place(row, start, -d / 2, low + 0.025))
        elif fill < 0.9:
            area = (-w / 2 + 0.1, w / 2 - 0.1, -d / 4, d / 4)
            items += scatter(rng, (clutter.bottle, clutter.cup, clutter.book), 3, area, low + 0.025)
    if h < 1.6:
        area = (-w / 2 + 0.15, w / 2 - 0.15, -d / 8, d / 8)
        items += scatter(rng, clutter.ON_SHELF, rng.integers(0, 3), area, h + 0.005)
    return Group(tuple(place(t, 0, d / 2 + 0.01) for t in items), w + 0.03, d + 0.02, h)


def tv_stand(rng: Rng) -> Group:
    """A low board with a television."""
    w, d, h = rng.uniform(1.0, 1.7), rng.uniform(0.38, 0.5), rng.uniform(0.4, 0.6)
    name = "cabinet" if rng.random() < 0.6 else "otherfurniture"
    items = [cabinet_box(rng, name, w, d, h)]
    screen, big = clutter.monitor(rng), rng.uniform(1.2, 1.9)
    grown = tuple(
        part._replace(mesh=Mesh(part.mesh.vertices * np.float32(big), part.mesh.faces))
        for part in screen.parts
    )
    items.append(place(screen._replace(parts=grown), z=h))
    area = (-w / 2 + 0.1, w / 2 - 0.1, -0.05, 0.15)
    items += scatter(rng, clutter.ON_SHELF, 2, area, h, 0.3)
    return Group(tuple(place(t, 0, d / 2 + 0.02) for t in items), w, d + 0.05, 1.2)


def odd(rng: Rng) -> Group:
    """Furniture without a class of its own: stools, racks, carts, bean bags, heaters."""
    kind = rng.integers(4)
    w, d, h = rng.uniform(0.35, 0.6), rng.uniform(0.35, 0.5), rng.uniform(0.4, 0.8)
    if kind == 0:
        stool = lathe([(0.0, h - 0.05), (0.18, h - 0.05), (0.18, h), (0.0, h)])
        item = thing(
            "otherfurniture", (stool, m.fabric(rng)), (legs(0.3, 0.3, h, 0.015), m.metal(rng))
        )
    elif kind == 1:
        boards = [move(box(w, d, 0.02), z=z) for z in np.linspace(0.1, h, 3)]
        rack = join(legs(w, d, h, 0.015), *boards)
        item = thing("otherfurniture", (rack, m.metal(rng)))
    elif kind == 2:
        bean = crumple(cushion(0.8, 0.8, 0.6, 0.9), rng, 0.06, 0.5)
        item, w, d = thing("otherfurniture", (bean, m.fabric(rng, m.BRIGHTS))), 0.8, 0.8
    else:
        w, d = rng.uniform(0.6, 1.2), 0.14
        ribs = [
            move(rounded_box(0.05, 0.1, 0.55, 0.02), x, 0, 0.12)
            for x in np.arange(-w / 2, w / 2, 0.06)
        ]
        item = thing("otherfurniture", (join(*ribs), m.paint(rng, m.WHITES)))
    top = [place(clutter.carton(rng), 0, 0, h)] if kind == 1 and rng.random() < 0.5 else []
    return Group(tuple(place(t, 0, d / 2 + 0.02) for t in (item, *top)), w, d + 0.03, h)


def on_floor(rng: Rng) -> Group:
    """Something that lies about: a bag, a carton, a plant, a floor lamp."""
    if rng.random() < 0.25:
        item = clutter.lamp(rng, rng.uniform(1.3, 1.7))
    else:
        item = clutter.ON_FLOOR[rng.integers(len(clutter.ON_FLOOR))](rng)
    turned = place(item, angle=rng.uniform(-0.5, 0.5))
    return Group((place(turned, 0, 0.26),), 0.5, 0.5, 0.5)


def mat(rng: Rng) -> Group:
    """A rug, lying flat: nearly the floor itself."""
    w, d = rng.uniform(1.2, 2.6), rng.uniform(0.8, 1.8)
    rug = crumple(rounded_box(w, d, 0.025, 0.01, 12), rng, 0.003, 0.6)
    return Group((place(thing("floor mat", (rug, m.carpet(rng))), 0, d / 2),), w, d, 0.0)
