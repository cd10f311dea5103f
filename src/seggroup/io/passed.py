"""What lies in a folder and is no scene of it."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seggroup.io.layouts import LAYOUTS
from seggroup.io.scenes import Source, in_layouts, scan_files, tree
from seggroup.io.store import EXPORT_FOLDER

_ENDS = (".aggregation.json", ".segs.json", ".labels.ply")


@dataclass(frozen=True)
class Passed:
    """What was not read in one folder: scan files, and ScanNet's files without their mesh."""

    folder: Path
    scans: list[str]
    meshless: list[str]


def passed_over(roots: Iterable[Path], sources: Sequence[Source]) -> list[Passed]:
    """What was not read in the folders among `roots` and those below, by folder.

    A folder of a data set's scene is that scene's, but for files whose names begin otherwise
    where the scan's begins with the scene's. Trainers' layouts and our own exports are no scans.
    """
    read = {source.scan.absolute() for source in sources}
    data = [layout for layout in LAYOUTS.values() if not layout.derived]
    tops: dict[Path, None] = {}
    for root in filter(Path.is_dir, map(Path, roots)):
        tops[root] = None
        if (root / "scans").is_symlink() and (root / "scans").is_dir():
            tops[root / "scans"] = None

    def scenes_in(folder: Path, names: list[str]) -> list[Source]:
        return in_layouts(folder, names, data)

    result: dict[Path, Passed] = {}
    for top in tops:
        exports: set[Path] = set()
        for folder, names, scenes in tree(top, scenes_in, True):
            if EXPORT_FOLDER in names or not exports.isdisjoint(folder.parents):
                exports.add(folder)
                continue
            left = [s.scan for s in scenes]
            if all(scene.scan.name.startswith(scene.name) for scene in scenes):
                begin = tuple(scene.name for scene in scenes)
                left += [s.scan for s in scan_files(folder, names) if not _of(s, begin)]
                meshless = _without_mesh(names)
            else:
                meshless = []
            scans = [path.name for path in left if path.absolute() not in read]
            if scans or meshless:
                result[folder.absolute()] = Passed(folder, scans, meshless)
    return list(result.values())


def _of(source: Source, begin: tuple[str, ...]) -> bool:
    return bool(begin) and source.scan.name.startswith(begin)


def _without_mesh(names: Sequence[str]) -> list[str]:
    """ScanNet's annotations, segments and labels whose mesh does not lie beside them."""
    meshes = [name for name in names if not name.endswith(_ENDS) and not name.startswith(".")]
    stems = sorted(Path(name).stem for name in meshes)
    known = set(stems)
    lost = []
    for name in names:
        if not name.endswith(".aggregation.json") and not (
            name.endswith(_ENDS) and "_vh_clean" in name
        ):
            continue
        base = name.removesuffix(next(end for end in _ENDS if name.endswith(end)))
        parts = name.split(".")
        at = bisect_left(stems, base)
        begins = at < len(stems) and stems[at].startswith(base)
        if not begins and known.isdisjoint(".".join(parts[:k]) for k in range(1, len(parts))):
            lost.append(name)
    return lost
