"""Pieces: what labels are given to, finer than segments (an impure segment caps every label).

A segment that mixes two objects shows it by an edge of colour or by a bend that the
over-segmentation merged across. So each segment is cut again, by the same merging with weights of
the normals and of the colour, along the edges inside it. Every piece lies in one segment: what is
known of the segment (that a click fell in it) stays known of its pieces.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int32

from seggroup.config import OversegmentConfig
from seggroup.geometry.cloud import knn_edges
from seggroup.geometry.color import lab
from seggroup.geometry.graph import segment_graph, unique_edges
from seggroup.geometry.mesh import face_edges, seam_edges
from seggroup.geometry.oversegment import edge_weights, merge_weighted
from seggroup.types import Graph, Scene

SCALE = 0.01  # of the threshold function, as the over-segmentation's
COLOR = 1.0  # weight of a colour difference of 100 (CIE76) against a right angle's 1
AREA = 0.02  # square metres: smaller pieces join a neighbour
FEWEST = 8  # vertices of a piece, in coarse scans


@dataclass(frozen=True)
class Pieces:
    """A partition finer than the segments. p pieces; m edges between vertices.

    piece    : of every vertex, 0 … p-1
    segment  : of every piece
    graph    : of the pieces, as the segment graph
    edges    : of the mesh or the kNN graph, each once, seams too
    lab      : CIELAB colours of the vertices, a little smoothed along the edges
    area     : square metres that a vertex stands for, about
    """

    piece: Int32[np.ndarray, " v"]
    segment: Int32[np.ndarray, " p"]
    graph: Graph
    edges: Int32[np.ndarray, "m 2"]
    lab: Float64[np.ndarray, "v 3"]
    area: float

    def __len__(self) -> int:
        return len(self.segment)


def make_pieces(scene: Scene) -> Pieces:
    """Cut the segments of a scene, whose scan has normals, into pieces."""
    vertices, normals = scene.scan.vertices, scene.scan.normals
    assert normals is not None  # `prepare` gives every scene its normals
    usual = OversegmentConfig()
    if scene.scan.is_mesh:
        edges = unique_edges(np.concatenate([face_edges(scene.scan.faces), seam_edges(vertices)]))
    else:
        edges = knn_edges(vertices, usual.neighbours, usual.reach)
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    length = length[length > 0] if np.median(length if len(length) else 0) == 0 else length
    area = 0.75 * float(np.median(length)) ** 2 if len(length) else AREA
    colors = smoothed(lab(scene.scan.colors), edges)
    inner = edges[scene.segments[edges[:, 0]] == scene.segments[edges[:, 1]]]
    weights = edge_weights(vertices, normals, inner)
    difference = np.linalg.norm(colors[inner[:, 0]] - colors[inner[:, 1]], axis=1)
    fewest = max(FEWEST, round(AREA / max(area, 1e-9)))
    piece, roots = merge_weighted(
        len(vertices),
        inner,
        (weights + COLOR / 100 * difference).astype(np.float32),
        OversegmentConfig(k=SCALE, min_size=fewest),
    )
    return Pieces(piece, scene.segments[roots], segment_graph(edges, piece), edges, colors, area)


def smoothed(
    values: Float64[np.ndarray, "v d"], edges: Int32[np.ndarray, "m 2"]
) -> Float64[np.ndarray, "v d"]:
    """The mean of each vertex's value and those of its neighbours."""
    a, b = edges.T
    count = 1 + np.bincount(a, minlength=len(values)) + np.bincount(b, minlength=len(values))
    sums = [
        column
        + np.bincount(a, column[b], minlength=len(values))
        + np.bincount(b, column[a], minlength=len(values))
        for column in values.T
    ]
    return np.stack(sums, axis=1) / count[:, None]
