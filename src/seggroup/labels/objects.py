"""The instances of labels one by one, for formats that list objects and for what is checked."""

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
    result = []
    for number, points in grouped(labels.instance, labels.semantic != NONE).items():
        classes, counts = np.unique(labels.semantic[points], return_counts=True)
        sure = 1.0
        if labels.confidence is not None:
            sure = float(np.nan_to_num(labels.confidence[points].astype(float)).mean())
        most = int(classes[counts.argmax()])
        result.append(Object(number, most, points, sure, int(len(points) - counts.max())))
    return result


def grouped(
    instance: Int32[np.ndarray, " n"], among: np.ndarray | None = None
) -> dict[int, Int64[np.ndarray, " m"]]:
    """The vertices of each instance, ascending, by its number; NONE is no instance.

    among : bool (n,), the vertices that count; None: all
    """
    known = np.flatnonzero(instance != NONE if among is None else (instance != NONE) & among)
    order = known[np.argsort(instance[known], kind="stable")]
    numbers, starts = np.unique(instance[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, starts[1:]), strict=False))


def mixed(found: list[Object]) -> list[str]:
    """A note on instances whose vertices have more than one class; none where there are none."""
    several = [one for one in found if one.other]
    if not several:
        return []
    count = sum(one.other for one in several)
    instances = "1 instance has" if len(several) == 1 else f"{len(several)} instances have"
    vertices = "1 vertex takes" if count == 1 else f"{count} vertices take"
    return [
        f"{instances} vertices of more than one class: {vertices} the class that most of the "
        "instance has."
    ]
