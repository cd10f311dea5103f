"""Small things that lie, stand and hang about: on tables, shelves, beds and floors.

Every maker takes a generator and gives a Thing centred on the origin, standing on z = 0.
"""

import numpy as np

from seggroup.synth import materials as m
from seggroup.synth.solids import box, crumple, cushion, join, lathe, move, rounded_box, tube, turn
from seggroup.synth.things import Thing, thing

Rng = np.random.Generator


def book(rng: Rng) -> Thing:
    """A small pile of lying books."""
    parts, z = [], 0.0
    for _ in range(rng.integers(1, 5)):
        w, d, h = rng.uniform(0.14, 0.24), rng.uniform(0.18, 0.30), rng.uniform(0.015, 0.05)
        look = m.plastic(rng, m.BRIGHTS) if rng.random() < 0.6 else m.print_(rng)
        parts.append((move(turn(box(w, d, h), rng.normal(0, 0.15)), z=z), look))
        z += h
    return thing("books", *parts)


def books_row(rng: Rng, length: float, height: float, depth: float) -> Thing:
    """Books standing side by side from x = 0 to `length`, backs to the front of a shelf."""
    parts, x = [], 0.0
    while x < length - 0.02:
        w = min(rng.uniform(0.015, 0.06), length - x)
        h = height * rng.uniform(0.65, 0.98)
        d = depth * rng.uniform(0.6, 0.9)
        lean = rng.normal(0, 0.1) if rng.random() < 0.15 else 0.0
        look = m.plastic(rng, m.BRIGHTS + m.FABRICS)
        parts.append((move(turn(box(w, d, h), lean, axis=1), x + w / 2, depth * 0.5), look))
        x += w
    return thing("books", *parts)


def paper(rng: Rng) -> Thing:
    """A few sheets, slightly bent."""
    sheets = [
        move(turn(box(0.21, 0.297, 0.004), rng.normal(0, 0.4)), rng.normal(0, 0.04), 0, 0.003 * i)
        for i in range(rng.integers(1, 4))
    ]
    return thing("paper", (join(*sheets), m.paint(rng, m.WHITES)))


def bottle(rng: Rng) -> Thing:
    """A bottle, a vase or a can."""
    r, h = rng.uniform(0.03, 0.06), rng.uniform(0.12, 0.35)
    neck = rng.uniform(0.3, 1.0) * r
    profile = [(0.0, 0.0), (r, 0.0), (r, 0.6 * h), (neck, 0.8 * h), (neck, h), (0.0, h)]
    return thing("otherprop", (lathe(profile, sides=12), m.plastic(rng, m.BRIGHTS)))


def cup(rng: Rng) -> Thing:
    """A mug or a bowl."""
    r, h = rng.uniform(0.04, 0.11), rng.uniform(0.06, 0.11)
    profile = [(0.0, 0.0), (0.7 * r, 0.0), (r, h), (0.9 * r, h), (0.6 * r, 0.02), (0.0, 0.02)]
    return thing("otherprop", (lathe(profile, sides=14), m.plastic(rng, m.BRIGHTS + m.WHITES)))


def plant(rng: Rng) -> Thing:
    """A pot with leaves."""
    r, h = rng.uniform(0.07, 0.16), rng.uniform(0.12, 0.3)
    pot = lathe([(0.0, 0.0), (0.75 * r, 0.0), (r, h), (0.85 * r, h), (0.8 * r, h - 0.03)], sides=14)
    leaves = []
    for _ in range(rng.integers(8, 16)):
        size = rng.uniform(0.08, 0.2) * (1 + r * 4)
        leaf = crumple(cushion(size, 0.4 * size, 0.012), rng, 0.015, 0.15)
        leaf = turn(turn(move(leaf, x=size * 0.6), rng.uniform(-1.3, 0.2), 1), rng.uniform(0, 6.3))
        leaves.append(move(leaf, z=h + rng.uniform(0, 0.15 + 1.2 * r)))
    stem = tube((0, 0, h - 0.04), (0, 0, h + 0.15 + r), 0.012)
    green = m.plastic(rng, ((0.18, 0.35, 0.12), (0.30, 0.42, 0.20)))
    look = m.plastic(rng, m.BRIGHTS + m.WOODS)
    return thing("otherprop", (pot, look), (join(stem, *leaves), green))


def lamp(rng: Rng, height: float = 0.0) -> Thing:
    """A table lamp, or a floor lamp of the given height in metres."""
    h = height or rng.uniform(0.35, 0.65)
    r, top = rng.uniform(0.1, 0.2), rng.uniform(0.5, 0.9)
    foot = lathe([(0.0, 0.0), (0.6 * r + 0.03, 0.0), (0.5 * r, 0.03), (0.015, 0.05)], sides=14)
    stem = tube((0, 0, 0.03), (0, 0, h - 0.08), 0.015)
    shade = lathe([(r, h - 0.22), (r * top, h)], sides=16)
    shade_look = m.paint(rng, m.PAINTS + m.WHITES)
    return thing("lamp", (join(foot, stem), m.metal(rng)), (shade, shade_look))


def carton(rng: Rng) -> Thing:
    """A cardboard box, sometimes open."""
    w, d, h = rng.uniform(0.2, 0.5), rng.uniform(0.15, 0.4), rng.uniform(0.12, 0.4)
    look = m.plastic(rng, ((0.60, 0.46, 0.30), (0.68, 0.55, 0.38), (0.75, 0.74, 0.72)))
    body = [box(w, d, h)]
    if rng.random() < 0.4:
        flap = turn(box(w, d / 2, 0.006), rng.uniform(-0.9, 0.5), axis=0)
        body += [move(flap, 0, d / 2 + 0.05, h), move(turn(flap, np.pi), 0, -d / 2 - 0.05, h)]
    return thing("box", (join(*body), look))


