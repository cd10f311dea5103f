"""Labels on disk: spread from clicks, and scored against truth."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.config import DEFAULT_METHOD, Method, NetworkConfig
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
from seggroup.labels.clicks import seg_level_labels
from seggroup.pipeline.clicks import (
    Contradiction,
    load_clicks,
    load_free_clicks,
    names_nyu40,
)
from seggroup.pipeline.scenes import Loading, keep, load_scene
from seggroup.types import LEVELS, NONE, Clicks, Labels, Scene


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
    """How labels spread: the method, the weights, and the levels labels are taken from.

    min_confidence : labels below it are left out
    refine         : steps of training on each scan's own clicks, of the assigner
    """

    method: Method = DEFAULT_METHOD
    weights: Path | None = None
    level: str = "final"
    semantic_level: str | None = None
    thresholds: tuple[float, ...] | None = None
    released: bool = False
    seed: int = 0
    device: str = "auto"
    contradiction: Contradiction = "refuse"
    ply: bool = True
    min_confidence: float = 0.0
    refine: int = 0


@dataclass(frozen=True)
class Spread:
    """Labels as they spread, of the parts of a partition of the vertices. q parts.

    part     : of every vertex: its segment, or finer
    levels   : labels of the parts by level; the last is "final"
    doubtful : clicks that are probably wrong: vertex, instance, chance and reason of each
    notes    : what else is to be said of it
    """

    part: Int32[np.ndarray, " v"]
    levels: dict[str, Labels]
    doubtful: tuple[dict, ...] = ()
    notes: tuple[str, ...] = ()


def propagate_scene(
    source: Source, clicks: Path, out: Path, spread: Propagating, loading: Loading
) -> dict:
    """Spread a scene's clicks and write `<scene>.npz`, `<scene>.ply` and the levels.

    A scene whose files were made from the same clicks, weights and options is left as it is.
    """
    check_method(spread)
    key = _key(source, clicks, spread, loading)
    path, levels_path = labels_file(out, source.name), levels_file(out, source.name)
    keep(source, path.with_suffix(".ply"))
    if path.exists() and read_levels_key(levels_path) == key:
        return {"scene": source.name, "reused": True}
    scene = load_scene(source, loading)
    if spread.method == "assign":
        found, notes = load_free_clicks(scene, clicks, spread.contradiction)
        notes += _splits(scene, found)
    else:
        found, _, notes = load_clicks(scene, clicks, spread.contradiction)
    named = spread.method != "assign" or names_nyu40(find_clicks(clicks, scene.name))
    result = spread_labels(scene, found, spread, named)
    chosen = result.levels[spread.level]
    if spread.semantic_level:
        chosen = replace(chosen, semantic=result.levels[spread.semantic_level].semantic)
    of_vertices = confident(chosen.at(result.part), spread.min_confidence)
    levels = {
        name: confident(labels, spread.min_confidence) for name, labels in result.levels.items()
    }
    levels_path.unlink(missing_ok=True)  # it comes last and says that the others are whole
    if spread.ply:
        write_ply(path.with_suffix(".ply"), scene.scan, of_vertices)
    write_labels(path, of_vertices)
    write_levels(levels_path, result.part, levels, key)
    return {
        "scene": scene.name,
        "reused": False,
        "vertices": len(scene.scan.vertices),
        "segments": len(scene.segment_ids),
        "clicks": len(found),
        "labelled": float((of_vertices.instance >= 0).mean()),
        "confidence": float(chosen.confidence.mean()) if chosen.confidence is not None else None,
        "doubtful": list(result.doubtful),
        "notes": [*scene.scan.notes, *notes, *result.notes],
    }


def spread_labels(scene: Scene, clicks: Clicks, spread: Propagating, nyu40: bool = True) -> Spread:
    """The clicks spread over a scene by the method; `nyu40`: their class ids are NYU40's."""
    if spread.method == "assign":
        from seggroup.assign.labels import know

        network = assigner(spread.weights)
        known = know(network, scene, nyu40)
        notes = _unusual(scene)
        if spread.refine:
            network, note = _refined(network, known, clicks, spread)
            notes.append(note)
            known = know(network, scene, nyu40)
        found = by_assigner(network, known, clicks)
        return replace(found, doubtful=doubts(network, known, clicks), notes=tuple(notes))
    labels = seg_level_labels(clicks, scene.segments)
    if spread.method == "walk":
        from seggroup.walk import random_walk, surface_normals

        final = random_walk(scene, surface_normals(scene.scan), labels)
        return Spread(scene.segments, {"1": labels, "final": final})
    from seggroup.propagate import propagate

    modified = spread.weights.stat().st_mtime_ns if spread.weights else 0
    network, device = _network(spread, modified)
    levels = propagate(network, scene, clicks, labels, device, spread.seed)
    return Spread(scene.segments, levels)


def _unusual(scene: Scene) -> list[str]:
    """A note where a scan does not look like a room in metres with z up, which assign expects."""
    low, high = np.percentile(scene.scan.vertices, (1, 99), axis=0)
    height, across = float(high[2] - low[2]), float((high - low)[:2].max())
    if 0.3 <= height <= 15 and 0.5 <= across <= 100 and height <= 3 * across:
        return []
    return [
        f"is {across:.3g} wide and {height:.3g} high; --method assign takes units for metres and z "
        "for up: scale or turn the scan, or use --method walk"
    ]


def assigner(weights: Path | None):  # type: ignore[no-untyped-def]
    """The assigner of a file, or the one in the box."""
    from seggroup.assign.weights import BOX, load_assigner

    return load_assigner(weights or BOX)


