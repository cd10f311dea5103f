"""Class ids of one list as those of another, by their names.

A class has in another list the id of the class of the same name or synonym, of its parent, or of
the NYU40 class that its name means; a parent that only one class of the list has finds that class.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.classes import NYU40
from seggroup.errors import InputError
from seggroup.io.classlist import (
    TEMPLATES,
    ClassList,
    Named,
    fitted,
    is_nyu40,
    nyu40,
    plain,
    template,
)
from seggroup.io.names import nyu40_id
from seggroup.io.store import read_class_names, read_labels
from seggroup.types import NONE, Labels

_GREY = (128, 128, 128)
_SHOWN = 5  # names in a message


def read_listed(
    path: Path, n_vertices: int, classes: ClassList | None = None
) -> tuple[Labels, list[str]]:
    """The labels of a file with the ids of a class list (None: NYU40's), and notes.

    Raises InputError as `read_labels` and `relisted` do.
    """
    labels = read_labels(path, n_vertices)
    return relisted(path, labels, read_class_names(path), classes)


def relisted(
    where: str | Path,
    labels: Labels,
    names: Mapping[int, str] | None,
    classes: ClassList | None = None,
) -> tuple[Labels, list[str]]:
    """Labels whose ids have these names, with the ids of a class list (None: NYU40's), and notes.

    names : of every id that occurs; None where a file does not say: the ids are the list's own

    A class that has no place in the list is no label where the list's ids are NYU40's (the 20 of
    ScanNet's benchmark, say), with a note. Raises InputError for it with another list, where no
    class has a place, and for ids without a name that the list lacks.
    """
    if names is None:
        return _as_they_are(where, labels, classes)
    ids, index, counts = np.unique(labels.semantic, return_inverse=True, return_counts=True)
    own, wanted = list_of(names), nyu40() if has_nyu40_ids(classes) or classes is None else classes
    new = [place_of(i, own, wanted) for i in ids.tolist()]
    lost = [k for k, i in enumerate(new) if i is None and ids[k] != NONE]
    kept = replace(
        labels, semantic=np.array([NONE if i is None else i for i in new], np.int32)[index]
    )
    notes = []
    if lost:
        listed = ", ".join(f"{own.name(int(ids[k])):.40}" for k in lost[:_SHOWN])
        listed += " …" if len(lost) > _SHOWN else ""
        vertices = int(counts[lost].sum())
        nothing = not (kept.semantic != NONE).any()
        if nothing or not has_nyu40_ids(classes):
            raise InputError(
                f"{where}: {vertices} vertices have classes that have no place in the class list "
                f"({listed}); name the list that the labels were made with by --classes "
                f"({'a file' if nothing else 'nyu40, or a file'}), or give a class of yours these "
                "names as synonyms"
            )
        notes.append(f"{vertices} vertices of classes that the list lacks are no label ({listed}).")
        kept = replace(kept, instance=np.where(np.isin(index, lost), np.int32(NONE), kept.instance))
    if classes is not None:
        kept, left = fitted(where, kept, classes)
        notes += left
    return kept, notes


def has_nyu40_ids(classes: ClassList | None) -> bool:
    """Whether labels with NYU40's ids fit: no list, or one of NYU40's names with their ids."""
    return classes is None or is_nyu40(classes.names)


def list_of(names: Mapping[int, str]) -> ClassList:
    """The template in which the ids have these names, since it says more; else just these."""
    for known in TEMPLATES:
        listed = template(known).names
        if all(plain(listed.get(i, "")) == plain(name) for i, name in names.items()):
            return template(known)
    return ClassList({i: Named(name, _GREY) for i, name in names.items()})


def place_of(class_id: int, own: ClassList, classes: ClassList) -> int | None:
    """The id in `classes` of a class of the list `own`; None where it has no place there."""
    named = own.classes.get(class_id)
    if named is None:
        return None
    if class_id in classes.classes and plain(classes.name(class_id)) == plain(named.name):
        return class_id
    parent = [] if named.parent is None else [named.parent]
    names = [named.name, *parent]
    if has_nyu40_ids(classes):
        names.reverse()  # templates have NYU40's classes as parents
    nearest = nyu40_id(named.name)
    if nearest is not None:
        names.append(NYU40[nearest])
    found = (classes.find(name) for name in names)
    return next((i for i in found if i is not None and i in classes.classes), None)


def translated(
    semantic: Int32[np.ndarray, " v"], listed: ClassList, classes: ClassList | None
) -> Int32[np.ndarray, " v"]:
    """Ids of the list `listed` as ids of `classes` (None, or a part of it: NYU40)."""
    if classes == listed or (has_nyu40_ids(classes) and has_nyu40_ids(listed)):
        return semantic
    wanted = nyu40() if classes is None or has_nyu40_ids(classes) else classes
    ids, index = np.unique(semantic, return_inverse=True)
    places = [place_of(i, listed, wanted) for i in ids.tolist()]
    return np.array([NONE if i is None else i for i in places], np.int32)[index]


def _as_they_are(
    where: str | Path, labels: Labels, classes: ClassList | None
) -> tuple[Labels, list[str]]:
    """Labels of a file that does not name its classes: NYU40's, or those of the list."""
    if classes is None:
        return labels, []
    kept, notes = fitted(where, labels, classes)
    if not has_nyu40_ids(classes) and (kept.semantic != NONE).any():
        notes.append(
            "The label file does not name its classes: its ids were taken for the class list's."
        )
    return kept, notes
