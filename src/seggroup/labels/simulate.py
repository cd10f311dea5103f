"""Simulated annotators: clicks drawn from ground truth (METHOD section 3, paper table 6).

A segment belongs to the instance that most of its annotated vertices have, so two simulated
clicks never meet in one segment. The connected segments of an instance form its parts, and each
part of at least `min_part` vertices, and the instance's largest whatever its size, gets its
clicks. "Large" counts the instance's own vertices in a segment.

An instance that is the majority nowhere (smaller than the segments it lies in) is clicked in the
segment that holds most of its vertices among those no one else clicks, the larger instances
first: an annotator would click it all the same. Where all its segments are taken it gets none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float64, Int, Int64
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from seggroup.classes import BENCHMARK20
from seggroup.config import AnnotatorConfig
from seggroup.errors import InputError
from seggroup.types import NONE, Clicks, Graph, Scene

Style = Literal["top1", "top2", "top3", "all3", "random", "central", "noisy"]
STYLES: tuple[str, ...] = get_args(Style)


@dataclass(frozen=True)
class _Truth:
    """The truth as an annotator sees it. n instances, numbered 0 … n-1 here.

    numbers  : their numbers in the truth
    classes  : the class most of their vertices have; `NONE` where the truth knows none
    counts   : vertices of each instance in each segment
    owner    : the instance of each segment; `NONE` where nothing in it is annotated
    centroid : mean position of each segment, metres
    """

    numbers: Int64[np.ndarray, " n"]
    classes: Int64[np.ndarray, " n"]
    counts: Int64[np.ndarray, "s n"]
    owner: Int64[np.ndarray, " s"]
    centroid: Float64[np.ndarray, "s 3"]


@dataclass(frozen=True)
class InstanceParts:
    """A true instance and where to click it.

    number   : its number in the truth
    semantic : the class most of its vertices have; `NONE` where the truth knows none
    vertices : how many it has
    segments : for each part its segments (dense numbers), the largest first
    sizes    : how many of its vertices lie in each of these segments
    """

    number: int
    semantic: int
    vertices: int
    segments: list[list[int]]
    sizes: list[list[int]]


@dataclass(frozen=True)
class _Target:
    """One click to come: on `segment`, for `instance`; `part` is what it stands for."""

    instance: int
    segment: int
    part: Int64[np.ndarray, " p"]


def simulate(
    scene: Scene,
    style: str,
    rng: np.random.Generator,
    config: AnnotatorConfig | None = None,
    per: Literal["part", "instance"] = "part",
) -> Clicks:
    """The clicks of an annotator of the given style (one of `STYLES`).

    ``top1`` clicks the largest segment of each part, ``topN`` one of the N largest, drawn in
    proportion to their size, ``all3`` the three largest, ``random`` any of them, ``central`` the
    one nearest the part's centroid; ``noisy`` is top1 with the errors of `config`. With
    ``per="instance"`` an instance counts as one part. The vertex clicked is the instance's
    nearest to the segment's centroid.

    Raises InputError when the scene has no truth, or the style is not known.
    """
    config = config or AnnotatorConfig()
    if style not in STYLES:
        raise InputError(f"{style!r} is no annotator; choose one of {', '.join(STYLES)}")
    truth = _read(scene)
    part = _connected(truth.owner, scene.graph) if per == "part" else truth.owner
    targets = [
        _Target(instance, int(segment), segments)
        for instance in range(len(truth.numbers))
        for segments in _parts(truth, instance, part, config.min_part)
        for segment in _pick(style, truth, instance, segments, rng)
    ]
    targets += _targets_without_majority(truth, targets)
    classes = truth.classes
    if style == "noisy":
        targets, classes = _err(truth, targets, scene.graph, rng, config)
    return _clicks(scene, truth, targets, classes)


def instance_parts(scene: Scene, config: AnnotatorConfig | None = None) -> list[InstanceParts]:
    """The parts of every instance that is the majority of a segment, largest part first.

    Raises InputError when the scene has no true instances.
    """
    truth = _read(scene)
    part = _connected(truth.owner, scene.graph)
    min_part = (config or AnnotatorConfig()).min_part
    found = []
    for i, number in enumerate(truth.numbers.tolist()):
        own = truth.counts[:, i]
        parts = _parts(truth, i, part, min_part)
        parts.sort(key=lambda segments: -int(own[segments].sum()))
        if parts:
            segments = [segments.tolist() for segments in parts]
            sizes = [own[segments].tolist() for segments in parts]
            semantic = int(truth.classes[i])
            found.append(InstanceParts(number, semantic, int(own.sum()), segments, sizes))
    return found


def _read(scene: Scene) -> _Truth:
    """What the scene's truth says of its segments."""
    known = scene.truth is not None and scene.truth.instance != NONE
    if scene.truth is None or not np.any(known):
        raise InputError(
            f"{scene.name}: has no true instances, so no annotator can be simulated; "
            "click it by hand, or import clicks"
        )
    numbers, instance = np.unique(scene.truth.instance[known], return_inverse=True)
    counts = _table(scene.segments[known], instance, len(scene.segment_ids), len(numbers))
    semantic = scene.truth.semantic[known]
    classed = semantic != NONE
    votes = _table(
        instance[classed], semantic[classed], len(numbers), int(semantic.max(initial=0)) + 1
    )
    size = np.maximum(np.bincount(scene.segments, minlength=len(counts)), 1)
    sums = [
        np.bincount(scene.segments, axis, minlength=len(counts)) for axis in scene.scan.vertices.T
    ]
    return _Truth(
        numbers=numbers.astype(np.int64),
        classes=np.where(votes.any(axis=1), votes.argmax(axis=1), NONE),
        counts=counts,
        owner=np.where(counts.any(axis=1), counts.argmax(axis=1), NONE),
        centroid=np.stack(sums, axis=1) / size[:, None],
    )


