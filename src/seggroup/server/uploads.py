"""Files that are taken in: click files, and labels, which become a click in every segment."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.evaluate.textfiles import read_integers
from seggroup.io.classlist import ClassList
from seggroup.io.clicks import parse_clicks
from seggroup.io.files import read_json
from seggroup.io.relisting import read_listed
from seggroup.io.scan import read_labelled_scan
from seggroup.io.scannet import Groups, aggregation_groups, majority
from seggroup.server.live import middle_vertices
from seggroup.server.protocol import ImportedClick, ReadClicks
from seggroup.types import NONE, Labels, Scene

MAX_CLICKS = 20_000  # of an import operation


def read_upload(data: bytes, scene: Scene, classes: ClassList) -> ReadClicks:
    """The clicks of an uploaded click file in any of the three forms, with notes.

    They are all there, in the order of the file; where two meet in one segment the import keeps
    the later, and a note says so. ScanNet's aggregation is taken too: a click in each of its
    segments. Raises InputError as `parse_clicks` does, and for a file of more clicks than an
    import takes.
    """
    with _file(data, "the click file") as path:
        value = read_json(path)
        if isinstance(value, dict) and "segGroups" in value:
            return _bounded(*_aggregation(aggregation_groups(path, value), scene, classes))
        clicks, notes = parse_clicks(path, value, scene, remap=True, classes=classes)
    segment = scene.segment_ids[scene.segments[clicks.vertex]]
    rows = zip(clicks.vertex, segment, clicks.instance, clicks.semantic, strict=True)
    taken = [ImportedClick(int(v), int(s), int(i), int(c)) for v, s, i, c in rows]
    return _bounded(taken, notes + list(_contradictions(taken)))


def read_label_upload(data: bytes, scene: Scene, classes: ClassList | None = None) -> ReadClicks:
    """Labels of every vertex as clicks: one in each segment that mostly belongs to an instance.

    Our `.npz`, a labelled PLY of the scan, or the benchmark's text (class x 1000 + instance).
    classes : the list whose ids the clicks get; None: NYU40's

    Raises InputError where the labels are not those of this scan.
    """
    ply, notes = data.startswith(b"ply"), list[str]()
    with _file(data, "the labels.ply" if ply else "the labels") as path:
        if ply:
            labels = _ply(path, scene)
        elif data.startswith(b"PK"):
            labels, notes = read_listed(path, len(scene.whole.vertices), classes)
        else:
            labels = _text(path, scene)
    taken = list(_labelled_segments(scene, scene.taken(labels)))
    instances = len({click.instance for click in taken})
    told = f"Labels of {instances} instances: a click in each of their segments."
    return _bounded(taken, [told, *notes])


def _labelled_segments(scene: Scene, labels: Labels) -> Iterator[ImportedClick]:
    owner = majority(scene.segments, labels.instance)
    semantic = majority(labels.instance, labels.semantic)
    middle = middle_vertices(scene)
    for segment, instance in sorted(owner.items()):
        if instance != NONE:
            number = int(scene.segment_ids[segment])
            yield ImportedClick(int(middle[segment]), number, instance, semantic[instance])


def _ply(path: Path, scene: Scene) -> Labels:
    scan, labels = read_labelled_scan(path)
    if labels is None:
        raise InputError(f"{path}: has no vertex property instance; export the labels again")
    own = scene.whole.vertices
    extent = float(np.ptp(own, axis=0).max())
    same = scan.vertices.shape == own.shape and np.allclose(
        scan.vertices, own, rtol=0, atol=1e-5 * extent
    )
    if not same:
        raise InputError(f"{path}: its vertices are not those of {scene.name}; use its own labels")
    return labels


def _text(path: Path, scene: Scene) -> Labels:
    values = read_integers(path)
    size = len(scene.whole.vertices)
    if len(values) != size or np.any(values < 0) or np.any(values >= 2**31):
        raise InputError(
            f"{path}: needs {size} lines, one number from 0 (class x 1000 + "
            f"instance) for each vertex of {scene.name}; it has {len(values)}"
        )
    semantic, instance = values // 1000, values % 1000
    semantic = np.where((semantic > 0) & (instance > 0), semantic, NONE)
    instance = np.where(instance > 0, instance - 1, NONE)
    return Labels(semantic.astype(np.int32), instance.astype(np.int32))


def _aggregation(
    groups: Groups, scene: Scene, classes: ClassList
) -> tuple[list[ImportedClick], list[str]]:
    dense = {int(number): s for s, number in enumerate(scene.segment_ids)}
    middle = middle_vertices(scene)
    taken, unknown, missing = [], set(), 0
    for instance, name, segments in groups:
        found = classes.find(name)
        semantic = NONE if found is None else found
        if found is None:
            unknown.add(name[:80])
        for number in segments:
            if number in dense:
                vertex = int(middle[dense[number]])
                taken.append(ImportedClick(vertex, number, instance, semantic))
            else:
                missing += 1
    notes = list(_contradictions(taken))
    if unknown:
        notes.append(f"No class has these names: {', '.join(sorted(unknown)[:8])}.")
    if missing:
        notes.append(f"{missing} segments of the file are not in this scan's segmentation.")
    return taken, notes


@contextmanager
def _file(data: bytes, name: str) -> Iterator[Path]:
    """An upload as a file, named `name` in messages: its place is nothing the person ever saw."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            yield path
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from None


def _bounded(clicks: list[ImportedClick], notes: list[str]) -> ReadClicks:
    if len(clicks) > MAX_CLICKS:
        raise InputError(f"The file has {len(clicks)} clicks; at most {MAX_CLICKS} are taken.")
    return ReadClicks(clicks, notes)


def _contradictions(clicks: list[ImportedClick]) -> Iterator[str]:
    """What an import does not keep: of two clicks in a segment the later has it, of two classes
    of an instance the first."""
    owner: dict[int, int] = {}
    semantic: dict[int, int] = {}
    for click in clicks:
        before = owner.get(click.segment, click.instance)
        if before != click.instance:
            yield (
                f"Instances {before} and {click.instance} are both clicked in segment "
                f"{click.segment}: it goes to {click.instance}, the later."
            )
        if semantic.setdefault(click.instance, click.semantic) != click.semantic:
            yield f"Instance {click.instance} is given two classes: the first is kept."
        owner[click.segment] = click.instance
    repeated = sum(n - 1 for n in Counter((c.segment, c.instance) for c in clicks).values())
    if repeated:
        yield f"{repeated} clicks lie in a segment of their instance's that is clicked already."
