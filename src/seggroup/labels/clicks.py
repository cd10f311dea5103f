"""Clicks and their extension to whole segments (paper 3.1, METHOD section 3).

Two clicks contradict each other when they name different instances in one segment, or give one
instance two classes. Nothing can be learned from either, so labelling refuses them;
`drop_contradictions` keeps the earlier click for files that cannot be mended by hand (among the
authors' own: scene0000_00 clicks instances 9 and 37 in one segment).
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int

from seggroup.classes import class_name
from seggroup.errors import InputError
from seggroup.types import NONE, Clicks, Labels

_PLURAL = {"segment": "segments", "vertex": "vertices"}


def seg_level_labels(clicks: Clicks, segments: Int[np.ndarray, " v"]) -> Labels:
    """Instance and class of every segment that holds a click, `NONE` for the others.

    The result has one element per segment (0 … max(segments)). Raises InputError when there is
    no click, when one names no vertex of the scene, and when two contradict each other.
    """
    if len(clicks) == 0:
        raise InputError("no click: at least one instance of the scene must be clicked")
    for _, reason in _contradictions(clicks, segments):
        raise InputError(f"{reason}; remove one of the two, or let the later ones be dropped")
    semantic = np.full(int(segments.max()) + 1, NONE, np.int32)
    instance = semantic.copy()
    clicked = segments[clicks.vertex]
    semantic[clicked] = clicks.semantic
    instance[clicked] = clicks.instance
    return Labels(semantic, instance)


def drop_contradictions(
    clicks: Clicks, segments: Int[np.ndarray, " v"], unit: str = "segment"
) -> tuple[Clicks, list[str]]:
    """The clicks without those that contradict an earlier kept one, and a reason for each.

    `unit`: what `segments` numbers, in words. Raises InputError when a click names no vertex of
    the scene.
    """
    dropped = list(_contradictions(clicks, segments, unit))
    kept = np.delete(np.arange(len(clicks)), [index for index, _ in dropped])
    remaining = Clicks(clicks.vertex[kept], clicks.instance[kept], clicks.semantic[kept])
    return remaining, [reason for _, reason in dropped]


def instance_classes(clicks: Clicks) -> dict[int, int]:
    """The class of every clicked instance, in ascending order; the first click decides."""
    numbers, first = np.unique(clicks.instance, return_index=True)
    return dict(zip(numbers.tolist(), clicks.semantic[first].tolist(), strict=True))


def _contradictions(
    clicks: Clicks, segments: Int[np.ndarray, " v"], unit: str = "segment"
) -> Iterator[tuple[int, str]]:
    """Index of every click that contradicts an earlier, uncontradicted one, and why."""
    _check_range(clicks, len(segments))
    in_segment: dict[int, int] = {}  # segment -> the first click in it
    of_instance: dict[int, int] = {}  # instance -> its first click
    for c, (vertex, instance) in enumerate(zip(clicks.vertex, clicks.instance, strict=True)):
        segment = int(segments[vertex])
        beside = in_segment.get(segment, c)
        before = of_instance.get(int(instance), c)
        if clicks.instance[beside] != instance:
            pair = f"{_describe(clicks, beside)} and {_describe(clicks, c)}"
            yield c, f"{pair} are different instances in one {unit} ({segment})"
        elif clicks.semantic[before] != clicks.semantic[c]:
            pair = f"{_describe(clicks, before)} and {_describe(clicks, c)}"
            where = f"{_PLURAL[unit]} {segments[clicks.vertex[before]]} and {segment}"
            yield c, f"{pair} give one instance two classes (in {where})"
        else:
            in_segment.setdefault(segment, c)
            of_instance.setdefault(int(instance), c)


def _check_range(clicks: Clicks, vertices: int) -> None:
    """Raise InputError for a click outside the scene's vertices or without an instance."""
    for c in np.flatnonzero((clicks.vertex < 0) | (clicks.vertex >= vertices))[:1]:
        raise InputError(
            f"{_describe(clicks, c)} is outside the scene, which has {vertices} vertices "
            f"(0 … {vertices - 1}); these clicks may belong to another scan"
        )
    for c in np.flatnonzero(clicks.instance < 0)[:1]:
        raise InputError(f"{_describe(clicks, c)} names no instance; instances count from 0")


def _describe(clicks: Clicks, c: int | np.integer) -> str:
    """One click in words: vertex, instance and class."""
    semantic = int(clicks.semantic[c])
    name = "no class" if semantic == NONE else class_name(semantic)
    return f"the click on vertex {clicks.vertex[c]} (instance {clicks.instance[c]}, {name})"
