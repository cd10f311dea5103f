"""From the names and numbers of a data set to the ids of a class list."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32

from seggroup.classes import NYU40
from seggroup.io.classlist import ClassList, nyu40, template
from seggroup.io.names import nyu40_id
from seggroup.io.relisting import has_nyu40_ids, translated
from seggroup.io.scannet import CLASS_TABLE, read_class_table
from seggroup.types import NONE

Finder = Callable[[str], int | None]
_TABLE_LEVELS = 3  # folders above the scan's in which the class table is looked for
_SHOWN = 8  # names in a note


def finder(classes: ClassList | None, folder: Path | None = None) -> Finder:
    """What gives the class id of a name; None where the name has no class.

    folder : of a ScanNet scan. The class table in it, or in one of the three folders above it,
             goes first: its NYU40 ids, or for ScanNet200's list its own ids

    For another list the name is looked up in it, then the name's NYU40 class.
    """
    if classes is None or has_nyu40_ids(classes):
        table = _class_table(folder, "nyu40id")
        return lambda name: table.get(name) or nyu40_id(name)
    wide = template("scannet200")
    if all(i in wide.classes and wide.name(i) == c.name for i, c in classes.classes.items()):
        table = _class_table(folder, "id")
        known = {name: i for name, i in table.items() if i in classes.classes}
        return lambda name: known.get(name) if name in table else classes.find(name)
    return lambda name: _looked_up(name, classes)


def semantic_of(
    names: dict[int, str], instance: Int32[np.ndarray, " v"], find: Finder
) -> tuple[Int32[np.ndarray, " v"], list[str]]:
    """Every vertex's class by the name of its instance, and a note on names without a class."""
    numbers, index = np.unique(instance, return_inverse=True)
    found = {i: find(name) for i, name in names.items()}
    ids = np.array([found.get(int(i)) or NONE for i in numbers], np.int32)
    unknown = sorted({names[i] for i, class_id in found.items() if class_id is None})
    notes = []
    if unknown:
        shown = ", ".join(f"{name:.40}" for name in unknown[:_SHOWN])
        notes.append(
            f"{len(unknown)} names of objects have no class in the list and were left without "
            f"one: {shown}{' …' if len(unknown) > _SHOWN else ''}."
        )
    return ids[index], notes


def of_nyu40(
    semantic: Int32[np.ndarray, " v"], classes: ClassList | None
) -> Int32[np.ndarray, " v"]:
    """NYU40's ids as ids of `classes`; ids beyond 40 are no class."""
    inside = (semantic > 0) & (semantic <= len(NYU40))
    return translated(np.where(inside, semantic, NONE).astype(np.int32), nyu40(), classes)


def by_corners(
    vertex: Int[np.ndarray, " c"], ids: Int[np.ndarray, " c"], size: int
) -> Int32[np.ndarray, " v"]:
    """Of each of `size` vertices the id that most of its faces have, the smallest of equals.

    vertex : of every corner of every face; ids : of that face. Ids below 0 are no vote, and a
    vertex without a vote has NONE.
    """
    votes = ids >= 0
    packed = vertex[votes].astype(np.int64) * 2**32 + ids[votes]
    pairs, counts = np.unique(packed, return_counts=True)
    which, voted = pairs >> 32, pairs & (2**32 - 1)
    order = np.lexsort((-voted, counts, which))  # the best of each vertex comes last
    result = np.full(size, NONE, np.int32)
    result[which[order]] = voted[order]
    return result


def _looked_up(name: str, classes: ClassList) -> int | None:
    found = classes.find(name)
    if found is not None and found in classes.classes:
        return found
    nearest = nyu40_id(name)
    return None if nearest is None else classes.find(NYU40[nearest])


def _class_table(folder: Path | None, column: str) -> dict[str, int]:
    if folder is None:
        return {}
    for parent in [folder.absolute(), *folder.absolute().parents[:_TABLE_LEVELS]]:
        if (parent / CLASS_TABLE).is_file():
            return read_class_table(parent / CLASS_TABLE, column)
    return {}
