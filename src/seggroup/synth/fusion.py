"""From depth frames to a triangle mesh: fusion, cleaning and decimation as for ScanNet."""

from types import ModuleType
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from seggroup.synth.camera import World, camera_path, capture, slipped, wander
from seggroup.synth.config import ScannerConfig

Rng = np.random.Generator


class Fused(NamedTuple):
    vertices: Float32[np.ndarray, "v 3"]
    colors: Float32[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]


def fuse(world: World, rng: Rng, config: ScannerConfig, open3d: ModuleType) -> Fused:
    """All frames in one truncated signed distance field; its surface as a triangle mesh."""
    core = open3d.core
    grid = open3d.t.geometry.VoxelBlockGrid(
        attr_names=("tsdf", "weight", "color"),
        attr_dtypes=(core.float32, core.float32, core.float32),
        attr_channels=((1), (1), (3)),
        voxel_size=config.voxel,
        block_resolution=8,
        block_count=20000,
    )
    intrinsic = core.Tensor(
        np.array(
            [
                (config.focal, 0, config.width / 2 - 0.5),
                (0, config.focal, config.height / 2 - 0.5),
                (0, 0, 1),
            ]
        )
    )
    poses = camera_path(world, rng, config, open3d)
    gains = 1.0 + config.exposure * wander(rng, len(poses), 1, 12.0)[:, 0]
    error = wander(rng, len(poses), 6, 25.0)
    for pose, gain, slip in zip(poses, gains, error, strict=True):
        frame = capture(world, pose, rng, config, float(np.clip(gain, 0.5, 1.4)), open3d)
        if not frame.depth.any():
            continue  # Open3D refuses an empty frame
        believed = slipped(pose, slip, config)
        extrinsic = core.Tensor(believed)
        depth = open3d.t.geometry.Image(core.Tensor(frame.depth))
        color = open3d.t.geometry.Image(core.Tensor(frame.color))
        blocks = grid.compute_unique_block_coordinates(
            depth, intrinsic, extrinsic, 1.0, config.far, config.truncation
        )
        grid.integrate(
            blocks, depth, color, intrinsic, extrinsic, 1.0, config.far, config.truncation
        )
    mesh = grid.extract_triangle_mesh(config.weight)
    return canonical(
        mesh.vertex.positions.numpy(), mesh.vertex.colors.numpy(), mesh.triangle.indices.numpy()
    )


def canonical(vertices: np.ndarray, colors: np.ndarray, faces: np.ndarray) -> Fused:
    """The same mesh in an order that depends on its geometry alone, not on threads."""
    order = np.lexsort(vertices.T)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    faces = rank[faces]
    turns = (np.argmin(faces, axis=1)[:, None] + np.arange(3)) % 3
    faces = np.take_along_axis(faces, turns, axis=1)
    faces = faces[np.lexsort(faces.T[::-1])].astype(np.int32)
    return Fused(vertices[order].astype(np.float32), colors[order].astype(np.float32), faces)


def cleaned(mesh: Fused, smallest: int) -> Fused:
    """Without disconnected pieces of fewer than `smallest` faces and without stray vertices."""
    n = len(mesh.vertices)
    f = mesh.faces
    a, b = np.concatenate([f[:, 0], f[:, 1]]), np.concatenate([f[:, 1], f[:, 2]])
    _, piece = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(n, n)), False)
    size = np.bincount(piece[f[:, 0]], minlength=piece.max() + 1)
    f = f[size[piece[f[:, 0]]] >= smallest]
    used = np.unique(f)
    new = np.full(n, -1, np.int32)
    new[used] = np.arange(len(used))
    return Fused(mesh.vertices[used], mesh.colors[used], new[f])


def welded(mesh: Fused, cell: float) -> Fused:
    """The vertices of each cubic cell (metres) as one: marching cubes' slivers vanish."""
    lattice = np.floor(mesh.vertices / cell).astype(np.int64)
    lattice -= lattice.min(0)
    key = np.ravel_multi_index(tuple(lattice.T), tuple(lattice.max(0) + 1))
    _, owner, count = np.unique(key, return_inverse=True, return_counts=True)

    def means(values: np.ndarray) -> np.ndarray:
        sums = [np.bincount(owner, column) for column in values.T]
        return (np.stack(sums, axis=1) / count[:, None]).astype(np.float32)

    faces = owner[mesh.faces].astype(np.int32)
    solid = (faces != np.roll(faces, 1, axis=1)).all(1)
    return Fused(means(mesh.vertices), means(mesh.colors), faces[solid])


def decimated(mesh: Fused, share: float, open3d: ModuleType) -> Fused:
    """Quadric decimation to about `share` of the faces: flat parts get larger triangles."""
    if share >= 1:
        return mesh
    core = open3d.core
    dense = open3d.t.geometry.TriangleMesh(
        core.Tensor(mesh.vertices), core.Tensor(mesh.faces.astype(np.int64))
    )
    small = dense.simplify_quadric_decimation(1 - share)
    vertices = small.vertex.positions.numpy().astype(np.float32)
    faces = small.triangle.indices.numpy().astype(np.int32)
    # The decimation moves a vertex by less than a voxel: it keeps its old neighbour's colour.
    _, nearest = cKDTree(mesh.vertices).query(vertices)
    solid = (faces != np.roll(faces, 1, axis=1)).all(1)
    return Fused(vertices, mesh.colors[nearest], faces[solid])
