"""What is built in: kitchens, bathrooms, doors, windows, curtains, pictures and boards.

Groups stand on the floor with their back at y = 0 (see `things`); what hangs is a Group whose
z already is its height on the wall.
"""

import numpy as np

from seggroup.synth import clutter
from seggroup.synth import materials as m
from seggroup.synth.solids import (
    Mesh,
    box,
    crumple,
    join,
    lathe,
    move,
    prism,
    rounded_box,
    surface,
    tube,
)
from seggroup.synth.storage import cabinet_box
from seggroup.synth.things import Group, Thing, place, scatter, thing

Rng = np.random.Generator


def _slab_with_hole(w: float, d: float, thick: float, hole: tuple) -> Mesh:
    """A board |x| <= w/2, 0 <= y <= d with a hole (x0, x1, y0, y1)."""
    x0, x1, y0, y1 = hole
    a, b = -w / 2, w / 2
    strips = [(a, x0, 0, d), (x1, b, 0, d), (x0, x1, 0, y0), (x0, x1, y1, d)]
    return join(*(prism([(p, r), (q, r), (q, s), (p, s)], 0, thick) for p, q, r, s in strips))


def _basin(w: float, d: float, depth: float) -> Mesh:
    """An open bowl below z = 0, with a rim above it, centred."""

    def shape(a: np.ndarray, b: np.ndarray) -> tuple:
        angle = 2 * np.pi * b
        r = np.interp(a, [0, 0.5, 0.8, 0.9, 1.0], [0.0, 0.8, 0.97, 1.0, 1.06])
        z = np.interp(a, [0, 0.5, 0.8, 0.9, 1.0], [-depth, -depth, -0.3 * depth, 0.012, 0.004])
        x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.5
        y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.5
        return w / 2 * r * x, d / 2 * r * y, z

    return surface(shape, 12, 33)


def _tap() -> Mesh:
    return join(tube((0, 0, 0), (0, 0, 0.2), 0.016), tube((0, 0, 0.2), (0, 0.15, 0.16), 0.014))


def _sink_in_top(rng: Rng, name: str, w: float, d: float, h: float) -> list[Thing]:
    """A counter top of w x d at height h, with a sink let into it."""
    sw, sd = min(rng.uniform(0.42, 0.6), w - 0.2), min(rng.uniform(0.34, 0.42), d - 0.14)
    x, y = rng.uniform(-1, 1) * (w / 2 - sw / 2 - 0.08), d / 2 + 0.02
    hole = (x - sw / 2, x + sw / 2, y - sd / 2, y + sd / 2)
    slab = move(_slab_with_hole(w, d, 0.04, hole), z=h - 0.04)
    splash = move(box(w, 0.02, rng.uniform(0.05, 0.12)), 0, 0.012, h)
    stone = m.paint(rng, m.GREYS + m.WHITES + m.WOODS)
    shiny = m.metal(rng) if name == "counter" else m.porcelain(rng)
    tap = move(_tap(), x, y - sd / 2 - 0.015, h)
    bowl = move(_basin(sw, sd, rng.uniform(0.12, 0.2)), x, y, h)
    counter = thing(name, (slab, stone), (splash, stone))
    return [counter, thing("sink", (bowl, shiny), (tap, m.metal(rng)))]


def kitchen(rng: Rng) -> Group:
    """A run of base cabinets under a counter with a sink, stove, refrigerator, wall units."""
    d, h = rng.uniform(0.58, 0.65), rng.uniform(0.86, 0.93)
    counter = rng.uniform(1.4, 2.6)
    look = m.wood(rng) if rng.random() < 0.5 else m.paint(rng, m.WHITES + m.PAINTS)
    items = _sink_in_top(rng, "counter", counter, d + 0.02, h)
    units = max(2, round(counter / rng.uniform(0.6, 1.0)))
    for i in range(units):
        w = counter / units
        unit = cabinet_box(rng, "cabinet", w, d - 0.03, h - 0.04, look)
        items.append(place(unit, (i + 0.5) * w - counter / 2, d / 2))
    area = (-counter / 2 + 0.15, counter / 2 - 0.15, 0.1, 0.22)
    items += scatter(rng, clutter.ON_COUNTER, rng.integers(2, 7), area, h, 0.25)
    upper = rng.random() < 0.7
    if upper:
        for i in range(units):
            w = counter / units
            unit = cabinet_box(rng, "cabinet", w, 0.33, 0.65, look)
            items.append(place(unit, (i + 0.5) * w - counter / 2, 0.18, 1.4))
    left, right = -counter / 2, counter / 2
    if rng.random() < 0.75:
        items.append(place(_stove(rng, d, h), right + 0.3))
        right += 0.6
    if rng.random() < 0.85:
        fridge = _fridge(rng)
        items.append(place(fridge, left - 0.36))
        left -= 0.72
    middle = (left + right) / 2
    top = 2.05 if upper else 1.3
    return Group(tuple(place(t, -middle) for t in items), right - left, d + 0.1, top)


