"""From a scan as it was read to a scene that can be labelled: segments, graph and normals."""

from dataclasses import replace

import numpy as np
from jaxtyping import Int32

from seggroup.config import OversegmentConfig
from seggroup.geometry.cloud import cloud_normals, knn_edges, segment_cloud
from seggroup.geometry.graph import segment_graph
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
    if scan.is_mesh:
        edges = face_edges(scan.faces)
        normals = vertex_normals(scan.vertices, scan.faces)
    else:
        edges = knn_edges(scan.vertices, config.neighbours, config.reach)
        normals = (
            cloud_normals(scan.vertices, edges, config.normal_neighbours)
            if scan.normals is None
            else scan.normals
        )
    if segment_ids is not None:
        segments, ids = dense_segments(segment_ids)
    elif scan.is_mesh:
        segments, ids = merge_edges(scan.vertices, normals, edges, config)
    else:
        segments, ids = segment_cloud(scan.vertices, normals, edges, config)
    if scan.is_mesh:
        edges = np.concatenate([edges, seam_edges(scan.vertices)])
    scan = replace(scan, normals=normals)
    return Scene(scan, segments, ids, segment_graph(edges, segments), truth)
