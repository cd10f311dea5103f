"""Labels on disk: spread from clicks, and scored against truth."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from seggroup.config import NetworkConfig
from seggroup.errors import InputError
from seggroup.io.clicks import find_clicks
from seggroup.io.files import read_bytes
from seggroup.io.ply import write_ply
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import (
    CHECKPOINT,
    LABELS_FOLDER,
    labels_file,
    levels_file,
    read_labels,
    read_levels,
    read_levels_key,
    write_labels,
    write_levels,
)
from seggroup.pipeline.clicks import Contradiction, load_clicks
from seggroup.pipeline.scenes import Loading, keep, load_scene
from seggroup.types import LEVELS, Clicks, Labels, Scene


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
    first, second, third = map(float, thresholds)
    return replace(config, thresholds=(first, second, third))


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