def _stove(rng: Rng, d: float, h: float) -> Thing:
    look = m.metal(rng) if rng.random() < 0.5 else m.paint(rng, m.WHITES)
    rings = [
        move(lathe([(0.0, 0.01), (0.08, 0.01), (0.09, 0.0)], sides=14), x, y, h)
        for x in (-0.14, 0.14)
        for y in (d / 2 - 0.12, d / 2 + 0.14)
    ]
    door = move(box(0.5, 0.03, 0.4), 0, d, 0.22)
    return thing(
        "otherfurniture",
        (move(box(0.58, d, h), 0, d / 2), look),
        (join(*rings), m.plastic(rng, ((0.08, 0.08, 0.08),))),
        (door, m.screen(rng)),
    )


def _fridge(rng: Rng) -> Thing:
    w, d, h = rng.uniform(0.58, 0.7), rng.uniform(0.6, 0.72), rng.uniform(1.3, 1.85)
    split = rng.uniform(0.55, 0.75) * h
    look = m.metal(rng) if rng.random() < 0.35 else m.paint(rng, m.WHITES)
    body = [
        move(box(w, d - 0.06, h), 0, d / 2),
        move(rounded_box(w, 0.07, split - 0.06, 0.02), 0, d, 0.05),
        move(rounded_box(w, 0.07, h - split - 0.01, 0.02), 0, d, split),
    ]
    handles = [
        tube((w / 2 - 0.06, d + 0.06, z), (w / 2 - 0.06, d + 0.06, z + 0.3), 0.014)
        for z in (split - 0.4, split + 0.08)
    ]
    return thing("refrigerator", (join(*body), look), (join(*handles), m.metal(rng)))


def fridge(rng: Rng) -> Group:
    """A refrigerator by itself."""
    return Group((place(_fridge(rng), 0, 0.03),), 0.75, 0.85, 1.8)


def vanity(rng: Rng) -> Group:
    """A wash basin: in a vanity, on a pedestal, or hung; a mirror above."""
    look = m.porcelain(rng)
    if rng.random() < 0.55:
        w, d, h = rng.uniform(0.7, 1.4), rng.uniform(0.46, 0.56), rng.uniform(0.8, 0.88)
        items = _sink_in_top(rng, "counter", w, d, h)
        unit = cabinet_box(rng, "cabinet", w - 0.02, d - 0.04, h - 0.04)
        items.append(place(unit, 0, d / 2))
        area = (-w / 2 + 0.08, w / 2 - 0.08, 0.06, 0.1)
        items += scatter(rng, (clutter.bottle, clutter.cup), rng.integers(1, 4), area, h)
    else:
        w, d, h = rng.uniform(0.5, 0.65), rng.uniform(0.42, 0.5), rng.uniform(0.78, 0.86)
        under = [(0.1, 0.0), (0.08, 0.3), (0.1, h - 0.25), (w / 2.1, h - 0.02), (w / 2.05, h)]
        foot = move(lathe(under, 0.8), 0, d / 2)
        bowl = move(_basin(0.9 * w, 0.75 * d, 0.14), 0, d / 2 + 0.03, h)
        tap = move(_tap(), 0, 0.06, h)
        items = [thing("sink", (foot, look), (bowl, look), (tap, m.metal(rng)))]
    pane = move(box(min(w, 0.9), 0.02, 0.7), 0, 0.015, 1.15)
    items.append(thing("mirror", (pane, m.glass(rng))))
    return Group(tuple(items), w, d + 0.05, 1.9)


def toilet(rng: Rng) -> Group:
    """A bowl with a seat and a tank."""
    look = m.porcelain(rng)
    w = rng.uniform(0.35, 0.4)
    bowl = [
        (0.11, 0.0),
        (0.10, 0.12),
        (0.15, 0.3),
        (w / 2, 0.4),
        (0.13, 0.4),
        (0.1, 0.25),
        (0, 0.22),
    ]
    if rng.random() < 0.5:  # lid down
        bowl = [*bowl[:4], (w / 2, 0.43), (0.0, 0.44)]
    body = move(lathe(bowl, 1.3), 0, 0.45)
    tank = move(rounded_box(0.42, 0.2, 0.38, 0.04), 0, 0.12, 0.38)
    neck = move(box(0.2, 0.3, 0.36), 0, 0.2)
    items = [thing("toilet", (join(body, tank, neck), look))]
    if rng.random() < 0.4:
        items.append(place(clutter.bottle(rng), 0, 0.12, 0.76))
    if rng.random() < 0.4:
        items.append(place(clutter.bin_(rng), 0.4, 0.2))
    return Group(tuple(items), 0.55, 0.85, 0.8)


