"""S3DIS-style text: a room's points, and a file of points for each of its objects.

Format: the data set's own folders (cvg-data.inf.ethz.ch/s3dis), as read by
`pointcept/datasets/preprocessing/s3dis/preprocess_s3dis.py` of github.com/Pointcept/Pointcept and
`data_utils/indoor3d_util.py` of github.com/yanx27/Pointnet_Pointnet2_pytorch: a line is
`x y z r g b`, an object's file is `<class>_<number>.txt`, and its class ends at the first `_`.
Pointcept finds the rooms in `Area_n_alignmentAngle.txt`.
"""

import re
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int
from numba import njit

from seggroup.errors import InputError
from seggroup.export.target import (
    CONFIDENCE,
    FACES,
    FRAME,
    NORMALS,
    Sample,
    Target,
    counted,
    no_blanks,
    not_lost,
)
from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic, write_text
from seggroup.io.store import safe_name
from seggroup.types import NONE, Labels, Scan

AREAS = {"train": "Area_1", "val": "Area_5", "test": "Area_5"}  # trainers leave area 5 out
CLUTTER = "clutter"
UNLABELLED = "vertices without a class (clutter, where the class list has it)"
ALONE = "classes without an instance (each becomes one object)"
DIVIDED = "instances of several classes (they are divided)"
_LARGEST = 1e9  # metres; more digits than a line has room for
_LINE = 64  # bytes at most: three numbers of 15 and three of 3, with their ends


