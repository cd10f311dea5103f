"""The layouts of data sets: how scenes are found in a folder, and how one is read.

Each is a module with two functions. `find(folder, names)` gives the scenes that lie in this very
folder (`names` are the entries in it, sorted), none where it is no folder of that layout.
`read(source, truth)` gives the scan, the segment id of every vertex (None without a `segs.json`)
and, where `truth` asks for it, the truth (None where there is none).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seggroup.io.layouts import (
    arkitscenes,
    kpconv,
    mmdetection3d,
    multiscan,
    pointcept,
    pointgroup,
    replica,
    s3dis,
    scannet,
    scannetpp,
    threerscan,
)
from seggroup.io.layouts.source import Scanned, Source


@dataclass(frozen=True)
class Layout:
    """A layout: how its scenes are found and read.

    title   : what it is, for people
    metres  : whether its scans are known to be in metres, z up
    derived : whether it is made of other scans, for a trainer: looked for where nothing else is
    """

    title: str
    find: Callable[[Path, Sequence[str]], list[Source]]
    read: Callable[[Source, bool], Scanned]
    metres: bool = True
    derived: bool = False


def _no_scenes(folder: Path, names: Sequence[str]) -> list[Source]:
    return []


LAYOUTS: dict[str, Layout] = {
    "file": Layout("a scan file", _no_scenes, scannet.read, metres=False),
    "scannet": Layout("ScanNet", scannet.find, scannet.read),
    "scannetpp": Layout("ScanNet++", scannetpp.find, scannetpp.read),
    "threerscan": Layout("3RScan", threerscan.find, threerscan.read),
    "arkitscenes": Layout("ARKitScenes", arkitscenes.find, arkitscenes.read),
    "s3dis": Layout("S3DIS", s3dis.find, s3dis.read),
    "replica": Layout("Replica", replica.find, replica.read),
    "multiscan": Layout("MultiScan", multiscan.find, multiscan.read),
    "pointcept": Layout("Pointcept", pointcept.find, pointcept.read, derived=True),
    "pointgroup": Layout("PointGroup", pointgroup.find, pointgroup.read, derived=True),
    "mmdetection3d": Layout("MMDetection3D", mmdetection3d.find, mmdetection3d.read, derived=True),
    "kpconv": Layout("KPConv", kpconv.find, kpconv.read, derived=True),
}