def bathtub(rng: Rng) -> Group:
    """A tub along the wall, often with a curtain before it."""
    w, d, h = rng.uniform(1.45, 1.75), rng.uniform(0.7, 0.8), rng.uniform(0.42, 0.55)
    look = m.porcelain(rng)
    rim = move(
        _slab_with_hole(w, d, 0.04, (-w / 2 + 0.08, w / 2 - 0.08, 0.08, d - 0.08)), z=h - 0.04
    )
    bowl = move(_basin(w - 0.16, d - 0.16, h - 0.08), 0, d / 2, h)
    apron = move(box(w, 0.03, h - 0.04), 0, d - 0.02)
    ends = [move(box(0.03, d, h - 0.04), s * (w / 2 - 0.02), d / 2) for s in (-1, 1)]
    items = [thing("bathtub", (join(rim, bowl, apron, *ends), look))]
    if rng.random() < 0.75:
        drawn = rng.uniform(0.3, 0.75)
        cloth = place(_cloth(rng, "shower curtain", w * drawn, 1.6), 0, d + 0.02, 0.4)
        items.append(place(cloth, rng.choice((-1, 1)) * w * (1 - drawn) / 2))
        rod = tube((-w / 2, d + 0.02, 2.02), (w / 2, d + 0.02, 2.02), 0.015)
        items.append(thing("otherstructure", (rod, m.metal(rng))))
    items += scatter(rng, (clutter.bottle,), 2, (-w / 3, w / 3, 0.03, 0.05), h)
    return Group(tuple(items), w, d + 0.12, 2.0)


def shower(rng: Rng) -> Group:
    """A shower stall behind a curtain."""
    w = rng.uniform(0.85, 1.1)
    tray = thing(
        "otherstructure", (move(rounded_box(w, w, 0.12, 0.03), 0, w / 2), m.porcelain(rng))
    )
    cloth = place(_cloth(rng, "shower curtain", w * rng.uniform(0.5, 1.0), 1.75), 0, w, 0.2)
    return Group((tray, cloth), w, w + 0.1, 2.0)


def _cloth(rng: Rng, name: str, w: float, h: float) -> Thing:
    """A hanging cloth in folds, its bottom at z = 0, at y = 0."""
    folds, deep, phase = rng.uniform(4, 9) * w, rng.uniform(0.015, 0.05), rng.uniform(0, 6)

    def shape(a: np.ndarray, b: np.ndarray) -> tuple:
        wave = np.sin(2 * np.pi * folds * b + phase + 0.8 * np.sin(3 * a))
        return (b - 0.5) * w * (1 - 0.06 * np.sin(3 * a)), deep * wave * (1.2 - 0.6 * a), a * h

    mesh = crumple(surface(shape, 10, max(24, int(14 * folds))), rng, 0.012, 0.4)
    return thing(name, (mesh, m.fabric(rng, m.FABRICS + m.PAINTS)))


def door(rng: Rng) -> tuple[Group, float]:
    """A door leaf with frame and knob, and how deep it lies in the wall (metres)."""
    w, h = rng.uniform(0.8, 0.98), rng.uniform(1.98, 2.1)
    look = m.wood(rng) if rng.random() < 0.5 else m.paint(rng, m.WHITES + m.PAINTS)
    recess = float(rng.choice([0.0, 0.04, 0.1]))
    leaf = [box(w - 0.1, 0.03, h - 0.05)]
    if rng.random() < 0.5:  # raised panels
        leaf += [
            move(box(0.28 * w, 0.02, 0.32 * h), x, 0.02, z)
            for x in (-0.2 * w, 0.2 * w)
            for z in (0.12 * h, 0.55 * h)
        ]
    jambs = [move(box(0.07, 0.05 + recess, h), s * (w / 2 - 0.035), recess / 2) for s in (-1, 1)]
    head = move(box(w, 0.05 + recess, 0.07), 0, recess / 2, h - 0.07)
    knob = tube((0.38 * w, 0.01, 1.0), (0.38 * w, 0.08, 1.0), 0.025)
    frame = look if rng.random() < 0.6 else m.paint(rng, m.WHITES)
    item = thing("door", (join(*leaf), look), (join(*jambs, head), frame), (knob, m.metal(rng)))
    return Group((place(item, 0, -recess + 0.005),), w, 0.9, h), recess


