"""Where a scene's files are, whatever the layout of the data set they are in."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.errors import InputError
from seggroup.io.reading import AS_FOUND, Reading
from seggroup.io.scannet import read_segments
from seggroup.types import Labels, Scan

Scanned = tuple[Scan, Int32[np.ndarray, " v"] | None, Labels | None]


@dataclass(frozen=True)
class Source:
    """Where a scene's files are.

    scan        : the file of the scan: always a file, whose vertices are the scene's
    segments    : `segs.json`
    aggregation : ScanNet's `aggregation.json`, or MultiScan's `objects.json`
    labels      : ScanNet's `labels.ply`, or the file in its place
    reading     : what was stated of it
    layout      : the name in `io.layouts.LAYOUTS` that reads it
    files       : what else its layout needs, by names of that layout's
    """

    name: str
    scan: Path
    segments: Path | None = None
    aggregation: Path | None = None
    labels: Path | None = None
    reading: Reading = AS_FOUND
    layout: str = "file"
    files: dict[str, Path] = field(default_factory=dict, hash=False)

    @property
    def truth_files(self) -> tuple[Path, ...]:
        """Every file that the truth is read from, besides the scan itself."""
        found = (self.aggregation, self.labels, *self.files.values())
        return tuple(path for path in found if path is not None)


def placed(reading: Reading) -> Reading:
    """The reading of a scan in metres, z up, as its data set has them, unless it is stated."""
    return replace(
        reading,
        unit="m" if reading.unit == "auto" else reading.unit,
        up="z" if reading.up == "auto" else reading.up,
    )


def beside(scan: Path, names: Sequence[str]) -> Path | None:
    """The `segs.json` that carries the scan's name, among the `names` in its folder."""
    found = [n for n in names if n.startswith(f"{scan.stem}.") and n.endswith(".segs.json")]
    return scan.parent / min(found, key=len) if found else None


def own_segments(source: Source, size: int) -> Int32[np.ndarray, " v"] | None:
    """The segment id of every vertex, where the source has a `segs.json`."""
    return None if source.segments is None else read_segments(source.segments, size)


def json_list(path: Path, value: object, key: str, what: str) -> list:
    """The list `key` of a JSON object. Raises InputError where there is none."""
    rows = value.get(key) if isinstance(value, dict) else None
    if not isinstance(rows, list):
        raise InputError(f"{path}: has no list {key}; use {what}")
    return rows
