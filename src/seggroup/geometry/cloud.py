"""Point clouds without faces: kNN edges, normals and segments (METHOD section 1)."""

import typing
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt8
from numba import njit

from seggroup.config import OversegmentConfig
from seggroup.geometry.color import lab
from seggroup.geometry.merging import merge_similar
from seggroup.geometry.neighbours import nearest
from seggroup.geometry.normals import checked_normals, oriented, principal_axes
from seggroup.geometry.oversegment import merge_edges

_CELLS = (1 << 21) - 1  # along the longest side of the scan
# How 21 bits are spread to every third place: shift, mask.
_SPREAD = (
    (32, 0x1F00000000FFFF),
    (16, 0x1F0000FF0000FF),
    (8, 0x100F00F00F00F00F),
    (4, 0x10C30C30C30C30C3),
    (2, 0x1249249249249249),
)
_CHUNK = 1 << 17  # points whose colours are turned into CIELAB at once


@dataclass(frozen=True)
class Surface:
    """What a cloud has in place of faces. v points, m edges.

    edges   : of the symmetric k-nearest-neighbour graph, each once, a < b
    normals : unit, turned to agree with their neighbours', or the file's
    note    : what was found wrong with the file's normals; "" for nothing
    """

    edges: Int32[np.ndarray, "m 2"]
    normals: Float32[np.ndarray, "v 3"]
    note: str = ""


def spatial_order(vertices: Float32[np.ndarray, "v 3"]) -> Int64[np.ndarray, " v"]:
    """The points along a Z-shaped curve through space (Morton 1966): neighbours come close by.

    Everything that follows reads the memory about in sequence, several times as fast as at
    random. It depends on the file's own order only between points of the same cell.
    """
    low = vertices.min(axis=0)
    extent = float((vertices.max(axis=0) - low).max()) or 1.0
    cell = ((vertices - low) / np.float32(extent) * np.float32(_CELLS)).astype(np.uint64)
    code = np.zeros(len(vertices), np.uint64)
    for axis in range(3):
        c = cell[:, axis]
        for shift, mask in _SPREAD:
            c = (c | c << np.uint64(shift)) & np.uint64(mask)
        code |= c << np.uint64(axis)
    return np.argsort(code, kind="stable")


def knn_edges(
    vertices: Float32[np.ndarray, "v 3"], k: int, reach: float
) -> Int32[np.ndarray, "m 2"]:
    """Edges of the symmetric k-nearest-neighbour graph, a < b, each once.

    An edge longer than `reach` times the median edge is dropped, so that the graph depends on
    the cloud's own density and not on its unit.
    """
    order = spatial_order(vertices) if len(vertices) else np.empty(0, np.int64)
    inner = np.ascontiguousarray(vertices[order])
    ends = order[_edges_of(*nearest(inner, inner, k + 1), reach)].astype(np.int32)
    return np.sort(ends, axis=1)


def _edges_of(
    distance: Float32[np.ndarray, "v k"], index: Int32[np.ndarray, "v k"], reach: float
) -> Int32[np.ndarray, "m 2"]:
    """The edges to the neighbours that are near enough."""
    length = distance[index != np.arange(len(index), dtype=np.int32)[:, None]]
    if len(length) == 0:
        return np.empty((0, 2), np.int32)
    return _symmetric(index, distance, np.float32(reach * np.median(length)))


@njit(cache=True)
@typing.no_type_check
def _symmetric(index, distance, longest):
    """Every pair of a point and one of its neighbours up to `longest` away, once, a < b."""
    count = 0
    for fill in range(2):
        if fill == 1:
            edges = np.empty((count, 2), np.int32)
        count = 0
        for i in range(len(index)):
            for p in range(index.shape[1]):
                j = index[i, p]
                if j == i or not distance[i, p] <= longest:
                    continue
                if j < i:  # there already where i is a neighbour of j
                    there = False
                    for q in range(index.shape[1]):
                        if index[j, q] == i and distance[j, q] <= longest:
                            there = True
                            break
                    if there:
                        continue
                if fill == 1:
                    edges[count, 0], edges[count, 1] = min(i, j), max(i, j)
                count += 1
    return edges


def surface(
    vertices: Float32[np.ndarray, "v 3"],
    normals: Float32[np.ndarray, "v 3"] | None,
    config: OversegmentConfig,
) -> Surface:
    """Edges and normals of a cloud; `normals`: those of its file, used where they can be right.

    A normal is the smallest principal axis of the point and its neighbours.
    """
    most = max(config.neighbours + 1, config.normal_neighbours)
    distance, index = nearest(vertices, vertices, most)
    k = config.neighbours + 1
    edges = _edges_of(distance[:, :k], index[:, :k], config.reach)
    del distance
    axes = principal_axes(vertices, index[:, : config.normal_neighbours])
    del index
    if normals is None:
        return Surface(edges, oriented(vertices, axes, edges))
    return Surface(edges, *checked_normals(vertices, normals, axes, edges))


def segment_cloud(
    vertices: Float32[np.ndarray, "v 3"],
    found: Surface,
    colors: UInt8[np.ndarray, "v 3"],
    config: OversegmentConfig,
) -> Int32[np.ndarray, " v"]:
    """Every point's segment, along the kNN edges of a cloud, by `config.cloud_merging`.

    "edges" is Felzenszwalb and Huttenlocher's merging, which meshes get (METHOD section 1), with
    each edge in both directions as in a mesh's inside. It decides by single edges, and those of a
    cloud cross the borders of objects; so by default ("regions") the means of whole regions decide,
    of the planes and colours of their points. A normal counts as the plane it stands on, without
    its sign. Regions are named as `merge_similar` does.
    """
    normals, edges = found.normals, found.edges
    if config.cloud_merging == "edges":
        both = np.concatenate([edges, edges[:, ::-1]], axis=1).reshape(-1, 2)
        return merge_edges(vertices, normals, both, config)[0]
    features = np.empty((len(normals), 9), np.float32)
    for i, (a, b) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))):
        scale = np.float32(np.sqrt(0.5) if a == b else 1.0)
        features[:, i] = scale * normals[:, a] * normals[:, b]
    features[:, 6:] = smoothed_lab(colors, edges) * config.cloud_color
    least = max(1, round(config.cloud_share * config.min_size))
    return merge_similar(features, edges, config.cloud_scale * config.k, least)


def smoothed_lab(
    colors: UInt8[np.ndarray, "v 3"], edges: Int32[np.ndarray, "m 2"]
) -> Float32[np.ndarray, "v 3"]:
    """CIELAB colours, the mean of each point's and its neighbours'."""
    result = np.empty((len(colors), 3), np.float32)
    for first in range(0, len(colors), _CHUNK):
        result[first : first + _CHUNK] = lab(colors[first : first + _CHUNK])
    return _smoothed(result, edges)


@njit(cache=True)
@typing.no_type_check
def _smoothed(values, edges):
    """The mean of each row and its neighbours' rows."""
    sums, count = values.astype(np.float64), np.ones(len(values), np.int32)
    for e in range(len(edges)):
        a, b = edges[e]
        count[a] += 1
        count[b] += 1
        for d in range(values.shape[1]):
            sums[a, d] += values[b, d]
            sums[b, d] += values[a, d]
    result = np.empty_like(values)
    for i in range(len(values)):
        for d in range(values.shape[1]):
            result[i, d] = sums[i, d] / count[i]
    return result
