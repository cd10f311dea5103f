"""Finding scenes among paths, and reading one with its segments and its truth."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from seggroup.errors import InputError, first_few
from seggroup.io.classlist import fitted
from seggroup.io.kinds import kind_of
from seggroup.io.layouts import LAYOUTS, Layout
from seggroup.io.layouts.scannet import with_neighbours
from seggroup.io.layouts.source import Scanned, placed
from seggroup.io.layouts.source import Source as Source
from seggroup.io.reading import AS_FOUND, Reading
from seggroup.io.scan import READERS
from seggroup.types import NONE

_DERIVED = [layout for layout in LAYOUTS.values() if layout.derived]
_AMBIGUOUS = (".txt", ".csv", ".npz")  # in folders: mostly something other than scans
_DEPTH = 3  # levels of folders below the named one
_MOST = 20_000  # folders that are looked into


def find_scenes(paths: Sequence[Path], reading: Reading = AS_FOUND) -> list[Source]:
    """The scenes in scan files, data sets' folders (io.layouts) and folders of scan files.

    Sorted by name. A folder's own scan files are scenes; in the folders below it (three levels)
    only those of data sets are looked for, trainers' layouts where there is nothing else, and
    scan files where there is not even that. Links to folders are not followed but for `scans`,
    and a folder's .txt, .csv and .npz files are passed over: name them. `io.passed` says what
    was left. Raises InputError where a path holds no scan and where two scans have one name.
    """
    sources: dict[str, Source] = {}
    for source in all_scenes(paths, reading):
        if source.name in sources:
            raise InputError(
                f"{source.scan}: has the same name as {sources[source.name].scan}; "
                "rename one or pass it alone"
            )
        sources[source.name] = source
    return list(sources.values())


def all_scenes(paths: Sequence[Path], reading: Reading = AS_FOUND) -> list[Source]:
    """The scenes as `find_scenes` finds them, but two may have one name. Sorted by name."""
    found: list[Source] = []
    for path in map(Path, paths):
        found += _in_folder(path) if path.is_dir() else [_file(path)]
    if not found:
        raise InputError("no scans were named; pass scan files or folders that hold some")
    found.sort(key=lambda source: (source.name, str(source.scan)))
    return [_stated(source, reading) for source in found]


def read_source(source: Source, truth: bool = True) -> Scanned:
    """A scan, the segment id of every vertex where it has a `segs.json`, and its truth.

    Where truth comes from is the layout's matter (docs/layouts.md). What could not be used is
    noted in the scan. Raises InputError for files that do not fit the mesh, and for classes that
    are not in the stated list.
    """
    scan, segments, found = LAYOUTS[source.layout].read(source, truth)
    if found is not None and source.reading.classes is not None:
        found, notes = fitted(source.scan, found, source.reading.classes)
        scan = scan.noting(*notes)
    if found is not None and not (found.semantic != NONE).any():
        scan = scan.noting("The truth has instances but no classes.")
    elif found is not None and not (found.instance != NONE).any():
        scan = scan.noting("The truth has classes but no instances.")
    return scan, segments, found


def _stated(source: Source, reading: Reading) -> Source:
    return replace(source, reading=placed(reading) if LAYOUTS[source.layout].metres else reading)


def _file(path: Path) -> Source:
    """A named file: a scan of the data set that it lies in, else a scan by itself."""
    if not path.exists():
        raise InputError(f"{path}: does not exist; check the path")
    if path.name.lower().endswith(".labels.ply"):
        raise InputError(f"{path}: holds labels of a scan; name the scan beside it")
    for folder in (path.parent, path.parent.parent):
        if os.access(folder, os.R_OK):
            for source in in_layouts(folder, _names(folder), list(LAYOUTS.values())):
                for own in (source.scan, source.labels):  # 3RScan's labels are a scan too
                    if own is not None and path.name == own.name and own.samefile(path):
                        return source
    if path.suffix.lower() not in READERS:
        kind_of(path)  # refuses it, unless its content is a scan
    return with_neighbours(path, _names(path.parent))


def _in_folder(root: Path) -> list[Source]:
    """The scenes of a folder: data sets' and its own scan files, else trainers', else any."""
    for derived in (False, True):
        layouts = [layout for layout in LAYOUTS.values() if layout.derived == derived]
        sources = _walked(root, layouts, loose=not derived)
        if sources:
            return sources
    if sources := _below(root):
        return sources
    suffixes = (suffix for suffix in READERS if suffix not in _AMBIGUOUS)
    message = (
        f"{root}: holds no scans; name a folder with scan files ({', '.join(suffixes)}) or one of "
        f"a data set ({', '.join(layout.title for layout in list(LAYOUTS.values())[1:])})"
    )
    passed = [name for name in _names(root) if Path(name).suffix.lower() in _AMBIGUOUS]
    if passed:
        message += (
            f"; {', '.join(_AMBIGUOUS)} are passed over in folders: name the file itself where "
            f"{first_few(passed, 3)} is a scan"
        )
    raise InputError(message)


def _below(root: Path) -> list[Source]:
    """The scan files below a folder; what lies below some is theirs."""
    return [source for *_, found in tree(root, scan_files, False) for source in found]


def _walked(root: Path, layouts: list[Layout], loose: bool) -> list[Source]:
    def find(folder: Path, names: list[str]) -> list[Source]:
        found = in_layouts(folder, names, layouts)
        return _own_files(folder, names) if not found and loose and folder == root else found

    names = _names(root)
    inner = "scans" in names and (root / "scans").is_dir() and not in_layouts(root, names, layouts)
    if inner and (sources := _walked(root / "scans", layouts, loose)):
        return sources
    return [source for *_, found in tree(root, find, True) for source in found]


def tree(
    root: Path, find: Callable[[Path, list[str]], list[Source]], past_files: bool
) -> Iterator[tuple[Path, list[str], list[Source]]]:
    """The folders of a tree, the names in each and what `find` finds there.

    It ends at a folder where something is found, `past_files`: something but scan files.
    """
    pending = [(root, 0)]
    for visited, (folder, depth) in enumerate(pending):
        if visited >= _MOST:
            raise InputError(
                f"{root}: has more than {_MOST:,} folders; name the data set's own folder in it"
            )
        if depth and not os.access(folder, os.R_OK | os.X_OK):
            continue  # somebody else's
        names = _names(folder)
        found = find(folder, names)
        yield folder, names, found
        if depth < _DEPTH and all(past_files and source.layout == "file" for source in found):
            pending += [(inner, depth + 1) for inner in _inner(folder)]


def in_layouts(folder: Path, names: list[str], layouts: list[Layout]) -> list[Source]:
    """The scenes that the first layout finds in this very folder."""
    for layout in layouts:
        try:
            if found := layout.find(folder, names):
                return found
        except OSError as error:
            raise InputError(f"{folder}: cannot be listed ({error.strerror})") from error
    return []


def _inner(folder: Path) -> Iterator[Path]:
    """The folders in a folder, without hidden ones and links."""
    with os.scandir(folder) as entries:
        inner = sorted(
            entry.name
            for entry in entries
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        )
    return (folder / name for name in inner)


def _own_files(folder: Path, names: list[str]) -> list[Source]:
    """The scan files of one folder with KPConv's, else what a trainer has in it."""
    derived = in_layouts(folder, names, _DERIVED)
    clouds = [source for source in derived if source.layout == "kpconv"]
    return scan_files(folder, names) + clouds or derived


def scan_files(folder: Path, names: list[str]) -> list[Source]:
    """The scan files of one folder that are no trainer's; Pointcept's arrays are no scans."""
    derived = in_layouts(folder, names, _DERIVED)
    claimed = {source.scan.name for source in derived}
    arrays = any(source.layout == "pointcept" for source in derived)
    return [
        source
        for source in _loose(folder, names)
        if source.scan.name not in claimed and not (arrays and source.scan.suffix == ".npy")
    ]


def _loose(folder: Path, names: list[str]) -> list[Source]:
    """The scan files of one folder."""
    return [
        with_neighbours(folder / name, names)
        for name in names
        if Path(name).suffix.lower() in READERS
        and Path(name).suffix.lower() not in _AMBIGUOUS
        and not name.startswith(".")
        and not name.lower().endswith(".labels.ply")
        and (folder / name).is_file()
    ]


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed ({error.strerror})") from error
