"""Predicted instances of a scene, each with a class and a score; they may overlap.

Beside `<scene>.npz`, which gives every vertex one instance at most, `<scene>.proposals.npz` holds
what a model with proposals found before they were made to exclude one another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, Int32, Int64

from seggroup.errors import InputError
from seggroup.io.arrays import read_arrays
from seggroup.io.files import atomic
from seggroup.io.store import say_classes

MAX_PROPOSALS = 100_000  # of a scene
_KINDS = {"offset": np.int64, "point": np.int64, "semantic": np.int32, "score": np.float32}


@dataclass(frozen=True)
class Proposals:
    """Predicted instances, their vertices one after the other.

    offset   : proposal i has the vertices `point[offset[i]:offset[i + 1]]`
    point    : vertices, each at most once in a proposal
    semantic : class id of every proposal
    score    : how sure the model is, finite
    """

    offset: Int64[np.ndarray, " q"]
    point: Int64[np.ndarray, " n"]
    semantic: Int32[np.ndarray, " p"]
    score: Float32[np.ndarray, " p"]

    def __len__(self) -> int:
        return len(self.semantic)

    def points(self, number: int) -> Int64[np.ndarray, " _"]:
        """The vertices of a proposal."""
        return self.point[self.offset[number] : self.offset[number + 1]]


def pack_proposals(rows: Iterable[tuple[Int[np.ndarray, " _"], int, float]]) -> Proposals:
    """The proposals of (vertices, class id, score) each, in their order."""
    listed = list(rows)
    points = [np.asarray(points, np.int64) for points, _, _ in listed]
    return Proposals(
        np.cumsum([0, *map(len, points)], dtype=np.int64),
        np.concatenate([np.empty(0, np.int64), *points]),
        np.array([semantic for _, semantic, _ in listed], np.int32),
        np.array([score for _, _, score in listed], np.float32),
    )


def write_proposals(
    path: Path, proposals: Proposals, names: Mapping[int, str] | None = None
) -> None:
    """Write `offset` and `point` int64, `semantic` int32, `score` float32; whole or not at all.

    names : of classes by id, kept as in a label file
    """
    with atomic(path) as file:
        np.savez(
            file,
            offset=proposals.offset.astype(np.int64),
            point=proposals.point.astype(np.int64),
            semantic=proposals.semantic.astype(np.int32),
            score=proposals.score.astype(np.float32),
        )
        say_classes(file, proposals.semantic, names)


def read_proposals(path: Path, n_vertices: int) -> Proposals:
    """The proposals that `write_proposals` wrote, for a scan of so many vertices.

    Raises InputError for a file that is none, a vertex the scan has not or that a proposal names
    twice, and a score that is not finite.
    """
    proposals = Proposals(**_arrays(path, n_vertices))
    if reason := _fault(proposals, n_vertices):
        raise InputError(f"{path}: {reason}; use the proposals made for this scan")
    return proposals


def _arrays(path: Path, n_vertices: int) -> dict[str, np.ndarray]:
    """The arrays of the file, unpacked only when they have a possible size."""

    def too_large(sizes: Mapping[str, int]) -> str:
        few = 8 * MAX_PROPOSALS + 4096
        if sizes["offset"] > few or sizes["semantic"] > few or sizes["score"] > few:
            return f"holds more than {MAX_PROPOSALS:,} proposals; filter them"
        if sizes["point"] > 8 * n_vertices * (sizes["offset"] // 8) + 4096:
            return "holds more points than its proposals can have of the scan"
        return ""

    arrays = read_arrays(path, _KINDS, too_large, "file of proposals", "run seggroup predict again")
    for name, kind in _KINDS.items():
        if arrays[name].ndim != 1 or arrays[name].dtype != kind:
            raise InputError(f"{path}: {name} is not a row of {kind.__name__}; predict again")
    count = len(arrays["semantic"])
    if len(arrays["offset"]) != count + 1 or len(arrays["score"]) != count:
        raise InputError(f"{path}: offset, semantic and score do not fit; predict again")
    return arrays


def _fault(proposals: Proposals, n_vertices: int) -> str:
    """What does not fit together; empty where all does."""
    offset, point = proposals.offset, proposals.point
    if offset[0] != 0 or offset[-1] != len(point) or np.any(np.diff(offset) < 0):
        return "offset does not divide the points among the proposals"
    if np.any((point < 0) | (point >= n_vertices)):
        return f"names a vertex outside the scan's {n_vertices}"
    if not np.isfinite(proposals.score).all():
        return "has a score that is not a finite number"
    if np.any(proposals.semantic < 0):
        return "has a class below 0"
    owner = np.repeat(np.arange(len(proposals)), np.diff(offset))
    pair = np.sort(owner * n_vertices + point)
    return "names a vertex twice in one proposal" if np.any(pair[1:] == pair[:-1]) else ""