def _table(
    row: Int[np.ndarray, " m"], column: Int[np.ndarray, " m"], rows: int, columns: int
) -> Int64[np.ndarray, "rows columns"]:
    """How often each pair (row, column) occurs."""
    pairs = row.astype(np.int64) * columns + column
    return np.bincount(pairs, minlength=rows * columns).reshape(rows, columns)


def _connected(owner: Int64[np.ndarray, " s"], graph: Graph) -> Int[np.ndarray, " s"]:
    """The connected part of each segment: neighbours of one owner are together."""
    a, b = graph.edges[owner[graph.edges[:, 0]] == owner[graph.edges[:, 1]]].T
    links = coo_matrix((np.ones(len(a), bool), (a, b)), shape=(graph.size, graph.size))
    return connected_components(links, directed=False)[1]


def _parts(
    truth: _Truth, instance: int, part: Int[np.ndarray, " s"], min_part: int
) -> list[Int64[np.ndarray, " p"]]:
    """Segments of each part to click, largest first; parts in the order of their first one."""
    own = np.flatnonzero(truth.owner == instance)
    size = truth.counts[own, instance]
    _, first, group = np.unique(part[own], return_index=True, return_inverse=True)
    part_size = np.bincount(group, size, minlength=len(first))
    keep = part_size >= min_part
    keep[np.argmax(part_size) if len(first) else []] = True
    order = np.argsort(-size, kind="stable")
    return [own[order[group[order] == g]] for g in np.argsort(first) if keep[g]]


def _pick(
    style: str,
    truth: _Truth,
    instance: int,
    part: Int64[np.ndarray, " p"],
    rng: np.random.Generator,
) -> Int64[np.ndarray, " k"]:
    """The segments of one part that are clicked."""
    size = truth.counts[part, instance]
    match style:
        case "top2" | "top3":
            n = int(style[-1])
            return rng.choice(part[:n], 1, p=size[:n] / size[:n].sum())
        case "all3":
            return part[:3]
        case "random":
            return rng.choice(part, 1)
        case "central":
            center = np.average(truth.centroid[part], axis=0, weights=size)
            return part[[np.linalg.norm(truth.centroid[part] - center, axis=1).argmin()]]
        case _:  # top1, and noisy before its errors
            return part[:1]


