"""Fixtures that every folder of tests shares."""

import os
from pathlib import Path

import numpy as np
import pytest

from seggroup.types import Scan

# Toys: the threads of torch would only wait for one another. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

REAL_DATA = "SEGGROUP_REAL_DATA"  # the folder of real scans that are not in the repository


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real scans; the test is skipped where the environment names none."""
    if REAL_DATA not in os.environ:
        pytest.skip(f"{REAL_DATA} names no folder of real scans")
    return Path(os.environ[REAL_DATA])


@pytest.fixture(scope="session")
def small_mesh() -> Scan:
    """An L-shaped room, 4 m by 4 m by 2 m, without ceiling, in one connected surface.

    The floor is brown, each of the six walls has its own shade. About 600 vertices.
    """
    corners = [(0, 0), (4, 0), (4, 2), (2, 2), (2, 4), (0, 4)]
    n = 8  # vertices a side of the smallest square
    quads, shades = [], []

    def patch(origin: tuple, u: tuple, v: tuple, nu: int, nv: int, shade: tuple) -> None:
        a, b = np.meshgrid(np.arange(nu), np.arange(nv), indexing="ij")
        for du, dv in ((0, 0), (1, 0), (1, 1), (0, 1)):
            s, t = (a + du).ravel() / nu, (b + dv).ravel() / nv
            quads.append(origin + np.outer(s, u) + np.outer(t, v))
        shades.append(np.tile(np.array(shade, np.uint8), (4 * a.size, 1)))

    brown = (120, 90, 60)
    patch((0, 0, 0), (4, 0, 0), (0, 2, 0), 2 * n, n, brown)
    patch((0, 2, 0), (2, 0, 0), (0, 2, 0), n, n, brown)
    for i, (start, end) in enumerate(zip(corners, corners[1:] + corners[:1], strict=True)):
        along = (end[0] - start[0], end[1] - start[1], 0)
        length = abs(along[0]) + abs(along[1])
        patch((*start, 0), along, (0, 0, 2), n * length // 2, n, (200 - 20 * i, 200, 150 + 10 * i))
    points = np.concatenate([np.stack(quads[i : i + 4], 1) for i in range(0, len(quads), 4)])
    colors = np.concatenate(shades)
    keys = np.round(points.reshape(-1, 3) * 1000).astype(np.int64)
    _, first, corner = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    squares = corner.reshape(-1, 4)
    faces = np.concatenate([squares[:, [0, 1, 2]], squares[:, [0, 2, 3]]]).astype(np.int32)
    vertices = (keys[first] / 1000).astype(np.float32)
    return Scan("small", vertices, colors[first], faces)
