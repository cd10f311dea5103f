"""Seats, tables and beds.

Makers take a generator and give a `Group` (see `things`), or a Thing where they say so.
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
    legs,
    move,
    prism,
    rounded_box,
    surface,
    tube,
    turn,
)
from seggroup.synth.storage import cabinet_box
from seggroup.synth.things import Group, Thing, place, scatter, thing

Rng = np.random.Generator


def _bent_back(w: float, h: float, bend: float, lean: float, thick: float) -> Mesh:
    """A chair's back: a bent board that rises from the origin, its face towards +y."""

    def sheet(offset: float) -> Mesh:
        def shape(a: np.ndarray, b: np.ndarray) -> tuple:
            x = (b - 0.5) * w * (1 - 0.15 * a**3)
            return x, offset + bend * (2 * b - 1) ** 2 - lean * a * h, a * h

        return surface(shape, 7, 9)

    return join(sheet(0.0), sheet(-thick))


def chair(rng: Rng) -> Thing:
    """A Thing: kitchen, office, arm or shell chair of about 0.5 m, centred, facing +y."""
    w, d, seat = rng.uniform(0.4, 0.52), rng.uniform(0.4, 0.5), rng.uniform(0.42, 0.5)
    back, lean = rng.uniform(0.35, 0.55), rng.uniform(0.05, 0.25)
    soft = m.fabric(rng) if rng.random() < 0.6 else m.wood(rng)
    hard = m.wood(rng) if rng.random() < 0.5 else m.metal(rng)
    kind = rng.random()
    pad = move(rounded_box(w, d, rng.uniform(0.04, 0.09), 0.03, 4), z=seat - 0.05)
    board = _bent_back(w, back, rng.uniform(0.0, 0.08), lean, rng.uniform(0.03, 0.06))
    board = move(board, 0, -d / 2 + 0.02, seat + rng.uniform(0.0, 0.12))
    if kind < 0.4:  # four legs
        feet = legs(w - 0.04, d - 0.04, seat, rng.uniform(0.015, 0.025), rng.uniform(0, 0.1))
        posts = [
            tube((x, -d / 2 + 0.02, seat), (x, -d / 2 + 0.02 - lean * back, seat + back), 0.015)
            for x in (-w / 2 + 0.03, w / 2 - 0.03)
        ]
        return thing("chair", (join(feet, *posts), hard), (pad, soft), (board, soft))
    if kind < 0.8:  # office chair on a star
        star = [
            tube((0, 0, 0.1), (0.28 * np.cos(a), 0.28 * np.sin(a), 0.05), 0.03, 0.02)
            for a in np.linspace(0, 2 * np.pi, 6)[:-1] + rng.uniform(0, 1)
        ]
        arms = []
        if rng.random() < 0.6:
            for s in (-1, 1):
                arms.append(tube((s * w / 2, 0, seat), (s * (w / 2 + 0.04), 0, seat + 0.2), 0.02))
                arm = rounded_box(0.06, 0.26, 0.03, 0.015)
                arms.append(move(arm, s * (w / 2 + 0.04), 0, seat + 0.2))
        post = tube((0, 0, 0.08), (0, 0, seat), 0.03)
        black = m.plastic(rng, m.GREYS)
        return thing("chair", (join(post, *star, *arms), black), (pad, soft), (board, soft))
    shell = _bent_back(w, back + 0.1, 0.18, lean, 0.03)
    shell = move(shell, 0, -d / 2, seat - 0.08)
    feet = legs(w - 0.08, d - 0.08, seat, 0.02, 0.2)
    return thing("chair", (feet, hard), (pad, soft), (shell, soft))


def _top(rng: Rng, w: float, d: float, h: float) -> Mesh:
    thick = rng.uniform(0.025, 0.05)
    board = rounded_box(w, d, thick, 0.01) if rng.random() < 0.5 else box(w, d, thick)
    return move(board, z=h - thick)


