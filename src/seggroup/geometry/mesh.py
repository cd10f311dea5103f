"""Normals and edges of triangle meshes, number for number as ScanNet's segmentation tool.

All arithmetic is float32 in the tool's order and without fused multiply-add: numba contracts
nothing unless asked to.
"""

import typing

import numpy as np
from jaxtyping import Float32, Int32
from numba import njit

ONE = np.float32(1)


@njit(cache=True)
@typing.no_type_check
def _vertex_normals(vertices, faces):
    normals = np.zeros((len(vertices), 3), np.float32)
    incident = np.zeros(len(vertices), np.int32)
    for f in range(len(faces)):
        a, b, c = faces[f]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        wx = vertices[c, 0] - vertices[a, 0]
        wy = vertices[c, 1] - vertices[a, 1]
        wz = vertices[c, 2] - vertices[a, 2]
        nx = uy * wz - uz * wy
        ny = uz * wx - ux * wz
        nz = ux * wy - uy * wx
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        if not length > 0:  # zero area (or an overflow): contributes nothing
            continue
        nx /= length
        ny /= length
        nz /= length
        for i in (a, b, c):
            new = ONE / np.float32(incident[i] + 1)
            old = ONE - new
            normals[i, 0] = new * nx + old * normals[i, 0]
            normals[i, 1] = new * ny + old * normals[i, 1]
            normals[i, 2] = new * nz + old * normals[i, 2]
            incident[i] += 1
    return normals


def vertex_normals(
    vertices: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"]
) -> Float32[np.ndarray, "v 3"]:
    """Running mean of the unit normals of each vertex's faces, in face order; not unit length.

    A zero-area face contributes nothing (ScanNet's tool gets NaN there), and a vertex without
    faces has the normal 0. Source: METHOD section 1.
    """
    return _vertex_normals(vertices, faces)


@njit(cache=True)
@typing.no_type_check
def face_edges(faces):
    """Both ends of the three edges of every face, in ScanNet's order: (1,2), (1,3), (3,2)."""
    ends = np.empty((3 * len(faces), 2), np.int32)
    for f in range(len(faces)):
        a, b, c = faces[f]
        ends[3 * f, 0], ends[3 * f, 1] = a, b
        ends[3 * f + 1, 0], ends[3 * f + 1, 1] = a, c
        ends[3 * f + 2, 0], ends[3 * f + 2, 1] = c, b
    return ends


def seam_edges(vertices: Float32[np.ndarray, "v 3"]) -> Int32[np.ndarray, "m 2"]:
    """Edges that chain the vertices at one place: seams, where a file stores a vertex twice.

    The over-segmentation does not see them (ScanNet's tool would not), the segment graph does.
    """
    order = np.lexsort(vertices.T)
    same = (vertices[order[1:]] == vertices[order[:-1]]).all(axis=1)
    return np.stack([order[:-1][same], order[1:][same]], axis=1).astype(np.int32)
