"""Labels written for trainers and viewers: one scene at a time, then the lists of all.

What was written is recorded in the folder (`.seggroup-export`), a small file a scene, so that a
later run replaces what an earlier one wrote of the same splits and leaves nothing stale behind.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from seggroup.errors import InputError
from seggroup.export.target import (
    CONFIDENCE,
    FACES,
    FRAME,
    MIXED,
    MIXED_BOXES,
    NORMALS,
    STUFF,
    TEST,
    Sample,
    Split,
    Target,
    counted,
    listed,
    one_class,
)
from seggroup.export.targets import target
from seggroup.io.arrays import read_arrays
from seggroup.io.classlist import ClassList
from seggroup.io.files import read_json, write_json
from seggroup.io.relisting import has_nyu40_ids, read_listed
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import EXPORT_FOLDER, RECORD, labels_file, read_labels, safe_name
from seggroup.pipeline.labels import confident, labels_folder
from seggroup.pipeline.scenes import Loading, scene_of
from seggroup.types import NONE, Frame, Labels, Scan

LISTS = "lists.json"


@dataclass(frozen=True)
class Exporting:
    """What is exported, and how.

    target     : a name in TARGETS
    labels     : a folder of labels, or a run; None: the scenes' own truth
    confidence : labels less sure than this become the target's ignore value
    splits     : the split of scenes by name; others are of `split`
    loading    : how scenes are segmented where the target holds superpoints
    """

    target: str
    out: Path
    classes: ClassList
    labels: Path | None = None
    confidence: float | None = None
    splits: Mapping[str, Split] = field(default_factory=dict)
    split: Split | None = "train"
    loading: Loading = field(default_factory=lambda: Loading(truth=False))


def check_export(sources: Sequence[Source], exporting: Exporting) -> None:
    """Refuse, before anything is written, what cannot come out right.

    Raises InputError where the target has no ignore value but one is asked for, where no split is
    known for a scene or the target cannot hold its name, where a label file is missing or broken,
    and where the folder holds the scans or the labels.
    """
    chosen = target(exporting.target)
    if exporting.confidence is not None and chosen.ignore is None:
        raise InputError(f"--confidence: {chosen.title} has no ignore value: {chosen.refusal}")
    if exporting.confidence is not None and exporting.labels is None:
        raise InputError("--confidence: truth has no confidences; name labels with --labels")
    for source in sources:
        safe_name(source.name)
        split = split_of(source.name, exporting)
        if chosen.misnamed is not None and (fault := chosen.misnamed(source.name, split)):
            raise InputError(f"{source.name}: {fault}; rename the scan")
        _check_place(exporting.out, source.scan)
    if exporting.labels is not None:
        folder = labels_folder(exporting.labels)
        if not folder.is_dir():
            raise InputError(f"{folder}: is no folder; name that of the labels with --labels")
        for source in sources:
            path = _labels_of(folder, source.name)
            _check_place(exporting.out, path)
            _check_labels(path)
    _check_earlier(exporting, {source.name: split_of(source.name, exporting) for source in sources})


def split_of(scene: str, exporting: Exporting) -> Split:
    """The split of a scene. Raises InputError where none is known."""
    split = exporting.splits.get(scene, exporting.split)
    if split is None:
        raise InputError(
            f"{scene}: is in none of the lists of --split; add it, or give the others' split too"
        )
    return split


def export_scene(source: Source, exporting: Exporting) -> dict[str, Any]:
    """Write one scene for the target, and the record of it. Can run in a process of its own."""
    chosen = target(exporting.target)
    scan, labels, segments = _read(source, exporting, chosen)
    notes = list(scan.notes)
    if exporting.confidence is not None:
        if labels.confidence is None:
            raise InputError(
                f"{source.name}: its labels have no confidences; leave --confidence out"
            )
        before = np.count_nonzero(labels.semantic != NONE)
        labels = confident(labels, exporting.confidence)
        dropped = int(before - np.count_nonzero(labels.semantic != NONE))
        notes.append(
            f"{counted(dropped, 'label')} less sure than {exporting.confidence} became no label."
        )
    stated = labels
    labels, others = listed(labels, exporting.classes)
    if others:
        if (labels.semantic == NONE).all():
            raise InputError(_no_class_fits(source.name, stated, exporting.classes))
        notes.append(
            f"{counted(others, 'label')} of classes that are not in the list became no label."
        )
    split = split_of(source.name, exporting)
    if split != "test" and (labels.semantic == NONE).all():
        notes.append("Has no label at all: nothing can be learned from it; leave it out.")
    sample = Sample(scan, labels, segments, split, made_by(exporting.labels))
    facts = chosen.write(exporting.out, sample, exporting.classes)
    held = set(facts.pop("held", []))
    lost = cannot_hold(chosen, scan, labels, exporting.classes, split)
    _keep_record(exporting, {"scene": source.name, "split": split, **facts})
    return {
        "scene": source.name,
        "split": split,
        "points": len(labels),
        "labelled": float((labels.semantic != NONE).mean()),
        "instances": len(np.unique(labels.instance[labels.instance != NONE])),
        "files": len(facts["files"]),
        "bytes": _bytes(exporting.out, facts["files"]),
        "cannot_hold": [phrase for phrase in lost if phrase not in held],
        "notes": notes + list(facts.get("notes", [])),
    }


def made_by(labels: Path | None) -> str:
    """Where labels are from, as `Sample.made` has it: a folder's own record says so."""
    if labels is None:
        return "truth"
    for record in (labels_folder(labels) / RECORD, labels / RECORD):
        facts = read_json(record) if record.is_file() else None
        if isinstance(facts, dict) and facts.get("command") in ("propagate", "predict", "train"):
            return str(facts["command"])
    return ""


