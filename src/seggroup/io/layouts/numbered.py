"""The classes of trainers' files, which are numbers there."""

from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32

from seggroup.errors import InputError
from seggroup.io.classlist import ClassList, Named
from seggroup.io.files import read_json
from seggroup.io.relisting import translated
from seggroup.types import NONE

CLASSES = "classes.json"  # beside what this package exports
_LEVELS = 2  # folders above the file's in which it is looked for
_MOST = 65535
Numbering = dict[int, int]  # class id of each number
_GREY = (128, 128, 128)


def places(listed: ClassList) -> Numbering:
    """Numbers that are places in a list, from 0."""
    return dict(enumerate(listed.classes))


def numbering_of(folder: Path) -> tuple[Numbering, ClassList] | None:
    """What `classes.json` says of the numbers in a folder's files; None without one.

    It is looked for in the folder and in the two above it. Raises InputError for a row that is
    no class.
    """
    for place in [folder.absolute(), *folder.absolute().parents[:_LEVELS]]:
        if (place / CLASSES).is_file():
            return _read(place / CLASSES)
    return None


def class_ids(
    numbers: Int[np.ndarray, " v"],
    numbering: Numbering,
    listed: ClassList,
    classes: ClassList | None,
    notes: list[str],
) -> Int32[np.ndarray, " v"]:
    """Numbers of a file as ids of `classes` (None: NYU40); numbers that are no class are noted.

    numbering : what each number is in `listed`; negative numbers that it lacks are no class
    """
    found, index = np.unique(numbers, return_inverse=True)
    ids = np.array([numbering.get(int(number), NONE) for number in found], np.int32)
    foreign = [int(n) for n in found if n > 0 and int(n) not in numbering]
    if foreign:
        notes.append(
            f"{len(foreign)} class numbers are beyond the class list and were left without a "
            f"class: {', '.join(map(str, foreign[:8]))}{' …' if len(foreign) > 8 else ''}."
        )
    new = translated(ids, listed, classes)
    lost = sorted({listed.name(int(i)) for i in ids[(ids != NONE) & (new == NONE)]})
    if lost:
        notes.append(
            f"{len(lost)} classes of the files are not in the class list and were left without "
            f"one: {', '.join(lost[:8])}{' …' if len(lost) > 8 else ''}; --classes names theirs."
        )
    return new[index]


def _read(path: Path) -> tuple[Numbering, ClassList] | None:
    value = read_json(path)
    if not isinstance(value, dict) or not isinstance(value.get("classes"), list):
        return None  # another program's
    numbering: Numbering = {}
    listed: dict[int, Named] = {}
    for number, row in enumerate(value["classes"]):
        match row:
            case {"value": int(written), "id": int(class_id), "name": str(name)} if (
                0 <= written <= _MOST and 1 <= class_id <= _MOST
            ):
                numbering[written] = class_id
                listed[class_id] = Named(name, _GREY, thing=row.get("thing") is not False)
            case _:
                raise InputError(
                    f"{path}: class {number} of classes needs a value, an id from 1 and a name; "
                    "export the scenes again"
                )
    return numbering, ClassList(listed)