def window(rng: Rng) -> tuple[Group, float, float]:
    """A window, how deep it lies, and its sill's height; blinds or curtains before it."""
    w, h = rng.uniform(0.7, 2.0), rng.uniform(0.9, 1.4)
    sill, recess = rng.uniform(0.7, 1.0), float(rng.choice([0.0, 0.08, 0.14, 0.2]))
    look = m.paint(rng, m.WHITES) if rng.random() < 0.7 else m.wood(rng)
    bars = [
        move(box(w, 0.06, 0.06), z=0), move(box(w, 0.06, 0.06), z=h - 0.06),
        move(box(0.06, 0.06, h), -w / 2 + 0.03), move(box(0.06, 0.06, h), w / 2 - 0.03),
    ]  # fmt: skip
    for i in range(rng.integers(0, 3)):
        bars.append(move(box(0.05, 0.05, h), (i + 1) * w / 3 - w / 2))
    pane = move(box(w - 0.1, 0.01, h - 0.1), 0, -0.01, 0.05)
    frame = thing("window", (join(*bars), look), (pane, m.glass(rng)))
    items = [place(frame, 0, -recess + 0.01, sill)]
    kind = rng.random()
    if kind < 0.45:
        bottom = 0.05 if rng.random() < 0.6 else sill - 0.15
        tall = sill + h + 0.12 - bottom
        for s in (-1, 1):
            cloth = _cloth(rng, "curtain", w * rng.uniform(0.25, 0.5), tall)
            items.append(place(cloth, s * w * 0.42, 0.07, bottom))
        rod = tube((-0.65 * w, 0.07, sill + h + 0.13), (0.65 * w, 0.07, sill + h + 0.13), 0.014)
        items.append(thing("otherprop", (rod, m.metal(rng))))
    elif kind < 0.65:
        drawn = h * rng.uniform(0.3, 0.95)
        slats = [move(box(w - 0.02, 0.025, 0.012), z=z) for z in np.arange(h - drawn, h, 0.03)]
        items.append(place(thing("blinds", (join(*slats), m.paint(rng, m.WHITES))), 0, 0.03, sill))
    return Group(tuple(items), w, 0.12, h), recess, sill


def picture(rng: Rng) -> Group:
    """A picture or poster, nearly in the wall's plane; z is its height."""
    w, h, thick = rng.uniform(0.25, 1.1), rng.uniform(0.3, 0.9), rng.uniform(0.008, 0.03)
    z = rng.uniform(1.15, 1.5)
    sheet = move(box(w, 0.004, h), 0, thick, z)
    if rng.random() < 0.3:
        return Group(
            (thing("picture", (move(sheet, y=-thick / 2), m.print_(rng))),), w, 0.02, z + h
        )
    frame = move(box(w + 0.05, thick, h + 0.05), 0, thick / 2, z - 0.025)
    look = m.wood(rng) if rng.random() < 0.6 else m.plastic(rng)
    return Group((thing("picture", (frame, look), (sheet, m.print_(rng))),), w, 0.02, z + h)


def hanging(rng: Rng) -> Group:
    """A whiteboard, a mirror, a towel, a wall shelf with things on it or a hung coat."""
    kind = rng.integers(5)
    if kind == 0:
        w, h = rng.uniform(1.2, 2.2), rng.uniform(0.9, 1.2)
        board = thing(
            "whiteboard",
            (move(box(w, 0.02, h), 0, 0.015, 0.9), m.paint(rng, m.WHITES)),
            (move(box(w, 0.06, 0.02), 0, 0.04, 0.89), m.metal(rng)),
        )
        return Group((board,), w, 0.08, 0.9 + h)
    if kind == 1:
        w, h = rng.uniform(0.4, 0.9), rng.uniform(0.6, 1.2)
        pane = thing("mirror", (move(box(w, 0.025, h), 0, 0.015, 0.9), m.glass(rng)))
        return Group((pane,), w, 0.05, 0.9 + h)
    if kind == 2:
        cloth = place(
            _cloth(rng, "towel", rng.uniform(0.3, 0.5), rng.uniform(0.4, 0.8)), 0, 0.05, 0.7
        )
        return Group((cloth,), 0.5, 0.1, 1.5)
    if kind == 3:
        w, d = rng.uniform(0.6, 1.2), rng.uniform(0.18, 0.26)
        z = rng.uniform(1.3, 1.6)
        board = thing("shelves", (move(box(w, d, 0.025), 0, d / 2, z), m.wood(rng)))
        row = place(
            clutter.books_row(rng, w * rng.uniform(0.3, 0.6), 0.25, d), -w / 2, 0, z + 0.025
        )
        more = scatter(
            rng, (clutter.bottle, clutter.plant), 2, (0.2 * w, 0.4 * w, 0.08, 0.12), z + 0.025
        )
        return Group((board, row, *more), w, d, z + 0.4)
    coat = crumple(rounded_box(0.45, 0.14, 0.95, 0.06, 8), rng, 0.05, 0.35)
    look = m.fabric(rng)
    return Group((thing("clothes", (move(coat, 0, 0.08, 0.75), look)),), 0.5, 0.16, 1.75)
