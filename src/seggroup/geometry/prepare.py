"""From a scan as it was read to a scene that can be labelled: segments, graph and normals."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int32, Int64

from seggroup.config import OversegmentConfig
from seggroup.geometry.cloud import segment_cloud, spatial_order, surface
from seggroup.geometry.graph import segment_graph
from seggroup.geometry.merging import numbered
from seggroup.geometry.mesh import face_edges, seam_edges, vertex_normals
from seggroup.geometry.oversegment import dense_segments, merge_edges
from seggroup.types import Labels, Scan, Scene


def prepare(
    scan: Scan,
    segment_ids: Int32[np.ndarray, " v"] | None = None,
    truth: Labels | None = None,
    config: OversegmentConfig | None = None,
) -> Scene:
    """Segments (those of the file where it has any, METHOD section 1), graph and normals."""
    config = config or OversegmentConfig()
    if not scan.is_mesh:
        return _prepared_cloud(scan, segment_ids, truth, config)
    edges = face_edges(scan.faces)
    normals = vertex_normals(scan.vertices, scan.faces)
    if segment_ids is not None:
        segments, ids = dense_segments(segment_ids)
    else:
        segments, ids = merge_edges(scan.vertices, normals, edges, config)
    edges = np.concatenate([edges, seam_edges(scan.vertices)])
    scan = replace(scan, normals=normals)
    return Scene(scan, segments, ids, segment_graph(edges, segments), truth)


def _prepared_cloud(
    scan: Scan,
    segment_ids: Int32[np.ndarray, " v"] | None,
    truth: Labels | None,
    config: OversegmentConfig,
) -> Scene:
    """The same for points without faces, which are taken in the order of their places."""
    order = spatial_order(scan.vertices)
    given = scan.normals
    vertices = np.ascontiguousarray(scan.vertices[order])
    found = surface(vertices, None if given is None else given[order], config)
    if segment_ids is not None:
        segments, ids = dense_segments(segment_ids)
    else:
        region = segment_cloud(vertices, found, scan.colors[order], config)
        segments, ids = numbered(_back(region, order))
    graph = segment_graph(found.edges, segments[order])
    if given is None or found.note:
        scan = replace(scan, normals=_back(found.normals, order))
    if found.note:
        scan = scan.noting(found.note)
    return Scene(scan, segments, ids, graph, truth)


def _back(values: np.ndarray, order: Int64[np.ndarray, " v"]) -> np.ndarray:
    """Values in `order`, in the order of the scan."""
    result = np.empty_like(values)
    result[order] = values
    return result