def _refined(network, known, clicks: Clicks, spread: Propagating):  # type: ignore[no-untyped-def]
    """The network after training on a scan's own clicks, where that helped, and what came of it."""
    from seggroup.assign.finetune import RefineConfig, drawn, refine

    config = RefineConfig(steps=spread.refine, seed=spread.seed)
    result = refine(network, [(known.around, drawn(known, clicks))], config)
    word = "kept" if result.kept else "not kept: the clicks left out are not foretold better"
    return result.network, f"training on the clicks for {spread.refine} steps was {word}"


def by_assigner(network, known, clicks: Clicks) -> Spread:  # type: ignore[no-untyped-def]
    """The assigner's labels of a scene that it knows; level 1 is the clicked pieces alone.

    A part is what of a piece has one instance, so that every level maps back exactly.
    """
    from seggroup.assign.labels import assigned, shares

    found = assigned(known, clicks, shares(network, known, clicks))
    assert found.confidence is not None
    piece = known.pieces.piece
    part, first = _parts(piece, found.instance, found.confidence)
    final = found.at(first)
    clicked = np.isin(piece[first], piece[clicks.vertex])
    one = Labels(
        np.where(clicked, final.semantic, NONE).astype(np.int32),
        np.where(clicked, final.instance, NONE).astype(np.int32),
    )
    return Spread(part, {"1": one, "final": final})


def doubts(network, known, clicks: Clicks) -> tuple[dict, ...]:  # type: ignore[no-untyped-def]
    """The clicks that the assigner takes for wrong, the likeliest first; none is overruled."""
    from seggroup.assign.doubt import doubtful

    return tuple(
        {
            "vertex": int(clicks.vertex[doubt.click]),
            "instance": int(clicks.instance[doubt.click]),
            "chance": doubt.chance,
            "reason": doubt.reason,
        }
        for doubt in doubtful(network, known, clicks)
    )


def confident(labels: Labels, least: float) -> Labels:
    """The labels without those less sure than `least`; where nothing says how sure, all."""
    if labels.confidence is None:
        return labels
    sure = labels.confidence >= least
    return Labels(
        np.where(sure, labels.semantic, NONE).astype(np.int32),
        np.where(sure, labels.instance, NONE).astype(np.int32),
        labels.confidence,
    )


def _parts(*columns: np.ndarray) -> tuple[Int32[np.ndarray, " v"], np.ndarray]:
    """Numbers from 0 of the vertices' distinct rows, and a vertex of each."""
    part = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, rank = np.unique(column, return_inverse=True)
        part = part * len(values) + rank
    _, first, part = np.unique(part, return_index=True, return_inverse=True)
    return part.astype(np.int32), first


def _splits(scene: Scene, clicks: Clicks) -> list[str]:
    """A note on every segment in which several instances are clicked."""
    clicked, notes = scene.segments[clicks.vertex], []
    for segment in np.unique(clicked):
        numbers = np.unique(clicks.instance[clicked == segment])
        if len(numbers) > 1:
            words = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
            notes.append(
                f"segment {scene.segment_ids[segment]} is clicked as instances {words}; "
                "it was split between them"
            )
    return notes


def check_method(spread: Propagating) -> None:
    """Raise InputError where the method does not have what is asked of it."""
    if spread.weights is not None and (reads := method_of(spread.weights)) != spread.method:
        raise InputError(
            f"{spread.weights}: weights of --method {reads}, which {spread.method} does not read; "
            "choose that method or leave --weights out"
        )
    if spread.refine and spread.method != "assign":
        raise InputError(f"--refine: only --method assign has it, not {spread.method}")
    levels = {spread.level, spread.semantic_level} & {"2", "3", "4"}
    if spread.method != "seggroup" and (spread.thresholds or levels):
        raise InputError(
            f"--method {spread.method}: has no thresholds and no levels 2 to 4; "
            "use --method seggroup"
        )


def method_of(weights: Path) -> Method:
    """The method that reads weights, by their header. Raises InputError where there is none."""
    from seggroup.model.checkpoint import read_header

    if not weights.is_file():
        raise InputError(f"{weights}: does not exist; check the path")
    return "assign" if "assigner" in read_header(weights) else "seggroup"


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
    weights = spread.weights
    if spread.method == "assign":
        from seggroup.assign.weights import BOX

        weights = weights or BOX
    if weights:
        digest.update(read_bytes(weights))
    truth = (source.aggregation, source.labels) if loading.truth else ()  # may name the classes
    for path in (source.scan, source.segments, *truth):
        digest.update(b"" if path is None else hashlib.sha256(read_bytes(path)).digest())
    options = asdict(spread) | {"weights": None, "device": None}
    digest.update(json.dumps([options, asdict(loading)], sort_keys=True, default=str).encode())
    return digest.hexdigest()


def read_result(source: Source, labels: Path, loading: Loading):  # type: ignore[no-untyped-def]
    """Truth, labels and segments of a scene, and its labels at every level that was kept.

    All of vertices; the levels' parts may be finer than the segments.
    """
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
    parts, levels = read_levels(levels_path, len(scan.vertices))
    at = {name: level.at(parts) for name, level in levels.items()}
    return truth, predicted, load_scene(source, loading).segments, at


def evaluate_folder(sources: Sequence[Source], labels: Path, loading: Loading) -> dict:
    """The pseudo labels' figures over all scenes, and by level where levels were kept."""
    from seggroup.evaluate.pseudo import count, figures

    total: dict = {}
    for source in sources:
        truth, predicted, segments, levels = read_result(source, labels, loading)
        for name, of_vertices in ({"": predicted} | levels).items():
            counts = count(truth, of_vertices, segments)
            total[name] = total[name] + counts if name in total else counts
    result = figures(total.pop(""))
    result["scenes"] = len(sources)
    result["levels"] = {name: figures(total[name]) for name in LEVELS if name in total}
    return result
