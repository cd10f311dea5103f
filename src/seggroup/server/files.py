"""Files of a track: what it is exported as (`uploads` has what is taken in).

Equal tracks make equal bytes. Labels of every vertex are *spread*: by the default method of
`seggroup propagate`, from all clicks of the track.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.classlist import ClassList
from seggroup.io.clicks import (
    ClickTime,
    write_authors_clicks,
    write_authors_scratch,
    write_clicks,
)
from seggroup.io.files import write_json, write_text
from seggroup.io.ply import write_ply
from seggroup.io.store import write_labels
from seggroup.server.annotation import Annotation, Instance, clicks_of
from seggroup.server.live import LiveScene
from seggroup.server.problems import NothingLabelledError, OtherSegmentsError
from seggroup.server.protocol import Click, Draft, Entry, Import, ImportedClick
from seggroup.types import NONE, Labels, Scene


@dataclass(frozen=True)
class Export:
    """A file to download."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Made:
    """What an export is made of: a scene, the state of a track on it, whose it is, the classes.

    live : of the scene, where it is open already
    """

    scene: Scene
    state: Annotation
    annotator: str
    classes: ClassList
    live: LiveScene | None = None

    def labels(self) -> Labels:
        """Of every vertex of the file."""
        return self.scene.carried(spread(self.scene, self.state, self.live))


def export(made: Made, format: str) -> Export:
    """The track as a file of one of `FORMATS`.

    Raises KeyError for another format, NothingLabelledError without clicks,
    OtherSegmentsError where the clicks are not of this scan, InputError where the form cannot
    hold the labels.
    """
    suffix, media_type, write = FORMATS[format]
    if not made.state.instances:
        raise NothingLabelledError(f"{made.annotator} has clicked nothing in {made.scene.name} yet")
    check_clicks(made.scene, state_clicks(made.state))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"export{suffix}"
        write(path, made)
        return Export(f"{made.scene.name}{suffix}", media_type, path.read_bytes())


def spread(scene: Scene, state: Annotation, live: LiveScene | None = None) -> Labels:
    """Labels of every vertex by the default method, from all clicks of a track that has some."""
    return (live or LiveScene(scene)).labels(clicks_of(state))


def check_clicks(scene: Scene, clicks: list[ImportedClick]) -> None:
    """Raise OtherSegmentsError unless each click's segment is that of its vertex."""
    size = len(scene.segments)
    for click in clicks:
        if click.vertex >= size:
            raise OtherSegmentsError(
                f"Vertex {click.vertex} is clicked, but {scene.name} has {size} vertices."
            )
        segment = int(scene.segment_ids[scene.segments[click.vertex]])
        if segment != click.segment:
            raise OtherSegmentsError(
                f"Vertex {click.vertex} of {scene.name} lies in segment {segment}, not in "
                f"{click.segment}; load the scene again."
            )


def clicks_in(drafts: list[Draft]) -> list[ImportedClick]:
    """All clicks that operations would make."""
    found: list[ImportedClick] = []
    for draft in drafts:
        match draft.operation:
            case Click(vertex=v, segment=s, instance=i, semantic=c):
                found.append(ImportedClick(v, s, i, c))
            case Import(clicks=clicks):
                found += clicks
    return found


def state_clicks(state: Annotation) -> list[ImportedClick]:
    """All clicks of a track that count."""
    return [
        ImportedClick(vertex, segment, number, instance.semantic)
        for number, instance in state.instances.items()
        for segment, vertex in instance.clicks.items()
    ]


# --- the formats ------------------------------------------------------------------------------


def _ours(path: Path, made: Made) -> None:
    clicks = clicks_of(made.state)
    times = click_times(made.state.done, made.state.instances)
    write_clicks(path, clicks, made.scene, made.annotator, made.classes, times)


def click_times(done: tuple[Entry, ...], instances: dict[int, Instance]) -> list[ClickTime]:
    """When each click of `clicks_of` was made, in its order; nothing is known of imported ones.

    `seconds` since the previous click of the track that still counts.
    """
    made: dict[tuple[int, int], ClickTime] = {}  # by segment and vertex; the last click counts
    last: int | None = None
    for entry in done:
        match entry.operation:
            case Click(vertex=vertex, segment=segment):
                seconds = None if last is None else max(entry.at - last, 0) / 1000
                made[segment, vertex] = ClickTime(entry.at, seconds)
                last = entry.at
    return [
        made.get(click, ClickTime())
        for _, instance in sorted(instances.items())
        for click in instance.clicks.items()
    ]


def _authors(path: Path, made: Made) -> None:
    write_authors_clicks(path, clicks_of(made.state), made.scene)


def _authors_scratch(path: Path, made: Made) -> None:
    write_authors_scratch(path, clicks_of(made.state), made.scene, made.classes)


def _aggregation(path: Path, made: Made) -> None:
    """ScanNet's form: the clicked segments of each instance, and its class as the label."""
    groups = [
        {
            "id": i,
            "objectId": number,
            "segments": sorted(instance.clicks),
            "label": _class_name(instance.semantic, made.classes),
        }
        for i, (number, instance) in enumerate(sorted(made.state.instances.items()))
    ]
    write_json(path, {"sceneId": made.scene.name, "segGroups": groups}, indent=None)


def _class_name(semantic: int, classes: ClassList) -> str:
    return "unknown" if semantic == NONE else classes.name(semantic)


def _labels(path: Path, made: Made) -> None:
    write_labels(path, made.labels(), made.classes.names)


def _text(path: Path, made: Made) -> None:
    """class × 1000 + instance + 1 a vertex; numbers from 999 on make all count without gaps."""
    labels = made.labels()
    numbers, dense = np.unique(labels.instance, return_inverse=True)
    dense = dense if numbers.max() >= 999 else labels.instance
    if len(numbers) > 999:
        raise InputError(
            f"{len(numbers)} instances do not fit the text form, which holds 999; "
            "export the labels (.npz) instead"
        )
    values = 1000 * np.maximum(labels.semantic, 0).astype(np.int64) + dense + 1
    write_text(path, "\n".join(map(str, values.tolist())) + "\n")


def _ply(path: Path, made: Made) -> None:
    write_ply(path, made.scene.whole, made.labels())


Writer = Callable[[Path, Made], None]
FORMATS: dict[str, tuple[str, str, Writer]] = {
    "clicks": (".clicks.json", "application/json", _ours),
    "authors": (".json", "application/json", _authors),
    "authors-scratch": (".json", "application/json", _authors_scratch),
    "aggregation": (".aggregation.json", "application/json", _aggregation),
    "labels": (".npz", "application/octet-stream", _labels),
    "text": (".txt", "text/plain; charset=utf-8", _text),
    "ply": (".ply", "application/octet-stream", _ply),
}