def _seats(rng: Rng, w: float, d: float, share: float) -> list[Thing]:
    """Chairs about a table of w x d centred on the origin, pushed in more or less."""
    chairs = []
    like = chair(rng)
    for side, length, reach in ((0, w, d), (1, d, w), (2, w, d), (3, d, w)):
        count = int(length // 0.65)
        for i in range(count):
            if rng.random() < share:
                # Seats of a set share make and colour; a stranger now and then.
                item = like if rng.random() < 0.8 else chair(rng)
                along = (i - (count - 1) / 2) * length / count + rng.normal(0, 0.04)
                item = place(item, along, -reach / 2 - rng.uniform(-0.12, 0.3), 0, 0.0)
                chairs.append(place(item, angle=side * np.pi / 2 + rng.normal(0, 0.12)))
    return chairs


def _table(rng: Rng, w: float, d: float, h: float, name: str = "table") -> Thing:
    look = m.wood(rng) if rng.random() < 0.7 else m.paint(rng, m.WHITES + m.GREYS)
    legs_look = look if rng.random() < 0.5 else m.metal(rng)
    kind = rng.random()
    if kind < 0.6:
        feet = legs(w - 0.06, d - 0.06, h - 0.02, rng.uniform(0.02, 0.045))
    elif kind < 0.8:  # panels
        panel = box(0.03, d - 0.06, h - 0.02)
        feet = join(move(panel, -w / 2 + 0.05), move(panel, w / 2 - 0.05))
    else:  # trestle
        foot = join(box(0.08, 0.8 * d, 0.05), tube((0, 0, 0), (0, 0, h - 0.02), 0.04))
        feet = join(move(foot, -w / 3), move(foot, w / 3))
    return thing(name, (_top(rng, w, d, h), look), (feet, legs_look))


def dining(rng: Rng) -> Group:
    """A table with chairs and clutter, free-standing."""
    h = rng.uniform(0.7, 0.78)
    if rng.random() < 0.3:
        r = rng.uniform(0.45, 0.65)
        w = d = 2 * r
        profile = [(0.0, h - 0.03), (r, h - 0.03), (r, h), (0.0, h)]
        foot = [(0.28, 0.0), (0.26, 0.03), (0.05, 0.08), (0.05, h - 0.03)]
        table = thing("table", (join(lathe(profile, sides=28), lathe(foot)), m.wood(rng)))
        inner = 0.5
    else:
        w, d = rng.uniform(0.9, 2.2), rng.uniform(0.7, 1.0)
        table = _table(rng, w, d, h)
        inner = 0.8
    area = (-inner * w / 2, inner * w / 2, -inner * d / 2, inner * d / 2)
    items = [table, *_seats(rng, w, d, rng.uniform(0.4, 0.9))]
    items += scatter(rng, clutter.ON_TABLE, rng.integers(0, 5), area, h)
    depth = d + 0.9
    return Group(tuple(place(t, 0, depth / 2) for t in items), w + 0.6, depth, 0.0)


def coffee_table(rng: Rng) -> Group:
    """A low table or an ottoman."""
    w, d, h = rng.uniform(0.5, 1.2), rng.uniform(0.45, 0.7), rng.uniform(0.35, 0.5)
    if rng.random() < 0.2:
        body = crumple(rounded_box(w, d, h, 0.08, 5), rng, 0.02, 0.4)
        items = [thing("otherfurniture", (body, m.fabric(rng)))]
    else:
        items = [_table(rng, w, d, h)]
    area = (-0.4 * w, 0.4 * w, -0.35 * d, 0.35 * d)
    items += scatter(rng, clutter.ON_TABLE, rng.integers(0, 4), area, h)
    return Group(tuple(place(t, 0, d / 2) for t in items), w, d, h)


def desk(rng: Rng) -> Group:
    """A desk at the wall with a screen, clutter and a chair."""
    w, d, h = rng.uniform(1.0, 1.8), rng.uniform(0.55, 0.8), rng.uniform(0.7, 0.78)
    board = m.wood(rng) if rng.random() < 0.6 else m.paint(rng, m.WHITES + m.GREYS)
    body = [(_top(rng, w, d, h), board)]
    if rng.random() < 0.5:
        body.append((legs(w - 0.06, d - 0.06, h - 0.02, 0.025), m.metal(rng)))
    else:
        side = move(box(0.03, d - 0.04, h - 0.02), w / 2 - 0.03)
        body.append((join(side, turn(side, np.pi)), board))
    if rng.random() < 0.6:  # a chest of drawers under the top
        chest = move(box(0.4, d - 0.08, h - 0.04), rng.choice((-1, 1)) * (w / 2 - 0.25))
        body.append((chest, board if rng.random() < 0.6 else m.metal(rng)))
    if rng.random() < 0.3:  # a wing
        wing = prism(
            [(-w / 2, 0), (-w / 2 + 0.55, 0), (-w / 2 + 0.55, 0.55), (-w / 2, 0.55)], 0, 0.03
        )
        body.append((move(wing, 0, d / 2, h - 0.03), board))
    items = [thing("desk", *body)]
    for i in range(rng.integers(0, 3)):
        x = (i - 0.4) * 0.55 + rng.normal(0, 0.05)
        items.append(place(clutter.monitor(rng), x, -d / 4, h, rng.normal(0, 0.2)))
    area = (-0.45 * w, 0.45 * w, -0.1, 0.4 * d)
    items += scatter(rng, clutter.ON_DESK, rng.integers(2, 8), area, h)
    if rng.random() < 0.85:
        out = d / 2 + rng.uniform(-0.1, 0.35)
        seat = place(chair(rng), angle=np.pi + rng.normal(0, 0.5))
        items.append(place(seat, rng.normal(0, 0.15), out))
    if rng.random() < 0.4:
        items.append(place(clutter.bin_(rng), rng.uniform(-0.2, 0.2), 0))
    return Group(tuple(place(t, 0, d / 2) for t in items), w, d + 0.55, h)


def sofa(rng: Rng) -> Group:
    """A sofa or armchair with pillows; seats are separate cushions."""
    seats = int(rng.choice([1, 2, 2, 3, 3]))
    arm, d, h = rng.uniform(0.1, 0.25), rng.uniform(0.8, 1.0), rng.uniform(0.38, 0.48)
    w = seats * rng.uniform(0.58, 0.75) + 2 * arm
    look = m.fabric(rng)
    back = rng.uniform(0.75, 0.95)
    side = crumple(rounded_box(arm, d, rng.uniform(0.55, 0.68), 0.05, 4), rng, 0.01, 0.5)
    body = [
        move(rounded_box(w - 0.02, d - 0.05, h - 0.12, 0.03, 4), z=0.04),
        move(
            crumple(rounded_box(w - 0.02, 0.24, back, 0.09, 5), rng, 0.015, 0.5), 0, -d / 2 + 0.13
        ),
        move(side, -w / 2 + arm / 2),
        move(side, w / 2 - arm / 2),
    ]
    pitch = (w - 2 * arm) / seats
    for i in range(seats):
        seat = crumple(rounded_box(pitch - 0.005, d - 0.25, 0.17, 0.05, 5), rng, 0.012, 0.5)
        rest = crumple(rounded_box(pitch - 0.01, 0.17, back - h + 0.05, 0.06, 5), rng, 0.015, 0.4)
        x = (i - (seats - 1) / 2) * pitch
        body += [move(seat, x, 0.1, h - 0.12)]
        body += [move(turn(rest, 0.2, axis=0), x, -d / 2 + 0.3, h + 0.03)]
    items = [thing("sofa", *((mesh, look) for mesh in body))]
    for _ in range(rng.integers(0, 4)):
        tilt = rng.uniform(0.9, 1.2)
        pillow = clutter.pillow(rng)
        mesh, _, fabric = pillow.parts[0]
        if rng.random() < 0.3:
            fabric = look  # a pillow of the sofa's own cloth
        up = turn(mesh, -tilt - np.pi / 2, axis=0)
        x = rng.uniform(-1, 1) * (w / 2 - arm - 0.2)
        items.append(place(thing("pillow", (up, fabric)), x, -d / 2 + 0.45, h + 0.24))
    items += scatter(rng, clutter.ON_BED, rng.integers(0, 2), (-w / 4, w / 4, 0, d / 4), h + 0.05)
    gap = rng.uniform(0, 0.05)
    return Group(tuple(place(t, 0, d / 2 + gap) for t in items), w, d + gap, back)


def bed(rng: Rng) -> Group:
    """A bed with its head at the wall, mattress, blanket, pillows, sometimes night stands."""
    w, d, h = (
        float(rng.choice([0.95, 1.2, 1.5, 1.7])),
        rng.uniform(1.95, 2.1),
        rng.uniform(0.4, 0.6),
    )
    frame = m.wood(rng)
    cover = m.fabric(rng)
    linen = m.fabric(rng, m.WHITES + m.FABRICS)
    mattress = crumple(rounded_box(w, d, 0.25, 0.06, 6), rng, 0.012, 0.6)
    spread = rounded_box(w + 0.06, d * rng.uniform(0.5, 0.75), 0.3, 0.08, 14)
    spread = crumple(crumple(spread, rng, 0.035, 0.5), rng, 0.02, 0.2)
    foot = spread.vertices[:, 1].max()
    parts = [
        (box(w, d, h - 0.2), frame),
        (move(mattress, z=h - 0.22), linen),
        (move(spread, 0, d / 2 - foot, h - 0.23), cover),
    ]
    if rng.random() < 0.6:
        parts.append((move(box(w + 0.04, 0.06, rng.uniform(0.8, 1.2)), 0, -d / 2), frame))
    items = [thing("bed", *parts)]
    for i in range(1 if w < 1.3 else 2):
        x = 0.0 if w < 1.3 else (i - 0.5) * w / 2
        pillow = place(clutter.pillow(rng), angle=rng.normal(0, 0.12))
        items.append(place(pillow, x, -d / 2 + 0.3, h + 0.01))
    items += scatter(
        rng, clutter.ON_BED, rng.integers(0, 3), (-w / 3, w / 3, 0, d / 3), h + 0.06, 0.4
    )
    width = w + 0.1
    for s in (-1, 1):
        if rng.random() < 0.55:
            top = rng.uniform(0.4, 0.6)
            stand = cabinet_box(rng, "night stand", 0.42, 0.4, top, frame)
            x = s * (w / 2 + 0.24)
            items.append(place(stand, x, -d / 2 + 0.2))
            area = (x - 0.1, x + 0.1, -d / 2 + 0.1, -d / 2 + 0.3)
            items += scatter(rng, (clutter.lamp, clutter.book, clutter.cup), 2, area, top)
            width = w + 1.0
    return Group(tuple(place(t, 0, d / 2 + 0.03) for t in items), width, d + 0.05, h)
