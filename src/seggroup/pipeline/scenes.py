"""Scenes on disk: reading them, segmenting them, making synthetic ones."""

import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.config import OversegmentConfig
from seggroup.errors import InputError
from seggroup.geometry.prepare import prepare
from seggroup.geometry.thin import thin, voxel_for
from seggroup.io.files import read_json, write_json
from seggroup.io.placing import told
from seggroup.io.scannet import write_scene, write_segments
from seggroup.io.scenes import Source, find_scenes, read_source
from seggroup.io.store import SYNTH_SEED
from seggroup.types import Labels, Scan, Scene


@dataclass(frozen=True)
class Loading:
    """How scenes are read: with or without truth, their own segments or new ones.

    voxel : metres, one vertex of each is kept; 0: all; None: all unless they are too many
    """

    truth: bool = True
    recompute: bool = False
    oversegment: OversegmentConfig = field(default_factory=OversegmentConfig)
    voxel: float | None = None


def load_scene(source: Source, loading: Loading | None = None) -> Scene:
    """Read a scan with its truth and segments; over-segment it where it has none.

    A scan that is too large, or where a voxel is stated, is thinned first (docs/large.md).
    """
    loading = loading or Loading()
    scan, segment_ids, truth = read_source(source, loading.truth)
    if loading.recompute:
        segment_ids = None
    return scene_of(scan, segment_ids, truth, loading)


def scene_of(
    scan: Scan,
    segment_ids: Int32[np.ndarray, " n"] | None,
    truth: Labels | None,
    loading: Loading,
) -> Scene:
    """The scene of a scan with the segments and the truth of its file, thinned as `load_scene`."""
    voxel = voxel_for(scan) if loading.voxel is None else loading.voxel
    thinned, thinning = thin(scan, voxel)
    kept = thinning.kept
    if len(kept) == len(scan.vertices):
        return prepare(scan, segment_ids, truth, loading.oversegment)
    thinned = thinned.noting(
        f"{len(scan.vertices):,} vertices were thinned to {len(kept):,} with voxels of "
        f"{100 * voxel:g} cm; labels go back to every vertex."
    )
    del scan
    taken = None if segment_ids is None else segment_ids[kept]
    scene = prepare(thinned, taken, None if truth is None else truth.at(kept), loading.oversegment)
    if segment_ids is None:  # those of computed segments are their root vertices', in the file
        scene = replace(scene, segment_ids=kept[scene.segment_ids])
    return replace(scene, thinning=replace(thinning, segment_ids=segment_ids))


def rng_of(scene: Scene, seed: int) -> np.random.Generator:
    """A scene's own random numbers: the same whatever other scenes there are."""
    return np.random.default_rng([seed, zlib.crc32(scene.name.encode())])


def keep(source: Source, output: Path) -> None:
    """Refuse to write over the scan itself."""
    if output.exists() and output.samefile(source.scan):
        raise InputError(f"{output}: the scan would be written over; choose another output")


def segment(source: Source, output: Path | None, loading: Loading) -> dict:
    """Over-segment a scan and write ScanNet's JSON; beside the scan where no output is named."""
    config = loading.oversegment
    reused = source.segments is not None and not loading.recompute
    if reused and config != OversegmentConfig():
        raise InputError(
            f"{source.segments}: is kept, so other parameters have no effect; "
            "add --recompute to make new segments"
        )
    beside = source.scan.with_name(f"{source.scan.stem}.{config.k:.6f}.segs.json")
    output = output or (source.segments if reused else None) or beside
    keep(source, output)
    scene = load_scene(source, loading)
    ids = scene.ids_of_vertices
    if output != source.segments or not reused:
        write_segments(output, ids, scene.name, config.k, config.min_size)
    return {
        "scene": scene.name,
        "vertices": len(scene.whole.vertices),
        "faces": len(scene.whole.faces),
        "kept": len(scene.scan.vertices),
        "segments": len(scene.segment_ids),
        "edges": len(scene.graph.edges),
        "reused": reused,
        **told(scene.scan.frame),
        "output": str(output),
        "notes": list(scene.scan.notes),
    }


def synthesize(number: int, out: Path, seed: int) -> dict:
    """Furnish and scan room `number` of `seed` and write it in ScanNet's layout; skip if there."""
    from seggroup.synth import make_room

    _claim(Path(out), seed)
    name = f"synth{number:04d}_00"
    folder = Path(out) / "scans" / name
    reused = (folder / f"{name}.txt").exists()  # written last
    config = OversegmentConfig()
    if not reused:
        scan, truth = make_room(_room_seed(seed, number), name)
        scene = prepare(scan, None, truth, config)
        ids = scene.segment_ids[scene.segments]
        write_scene(Path(out), scan, ids, truth, config.k, config.min_size)
    scene = load_scene(find_scenes([folder])[0])
    assert scene.truth is not None
    return {
        "scene": name,
        "reused": reused,
        "vertices": len(scene.scan.vertices),
        "faces": len(scene.scan.faces),
        "segments": len(scene.segment_ids),
        "instances": len(np.unique(scene.truth.instance[scene.truth.instance >= 0])),
    }


def _room_seed(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _claim(out: Path, seed: int) -> None:
    """Note the seed of a folder of rooms, so that rooms of two seeds never mix in it."""
    path = out / SYNTH_SEED
    if not path.exists():
        write_json(path, {"seed": seed})
    elif (found := read_json(path).get("seed")) != seed:
        raise InputError(f"{out}: holds rooms of seed {found}; choose another folder or that seed")


def check_truth(source: Source) -> None:
    """Refuse a scene without ground truth; where it has no files of truth, the scan is read."""
    if source.aggregation or source.labels:
        return
    if read_source(source, True)[2] is None:
        raise InputError(
            f"{source.scan}: has no ground truth to train or measure on; leave this scene out or "
            "add its labels"
        )