def bag(rng: Rng) -> Thing:
    """A backpack or a shopping bag."""
    w, d, h = rng.uniform(0.25, 0.4), rng.uniform(0.14, 0.25), rng.uniform(0.3, 0.5)
    body = crumple(rounded_box(w, d, h, 0.08, 6), rng, 0.03, 0.3)
    pocket = crumple(move(rounded_box(0.7 * w, 0.1, 0.5 * h, 0.04, 4), 0, d / 2), rng, 0.01, 0.2)
    look = m.fabric(rng)
    return thing("bag", (body, look), (pocket, look))


def pillow(rng: Rng) -> Thing:
    """A lying pillow."""
    w, d = rng.uniform(0.38, 0.7), rng.uniform(0.35, 0.48)
    body = crumple(cushion(w, d, rng.uniform(0.1, 0.18), rng.uniform(0.3, 0.5)), rng, 0.02, 0.35)
    return thing("pillow", (body, m.fabric(rng, m.FABRICS + m.WHITES)))


def clothes(rng: Rng) -> Thing:
    """A heap of cloth."""
    w, d, h = rng.uniform(0.25, 0.6), rng.uniform(0.2, 0.45), rng.uniform(0.06, 0.2)
    body = crumple(crumple(cushion(w, d, h, 0.7), rng, 0.06, 0.35), rng, 0.03, 0.12)
    return thing("clothes", (body, m.fabric(rng, m.FABRICS + m.BRIGHTS)))


def bin_(rng: Rng) -> Thing:
    """A waste bin."""
    r, h = rng.uniform(0.12, 0.2), rng.uniform(0.25, 0.5)
    profile = [(0.0, 0.0), (0.8 * r, 0.0), (r, h), (0.93 * r, h), (0.75 * r, 0.04), (0.0, 0.04)]
    stretch = rng.uniform(0.6, 1.0)
    return thing("otherprop", (lathe(profile, stretch), m.plastic(rng, m.GREYS + m.BRIGHTS)))


def monitor(rng: Rng) -> Thing:
    """A screen on a foot, facing +y."""
    w = rng.uniform(0.4, 0.65)
    h = w * rng.uniform(0.58, 0.75)
    thick, lift = rng.uniform(0.03, 0.07), rng.uniform(0.08, 0.16)
    frame = m.plastic(rng, m.GREYS)
    foot = join(
        lathe([(0.0, 0.0), (0.12, 0.0), (0.11, 0.02), (0.0, 0.025)], 0.7, 14),
        tube((0, 0, 0.01), (0, -0.02, lift + 0.1), 0.025),
    )
    case = move(rounded_box(w, thick, h, 0.015), 0, 0, lift)
    pane = move(box(w - 0.04, 0.004, h - 0.04), 0, thick / 2 + 0.001, lift + 0.02)
    return thing("television", (foot, frame), (case, frame), (pane, m.screen(rng)))


def keyboard(rng: Rng) -> Thing:
    """A keyboard, a tray or a closed laptop."""
    w, d, h = rng.uniform(0.32, 0.46), rng.uniform(0.13, 0.26), rng.uniform(0.02, 0.035)
    return thing("otherprop", (rounded_box(w, d, h, 0.008), m.plastic(rng, m.GREYS)))


def laptop(rng: Rng) -> Thing:
    """An open laptop, facing +y."""
    w, d = rng.uniform(0.3, 0.38), rng.uniform(0.21, 0.26)
    lid = move(
        turn(move(box(w, 0.012, d), 0, 0, 0), rng.uniform(0.1, 0.5), axis=0), 0, -d / 2, 0.01
    )
    look = m.plastic(rng, m.GREYS)
    return thing("otherprop", (box(w, d, 0.018), look), (lid, m.screen(rng)))


def appliance(rng: Rng) -> Thing:
    """A kettle, toaster, coffee machine or microwave."""
    w, d, h = rng.uniform(0.18, 0.45), rng.uniform(0.18, 0.34), rng.uniform(0.18, 0.36)
    body = rounded_box(w, d, h, rng.uniform(0.01, 0.06), 2)
    window = move(box(0.6 * w, 0.006, 0.6 * h), -0.1 * w, d / 2, 0.2 * h)
    look = m.metal(rng) if rng.random() < 0.4 else m.plastic(rng, m.GREYS + m.WHITES)
    return thing("otherprop", (body, look), (window, m.screen(rng)))


def shoes(rng: Rng) -> Thing:
    """A pair of shoes."""
    shoe = join(
        rounded_box(0.09, 0.27, 0.06, 0.03), move(cushion(0.09, 0.14, 0.07), 0, -0.06, 0.05)
    )
    return thing("otherprop", (join(move(shoe, -0.07), move(shoe, 0.07)), m.fabric(rng)))


ON_DESK = (book, paper, paper, cup, bottle, keyboard, laptop, lamp, carton)
ON_TABLE = (book, cup, cup, bottle, plant, paper, laptop, bag)
ON_COUNTER = (bottle, bottle, cup, appliance, appliance, carton)
ON_SHELF = (book, bottle, carton, plant, cup, lamp)
ON_BED = (clothes, book, bag, laptop)
ON_FLOOR = (bag, carton, bin_, plant, shoes, clothes)
