"""A toy room with boxes on its floor, for the browser: ``python tests/toy_rooms.py OUT.ply``.

Prints, as JSON, where to click: a vertex of every instance that is seen from above. With --cloud
it is a cloud without faces.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from seggroup.classes import class_name
from seggroup.io.ply import write_ply
from seggroup.types import Labels, Scan

STEP = 0.1  # metres between vertices
SIDE = 6  # boxes in a row; each stands in the middle of a square of 1 m
CLASSES = (5, 7, 3, 29, 39, 14)  # chair, table, cabinet, box, otherfurniture, desk, in turn


def boxes_room(n_boxes=30, name="boxes"):
    """A floor of 6 m by 6 m (instance 0) with boxes of half a metre: the scan and its truth.

    About 15,000 faces for 30 boxes. A box's five sides are pieces that touch at their edges, and
    one segment each, so that every instance but the floor has several segments.
    """
    rng = np.random.default_rng(0)
    n = round(SIDE / STEP)
    pieces = [(_patch((0, 0, 0), (1, 0, 0), (0, 1, 0), n, n), (150, 120, 90), 0, 2)]
    for i in range(n_boxes):
        x, y = i % SIDE + 0.2, i // SIDE + 0.2
        color = rng.integers(40, 230, 3)
        for side, patch in enumerate(_box(x, y, 0.5, 0.3 + 0.1 * (i % 4))):
            shade = np.clip(color * (1 - 0.08 * side), 0, 255)
            pieces.append((patch, shade, i + 1, CLASSES[i % len(CLASSES)]))
    vertices, faces, colors, instance, semantic, offset = [], [], [], [], [], 0
    for (points, triangles), color, number, class_id in pieces:
        vertices.append(points)
        faces.append(triangles + offset)
        offset += len(points)
        noise = rng.normal(0, 3, (len(points), 3))
        colors.append(np.clip(np.asarray(color) + noise, 0, 255).astype(np.uint8))
        instance.append(np.full(len(points), number, np.int32))
        semantic.append(np.full(len(points), class_id, np.int32))
    scan = Scan(
        name,
        np.concatenate(vertices).astype(np.float32),
        np.concatenate(colors),
        np.concatenate(faces).astype(np.int32),
    )
    return scan, Labels(np.concatenate(semantic), np.concatenate(instance))


def _box(x, y, width, height):
    """The top and the four sides of a box that stands on the floor at (x, y)."""
    n, h = round(width / STEP), round(height / STEP)
    right, back, up = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    yield _patch((x, y, height), right, back, n, n)
    yield _patch((x, y, 0), right, up, n, h)
    yield _patch((x + width, y, 0), back, up, n, h)
    yield _patch((x, y + width, 0), up, right, h, n)
    yield _patch((x, y, 0), up, back, h, n)


def _patch(origin, u, v, nu, nv):
    """A flat grid of nu by nv squares from `origin` along u and v, facing u x v."""
    a, b = (grid.ravel() for grid in np.meshgrid(range(nu + 1), range(nv + 1), indexing="ij"))
    points = np.asarray(origin) + STEP * (np.outer(a, u) + np.outer(b, v))
    corner = (np.arange(nu)[:, None] * (nv + 1) + np.arange(nv)).ravel()
    right, up, both = corner + nv + 1, corner + 1, corner + nv + 2
    faces = np.concatenate([np.stack([corner, right, both], 1), np.stack([corner, both, up], 1)])
    return points, faces


def targets(scan, truth):
    """For every instance its number, its class and the vertex in the middle of its top."""
    for instance in np.unique(truth.instance):
        own = np.flatnonzero(truth.instance == instance)
        top = own[scan.vertices[own, 2] >= scan.vertices[own, 2].max()]
        middle = scan.vertices[top].mean(axis=0)
        nearest = top[np.linalg.norm(scan.vertices[top] - middle, axis=1).argmin()]
        semantic = truth.semantic[nearest]
        yield {
            "instance": int(instance),
            "semantic": int(semantic),
            "class": class_name(int(semantic)),
            "vertex": int(nearest),
        }


def turned(scene, degrees):
    """The scene shifted, and turned about the vertical."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    scan = replace(
        scene.scan,
        vertices=(scene.scan.vertices @ turn.T + [3.0, -2.0, 1.5]).astype(np.float32),
        normals=(scene.scan.normals @ turn.T).astype(np.float32),
    )
    return replace(scene, scan=scan)


if __name__ == "__main__":
    scan, truth = boxes_room(name=Path(sys.argv[1]).stem)
    if "--cloud" in sys.argv:
        scan = replace(scan, faces=scan.faces[:0])
    write_ply(Path(sys.argv[1]), scan, truth)
    print(json.dumps(list(targets(scan, truth))))
