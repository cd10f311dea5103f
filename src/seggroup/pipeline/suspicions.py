"""What is wrong or suspicious in one scene: its scan, its labels, its clicks."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32

from seggroup.errors import InputError, first_few
from seggroup.io.classlist import ClassList
from seggroup.io.clicks import read_clicks
from seggroup.io.placing import plain_number
from seggroup.io.raw import KEPT, coincident
from seggroup.labels.clicks import drop_contradictions
from seggroup.labels.objects import grouped
from seggroup.types import NONE, Clicks, Labels, Scan, Scene

Severity = Literal["error", "warning", "note"]
_FEW = 10  # vertices of an instance that can hardly be one
_MOST = 0.9  # of the labelled vertices in one instance
_SPARSE = 0.2  # share of vertices with a class, below which most of a scene is unlabelled
_COINCIDENT = 0.1  # share of vertices that lie on another, or in no face
_GAP = 0.5  # metres: parts of an instance further apart than this lie apart
_PART = 0.1  # share of an instance's vertices that a part far away must have
_CELLS = 2_000_000  # of the grid in which parts are looked for
_SHOWN = 5  # instances or reasons that a finding names


@dataclass(frozen=True)
class Finding:
    """What was found, and what to do about it; `scene` is empty where it concerns several."""

    severity: Severity
    scene: str
    what: str
    remedy: str


def of_scan(scan: Scan) -> Iterator[Finding]:
    """Of its size and its vertices; what the reader noted is noted."""
    low, high = np.percentile(scan.vertices, (1, 99), axis=0)
    height, across = float(high[2] - low[2]), float((high - low)[:2].max())
    if not (0.3 <= height <= 15 and 0.5 <= across <= 100 and height <= 3 * across):
        yield Finding(
            "warning",
            scan.name,
            f"is {plain_number(across)} m wide and {plain_number(height)} m high, which is no room",
            "state its unit and its vertical axis with --unit and --up",
        )
    notes = scan.notes
    same = coincident(scan.vertices)
    if same > _COINCIDENT * len(scan.vertices):
        yield Finding(
            "warning",
            scan.name,
            f"{same:,} of {len(scan.vertices):,} vertices lie exactly on another",
            "merge doubled vertices in a mesh editor before anything is labelled",
        )
        notes = tuple(text for text in notes if not text.endswith(KEPT))
    if scan.is_mesh:
        used = np.zeros(len(scan.vertices), bool)
        used[scan.faces.ravel()] = True
        if (loose := int(np.count_nonzero(~used))) > _COINCIDENT * len(used):
            yield Finding(
                "note",
                scan.name,
                f"{loose:,} of {len(used):,} vertices are in no face",
                "remove them in a mesh editor if they are left over",
            )
    if len(scan.vertices) > 1 and np.all(scan.colors == scan.colors[0]):
        yield Finding(
            "note",
            scan.name,
            "all vertices have one colour",
            "export the scan with vertex colours: they help people and networks",
        )
    for text in notes:
        yield Finding("note", scan.name, text, "")


def of_labels(scan: Scan, labels: Labels | None, classes: ClassList) -> Iterator[Finding]:
    """Of labels: none or few, instances too large, too small, of two classes, or torn apart."""
    name = scan.name
    known = labels is not None and labels.semantic != NONE
    if labels is None or not np.any(known):
        what = "has no labels" if labels is None else "no vertex has a class"
        if labels is not None and np.any(labels.instance != NONE):
            what = "has instances, but none has a class"
        yield Finding(
            "warning", name, what, "annotate it and run seggroup propagate, or name --labels"
        )
        return
    if (share := float(np.mean(known))) < _SPARSE:
        yield Finding(
            "warning",
            name,
            f"only {100 * share:.1f} % of the vertices have a class",
            "click the objects that have none",
        )
    foreign = sorted(set(np.unique(labels.semantic).tolist()) - {NONE, *classes.classes})
    if foreign:
        count = int(np.isin(labels.semantic, foreign).sum())
        yield Finding(
            "error",
            name,
            f"{count:,} vertices have class ids that the class list lacks ({first_few(foreign)})",
            "name the list that the labels were made with by --classes",
        )
    bare = np.isin(labels.semantic, classes.things) & (labels.instance == NONE)
    if bare.any():
        of = [classes.name(int(i)) for i in np.unique(labels.semantic[bare])]
        yield Finding(
            "warning",
            name,
            f"{int(bare.sum()):,} vertices of things have no instance ({first_few(of)})",
            "give each object its own instance, or call these classes stuff in the class list",
        )
    yield from _of_instances(scan, labels, classes)


def _of_instances(scan: Scan, labels: Labels, classes: ClassList) -> Iterator[Finding]:
    name = scan.name
    groups = grouped(labels.instance)
    if not groups:
        return
    numbers = np.array(list(groups))
    total = int(np.count_nonzero(labels.semantic != NONE))
    largest = max(groups, key=lambda i: len(groups[i]))
    if len(groups[largest]) > _MOST * total:
        yield Finding(
            "warning",
            name,
            f"instance {largest} has {len(groups[largest]) / total:.0%} of what is labelled",
            "check that the other objects were clicked",
        )
    if small := [i for i, points in groups.items() if len(points) < _FEW]:
        yield Finding(
            "warning",
            name,
            f"{_count(small)} fewer than {_FEW} vertices ({first_few(small)})",
            "merge them with the object they belong to, or remove them",
        )
    lowest = np.array([labels.semantic[points].min() for points in groups.values()])
    highest = np.array([labels.semantic[points].max() for points in groups.values()])
    if (two := numbers[lowest != highest]).size:
        yield Finding(
            "error",
            name,
            f"{_count(two)} vertices of several classes ({first_few(two.tolist())})",
            "give every instance one class: a trainer takes one of them",
        )
    apart = [
        i
        for i, points in groups.items()
        if int(labels.semantic[points[0]]) in classes.things and torn(scan.vertices[points])
    ]
    if apart:
        yield Finding(
            "warning",
            name,
            f"{_count(apart)} parts more than {_GAP} m apart ({first_few(apart)})",
            "look whether two objects were labelled as one",
        )


def torn(points: Float32[np.ndarray, "n 3"]) -> bool:
    """Whether points lie in parts that are apart, the second of them no mere stray.

    Parts are cells of a grid that touch, so that what is called apart is at least a cell apart.
    """
    from scipy.ndimage import label

    if len(points) < 2 * _FEW:
        return False
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    cell = _GAP
    while np.prod(np.floor(extent / cell).astype(np.int64) + 1) > _CELLS:
        cell *= 1.5
    at = tuple(((points - low) / cell).astype(np.int64).T)
    grid = np.zeros([int(a.max()) + 1 for a in at], bool)
    grid[at] = True
    parts, count = label(grid, np.ones((3, 3, 3)))
    if count < 2:
        return False
    sizes = np.sort(np.bincount(parts[at])[1:])
    return bool(sizes[-2] >= max(_PART * len(points), _FEW))


def of_clicks(
    scene: Scene,
    path: Path | None,
    labels: Labels | None,
    classes: ClassList,
    stated: bool = False,
) -> Iterator[Finding]:
    """Of a scene's clicks: none, contradictions, classes and instances unlike the labels.

    stated : whether the class list was named; otherwise a click file's own goes first
    """
    name = scene.name
    if path is None:
        yield Finding("warning", name, "has no clicks", "click its objects with seggroup annotate")
        return
    try:
        clicks, notes = read_clicks(path, scene, remap=True, classes=classes if stated else None)
    except InputError as error:
        yield Finding("error", name, str(error), "")
        return
    for text in notes:
        yield Finding("note", name, text, "")
    _, reasons = drop_contradictions(clicks, scene.segments)
    for reason in reasons[:_SHOWN]:
        yield Finding("warning", name, reason, "remove one of the two clicks")
    if len(reasons) > _SHOWN:
        rest = len(reasons) - _SHOWN
        yield Finding("warning", name, f"{rest} more clicks contradict others", "remove them")
    if labels is not None:
        yield from _unlike(name, clicks, labels, classes)


def _unlike(name: str, clicks: Clicks, labels: Labels, classes: ClassList) -> Iterator[Finding]:
    found = labels.semantic[clicks.vertex]
    other = (clicks.semantic != NONE) & (found != NONE) & (clicks.semantic != found)
    if other.any():
        pairs = [
            f"{classes.name(int(c))} on {classes.name(int(f))}"
            for c, f in zip(clicks.semantic[other], found[other], strict=True)
        ]
        yield Finding(
            "warning",
            name,
            f"{int(other.sum())} clicks have another class than the labels below them "
            f"({first_few(list(dict.fromkeys(pairs)))})",
            "correct the click or the label",
        )
    there = set(labels.instance[clicks.vertex].tolist()) - {NONE}
    missing = sorted(set(np.unique(labels.instance).tolist()) - {NONE} - there)
    if missing:
        yield Finding(
            "note",
            name,
            f"{len(missing)} labelled instances have no click ({first_few(missing)})",
            "click them where they are objects of their own",
        )


def _count(instances: Sized) -> str:
    return "1 instance has" if len(instances) == 1 else f"{len(instances)} instances have"
