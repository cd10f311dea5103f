"""The stages of the main job over files: each a plain function of a scene's source.

What a stage reads and writes is named here and in `io.store`; the command line adds only options.
Every function can run in a process of its own, so that many scenes go side by side.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from seggroup.config import NetworkConfig, OversegmentConfig
from seggroup.errors import InputError
from seggroup.geometry.prepare import prepare
from seggroup.io.clicks import find_clicks, read_clicks, write_authors_clicks, write_clicks
from seggroup.io.files import read_bytes, read_json, write_json
from seggroup.io.ply import write_ply
from seggroup.io.scannet import write_scene, write_segments
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import (
    CHECKPOINT,
    LABELS_FOLDER,
    SYNTH_SEED,
    clicks_file,
    labels_file,
    levels_file,
    read_labels,
    read_levels,
    read_levels_key,
    write_labels,
    write_levels,
)
from seggroup.labels.budget import click_statistics
from seggroup.labels.clicks import drop_contradictions, seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.types import LEVELS, Clicks, Labels, Scene

Contradiction = Literal["refuse", "drop"]
METHODS = ("seggroup", "walk")


@dataclass(frozen=True)
class Loading:
    """How scenes are read: with or without truth, their own segments or new ones."""

    truth: bool = True
    recompute: bool = False
    oversegment: OversegmentConfig = field(default_factory=OversegmentConfig)


def load_scene(source: Source, loading: Loading | None = None) -> Scene:
    """Read a scan with its truth and segments; over-segment it where it has none."""
    loading = loading or Loading()
    scan, segment_ids, truth = read_source(source, loading.truth)
    if loading.recompute:
        segment_ids = None
    return prepare(scan, segment_ids, truth, loading.oversegment)


def rng_of(scene: Scene, seed: int) -> np.random.Generator:
    """A scene's own random numbers: the same whatever other scenes there are."""
    return np.random.default_rng([seed, zlib.crc32(scene.name.encode())])


def keep(source: Source, output: Path) -> None:
    """Refuse to write over the scan itself."""
    if output.exists() and output.samefile(source.scan):
        raise InputError(f"{output}: the scan would be written over; choose another output")


# --- segment ---


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
    ids = scene.segment_ids[scene.segments]
    if output != source.segments or not reused:
        write_segments(output, ids, scene.name, config.k, config.min_size)
    return {
        "scene": scene.name,
        "vertices": len(scene.scan.vertices),
        "faces": len(scene.scan.faces),
        "segments": len(scene.segment_ids),
        "edges": len(scene.graph.edges),
        "reused": reused,
        "output": str(output),
        "notes": list(scene.scan.notes),
    }


# --- click ---


@dataclass(frozen=True)
class Clicking:
    """How clicks come about: simulated in a style, or imported from files."""

    style: str = "top1"
    per: Literal["part", "instance"] = "part"
    seed: int = 0
    files: tuple[Path, ...] = ()
    authors_format: bool = False
    contradiction: Contradiction = "refuse"


def click(source: Source, out: Path, clicking: Clicking, loading: Loading) -> dict:
    """Simulate or import the clicks of a scene and write them to `out`."""
    scene = load_scene(source, loading)
    notes: list[str] = []
    if clicking.files:
        path = _file_of(scene.name, clicking.files)
        clicks, notes = read_clicks(path, scene, remap=True)
        clicks, dropped = settle(clicks, scene, clicking.contradiction, path)
        notes += dropped
    else:
        clicks = simulate(scene, clicking.style, rng_of(scene, clicking.seed), per=clicking.per)
    if clicking.authors_format:
        write_authors_clicks(Path(out) / f"{scene.name}.json", clicks, scene)
    else:
        annotator = "imported" if clicking.files else clicking.style
        write_clicks(clicks_file(out, scene.name), clicks, scene, annotator)
    return {"scene": scene.name, **click_statistics(clicks, scene), "notes": notes}


def _file_of(scene: str, files: Sequence[Path]) -> Path:
    """The click file of a scene among files and folders."""
    named = {f"{scene}.json", f"{scene}.clicks.json"}
    for path in files:
        if path.is_dir():
            return find_clicks(path, scene)
        if path.name in named or len(files) == 1:
            return path
    raise InputError(f"{files[0]}: no file is named {' or '.join(sorted(named))}; name one so")


