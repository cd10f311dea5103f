"""What the network sees of a scan: numbers about its pieces, their links and their samples.

Nothing changes when the scan is shifted, or turned about the vertical: heights are above the floor,
directions in the horizontal plane appear as lengths and angles only. Vertices must be in metres
with z upwards: the network has learned how large things are.
"""

import typing
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64
from numba import njit

from seggroup.assign.pieces import Pieces
from seggroup.geometry.neighbours import nearest
from seggroup.geometry.oversegment import edge_weights
from seggroup.geometry.sampling import farthest_points
from seggroup.types import Scene
from seggroup.walk import segment_means, unit

SAMPLES = 16  # points of each piece
REACH = 0.5  # metres: farther pieces are no neighbours
NEAR = 6  # neighbours of a piece that it need not touch
CROWD = 1500  # points that stand for the whole scan
COLUMN = 0.3  # metres: radius of the upright column around a piece's centroid

FEATURES = 38  # of a piece
LINK = 20  # of a link
POINT = 8  # of a sample

Numbers = Float64[np.ndarray, " p"]
Vectors = Float64[np.ndarray, "p 3"]
Ends = Int64[np.ndarray, " l"]  # one piece of each link


@dataclass(frozen=True)
class Surroundings:
    """The features of a scan. p pieces, l links (both directions are one), n samples a piece.

    features : of the pieces, about -3 … 3
    points   : features of each piece's samples
    links    : pairs of pieces a < b, touching or near
    link     : features of the pair as seen from a; `back` as seen from b
    touching : vertex edges that join the two pieces; 0 where they are only near
    place    : samples' positions, metres, z above the floor
    center, normal, lab, size, spread : of the pieces, for their relation to clicks
    segment  : of every piece
    """

    features: Float32[np.ndarray, "p f"]
    points: Float32[np.ndarray, "p n g"]
    links: Int32[np.ndarray, "l 2"]
    link: Float32[np.ndarray, "l h"]
    back: Float32[np.ndarray, "l h"]
    touching: Int32[np.ndarray, " l"]
    place: Float32[np.ndarray, "p n 3"]
    center: Float32[np.ndarray, "p 3"]
    normal: Float32[np.ndarray, "p 3"]
    lab: Float32[np.ndarray, "p 3"]
    size: Int32[np.ndarray, " p"]
    spread: Float32[np.ndarray, "p 2"]
    segment: Int32[np.ndarray, " p"]
    area: float


def surroundings(scene: Scene, pieces: Pieces) -> Surroundings:
    """The features of a scene cut into pieces."""
    vertices = scene.scan.vertices.astype(np.float64)
    assert scene.scan.normals is not None
    normals = unit(scene.scan.normals.astype(np.float64))
    p = len(pieces)
    low, high = np.percentile(vertices[:, 2], (1, 99))
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    vertices = vertices - (middle[0], middle[1], low)
    height = high - low

    size = np.bincount(pieces.piece, minlength=p)
    center = segment_means(vertices, pieces.piece, p)
    mean_normal = segment_means(normals, pieces.piece, p)
    normal = unit(mean_normal)
    color = segment_means(pieces.lab, pieces.piece, p)
    color_deviation = np.sqrt(
        np.maximum(segment_means(pieces.lab**2, pieces.piece, p) - color**2, 0)
    )
    axes, lengths = _principal(vertices, pieces.piece, center)
    bottom, top = _extremes(vertices[:, 2], pieces.piece, p)
    order = np.argsort(pieces.piece, kind="stable")
    chosen = order[
        farthest_points(scene.scan.vertices[order], pieces.piece[order], SAMPLES).astype(np.int64)
    ]
    place = vertices[chosen]

    crowd = vertices[np.linspace(0, len(vertices) - 1, min(CROWD, len(vertices))).astype(int)]
    front, behind = _sides(crowd, center, normal)
    above, below, fullness = _column(crowd, center)
    parent = _segment_features(vertices, normals, scene.segments, pieces)
    hidden = np.maximum(lengths[:, 0], 1e-6)
    features = np.column_stack([
        np.log10(size * pieces.area + 1e-4) + 1,
        center[:, 2], bottom, top, top - bottom, height - center[:, 2],
        2 * lengths,
        (lengths[:, 0] - lengths[:, 1]) / hidden, (lengths[:, 1] - lengths[:, 2]) / hidden,
        lengths[:, 2] / hidden,
        np.abs(normal[:, 2]), normal[:, 2], np.linalg.norm(mean_normal, axis=1),
        np.abs(axes[:, 2]),
        color / 40 - (1, 0, 0), color_deviation / 10,
        front, behind, np.minimum(front, behind), above, below, fullness,
        parent,
    ])  # fmt: skip
    rows, touching = _links(pieces, place)
    a, b = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
    shared = _both_ways(pieces, a, b, center, normal, color, place)
    boundary = _boundary(scene, pieces, a, b)
    around = (np.bincount(a, touching, p) + np.bincount(b, touching, p)).astype(float)
    forth = _one_way(a, b, touching, around, size, center, normal, color, top, bottom)
    back = _one_way(b, a, touching, around, size, center, normal, color, top, bottom)
    return Surroundings(
        features=np.clip(features, -4, 4).astype(np.float32),
        points=_point_features(vertices, normals, pieces.lab, chosen, center, normal, color),
        links=rows,
        link=np.clip(np.column_stack([shared, boundary, forth]), -4, 4).astype(np.float32),
        back=np.clip(np.column_stack([shared, boundary, back]), -4, 4).astype(np.float32),
        touching=touching.astype(np.int32),
        place=place.astype(np.float32),
        center=center.astype(np.float32),
        normal=normal.astype(np.float32),
        lab=color.astype(np.float32),
        size=size.astype(np.int32),
        spread=np.column_stack([bottom, top]).astype(np.float32),
        segment=pieces.segment,
        area=pieces.area,
    )


