"""Point clouds without faces: kNN edges, normals, and their orientation (METHOD section 1)."""

import typing

import numpy as np
from jaxtyping import Float32, Int32
from numba import njit

from seggroup.config import OversegmentConfig
from seggroup.geometry.graph import unique_edges
from seggroup.geometry.neighbours import nearest
from seggroup.geometry.oversegment import merge_edges


def knn_edges(
    vertices: Float32[np.ndarray, "v 3"], k: int, reach: float
) -> Int32[np.ndarray, "m 2"]:
    """Edges of the symmetric k-nearest-neighbour graph, a < b, sorted, each once.

    An edge longer than `reach` times the median edge is dropped, so that the graph depends on
    the cloud's own density and not on its unit.
    """
    distance, index = nearest(vertices, vertices, k + 1)
    if distance.size == 0:
        return np.empty((0, 2), np.int32)
    source = np.repeat(np.arange(len(vertices), dtype=np.int64), index.shape[1])
    ends, length = np.stack([source, index.ravel()], axis=1), distance.ravel()
    other = ends[:, 0] != ends[:, 1]
    ends, length = ends[other], length[other]
    near = length <= reach * np.median(length) if len(length) else np.zeros(0, bool)
    return unique_edges(ends[near])


@njit(cache=True)
@typing.no_type_check
def _smallest_axis(vertices, index):
    """Unit eigenvector of the smallest eigenvalue of each neighbourhood's covariance."""
    normals = np.empty((len(vertices), 3), np.float32)
    covariance = np.empty((3, 3), np.float64)
    for i in range(len(vertices)):
        mean = np.zeros(3)
        for j in index[i]:
            for a in range(3):
                mean[a] += vertices[j, a]
        mean /= index.shape[1]
        covariance[:] = 0
        for j in index[i]:
            for a in range(3):
                for b in range(a, 3):
                    covariance[a, b] += (vertices[j, a] - mean[a]) * (vertices[j, b] - mean[b])
        for a in range(3):
            for b in range(a):
                covariance[a, b] = covariance[b, a]
        normals[i] = np.linalg.eigh(covariance)[1][:, 0].astype(np.float32)
    return normals


@njit(cache=True)
@typing.no_type_check
def _propagate_signs(normals, indptr, indices, inward):
    """Flip normals along a spanning forest; each tree then faces `inward` by majority."""
    n = len(normals)
    seen = np.zeros(n, np.bool_)
    queue = np.empty(n, np.int64)
    for root in range(n):
        if seen[root]:
            continue
        seen[root] = True
        queue[0], first, last = root, 0, 1
        while first < last:
            i = queue[first]
            first += 1
            for j in indices[indptr[i] : indptr[i + 1]]:
                if not seen[j]:
                    seen[j] = True
                    if (normals[i] * normals[j]).sum() < 0:
                        normals[j] = -normals[j]
                    queue[last] = j
                    last += 1
        votes = 0
        for i in queue[:last]:
            votes += 1 if (normals[i] * inward[i]).sum() > 0 else -1
        if votes < 0:
            for i in queue[:last]:
                normals[i] = -normals[i]


def cloud_normals(
    vertices: Float32[np.ndarray, "v 3"],
    edges: Int32[np.ndarray, "m 2"],
    neighbours: int,
) -> Float32[np.ndarray, "v 3"]:
    """Unit normals: smallest principal axis of each point's neighbours, consistently oriented.

    Orientation (Hoppe et al. 1992): signs spread along the spanning tree of `edges` that prefers
    parallel normals; each tree then faces the middle of the scan by majority, since a room is
    scanned from inside. Where the tree crosses an edge of an object the sign may be wrong; the
    segmentation needs only neighbours to agree.
    """
    from scipy.sparse import csr_matrix  # not needed for meshes, and slow to import
    from scipy.sparse.csgraph import minimum_spanning_tree

    n = len(vertices)
    normals = _smallest_axis(vertices, nearest(vertices, vertices, neighbours)[1])
    a, b = edges[:, 0], edges[:, 1]
    bend = 1 - np.abs(np.einsum("ij,ij->i", normals[a], normals[b])).astype(np.float64)
    tree = minimum_spanning_tree(csr_matrix((bend + 1e-6, (a, b)), shape=(n, n)))
    forest = (tree + tree.T).tocsr()
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    _propagate_signs(normals, forest.indptr, forest.indices, middle - vertices)
    return normals


def segment_cloud(
    vertices: Float32[np.ndarray, "v 3"],
    normals: Float32[np.ndarray, "v 3"],
    edges: Int32[np.ndarray, "m 2"],
    config: OversegmentConfig,
) -> tuple[Int32[np.ndarray, " v"], Int32[np.ndarray, " s"]]:
    """Over-segment a cloud along its kNN edges, each in both directions as in a mesh's inside."""
    both = np.concatenate([edges, edges[:, ::-1]], axis=1).reshape(-1, 2)
    return merge_edges(vertices, normals, both, config)
