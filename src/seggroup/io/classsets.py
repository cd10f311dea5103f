"""Class sets on disk: one npz a scene, members and classes each as one run after the other."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.arrays import read_arrays
from seggroup.io.files import atomic
from seggroup.types import ClassSets

_ARRAYS = ("members", "member_starts", "classes", "class_starts")  # int32, int64, int32, int64
_LARGEST = 1 << 29  # bytes of one array: before anything is unpacked


def write_class_sets(path: Path, sets: ClassSets) -> None:
    """Write the sets; set i has ``members[member_starts[i]:member_starts[i + 1]]``.

    The bytes depend on the sets alone.
    """
    with atomic(path) as file:
        np.savez(
            file,
            members=_joined(sets.members),
            member_starts=_starts([len(members) for members in sets.members]),
            classes=_joined([np.array(classes, np.int32) for classes in sets.classes]),
            class_starts=_starts([len(classes) for classes in sets.classes]),
        )


def read_class_sets(path: Path, n_vertices: int) -> ClassSets:
    """The sets that `write_class_sets` wrote. Raises InputError unless they fit `n_vertices`."""
    arrays = _read(path)
    members, classes = arrays["members"], arrays["classes"]
    starts, class_starts = arrays["member_starts"], arrays["class_starts"]
    broken = f"{path}: is not a whole file of class sets"
    for runs, values in ((starts, members), (class_starts, classes)):
        if not len(runs) or runs[0] != 0 or runs[-1] != len(values) or (np.diff(runs) < 0).any():
            raise InputError(f"{broken} (its runs do not fit); make it again")
    if len(starts) != len(class_starts):
        raise InputError(f"{broken} (sets without classes); make it again")
    if members.min(initial=0) < 0 or members.max(initial=-1) >= n_vertices:
        raise InputError(
            f"{path}: names vertices that the scan does not have ({n_vertices} vertices); "
            "use the sets made for this scan"
        )
    if classes.min(initial=0) < 0:
        raise InputError(f"{path}: names a class below 0; make it again")
    return ClassSets(
        tuple(members[a:b].astype(np.int32) for a, b in pairwise(starts.tolist())),
        tuple(tuple(classes[a:b].tolist()) for a, b in pairwise(class_starts.tolist())),
    )


def _read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of the file, each of whole numbers in a row."""
    what, remedy = "file of class sets", "make it again"

    def too_large(sizes: Mapping[str, int]) -> str:
        return f"is too large for a {what}; {remedy}" if max(sizes.values()) > _LARGEST else ""

    arrays = read_arrays(path, _ARRAYS, too_large, what, remedy)
    for name, array in arrays.items():
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise InputError(
                f"{path}: is not a whole {what} ({name} is {array.dtype} of shape "
                f"{array.shape}); {remedy}"
            )
    return arrays


def _joined(rows) -> np.ndarray:  # type: ignore[no-untyped-def]
    """The rows one after the other, int32."""
    return np.concatenate([np.empty(0, np.int32), *rows]).astype(np.int32)


def _starts(lengths: list[int]) -> np.ndarray:
    """Where each row starts, and the end: one more than there are rows."""
    return np.cumsum([0, *lengths], dtype=np.int64)