def segment_values(
    around: Surroundings, values: Float32[np.ndarray, "p d"]
) -> Float64[np.ndarray, "s d"]:
    """Mean of the pieces' values in each segment, by their vertices."""
    segment, size = around.segment, around.size
    sums = [np.bincount(segment, size * column) for column in values.T]
    return np.stack(sums, axis=1) / np.bincount(segment, size)[:, None]


def _principal(
    vertices: Float64[np.ndarray, "v 3"], piece: Int32[np.ndarray, " v"], center: Vectors
) -> tuple[Vectors, Vectors]:
    """The axis of least extent of every piece, and the deviations along all three, descending."""
    offset = vertices - center[piece]
    pairs = [(i, j) for i in range(3) for j in range(i, 3)]
    products = np.stack([offset[:, i] * offset[:, j] for i, j in pairs], axis=1)
    means = segment_means(products, piece, len(center))
    matrix = np.empty((len(center), 3, 3))
    for column, (i, j) in enumerate(pairs):
        matrix[:, i, j] = matrix[:, j, i] = means[:, column]
    values, vectors = np.linalg.eigh(matrix)
    return vectors[:, :, 0], np.sqrt(np.maximum(values[:, ::-1], 0))


def _extremes(
    height: Float64[np.ndarray, " v"], piece: Int32[np.ndarray, " v"], p: int
) -> tuple[Numbers, Numbers]:
    """The lowest and the highest vertex of every piece."""
    bottom, top = np.full(p, np.inf), np.full(p, -np.inf)
    np.minimum.at(bottom, piece, height)
    np.maximum.at(top, piece, height)
    return bottom, top


def _sides(
    crowd: Float64[np.ndarray, "n 3"], center: Vectors, normal: Vectors
) -> tuple[Numbers, Numbers]:
    """The share of the scan in front of each piece's plane and behind it, 10 cm away at least."""
    distance = normal @ crowd.T - (center * normal).sum(axis=1)[:, None]
    front, behind = ((sign * distance > 0.1).sum(axis=1) for sign in (1, -1))
    return front / len(crowd), behind / len(crowd)


