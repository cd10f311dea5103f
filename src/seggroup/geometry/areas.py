"""Normals of meshes that are weighted by area, as trainers compute them."""

import typing

import numpy as np
from jaxtyping import Float32, Int32
from numba import njit


@njit(cache=True)
@typing.no_type_check
def _area_normals(vertices, faces):
    sums = np.zeros((len(vertices), 3), np.float64)
    for f in range(len(faces)):
        a, b, c = faces[f]
        ux = np.float64(vertices[b, 0]) - vertices[a, 0]
        uy = np.float64(vertices[b, 1]) - vertices[a, 1]
        uz = np.float64(vertices[b, 2]) - vertices[a, 2]
        wx = np.float64(vertices[c, 0]) - vertices[a, 0]
        wy = np.float64(vertices[c, 1]) - vertices[a, 1]
        wz = np.float64(vertices[c, 2]) - vertices[a, 2]
        nx, ny, nz = uy * wz - uz * wy, uz * wx - ux * wz, ux * wy - uy * wx
        for i in (a, b, c):
            sums[i, 0] += nx
            sums[i, 1] += ny
            sums[i, 2] += nz
    result = np.zeros((len(vertices), 3), np.float32)
    for i in range(len(vertices)):
        x, y, z = sums[i]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            result[i, 0], result[i, 1], result[i, 2] = x / length, y / length, z / length
    return result


def area_normals(
    vertices: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"]
) -> Float32[np.ndarray, "v 3"]:
    """Unit normals: the sum of each vertex's faces' normals, weighted by their area.

    A vertex whose faces have no area, or that has none, gets 0.
    """
    return _area_normals(vertices, faces)