def write_s3dis(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `Area_n/<scene>/<scene>.txt` and `Annotations/<class>_<k>.txt`.

    The room's file has the points in the scan's order, an object's file its own in that order;
    coordinates are in metres with three decimals. Raises InputError for vertices without a class
    where the class list has no "clutter" to put them in.
    """
    scan, notes = sample.scan, list[str]()
    name = safe_name(scan.name)
    if float(np.abs(scan.vertices).max(initial=0)) > _LARGEST:
        raise InputError(f"{name}: coordinates beyond {_LARGEST:.0e} m do not fit S3DIS's text")
    labels = _filled(sample, classes, notes)
    room = folder / AREAS[sample.split] / name
    lost = {UNLABELLED: bool(np.any(sample.labels.semantic == NONE))}
    parts = _parts(labels, classes, notes, lost)
    written = [room / f"{name}.txt", *(room / "Annotations" / f"{part}.txt" for part in parts)]
    written[0].unlink(missing_ok=True)  # it comes last and says that the others are whole
    for old in room.glob("Annotations/*.txt"):
        if old not in written:
            old.unlink()
    for path, points in zip(written[1:], parts.values(), strict=True):
        with atomic(path, wait=False) as file:  # the room's file comes last
            file.write(_lines(scan, points))
    with atomic(written[0]) as file:
        file.write(_lines(scan, np.arange(len(labels))))
    files = [str(path.relative_to(folder)) for path in written]
    return {"files": files, "held": not_lost(lost), "notes": notes}


def finish_s3dis(folder: Path, rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Write `Area_n/Area_n_alignmentAngle.txt` of all six areas: their rooms, unturned."""
    files = []
    for area in (f"Area_{number}" for number in range(1, 7)):
        rooms = [row["scene"] for row in rows if AREAS[row["split"]] == area]
        lines = [f"## Global alignment angle per disjoint space in {area} ##"]
        lines += [f"{room} 0" for room in rooms]
        name = f"{area}/{area}_alignmentAngle.txt"
        write_text(folder / name, "\n".join(lines) + "\n")
        files.append(name)
    return files


def class_word(name: str) -> str:
    """A class's name as files have it: what readers would split or refuse becomes a hyphen."""
    return re.sub(r"[\W_]+", "-", name).strip("-") or "class"


def _filled(sample: Sample, classes: ClassList, notes: list[str]) -> Labels:
    """The labels with "clutter" for vertices without a class, which must be in some file."""
    labels = sample.labels
    none = labels.semantic == NONE
    if not none.any():
        return labels
    clutter = next((i for i, c in classes.classes.items() if c.name.lower() == CLUTTER), None)
    count = int(np.count_nonzero(none))
    if clutter is None:
        raise InputError(
            f"{sample.scan.name}: has {counted(count, 'vertex', 'vertices')} without a class, "
            "and S3DIS has no way to say so; label them, or add a class named "
            "clutter to the class list"
        )
    notes.append(f"{counted(count, 'vertex', 'vertices')} without a class became clutter.")
    return Labels(
        np.where(none, np.int32(clutter), labels.semantic),
        np.where(none, np.int32(NONE), labels.instance),
    )


def _parts(
    labels: Labels, classes: ClassList, notes: list[str], lost: dict[str, bool]
) -> dict[str, Int[np.ndarray, " n"]]:
    """The vertices of each file by its name: those of one instance and one class.

    Adds to `lost` which phrases of the target's apply.
    """
    key = labels.semantic.astype(np.int64) << 32 | (labels.instance.astype(np.int64) + 1)
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    result: dict[str, Int[np.ndarray, " n"]] = {}
    counts: dict[str, int] = {}
    alone = 0
    for points in np.split(order, starts[1:]):
        word = class_word(classes.name(int(labels.semantic[points[0]])))
        counts[word] = counts.get(word, 0) + 1
        result[f"{word}_{counts[word]}"] = points
        alone += len(points) if labels.instance[points[0]] == NONE else 0
    whole = len(np.unique(labels.instance[labels.instance != NONE]))
    pairs = len(np.unique(key[labels.instance != NONE]))
    lost |= {DIVIDED: pairs > whole, ALONE: alone > 0}
    if pairs > whole:
        notes.append(f"Instances of several classes were divided: {whole} became {pairs}.")
    if single := sum(len(points) == 1 for points in result.values()):
        notes.append(
            f"{counted(single, 'object')} of one point: Pointcept's preparation fails on those."
        )
    if alone:
        notes.append(
            f"{counted(alone, 'vertex', 'vertices')} with a class and no instance: those of a "
            "class became one object."
        )
    return result


def _lines(scan: Scan, points: Int[np.ndarray, " n"]) -> bytes:
    text = np.empty(len(points) * _LINE, np.uint8)
    return text[: _format(scan.vertices, scan.colors, points, text)].tobytes()


@njit(cache=True)
@typing.no_type_check
def _format(vertices, colors, points, text):
    """Write `x y z r g b` of the points into text, in metres to three decimals; -> its length."""
    at = 0
    digits = np.empty(24, np.uint8)
    for point in points:
        for column in range(6):
            if column < 3:
                value = np.int64(np.rint(np.float64(vertices[point, column]) * 1000))
                least = 4
            else:
                value = np.int64(colors[point, column - 3])
                least = 1
            if value < 0:
                text[at] = 45
                at += 1
                value = -value
            count = 0
            while value > 0 or count < least:
                digits[count] = 48 + value % 10
                value //= 10
                count += 1
            while count > 0:
                count -= 1
                text[at] = digits[count]
                at += 1
                if column < 3 and count == 3:
                    text[at] = 46
                    at += 1
            text[at] = 32 if column < 5 else 10
            at += 1
    return at


S3DIS = Target(
    title="S3DIS-style text, a file an object",
    classes="nyu40",
    ignore=None,
    refusal=(
        "every point of a room lies in the file of some class, so a point cannot be left without "
        "one; export without --confidence"
    ),
    lost=(
        FACES,
        NORMALS,
        CONFIDENCE,
        FRAME,
        "coordinates finer than a millimetre",
        "the order of the points (objects' files; the room's file keeps it)",
        UNLABELLED,
        ALONE,
        DIVIDED,
        "class ids and colours (only names)",
    ),
    write=write_s3dis,
    finish=finish_s3dis,
    misnamed=no_blanks,
)