def _targets_without_majority(truth: _Truth, targets: Sequence[_Target]) -> list[_Target]:
    """A target for each instance that owns no segment, where one that holds it is free."""
    free = np.ones(len(truth.owner), bool)
    free[[target.segment for target in targets]] = False
    homeless = np.setdiff1d(np.arange(len(truth.numbers)), truth.owner)
    found = []
    for instance in homeless[np.argsort(-truth.counts[:, homeless].sum(axis=0), kind="stable")]:
        open_counts = truth.counts[:, instance] * free
        segment = int(open_counts.argmax())
        if open_counts[segment] > 0:
            free[segment] = False
            found.append(_Target(int(instance), segment, np.array([segment])))
    return found


def _err(
    truth: _Truth,
    targets: Sequence[_Target],
    graph: Graph,
    rng: np.random.Generator,
    config: AnnotatorConfig,
) -> tuple[list[_Target], Int64[np.ndarray, " n"]]:
    """The same targets with an annotator's errors, and the classes given to the instances.

    Missed instances lose their clicks (one is always found, or there were no labels); wrong
    classes are drawn from the scene's other ones; a click goes wrong onto a segment beside its
    part that is another's and that no one clicks, and stays right where there is none.
    """
    n = len(truth.numbers)
    missed = rng.random(n) < config.missed
    if missed.all():
        missed[truth.counts.sum(axis=0).argmax()] = False
    classes = truth.classes.copy()
    for i in np.flatnonzero((rng.random(n) < config.wrong_class) & (classes != NONE)):
        present = np.setdiff1d(truth.classes, [NONE, truth.classes[i]])
        other = present if len(present) else np.setdiff1d(BENCHMARK20, truth.classes[i])
        classes[i] = rng.choice(other)
    taken = {target.segment for target in targets}
    kept = []
    for target in targets:
        if missed[target.instance]:
            continue
        if rng.random() < config.wrong_segment:
            near = _beside(target.part, graph) & (truth.owner != target.instance)
            near[list(taken)] = False
            if near.any():
                segment = int(rng.choice(np.flatnonzero(near)))
                taken.add(segment)
                target = _Target(target.instance, segment, target.part)
        kept.append(target)
    return kept, classes


def _beside(part: Int64[np.ndarray, " p"], graph: Graph) -> Bool[np.ndarray, " s"]:
    """Segments that an edge joins to the part, its own among them."""
    member = np.zeros(graph.size, bool)
    member[part] = True
    beside = np.zeros(graph.size, bool)
    beside[graph.edges[member[graph.edges].any(axis=1)].ravel()] = True
    return beside


def _clicks(
    scene: Scene,
    truth: _Truth,
    targets: Sequence[_Target],
    classes: Int64[np.ndarray, " n"],
) -> Clicks:
    """One click per target: the instance's vertex (any, if it has none) nearest the centroid."""
    assert scene.truth is not None
    order = np.argsort(scene.segments, kind="stable")
    start = np.searchsorted(scene.segments[order], np.arange(len(truth.owner) + 1))
    vertex = []
    for target in targets:
        inside = order[start[target.segment] : start[target.segment + 1]]
        own = inside[scene.truth.instance[inside] == truth.numbers[target.instance]]
        inside = own if len(own) else inside
        offset = scene.scan.vertices[inside] - truth.centroid[target.segment]
        vertex.append(inside[np.linalg.norm(offset, axis=1).argmin()])
    instance = np.array([target.instance for target in targets], np.int64)
    return Clicks(
        np.array(vertex, np.int32),
        truth.numbers[instance].astype(np.int32),
        classes[instance].astype(np.int32),
    )
