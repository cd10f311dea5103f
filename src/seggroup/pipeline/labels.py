"""Labels on disk: spread from clicks, and scored against truth."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.errors import InputError
from seggroup.geometry.oversegment import dense_segments
from seggroup.io.classlist import template
from seggroup.io.clicks import find_clicks
from seggroup.io.files import read_bytes
from seggroup.io.placing import told
from seggroup.io.ply import write_ply
from seggroup.io.relisting import read_listed, relisted
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import (
    CHECKPOINT,
    LABELS_FOLDER,
    labels_file,
    levels_file,
    read_class_names,
    read_levels,
    read_levels_key,
    write_labels,
    write_levels,
)
from seggroup.pipeline.clicks import (
    class_names,
    load_clicks,
    load_free_clicks,
    names_nyu40,
)
from seggroup.pipeline.scenes import Loading, keep, load_scene
from seggroup.pipeline.spreading import Propagating, check_method, spread_scene
from seggroup.types import LEVELS, NONE, Clicks, Labels, Scene


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
    scene, listed = load_scene(source, loading), source.reading.classes
    if spread.method == "assign":
        found, notes = load_free_clicks(scene, clicks, spread.contradiction, listed)
        notes += _splits(scene, found)
    else:
        found, _, notes = load_clicks(scene, clicks, spread.contradiction, listed)
    named = spread.method != "assign" or names_nyu40(find_clicks(clicks, scene.name), listed)
    result = spread_scene(scene, found, spread, named)
    chosen = result.levels[spread.level]
    if spread.semantic_level:
        chosen = replace(chosen, semantic=result.levels[spread.semantic_level].semantic)
    of_vertices = scene.carried(confident(chosen.at(result.part), spread.min_confidence))
    levels = {
        name: confident(labels, spread.min_confidence) for name, labels in result.levels.items()
    }
    levels_path.unlink(missing_ok=True)  # it comes last and says that the others are whole
    if spread.ply:
        write_ply(path.with_suffix(".ply"), scene.whole, of_vertices)
    names = class_names(find_clicks(clicks, scene.name), listed)
    write_labels(path, of_vertices, names)
    part = result.part if scene.thinning is None else result.part[scene.thinning.group]
    write_levels(levels_path, part, levels, key, names)
    return {
        "scene": scene.name,
        "reused": False,
        **told(scene.scan.frame),
        "vertices": len(scene.whole.vertices),
        "segments": len(scene.segment_ids),
        "clicks": len(found),
        "labelled": float((of_vertices.instance >= 0).mean()),
        "confidence": float(chosen.confidence.mean()) if chosen.confidence is not None else None,
        "doubtful": _in_file(scene, result.doubtful),
        "notes": [*scene.scan.notes, *notes, *result.notes],
    }


def _in_file(scene: Scene, rows: tuple[dict, ...]) -> list[dict]:
    """Rows about clicks with the vertices that the file has."""
    vertices = scene.in_file(np.array([row["vertex"] for row in rows], np.int32)).tolist()
    return [row | {"vertex": vertex} for row, vertex in zip(rows, vertices, strict=True)]


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
    truth = source.truth_files if loading.truth else ()  # may name the classes
    for path in (source.scan, source.segments, *truth):
        digest.update(b"" if path is None else hashlib.sha256(read_bytes(path)).digest())
    options = asdict(spread) | {"weights": None, "device": None}
    settings = [options, asdict(loading), asdict(source.reading)]
    digest.update(json.dumps(settings, sort_keys=True, default=str).encode())
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
    listed = source.reading.classes
    predicted, _ = read_listed(path, len(scan.vertices), listed)
    levels_path = levels_file(folder, source.name)
    if not levels_path.exists():
        return truth, predicted, _segments(source, loading), {}
    parts, levels = read_levels(levels_path, len(scan.vertices))
    names = read_class_names(levels_path)
    at = {
        name: relisted(levels_path, level, names, listed)[0].at(parts)
        for name, level in levels.items()
        if len(level)
    }
    return truth, predicted, _segments(source, loading), at


def _segments(source: Source, loading: Loading) -> Int32[np.ndarray, " n"]:
    """The segment, 0 … s-1, of every vertex of a scene's file."""
    scene = load_scene(source, loading)
    return scene.segments if scene.thinning is None else dense_segments(scene.ids_of_vertices)[0]


def evaluate_folder(sources: Sequence[Source], labels: Path, loading: Loading) -> dict:
    """The pseudo labels' figures over all scenes, and by level where levels were kept."""
    from seggroup.evaluate.pseudo import count, figures

    total: dict = {}
    listed = sources[0].reading.classes or template("scannet20")
    ids = tuple(listed.classes)
    stuff = tuple(sorted(set(ids) - set(listed.things)))
    for source in sources:
        truth, predicted, segments, levels = read_result(source, labels, loading)
        for name, of_vertices in ({"": predicted} | levels).items():
            counts = count(truth, of_vertices, segments, ids)
            total[name] = total[name] + counts if name in total else counts
    result = figures(total.pop(""), ids, stuff, listed.name)
    result["scenes"] = len(sources)
    result["levels"] = {
        name: figures(total[name], ids, stuff, listed.name) for name in LEVELS if name in total
    }
    return result