def settle(
    clicks: Clicks, scene: Scene, contradiction: Contradiction, path: Path
) -> tuple[Clicks, list[str]]:
    """Clicks without contradictions: refused by default, or the later one of two dropped."""
    if contradiction == "drop":
        return drop_contradictions(clicks, scene.segments)
    try:
        seg_level_labels(clicks, scene.segments)
    except InputError as error:
        raise InputError(f"{path}: {error} (--on-contradiction drop)") from error
    return clicks, []


def load_clicks(
    scene: Scene, place: Path, contradiction: Contradiction = "refuse"
) -> tuple[Clicks, Labels, list[str]]:
    """A scene's clicks from a file or folder, the seg-level labels they make, and notes."""
    path = find_clicks(place, scene.name)
    clicks, notes = read_clicks(path, scene)
    clicks, dropped = settle(clicks, scene, contradiction, path)
    return clicks, seg_level_labels(clicks, scene.segments), notes + dropped


# --- train ---


class Examples(Sequence):  # a Sequence, so that training reads scenes when it needs them
    """Scenes with their clicks, read when they are asked for; the last few stay in memory."""

    def __init__(
        self,
        sources: Sequence[Source],
        clicks: Path,
        loading: Loading,
        contradiction: Contradiction = "refuse",
        keep: int = 16,
    ) -> None:
        self._sources = sources

        @lru_cache(maxsize=keep)
        def load(i: int):  # type: ignore[no-untyped-def]
            from seggroup.train import Example

            scene = load_scene(sources[i], loading)
            found, labels, _ = load_clicks(scene, clicks, contradiction)
            return Example(scene, found, labels)

        self._load = load

    def __len__(self) -> int:
        return len(self._sources)

    def __getitem__(self, i):  # type: ignore[no-untyped-def]
        return self._load(int(i))


def network_config(released: bool, thresholds: tuple[float, ...] | None = None) -> NetworkConfig:
    """The network's configuration from the command line's options."""
    config = NetworkConfig().released() if released else NetworkConfig()
    return with_thresholds(config, thresholds)


def with_thresholds(config: NetworkConfig, thresholds: tuple[float, ...] | None) -> NetworkConfig:
    """The configuration with other clustering thresholds, one a grouping layer."""
    if thresholds is None:
        return config
    if len(thresholds) != 3 or not all(t >= 0 for t in thresholds):
        raise InputError("thresholds are three numbers from 0, one a grouping layer: 6,2,2")
    return NetworkConfig(**{**asdict(config), "thresholds": tuple(map(float, thresholds))})


# --- propagate ---


@dataclass(frozen=True)
class Propagating:
    """How labels spread: the method, the weights, and the levels labels are taken from."""

    method: Literal["seggroup", "walk"] = "walk"
    weights: Path | None = None
    level: str = "final"
    semantic_level: str | None = None
    thresholds: tuple[float, ...] | None = None
    released: bool = False
    seed: int = 0
    device: str = "auto"
    contradiction: Contradiction = "refuse"
    ply: bool = True


def propagate_scene(
    source: Source, clicks: Path, out: Path, spread: Propagating, loading: Loading
) -> dict:
    """Spread a scene's clicks and write `<scene>.npz`, `<scene>.ply` and the levels.

    A scene whose files were made from the same clicks, weights and options is left as it is.
    """
    key = _key(source, clicks, spread, loading)
    path, levels_path = labels_file(out, source.name), levels_file(out, source.name)
    keep(source, path.with_suffix(".ply"))
    if path.exists() and read_levels_key(levels_path) == key:
        return {"scene": source.name, "reused": True}
    scene = load_scene(source, loading)
    found, labels, notes = load_clicks(scene, clicks, spread.contradiction)
    levels = spread_labels(scene, found, labels, spread)
    chosen = levels[spread.level]
    if spread.semantic_level:
        chosen = replace(chosen, semantic=levels[spread.semantic_level].semantic)
    of_vertices = chosen.at(scene.segments)
    levels_path.unlink(missing_ok=True)  # it comes last and says that the others are whole
    if spread.ply:
        write_ply(path.with_suffix(".ply"), scene.scan, of_vertices)
    write_labels(path, of_vertices)
    write_levels(levels_path, scene.segments, levels, key)
    return {
        "scene": scene.name,
        "reused": False,
        "vertices": len(scene.scan.vertices),
        "segments": len(scene.segment_ids),
        "clicks": len(found),
        "labelled": float((of_vertices.instance >= 0).mean()),
        "confidence": float(chosen.confidence.mean()) if chosen.confidence is not None else None,
        "notes": list(scene.scan.notes) + notes,
    }


