"""Toy scans on disk, with truth in their vertex properties."""

import numpy as np
from helpers import bumpy_grid

from seggroup.geometry.prepare import prepare
from seggroup.io.ply import write_ply
from seggroup.types import Labels, Scan


def write_toy(folder, name, seed=0, side=24, classes=(1, 2, 5, 39)):
    """Write `name`.ply, a mesh in steps whose segments are dealt to four instances; its path.

    classes : the class ids of the four
    """
    rng = np.random.default_rng(seed)
    vertices, faces = bumpy_grid(rng, side)
    height = vertices[:, 2:] / vertices[:, 2].max()
    colors = np.clip(120 + 100 * height + rng.normal(0, 9, (len(vertices), 3)), 0, 255)
    scan = Scan(name, vertices * np.float32([0.1, 0.1, 0.5]), colors.astype(np.uint8), faces)
    instance = (prepare(scan).segments % 4).astype(np.int32)
    path = folder / f"{name}.ply"
    folder.mkdir(parents=True, exist_ok=True)
    write_ply(path, scan, Labels(np.array(classes, np.int32)[instance], instance))
    return path
