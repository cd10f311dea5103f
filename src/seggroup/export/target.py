"""What a target of export is, and the few steps that all of them share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from seggroup.io.classlist import ClassList
from seggroup.types import NONE, Labels, Scan


@dataclass(frozen=True)
class Sample:
    """A scene to export, in the order of its file's vertices.

    labels   : with the ids of the class list
    segments : of every vertex, 0 … s-1: the superpoints; None where they were not asked for
    split    : "train", "val" or "test"
    """

    scan: Scan
    labels: Labels
    segments: Int32[np.ndarray, " v"] | None = None
    split: str = "train"


@dataclass(frozen=True)
class Target:
    """A trainer or format that labels can be written for.

    title    : what it is, for people
    ignore   : how it says "no label", for people; None where it cannot
    refusal  : where it cannot: why, and what to do instead
    lost     : what a scene has that it cannot hold, a phrase each
    write    : one scene to its files under a folder; gives what `finish` needs to know, as JSON
    finish   : the files of the whole set (lists, infos, a data card), from what `write` gave
    segments : whether it holds superpoints, so that scenes must be segmented
    """

    title: str
    ignore: str | None
    lost: tuple[str, ...]
    write: Callable[[Path, Sample, ClassList], dict[str, Any]]
    finish: Callable[[Path, Sequence[dict[str, Any]], ClassList], None] | None = None
    refusal: str = ""
    segments: bool = False


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