def _column(crowd: Float64[np.ndarray, "n 3"], center: Vectors) -> tuple[Numbers, Numbers, Numbers]:
    """How far the scan reaches above and below each piece near by, metres, and how full it is."""
    flat = np.zeros((len(crowd), 3), np.float32)
    flat[:, :2] = crowd[:, :2]
    query = np.zeros((len(center), 3), np.float32)
    query[:, :2] = center[:, :2]
    distance, index = nearest(flat, query, 24)
    near = distance < COLUMN
    near[:, 0] = True
    z = crowd[index, 2]
    above = np.where(near, z, -np.inf).max(axis=1) - center[:, 2]
    below = center[:, 2] - np.where(near, z, np.inf).min(axis=1)
    return np.maximum(above, 0), np.maximum(below, 0), near.sum(axis=1) / 12


def _segment_features(
    vertices: Float64[np.ndarray, "v 3"],
    normals: Float64[np.ndarray, "v 3"],
    segments: Int32[np.ndarray, " v"],
    pieces: Pieces,
) -> Float64[np.ndarray, "p k"]:
    """Numbers about the segment that each piece lies in."""
    s = int(segments.max()) + 1
    size = np.bincount(segments, minlength=s)
    center = segment_means(vertices, segments, s)
    normal = segment_means(normals, segments, s)
    _, lengths = _principal(vertices, segments, center)
    bottom, top = _extremes(vertices[:, 2], segments, s)
    rank = np.empty(s)
    rank[np.argsort(size)] = np.arange(s) / s
    table = np.column_stack([
        np.log10(size * pieces.area + 1e-4), 2 * lengths,
        np.abs(normal[:, 2]), np.linalg.norm(normal, axis=1), bottom, top, rank,
    ])  # fmt: skip
    own = np.bincount(pieces.piece, minlength=len(pieces))
    share = own / size[pieces.segment]
    return np.column_stack([table[pieces.segment], share])


def _point_features(
    vertices: Float64[np.ndarray, "v 3"],
    normals: Float64[np.ndarray, "v 3"],
    lab: Float64[np.ndarray, "v 3"],
    chosen: Int64[np.ndarray, "p n"],
    center: Vectors,
    normal: Vectors,
    color: Vectors,
) -> Float32[np.ndarray, "p n g"]:
    """Of every sample, in its piece's frame: what a turn about the vertical does not change."""
    offset = vertices[chosen] - center[:, None]
    flat = np.linalg.norm(offset[..., :2], axis=-1)
    own = normals[chosen]
    radial = (own[..., :2] * offset[..., :2]).sum(-1) / np.maximum(flat, 1e-6)
    across = (offset * normal[:, None]).sum(-1)
    features = np.concatenate(
        [
            np.stack([2 * flat, 2 * offset[..., 2], own[..., 2], radial, 5 * across], -1),
            (lab[chosen] - color[:, None]) / 15,
        ],
        axis=-1,
    )
    return np.clip(features, -4, 4).astype(np.float32)


