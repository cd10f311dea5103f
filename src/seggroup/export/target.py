"""What a target of export is, and the few steps that all of them share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Int32

from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic, write_json
from seggroup.io.layouts.numbered import CLASSES
from seggroup.types import NONE, Labels, Scan

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
# Phrases of `Target.lost` that hold only of some scenes: they are said where a scene has it.
FACES = "faces"
NORMALS = "the file's own normals"
CONFIDENCE = "confidences"
STUFF = "instance numbers of stuff"
FRAME = "the file's own coordinates (written are metres, z up)"
MIXED = "instances of two classes (points that are not of its main class leave it)"
MIXED_BOXES = "boxes of instances of two classes (a box has the class of most points)"
TEST = "labels of test scenes"


@dataclass(frozen=True)
class Sample:
    """A scene to export, in the order of its file's vertices.

    labels   : with the ids of the class list
    segments : of every vertex, 0 … s-1: the superpoints; None where they were not asked for
    split    : "train", "val" or "test"
    made     : where the labels are from: "truth", the command that made them ("propagate",
               "predict", "train"), "" where nothing says so
    """

    scan: Scan
    labels: Labels
    segments: Int32[np.ndarray, " v"] | None = None
    split: str = "train"
    made: str = ""


@dataclass(frozen=True)
class Target:
    """A trainer or format that labels can be written for.

    title    : what it is, for people
    ignore   : how it says "no label", for people; None where it cannot
    refusal  : where it cannot: why, and what to do instead
    lost     : what a scene has that it cannot hold, a phrase each
    write    : one scene to its files under a folder; gives as JSON what `finish` needs to know,
               and always `files` (the paths it wrote, relative to the folder) and, where there is
               something to say, `notes`, and `held`: the phrases of `lost` that do not apply
    finish   : the files of the whole set (lists, infos, a data card), from what `write` gave and
               the scene's name and split (`scene`, `split`), sorted by name; gives their paths
    advice   : what to do beside the files, from the rows that `finish` gets; a note each
    misnamed : what is wrong with the name of a scene of a split, "" where nothing is
    segments : whether it holds superpoints, so that scenes must be segmented
    classes  : the list whose classes are written where a person names none: trainers have ScanNet's
               20, what can hold more has all of NYU40
    """

    title: str
    ignore: str | None
    lost: tuple[str, ...]
    write: Callable[[Path, Sample, ClassList], dict[str, Any]]
    finish: Callable[[Path, Sequence[dict[str, Any]], ClassList], list[str]] | None = None
    advice: Callable[[Sequence[dict[str, Any]], ClassList], list[str]] | None = None
    misnamed: Callable[[str, str], str] | None = None
    refusal: str = ""
    segments: bool = False
    classes: str = "scannet20"


def indexed(labels: Labels, classes: ClassList, none: int) -> Int32[np.ndarray, " v"]:
    """The place of each class in the list, from 0; `none` where there is no class or another."""
    ids = np.array(list(classes.classes), np.int32)
    order = np.argsort(ids)
    at = np.minimum(np.searchsorted(ids[order], labels.semantic), len(ids) - 1)
    known = ids[order][at] == labels.semantic
    return np.where(known, order[at], none).astype(np.int32)


def listed(labels: Labels, classes: ClassList) -> tuple[Labels, int]:
    """The labels without the classes that are not in the list, and how many vertices had them.

    Such a vertex loses its instance too: no trainer can hold an instance without a class.
    """
    other = (labels.semantic != NONE) & ~np.isin(labels.semantic, list(classes.classes))
    kept = replace(
        labels,
        semantic=np.where(other, np.int32(NONE), labels.semantic),
        instance=np.where(other, np.int32(NONE), labels.instance),
    )
    return kept, int(np.count_nonzero(other))


def things_only(labels: Labels, classes: ClassList, none: int) -> Int32[np.ndarray, " v"]:
    """Instances of things numbered 0, 1, … in the order of their numbers; `none` elsewhere."""
    thing = np.isin(labels.semantic, classes.things) & (labels.instance != NONE)
    _, rank = np.unique(labels.instance[thing], return_inverse=True)
    result = np.full(len(labels), none, np.int32)
    result[thing] = rank
    return result


def stuff_first(classes: ClassList) -> ClassList:
    """The list with its stuff before its things, each in the order of the list.

    Trainers that number things from 0 shift the classes by the number of stuff.
    """
    ordered = sorted(classes.classes.items(), key=lambda pair: pair[1].thing)
    return replace(classes, classes=dict(ordered))


def one_class(labels: Labels) -> tuple[Labels, int]:
    """Labels in which every instance has one class, and how many vertices that took.

    The class is that of most vertices, the smallest id of equals. The others keep their class and
    lose the instance; so do vertices without a class.
    """
    known = (labels.instance != NONE) & (labels.semantic != NONE)
    instance, semantic = (a[known].astype(np.int64) for a in (labels.instance, labels.semantic))
    base = int(semantic.max(initial=0)) + 1
    pairs, counts = np.unique(instance * base + semantic, return_counts=True)
    order = np.lexsort((pairs % base, -counts, pairs // base))
    number, first = np.unique(pairs[order] // base, return_index=True)
    main = pairs[order[first]] % base
    wrong = main[np.searchsorted(number, instance)] != semantic
    kept = np.full(len(labels), NONE, np.int32)
    kept[known] = np.where(wrong, NONE, instance)
    return replace(labels, instance=kept), int(np.count_nonzero(wrong))


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an array as .npy, or its bare bytes under any other name; whole or not at all."""
    with atomic(path) as file:
        if path.suffix == ".npy":
            np.save(file, array)
        else:
            file.write(np.ascontiguousarray(array).data)


def write_class_table(
    folder: Path, classes: ClassList, none: int, by_id: bool = False
) -> list[str]:
    """Write which class each number is: a place in the list, or with `by_id` an id.

    Gives the file's path within the folder.
    """
    rows = [
        {"value": class_id if by_id else place, "id": class_id, "name": c.name, "thing": c.thing}
        for place, (class_id, c) in enumerate(classes.classes.items())
    ]
    write_json(folder / CLASSES, {"no_label": none, "classes": rows})
    return [CLASSES]


def counted(number: int, thing: str, things: str = "") -> str:
    """A count in words: 1 point, 2 points."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def not_lost(lost: Mapping[str, bool]) -> list[str]:
    """What `write` gives as `held`: of phrases, those that do not apply to the scene."""
    return [phrase for phrase, applies in lost.items() if not applies]


def no_blanks(name: str, split: str) -> str:
    """What is wrong with a name in formats that part words by blanks."""
    return "this format parts words by blanks" if any(c.isspace() for c in name) else ""