def cannot_hold(
    chosen: Target,
    scan: Scan,
    labels: Labels | None,
    classes: ClassList,
    split: str = "train",
) -> list[str]:
    """What a target cannot hold of a scene, a phrase each."""
    counts = labels is not None and not {MIXED, MIXED_BOXES}.isdisjoint(chosen.lost)
    mixed = counts and labels is not None and one_class(labels)[1] > 0
    has = {
        MIXED: mixed,
        MIXED_BOXES: mixed,
        TEST: split == "test",
        FACES: scan.is_mesh,
        NORMALS: scan.normals is not None,
        CONFIDENCE: labels is not None and labels.confidence is not None,
        STUFF: labels is not None and _numbered_stuff(labels, classes),
        FRAME: scan.frame != Frame(),
    }
    return [phrase for phrase in chosen.lost if has.get(phrase, True)]


def finish_export(exporting: Exporting, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Remove what an earlier run left of the same splits and write the lists of all scenes.

    rows : what `export_scene` gave of every scene of this run
    """
    chosen = target(exporting.target)
    now = {row["scene"]: row["split"] for row in rows}
    kept: list[dict[str, Any]] = []
    stale: list[dict[str, Any]] = []
    for facts in _records(exporting):
        (stale if _replaced(facts, now) else kept).append(facts)
    for facts in stale:
        _remove(exporting.out, facts["files"])
        _record(exporting, facts["scene"]).unlink(missing_ok=True)
    lists: list[str] = []
    if chosen.finish is not None:
        lists = chosen.finish(exporting.out, kept, exporting.classes)
    advice = [] if chosen.advice is None else chosen.advice(kept, exporting.classes)
    place = _folder(exporting) / LISTS
    earlier = read_json(place)["files"] if place.exists() else []
    write_json(place, {"files": lists})
    _remove(exporting.out, set(earlier) - set(lists))
    return {
        "target": exporting.target,
        "title": chosen.title,
        "output": str(exporting.out),
        "scenes": list(rows),
        "files": sum(row["files"] for row in rows) + len(lists),
        "bytes": sum(row["bytes"] for row in rows) + _bytes(exporting.out, lists),
        "kept": [facts["scene"] for facts in kept if facts["scene"] not in now],
        "removed": [facts["scene"] for facts in stale],
        "ignore": chosen.ignore,
        "notes": advice,
        "cannot_hold": list(dict.fromkeys(what for row in rows for what in row["cannot_hold"])),
    }


def _read(
    source: Source, exporting: Exporting, chosen: Target
) -> tuple[Scan, Labels, Int32[np.ndarray, " v"] | None]:
    """A scan with all vertices of its file, their labels and, where wanted, their segments."""
    own = exporting.labels is None
    scan, segment_ids, labels = read_source(source, own)
    if exporting.labels is not None:
        path = _labels_of(labels_folder(exporting.labels), source.name)
        wanted = None if has_nyu40_ids(exporting.classes) else exporting.classes
        labels, notes = read_listed(path, len(scan.vertices), wanted)  # `listed` takes the rest
        scan = scan.noting(*notes)
    if labels is None and split_of(source.name, exporting) == "test":
        nothing = np.full(len(scan.vertices), NONE, np.int32)
        labels = Labels(nothing, nothing)
    if labels is None:
        raise InputError(
            f"{source.scan}: has no labels of its own; give --labels, or annotate and propagate"
        )
    if not chosen.segments:
        return scan, labels, None
    scene = scene_of(scan, segment_ids, None, exporting.loading)
    segments = np.unique(scene.ids_of_vertices, return_inverse=True)[1]
    return scan, labels, segments.astype(np.int32)


def _no_class_fits(scene: str, labels: Labels, classes: ClassList) -> str:
    ids = np.unique(labels.semantic[labels.semantic != NONE])
    some = ", ".join(map(str, ids[:5].tolist())) + (" …" if len(ids) > 5 else "")
    return (
        f"{scene}: none of its classes (ids {some}) is in the list of {len(classes.classes)}; "
        "name the list that its labels are in with --classes"
    )


def _labels_of(folder: Path, scene: str) -> Path:
    path = labels_file(folder, scene)
    if not path.exists():
        raise InputError(f"{path}: no labels of this scene; make them with `seggroup propagate`")
    return path


def _check_labels(path: Path) -> None:
    """Refuse a file of labels that is broken, whatever scan it is for."""

    def too_large(sizes: Mapping[str, int]) -> str:
        return "holds more labels than a scan can have" if max(sizes.values()) > 2**30 else ""

    remedy = "make the labels again"
    array = read_arrays(path, ["semantic"], too_large, "label file", remedy)["semantic"]
    read_labels(path, array.size)


def _check_place(out: Path, path: Path) -> None:
    """Refuse a folder that holds what is read: it could be written over, or removed later."""
    if path.resolve().is_relative_to(out.resolve()):
        raise InputError(f"{out}: holds {path}, which is read; choose another folder with -o")


def _check_earlier(exporting: Exporting, now: Mapping[str, str]) -> None:
    """Refuse to mix two targets in one folder, or scenes of two class lists in one export."""
    for folder in sorted((exporting.out / EXPORT_FOLDER).glob("*")):
        if folder.name != exporting.target:
            raise InputError(
                f"{exporting.out}: holds an export for {folder.name}, which could read these files "
                "as its own; choose another folder with -o"
            )
    for facts in _records(exporting):
        same = facts["classes"] == _digest(exporting.classes)
        if not same and facts["scene"] not in now and not _replaced(facts, now):
            raise InputError(
                f"{exporting.out}: holds {facts['scene']} ({facts['split']}) with another class "
                "list; choose another folder with -o"
            )


def _replaced(facts: Mapping[str, Any], now: Mapping[str, str]) -> bool:
    """Whether a scene of an earlier run goes: its split is written anew, without it."""
    return facts["scene"] not in now and facts["split"] in now.values()


def _folder(exporting: Exporting) -> Path:
    return exporting.out / EXPORT_FOLDER / exporting.target


def _record(exporting: Exporting, scene: str) -> Path:
    return _folder(exporting) / "scenes" / f"{safe_name(scene)}.json"


def _keep_record(exporting: Exporting, facts: dict[str, Any]) -> None:
    """Record a scene; what an earlier run wrote of it elsewhere (another split) is removed."""
    path = _record(exporting, facts["scene"])
    earlier = read_json(path)["files"] if path.exists() else []
    _remove(exporting.out, set(earlier) - set(facts["files"]))
    write_json(path, facts | {"classes": _digest(exporting.classes)}, None)


def _records(exporting: Exporting) -> list[dict[str, Any]]:
    """The records of all scenes in the folder, by name."""
    records = []
    for path in sorted((_folder(exporting) / "scenes").glob("*.json")):
        facts = read_json(path)
        if not isinstance(facts, dict) or not {"scene", "split", "files", "classes"} <= set(facts):
            raise InputError(
                f"{path}: is no record of an export; remove {exporting.out / EXPORT_FOLDER}"
            )
        records.append(facts)
    return records


def _remove(out: Path, files: Iterable[str]) -> None:
    """Remove files within the folder, and the folders that they leave empty."""
    root = out.resolve()
    for name in files:
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            continue
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == root or not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()


def _bytes(out: Path, files: Iterable[str]) -> int:
    return sum((out / name).stat().st_size for name in files)


def _digest(classes: ClassList) -> str:
    """A class list as a word: its ids, names and things, on which the written numbers depend."""
    text = repr([(i, c.name, c.thing) for i, c in classes.classes.items()])
    return hashlib.sha256(text.encode()).hexdigest()


def _numbered_stuff(labels: Labels, classes: ClassList) -> bool:
    stuff = (labels.semantic != NONE) & ~np.isin(labels.semantic, classes.things)
    return bool(np.any(stuff & (labels.instance != NONE)))