def _links(
    pieces: Pieces, place: Float64[np.ndarray, "p n 3"]
) -> tuple[Int32[np.ndarray, "l 2"], Int64[np.ndarray, " l"]]:
    """Pairs of pieces that touch, and of near ones; how many edges join each."""
    p, n = place.shape[:2]
    samples = place.reshape(-1, 3).astype(np.float32)
    distance, index = nearest(samples, samples, 32)
    near = _near_pieces(distance.reshape(p, -1), index.reshape(p, -1) // n)
    source, target = np.repeat(np.arange(p), NEAR), near.ravel().astype(np.int64)
    source, target = source[target >= 0], target[target >= 0]
    touching = pieces.graph.edges[:, 0].astype(np.int64) * p + pieces.graph.edges[:, 1]
    keys = np.union1d(np.minimum(source, target) * p + np.maximum(source, target), touching)
    count = np.zeros(len(keys), np.int64)
    count[np.searchsorted(keys, touching)] = pieces.graph.boundary
    return np.stack(np.divmod(keys, p), axis=1).astype(np.int32), count


@njit(cache=True)
@typing.no_type_check
def _near_pieces(distance, target):
    """The `NEAR` nearest other pieces of each within `REACH`; -1 where there are fewer.

    distance, target : of the samples near each piece's samples, and the pieces they belong to
    """
    p, k = distance.shape
    found = np.full((p, NEAR), -1, np.int32)
    gap = np.full(p, np.inf, np.float32)
    met = np.empty(k, np.int32)
    for a in range(p):
        count = 0
        for i in range(k):
            b, d = target[a, i], distance[a, i]
            if b != a and d < REACH:
                if gap[b] == np.inf:
                    met[count] = b
                    count += 1
                gap[b] = min(gap[b], d)
        for slot in range(min(NEAR, count)):
            best = slot
            for i in range(slot + 1, count):
                if (gap[met[i]], met[i]) < (gap[met[best]], met[best]):
                    best = i
            met[slot], met[best] = met[best], met[slot]
            found[a, slot] = met[slot]
        for i in range(count):
            gap[met[i]] = np.inf
    return found


@njit(cache=True)
@typing.no_type_check
def _gaps(place, a, b):
    """The least distance between the samples of the pieces of every pair."""
    n = place.shape[1]
    gap = np.empty(len(a))
    for row in range(len(a)):
        least = np.inf
        for i in range(n):
            x, y, z = place[a[row], i]
            for j in range(n):
                dx = x - place[b[row], j, 0]
                dy = y - place[b[row], j, 1]
                dz = z - place[b[row], j, 2]
                least = min(least, dx * dx + dy * dy + dz * dz)
        gap[row] = np.sqrt(least)
    return gap


def _both_ways(
    pieces: Pieces,
    a: Ends,
    b: Ends,
    center: Vectors,
    normal: Vectors,
    color: Vectors,
    place: Float64[np.ndarray, "p n 3"],
) -> Float64[np.ndarray, "l h"]:
    """Features of a pair that are the same from both sides."""
    cosine = (normal[a] * normal[b]).sum(axis=1)
    offset = center[b] - center[a]
    distance = np.linalg.norm(offset, axis=1)
    convex = ((normal[b] - normal[a]) * offset).sum(axis=1) / np.maximum(distance, 1e-6)
    difference = color[a] - color[b]
    return np.column_stack([
        1 - np.abs(cosine), cosine, convex,
        np.linalg.norm(difference, axis=1) / 20, np.abs(difference[:, 0]) / 20,
        2 * distance, 5 * _gaps(place, a, b),
        (pieces.segment[a] == pieces.segment[b]).astype(float),
    ])  # fmt: skip


def _boundary(scene: Scene, pieces: Pieces, a: Ends, b: Ends) -> Float64[np.ndarray, "l h"]:
    """Means over the vertex edges that join two pieces: bend, colour difference; and if any do."""
    scan, p = scene.scan, len(pieces)
    ends = pieces.edges[pieces.piece[pieces.edges[:, 0]] != pieces.piece[pieces.edges[:, 1]]]
    one, other = pieces.piece[ends[:, 0]].astype(np.int64), pieces.piece[ends[:, 1]]
    keys = np.minimum(one, other) * p + np.maximum(one, other)
    rows = np.searchsorted(a * p + b, keys)
    bend = np.minimum(edge_weights(scan.vertices, scan.normals, ends), 1)
    color = np.linalg.norm(pieces.lab[ends[:, 0]] - pieces.lab[ends[:, 1]], axis=1)
    count = np.bincount(rows, minlength=len(a))
    safe = np.maximum(count, 1)
    return np.column_stack([
        np.sqrt(np.maximum(np.bincount(rows, bend, len(a)), 0) / safe) * 2,
        np.bincount(rows, color, len(a)) / safe / 10,
        np.log1p(count) / 2, (count > 0).astype(float),
    ])  # fmt: skip


def _one_way(
    a: Ends,
    b: Ends,
    touching: Int64[np.ndarray, " l"],
    around: Float64[np.ndarray, " p"],
    size: Int64[np.ndarray, " p"],
    center: Vectors,
    normal: Vectors,
    color: Vectors,
    top: Numbers,
    bottom: Numbers,
) -> Float64[np.ndarray, "l h"]:
    """Features of b as seen from a."""
    offset = center[b] - center[a]
    lightness = (color[b] - color[a])[:, 0]
    return np.column_stack([
        touching / np.maximum(around[a], 1) * 2, touching / np.maximum(around[b], 1) * 2,
        np.log10(size[b] / size[a]), 2 * offset[:, 2],
        4 * (offset * normal[a]).sum(axis=1), 4 * (offset * normal[b]).sum(axis=1),
        2 * (bottom[b] - top[a]), lightness / 20,
    ])  # fmt: skip
