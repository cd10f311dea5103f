"""Click files: ours, and the two forms of the authors' annotator. The clicked vertex decides."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from seggroup.errors import InputError
from seggroup.io.classlist import ClassList, names_of_file, nyu40, plain
from seggroup.io.files import read_json, write_json
from seggroup.io.scannet import majority
from seggroup.io.store import authors_clicks_file, clicks_file
from seggroup.types import NONE, Clicks, Frame, Scan, Scene

VERSION = 1
_LAST_MS = 253_402_300_799_999  # the end of the year 9999, where calendars end
Row = tuple[int, int, int | None, int | None]  # instance, vertex, class, segment id of the file


@dataclass(frozen=True)
class ClickTime:
    """When a click was made (milliseconds since 1970), and the seconds since the one before.

    None where it is not known, as for simulated and imported clicks.
    """

    at: int | None = None
    seconds: float | None = None


def write_clicks(
    path: Path,
    clicks: Clicks,
    scene: Scene,
    annotator: str = "simulated",
    classes: ClassList | None = None,
    times: Sequence[ClickTime] | None = None,
) -> None:
    """Write the interchange file (FORMATS, "Our own annotations"); NYU40 names the classes.

    Positions are in the coordinates of the scan's file. `time` (ISO 8601, UTC) and `seconds` are
    null without `times`, one a click, so that equal clicks make equal bytes.
    """
    classes = classes or nyu40()
    frame, in_file = scene.scan.frame, scene.in_file(clicks.vertex)
    position = frame.to_file(scene.scan.vertices[clicks.vertex])
    digits = 9 if frame.origin == Frame().origin else 12
    when = times or [ClickTime()] * len(clicks)
    rows = [
        {
            "instance": int(clicks.instance[i]),
            "class": _name(int(clicks.semantic[i]), classes),
            "class_id": int(clicks.semantic[i]),
            "vertex": int(in_file[i]),
            "segment": int(scene.segment_ids[scene.segments[vertex]]),
            "position": [float(f"{value:.{digits}g}") for value in position[i]],
            "annotator": annotator,
            "time": _iso(when[i].at),
            "seconds": when[i].seconds,
        }
        for i, vertex in enumerate(clicks.vertex)
    ]
    value = {
        "version": VERSION,
        "scene": scene.name,
        "vertices": len(scene.whole.vertices),
        "mesh": mesh_hash(scene.whole),
        "segments": segments_hash(scene),
        "classes": {str(i): known.name for i, known in classes.classes.items()},
        "clicks": rows,
    }
    write_json(path, value)


def write_authors_clicks(path: Path, clicks: Clicks, scene: Scene) -> None:
    """Write the authors' manual form: instance → segment id → vertex (one click a segment)."""
    value: dict[str, dict[str, int]] = {}
    columns = zip(clicks.instance, clicks.vertex, scene.in_file(clicks.vertex), strict=True)
    for instance, vertex, in_file in columns:
        segment = int(scene.segment_ids[scene.segments[vertex]])
        value.setdefault(str(instance), {})[str(segment)] = int(in_file)
    write_json(path, value)


def write_authors_scratch(path: Path, clicks: Clicks, scene: Scene, classes: ClassList) -> None:
    """Write the authors' from-scratch form: instance → segment id → {semantic, pointIndex}.

    A click without a class has the plain vertex of the manual form.
    """
    value: dict[str, dict[str, int | dict[str, int | str]]] = {}
    in_file = scene.in_file(clicks.vertex)
    columns = zip(clicks.instance, clicks.vertex, in_file, clicks.semantic, strict=True)
    for instance, scene_vertex, vertex, semantic in columns:
        segment = str(scene.segment_ids[scene.segments[scene_vertex]])
        name = _name(int(semantic), classes)
        value.setdefault(str(instance), {})[segment] = (
            int(vertex) if name is None else {"semantic": name, "pointIndex": int(vertex)}
        )
    write_json(path, value)


def read_clicks(
    path: Path, scene: Scene, remap: bool = False, classes: ClassList | None = None
) -> tuple[Clicks, list[str]]:
    """The clicks of a file in any of the three forms, as `parse_clicks` gives them."""
    return parse_clicks(path, read_json(path), scene, remap, classes)


