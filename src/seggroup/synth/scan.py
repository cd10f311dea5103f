"""From a furnished room to a scan with truth: what a hand-held scanner would have given."""

import ctypes
from types import ModuleType

import numpy as np
from jaxtyping import Float

from seggroup.errors import InputError
from seggroup.synth.camera import SURFACES, World, as_world
from seggroup.synth.config import ScannerConfig
from seggroup.synth.fusion import Fused, cleaned, decimated, fuse, welded
from seggroup.synth.rooms import Room
from seggroup.types import NONE, Labels, Scan

Rng = np.random.Generator


def _open3d() -> ModuleType:
    """Open3D, imported once it is needed; its wheel expects libusb, which a package carries."""
    try:
        import libusb_package

        ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
    except (ImportError, OSError):
        pass  # then the system must have it
    try:
        import open3d
    except (ImportError, OSError) as error:
        raise InputError(
            f"synthetic scans need Open3D ({error}); pip install 'seggroup[synth]'"
        ) from error
    return open3d


def _shadows(world: World, mesh: Fused, open3d: ModuleType) -> Float[np.ndarray, " v"]:
    """How much of the room's light reaches each vertex: open sky over it, in [0, 1]."""
    golden = np.pi * (3 - np.sqrt(5))
    k = np.arange(12)
    up = (k + 0.5) / 12
    sky = np.stack([np.cos(golden * k), np.sin(golden * k)], 1) * np.sqrt(1 - up**2)[:, None]
    sky = np.column_stack([sky, up])
    origin = mesh.vertices + np.array((0, 0, 0.05), np.float32)
    rays = np.empty((len(origin), 12, 6), np.float32)
    rays[..., :3] = origin[:, None]
    rays[..., 3:] = sky
    free = ~world.caster.test_occlusions(open3d.core.Tensor(rays), tnear=0.03, tfar=0.8).numpy()
    return free.mean(1)


def _truth(
    world: World, mesh: Fused, rng: Rng, config: ScannerConfig, open3d: ModuleType
) -> Labels:
    """Class and instance of the surface nearest to every vertex, with the gaps annotators leave."""
    room = world.room
    answer = world.caster.compute_closest_points(open3d.core.Tensor(mesh.vertices))
    face = answer["primitive_ids"].numpy().astype(np.int64)
    distance = np.linalg.norm(answer["points"].numpy() - mesh.vertices, axis=1)
    instance, semantic = room.face_instance[face], room.face_semantic[face]
    known = (distance < config.tolerance) & (instance != NONE)
    count = np.bincount(instance[known], minlength=room.face_instance.max() + 1)
    passed = rng.random(len(count)) < config.unannotated
    first = np.zeros(len(count), np.int64)
    first[room.face_instance[::-1]] = np.arange(len(room.face_instance))[::-1]
    passed &= ~np.isin(room.face_semantic[first], SURFACES)
    named = (count >= config.smallest_instance) & ~passed
    known &= named[instance]
    number = np.cumsum(named) - 1
    return Labels(
        np.where(known, semantic, NONE).astype(np.int32),
        np.where(known, number[instance], NONE).astype(np.int32),
    )


def scan_room(
    room: Room, rng: Rng, name: str, config: ScannerConfig | None = None
) -> tuple[Scan, Labels]:
    """The room as a hand-held scanner would give it: a mesh in metres, with truth per vertex."""
    config = config or ScannerConfig()
    open3d = _open3d()
    world = as_world(room, rng, open3d)
    mesh = cleaned(fuse(world, rng, config, open3d), config.smallest_piece)
    mesh = welded(mesh, config.weld * config.voxel)
    mesh = cleaned(decimated(mesh, config.keep_faces, open3d), 0)
    dim = 0.55 + 0.45 * _shadows(world, mesh, open3d)
    colors: UInt8[np.ndarray, "v 3"] = np.clip(
        np.rint(mesh.colors * dim[:, None] * 255), 0, 255
    ).astype(np.uint8)
    labels = _truth(world, mesh, rng, config, open3d)
    return Scan(name, mesh.vertices, colors, mesh.faces), labels
