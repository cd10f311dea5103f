"""Label forms on disk: what a labelling budget buys of a folder of scenes with truth."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.config import CostConfig, SubcloudConfig
from seggroup.errors import InputError
from seggroup.io.classlist import nyu40
from seggroup.io.classsets import write_class_sets
from seggroup.io.files import read_json
from seggroup.io.scenes import Source, read_source
from seggroup.io.store import RECORD, labels_file, sets_file, write_labels, write_record
from seggroup.labels import forms
from seggroup.labels.budget import Form, minutes_per_scene, scenes_bought
from seggroup.pipeline.scenes import Loading, load_scene, rng_of
from seggroup.types import NONE, ClassSets, Labels, Scene

COMMAND = "budget"  # in the record of a folder that these functions filled
_NEEDS = {"seg": "instances", "subcloud": "classes", "scene": "classes"}  # of a form's truth


@dataclass(frozen=True)
class Labelling:
    """One form of labels: `style` of the annotator for seg, `number` of points a scene."""

    form: Form
    style: str = "top1"
    number: int = 20
    seed: int = 0
    cost: CostConfig = field(default_factory=CostConfig)
    subcloud: SubcloudConfig = field(default_factory=SubcloudConfig)


def survey(source: Source) -> dict[str, Any]:
    """How many instances and classes a scene's truth has: what its labels cost.

    Raises InputError where it has no truth.
    """
    _, _, truth = read_source(source)
    if truth is None or not np.any((truth.semantic != NONE) | (truth.instance != NONE)):
        raise InputError(
            f"{source.name}: has no truth to make labels from; name scans that come with it"
        )
    return {
        "scene": source.name,
        "instances": _distinct(truth.instance),
        "classes": _distinct(truth.semantic),
    }


def minutes_of(row: dict[str, Any], labelling: Labelling) -> float:
    """What the labels of a surveyed scene cost, minutes."""
    return minutes_per_scene(
        labelling.form,
        row["instances"],
        labelling.cost,
        points=labelling.number,
        classes=row["classes"],
    )


def buy(
    rows: Sequence[dict[str, Any]], labelling: Labelling, minutes: float | int | None = None
) -> tuple[list[int], float]:
    """The surveyed scenes that a budget buys, by index in order of their names, and the budget.

    Without `minutes` it is what seg-level labels of all these scenes take (paper 4.2). Raises
    InputError where it does not buy a single scene, and where the truth of one lacks the classes
    or instances that the form is made from.
    """
    need = _NEEDS.get(labelling.form)
    for row in rows:
        if need is not None and not row[need]:
            raise InputError(
                f"{row['scene']}: its truth has no {need}, which {labelling.form} labels are made "
                "from; choose another form or leave the scan out"
            )
    if minutes is None:
        minutes = sum(minutes_of(row, Labelling("seg", cost=labelling.cost)) for row in rows)
    costs = [minutes_of(row, labelling) for row in rows]
    names = [row["scene"] for row in rows]
    bought = scenes_bought(names, costs, minutes, labelling.seed)
    if not bought:
        least = min(costs, default=math.nan)
        raise InputError(
            f"{minutes:.1f} minutes buy no scene of {labelling.form} labels (one costs "
            f"{least:.1f} or more); give more --minutes or more scenes"
        )
    return sorted(bought, key=lambda i: names[i]), minutes


def claim_folder(out: Path, labelling: Labelling, costs: dict[str, float], minutes: float) -> None:
    """Empty the folder of the labels an earlier budget put there, and record the new one.

    Raises InputError where it holds labels that no budget put there: nothing of others is removed.
    """
    own = {
        path for name in _recorded(out) for path in (labels_file(out, name), sets_file(out, name))
    }
    foreign = sorted(path.name for path in out.glob("*.npz") if path not in own)
    if foreign:
        raise InputError(
            f"{out}: holds labels that this command did not make ({foreign[0]}); "
            "choose another folder"
        )
    for path in own:
        path.unlink(missing_ok=True)
    config = asdict(labelling) | {"minutes": minutes, "scenes": costs}
    write_record(out, COMMAND, config, labelling.seed)


def label_scene(source: Source, out: Path, labelling: Labelling) -> dict[str, Any]:
    """Make the labels of a scene and write `<scene>.npz`, and `<scene>.sets.npz` with sets."""
    scene = load_scene(source, Loading())
    labels, sets = make_labels(scene, labelling)
    labels, sets = scene.carried(labels), _carried_sets(scene, sets)
    if sets is not None:
        write_class_sets(sets_file(out, scene.name), sets)
    listed = source.reading.classes or nyu40()
    write_labels(labels_file(out, scene.name), labels, listed.names)
    known = (labels.semantic != NONE) | (labels.instance != NONE)
    return {
        "scene": scene.name,
        "vertices": len(labels),
        "labelled": int(known.sum()),
        "share_labelled": float(known.mean()),
        "sets": 0 if sets is None else len(sets),
        "notes": list(scene.scan.notes),
    }


def make_labels(scene: Scene, labelling: Labelling) -> tuple[Labels, ClassSets | None]:
    """A scene's labels in this form, and its class sets where the form gives any.

    They depend on the seed and the scene alone, not on other scenes.
    """
    rng = rng_of(scene, labelling.seed)
    nothing = np.full(len(scene.segments), NONE, np.int32)
    match labelling.form:
        case "dense":
            return forms.dense(scene), None
        case "seg":
            return forms.seg_level(scene, labelling.style, rng), None
        case "points":
            return forms.random_points(scene, labelling.number, rng), None
        case "active":
            return forms.active_points(scene, labelling.number, rng), None
        case "subcloud":
            return Labels(nothing, nothing), forms.subclouds(scene, rng, labelling.subcloud)
        case "scene":
            return Labels(nothing, nothing), forms.scene_tags(scene)


def _carried_sets(scene: Scene, sets: ClassSets | None) -> ClassSets | None:
    """The sets of a scan's vertices with all vertices of the file that these stand for."""
    if sets is None or scene.thinning is None:
        return sets
    members = []
    for kept in sets.members:
        inside = np.zeros(len(scene.segments), bool)
        inside[kept] = True
        members.append(np.flatnonzero(inside[scene.thinning.group]).astype(np.int32))
    return ClassSets(tuple(members), sets.classes)


def _recorded(out: Path) -> list[str]:
    """The scenes whose labels an earlier budget put into the folder."""
    if not (out / RECORD).exists():
        return []
    record = read_json(out / RECORD)
    match record:
        case {"command": "budget", "config": {"scenes": dict(scenes)}}:
            return list(scenes)
        case _:
            raise InputError(f"{out}: is the folder of another command; choose another folder")


def _distinct(values: np.ndarray) -> int:
    return len(np.unique(values[values != NONE]))