def parse_clicks(
    path: Path, value: Any, scene: Scene, remap: bool = False, classes: ClassList | None = None
) -> tuple[Clicks, list[str]]:
    """The clicks of a parsed file, and notes on what was assumed; `path` is for errors.

    A file of ours that was made on other segments is refused unless `remap` is set: then every
    click counts for the segment its vertex has now. Names of classes are those of `classes`;
    without, those the file itself lists, then NYU40's. Raises InputError for another mesh, a
    vertex out of range, an unknown class, or anything that is not a click.
    """
    if not isinstance(value, dict):
        raise InputError(f"{path}: is not a click file (a JSON object); use seggroup click")
    notes: list[str] = []
    if "clicks" in value or "version" in value:
        _check_made_on(path, value, scene, remap, notes)
        own = names_of_file(value.get("classes")) if classes is None else {}
        rows = _our_rows(path, value, classes or nyu40(), own)
    else:
        rows = _authors_rows(path, value, classes or nyu40())
    size = len(scene.whole.vertices)
    for instance, vertex, _, _ in rows:
        if not 0 <= vertex < size:
            raise InputError(
                f"{path}: instance {instance} is clicked on vertex {vertex}, but the scan has "
                f"vertices 0 to {size - 1}; use the clicks of this scan"
            )
    columns = np.array([(i, v) for i, v, _, _ in rows], np.int32).reshape(-1, 2)
    vertices = scene.of_file(columns[:, 1])
    clicks = Clicks(vertices, columns[:, 0], _classes(rows, scene, notes))
    if not rows:
        notes.append(f"{Path(path).name} holds no clicks.")
    notes += _foreign(rows, vertices, scene)
    return clicks, notes


def find_clicks(folder_or_file: Path, scene_name: str) -> Path:
    """The click file of a scene in a folder (ours goes first), or the file itself.

    Raises InputError that names what was looked for.
    """
    place = Path(folder_or_file)
    if place.is_file():
        return place
    wanted = [clicks_file(place, scene_name), authors_clicks_file(place, scene_name)]
    for path in wanted:
        if path.is_file():
            return path
    names = " and ".join(path.name for path in wanted)
    raise InputError(
        f"{place}: has no clicks for {scene_name} (looked for {names}); "
        "make some with seggroup click"
    )


def mesh_hash(scan: Scan) -> str:
    """SHA-256 of the bytes of the vertices and faces."""
    digest = hashlib.sha256(np.ascontiguousarray(scan.vertices).data)
    digest.update(np.ascontiguousarray(scan.faces).data)
    return digest.hexdigest()


def segments_hash(scene: Scene) -> str:
    """SHA-256 of the segment ids (those of files) of all vertices of the file, int32."""
    return hashlib.sha256(scene.ids_of_vertices.tobytes()).hexdigest()


def _check_made_on(
    path: Path, value: dict[str, Any], scene: Scene, remap: bool, notes: list[str]
) -> None:
    """Refuse a file of another version, another mesh, or other segments."""
    if value.get("version") != VERSION:
        raise InputError(
            f"{path}: has version {value.get('version')!r:.40}, this program reads {VERSION}; "
            "export the clicks again"
        )
    if value.get("mesh") != mesh_hash(scene.whole):
        count = value.get("vertices")
        if count != len(scene.whole.vertices):
            raise InputError(
                f"{path}: was made on a mesh of {count!r:.40} vertices, but {scene.name} has "
                f"{len(scene.whole.vertices)}; use the clicks of this scan"
            )
        _check_positions(path, value, scene)
        notes.append("The clicks were made on a changed mesh; every clicked vertex is in place.")
    if value.get("segments") != segments_hash(scene):
        if not remap:
            raise InputError(
                f"{path}: was made on other segments than those of {scene.name}; "
                "map its clicks by vertex with seggroup click --import"
            )
        notes.append("The clicks were made on other segments and were mapped by vertex.")


def _check_positions(path: Path, value: dict[str, Any], scene: Scene) -> None:
    vertices, frame = scene.whole.vertices, scene.scan.frame
    tolerance = 1e-5 * float(np.ptp(vertices, axis=0).max()) / frame.unit
    for number, click in enumerate(_list(path, value)):
        match click:
            case {"vertex": int(vertex), "position": [*position]} if 0 <= vertex < len(
                vertices
            ) and _near(position, frame.to_file(vertices[vertex : vertex + 1])[0], tolerance):
                continue
        raise InputError(
            f"{path}: click {number} does not lie on its vertex of {scene.name}: it was made on "
            "another mesh; use the clicks of this scan"
        )


def _near(position: list, vertex: np.ndarray, tolerance: float) -> bool:
    if len(position) != 3 or not all(type(x) in (int, float) for x in position):
        return False
    pairs = zip(position, vertex.tolist(), strict=True)
    return all(y - tolerance <= x <= y + tolerance for x, y in pairs)  # x: an integer of any size