def spread_labels(
    scene: Scene, clicks: Clicks, labels: Labels, spread: Propagating
) -> dict[str, Labels]:
    """Labels of the segments at every level the method has; the last is "final"."""
    if spread.method == "walk":
        from seggroup.walk import random_walk, surface_normals

        return {"1": labels, "final": random_walk(scene, surface_normals(scene.scan), labels)}
    from seggroup.propagate import propagate

    modified = spread.weights.stat().st_mtime_ns if spread.weights else 0
    network, device = _network(spread, modified)
    return propagate(network, scene, clicks, labels, device, spread.seed)


@lru_cache(maxsize=1)
def _network(spread: Propagating, modified: int):  # type: ignore[no-untyped-def]
    """The network of a checkpoint of that date, or an untrained one drawn from the seed."""
    from seggroup.classes import NYU40
    from seggroup.device import pick_device
    from seggroup.model.checkpoint import load_network
    from seggroup.model.network import SegGroup, build

    device = pick_device(spread.device)
    if spread.weights is None:
        config = network_config(spread.released, spread.thresholds)
        return build(tuple(NYU40), config, spread.seed).to(device).eval(), device
    network, classes = load_network(spread.weights, device)
    if spread.thresholds is None:
        return network, device
    other = SegGroup(len(classes), with_thresholds(network.config, spread.thresholds))
    other.load_state_dict(network.state_dict())
    return other.to(device).eval(), device


def weights_file(place: Path) -> Path:
    """The checkpoint itself, or that of a run's folder."""
    return place / CHECKPOINT if place.is_dir() else place


def labels_folder(place: Path) -> Path:
    """Where labels lie: the folder itself, or the labels of a run's folder."""
    inner = place / LABELS_FOLDER
    return inner if (place / CHECKPOINT).exists() and inner.is_dir() else place


def _key(source: Source, clicks: Path, spread: Propagating, loading: Loading) -> str:
    """What a scene's labels depend on, as one word."""
    digest = hashlib.sha256(read_bytes(find_clicks(clicks, source.name)))
    if spread.weights:
        digest.update(read_bytes(spread.weights))
    truth = (source.aggregation, source.labels) if loading.truth else ()  # may name the classes
    for path in (source.scan, source.segments, *truth):
        digest.update(b"" if path is None else hashlib.sha256(read_bytes(path)).digest())
    options = asdict(spread) | {"weights": None, "device": None}
    digest.update(json.dumps([options, asdict(loading)], sort_keys=True, default=str).encode())
    return digest.hexdigest()


# --- evaluate ---


def read_result(source: Source, labels: Path, loading: Loading):  # type: ignore[no-untyped-def]
    """Truth, labels and segments of a scene, and its labels at every level that was kept."""
    scan, _, truth = read_source(source, True)
    if truth is None:
        raise InputError(f"{source.scan}: has no ground truth to compare with; evaluate needs it")
    folder = labels_folder(labels)
    path = labels_file(folder, source.name)
    if not path.exists():
        raise InputError(f"{path}: no labels of this scene; make them with `seggroup propagate`")
    predicted = read_labels(path, len(scan.vertices))
    levels_path = levels_file(folder, source.name)
    if not levels_path.exists():
        return truth, predicted, load_scene(source, loading).segments, {}
    segments, levels = read_levels(levels_path, len(scan.vertices))
    return truth, predicted, segments, levels


def evaluate_folder(sources: Sequence[Source], labels: Path, loading: Loading) -> dict:
    """The pseudo labels' figures over all scenes, and by level where levels were kept."""
    from seggroup.evaluate.pseudo import count, figures

    total: dict = {}
    for source in sources:
        truth, predicted, segments, levels = read_result(source, labels, loading)
        at = {"": predicted} | {name: level.at(segments) for name, level in levels.items()}
        for name, of_vertices in at.items():
            counts = count(truth, of_vertices, segments)
            total[name] = total[name] + counts if name in total else counts
    result = figures(total.pop(""))
    result["scenes"] = len(sources)
    result["levels"] = {name: figures(total[name]) for name in LEVELS if name in total}
    return result


# --- synth ---


def synthesize(number: int, out: Path, seed: int) -> dict:
    """Furnish and scan room `number` of `seed` and write it in ScanNet's layout; skip if there."""
    from seggroup.io.scenes import find_scenes
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
