"""The instances of labels one by one, for formats that list objects rather than vertices."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64

from seggroup.types import NONE, Labels


@dataclass(frozen=True)
class Object:
    """An instance.

    number     : as the labels have it, from 0
    semantic   : the class that most of its vertices have, the smallest id of equals
    points     : its vertices, ascending
    confidence : their mean; 1 where the labels hold none
    other      : how many of its vertices have another class
    """

    number: int
    semantic: int
    points: Int64[np.ndarray, " n"]
    confidence: float
    other: int


def objects(labels: Labels) -> list[Object]:
    """The instances by number; vertices without a class or without an instance are in none."""
    known = np.flatnonzero((labels.instance != NONE) & (labels.semantic != NONE))
    if not len(known):
        return []
    order = known[np.argsort(labels.instance[known], kind="stable")]
    instance = labels.instance[order]
    starts = np.flatnonzero(np.diff(instance, prepend=np.int32(NONE)))
    result = []
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        points = order[start:end]
        classes, counts = np.unique(labels.semantic[points], return_counts=True)
        sure = 1.0
        if labels.confidence is not None:
            sure = float(np.nan_to_num(labels.confidence[points].astype(float)).mean())
        result.append(
            Object(
                int(instance[start]),
                int(classes[counts.argmax()]),
                points,
                sure,
                int(len(points) - counts.max()),
            )
        )
    return result


def mixed(found: list[Object]) -> list[str]:
    """A note on instances whose vertices have more than one class; none where there are none."""
    several = [one for one in found if one.other]
    if not several:
        return []
    vertices = sum(one.other for one in several)
    return [
        f"{len(several)} instances have vertices of more than one class: {vertices} vertices "
        "take the class that most of their instance has."
    ]


def without_instance(labels: Labels) -> Int32[np.ndarray, " n"]:
    """The vertices that have a class but no instance, ascending."""
    alone = (labels.instance == NONE) & (labels.semantic != NONE)
    return np.flatnonzero(alone).astype(np.int32)