def _list(path: Path, value: dict[str, Any]) -> list:
    if not isinstance(value.get("clicks"), list):
        raise InputError(f"{path}: has no list of clicks; export them again")
    return value["clicks"]


def _our_rows(
    path: Path, value: dict[str, Any], classes: ClassList, own: dict[str, int]
) -> list[Row]:
    """The clicks of our form; `own`: the ids that the file itself gives to names."""
    rows: list[Row] = []
    for number, click in enumerate(_list(path, value)):
        match click:
            case {"instance": instance, "vertex": vertex, "class": str() | None as name}:
                class_id = NONE if name is None else own.get(plain(name))
                if class_id is None:
                    class_id = _class_id(path, str(name), classes)
                segment = click.get("segment")
                rows.append(
                    (
                        _integer(path, f"instance of click {number}", instance),
                        _integer(path, f"vertex of click {number}", vertex),
                        class_id,
                        segment if type(segment) is int else None,
                    )
                )
            case _:
                raise InputError(
                    f"{path}: click {number} needs instance, class and vertex; export it again"
                )
    return rows


def _authors_rows(path: Path, value: dict[str, Any], classes: ClassList) -> list[Row]:
    """{instance: {segment: vertex}}, or with {"semantic", "pointIndex"} in place of the vertex."""
    rows: list[Row] = []
    for key, clicks in value.items():
        instance = _integer(path, "an instance", key)
        if not isinstance(clicks, dict):
            raise InputError(
                f"{path}: instance {instance} must map segment ids to clicked vertices; "
                "use the authors' click files or ours"
            )
        for segment_key, click in clicks.items():
            segment = _integer(path, f"a segment of instance {instance}", segment_key)
            what = f"vertex of instance {instance}, segment {segment}"
            match click:
                case {"semantic": str(name), "pointIndex": vertex}:
                    class_id = _class_id(path, name, classes)
                    rows.append((instance, _integer(path, what, vertex), class_id, segment))
                case _:
                    rows.append((instance, _integer(path, what, click), None, segment))
    return rows


def _integer(path: Path, what: str, value: Any) -> int:
    """An integer from 0, or its digits."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 11:
        value = int(value)
    if type(value) is not int or not 0 <= value < 2**31:
        raise InputError(
            f"{path}: {what} is {str(value)[:40]!r}, not an integer from 0; export the clicks again"
        )
    return value


def _class_id(path: Path, name: str, classes: ClassList) -> int:
    class_id = classes.find(name)
    if class_id is None:
        near = ", ".join(classes.near(name))
        raise InputError(f"{path}: knows no class {name[:60]!r}; near it are {near}")
    return class_id


def _name(class_id: int, classes: ClassList) -> str | None:
    return None if class_id == NONE else classes.name(class_id)


def _iso(at: int | None) -> str | None:
    """Milliseconds since 1970 as ISO 8601 in UTC."""
    if at is None:
        return None
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(at, _LAST_MS))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _classes(rows: list[Row], scene: Scene, notes: list[str]) -> Int32[np.ndarray, " c"]:
    """The class of every click: the file's, else that of its instance in the truth."""
    wanted = {instance for instance, _, class_id, _ in rows if class_id is None}
    known: dict[int, int] = {}
    if wanted and scene.truth is None:
        notes.append("The click file names no classes and the scan has no truth to take them from.")
    elif wanted and scene.truth is not None:
        known = majority(scene.truth.instance, scene.truth.semantic)
        if lacking := sorted(wanted - known.keys()):
            listed = ", ".join(map(str, lacking[:8]))
            notes.append(f"{len(lacking)} clicked instances are not in the truth: {listed}.")
    return np.array(
        [known.get(i, NONE) if class_id is None else class_id for i, _, class_id, _ in rows],
        np.int32,
    )


def _foreign(rows: list[Row], vertices: Int32[np.ndarray, " c"], scene: Scene) -> list[str]:
    """A warning that counts the clicks whose segment id is not that of their vertex."""
    ids = set(scene.segment_ids.tolist())
    pairs = zip(vertices.tolist(), rows, strict=True)
    named = [(vertex, row[3]) for vertex, row in pairs if row[3] is not None]
    absent = sum(segment not in ids for _, segment in named)
    other = sum(
        segment in ids and segment != scene.segment_ids[scene.segments[vertex]]
        for vertex, segment in named
    )
    if not absent + other:
        return []
    return [
        f"{absent + other} of {len(rows)} clicks name a segment that is not their vertex's "
        f"({absent} segment ids are not in the scene at all): the clicked vertex decided."
    ]
