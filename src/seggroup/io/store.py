"""The names of a run's files and what they hold: the only module that knows them."""

import io
import json
import platform
import subprocess
import zipfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import seggroup
from seggroup.errors import InputError
from seggroup.io.arrays import read_arrays
from seggroup.io.files import atomic, read_bytes, write_json
from seggroup.types import Labels

CHECKPOINT = "model.safetensors"
BEST_CHECKPOINT = "best.safetensors"  # of a downstream run, by validation
TRAINING_STATE = "training.safetensors"
CURVE = "curve.csv"
RECORD = "run.json"
METRICS = "metrics.json"
REPORT = "report.html"
TIMING = "timing.json"  # seconds and memory: the one file of a run that differs when it is redone
SYNTH_SEED = "synth.json"  # the seed of a folder of synthetic rooms
CLICKS_FOLDER = "clicks"
LABELS_FOLDER = "labels"
BENCHMARK_FOLDER = "benchmark"  # ScanNet's text files among predictions
LEVELS_FOLDER = "levels"
EXPORT_FOLDER = ".seggroup-export"  # what was written, within an export
CLICKS_SUFFIX = ".clicks.json"
SETS_SUFFIX = ".sets.npz"
PROPOSALS_SUFFIX = ".proposals.npz"


def safe_name(name: str) -> str:
    """The name, when it can be the name of a file. Raises InputError for a path."""
    if not name or name.startswith("..") or any(c in name for c in "/\\\0"):
        raise InputError(f"{name!r} cannot be the name of a scene; rename its file")
    return name


def labels_file(out: Path, scene: str) -> Path:
    """Where the labels of a scene lie in the folder `out`."""
    return Path(out) / f"{safe_name(scene)}.npz"


def sets_file(out: Path, scene: str) -> Path:
    """Where the class sets of a scene lie, beside its labels in the folder `out`."""
    return Path(out) / f"{safe_name(scene)}{SETS_SUFFIX}"


def clicks_file(out: Path, scene: str) -> Path:
    """Where the clicks of a scene lie in the folder `out`."""
    return Path(out) / f"{safe_name(scene)}{CLICKS_SUFFIX}"


def proposals_file(out: Path, scene: str) -> Path:
    """Where the proposals of a scene lie in the folder `out`, beside its labels."""
    return Path(out) / f"{safe_name(scene)}{PROPOSALS_SUFFIX}"


def authors_clicks_file(out: Path, scene: str) -> Path:
    """Where the clicks of a scene lie in the folder `out` in the authors' form."""
    return Path(out) / f"{safe_name(scene)}.json"


def levels_file(out: Path, scene: str) -> Path:
    """Where a scene's labels at every level lie, beside its labels in the folder `out`."""
    return Path(out) / LEVELS_FOLDER / f"{safe_name(scene)}.npz"


def write_labels(path: Path, labels: Labels, names: Mapping[int, str] | None = None) -> None:
    """Write `semantic`, `instance` int32 and `confidence` float32 (1 where absent), one a vertex.

    names : of classes by id. Those that occur are kept beside the arrays (`say_classes`), so that
            nobody can take the ids for another list's

    The bytes depend on labels and names alone: numpy dates every member 1980.
    """
    confidence = labels.confidence
    if confidence is None:
        confidence = np.ones(len(labels), np.float32)
    with atomic(path) as file:
        np.savez(
            file,
            semantic=labels.semantic.astype(np.int32),
            instance=labels.instance.astype(np.int32),
            confidence=confidence.astype(np.float32),
        )
        say_classes(file, labels.semantic, names)


def say_classes(file: BinaryIO, semantic: np.ndarray, names: Mapping[int, str] | None) -> None:
    """Say the names of the classes that occur in an archive just written: its zip comment.

    The comment is JSON of id → name. numpy's arrays stay as they are, and other readers need not
    know of it. More names than a comment can hold (64 kB) are not said.
    """
    if names is None:
        return
    occurring = {str(i): names[i] for i in np.unique(semantic).tolist() if i in names}
    comment = json.dumps(occurring, ensure_ascii=False).encode()
    if len(comment) < 1 << 16:
        file.seek(-2, io.SEEK_END)  # an archive ends with the length of its comment: 0 so far
        file.write(len(comment).to_bytes(2, "little") + comment)


def read_class_names(path: Path) -> dict[int, str] | None:
    """The names of the classes that `say_classes` said, by id; None where nothing was said.

    Raises InputError for a file that is no archive, and for a comment that is broken JSON.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            comment = archive.comment
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(f"{path}: is not a whole label file; make the labels again") from error
    if not comment.startswith(b"{"):
        return None
    try:
        names = {int(i): name for i, name in json.loads(comment).items()}
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{path}: its comment, the names of its classes, is no JSON; make the labels again"
        ) from error
    if not all(isinstance(name, str) and name.strip() for name in names.values()):
        raise InputError(f"{path}: the names of its classes must be text; make the labels again")
    return names


def write_levels(
    path: Path,
    segments: np.ndarray,
    levels: dict[str, Labels],
    key: str,
    names: Mapping[int, str] | None = None,
) -> None:
    """Write the segments (int32, one a vertex) and their labels at every level, by its name.

    `key` says what the labels were made from: `read_levels_key` gives it back. `names` as in
    `write_labels`.
    """
    rows = list(levels.values())
    sure = [np.ones(len(r), np.float32) if r.confidence is None else r.confidence for r in rows]
    semantic = np.stack([labels.semantic for labels in rows])
    with atomic(path) as file:
        np.savez(
            file,
            key=np.array(key),
            names=np.array(list(levels)),
            segments=segments.astype(np.int32),
            semantic=semantic,
            instance=np.stack([labels.instance for labels in rows]),
            confidence=np.stack(sure).astype(np.float32),
        )
        say_classes(file, semantic, names)


def read_levels(path: Path, n_vertices: int) -> tuple[np.ndarray, dict[str, Labels]]:
    """Segments and levels that `write_levels` wrote. Raises InputError unless they fit the scan."""
    try:
        with np.load(io.BytesIO(read_bytes(path)), allow_pickle=False) as archive:
            segments = archive["segments"].astype(np.int32)
            semantic, instance = archive["semantic"], archive["instance"]
            names, confidence = archive["names"].tolist(), archive["confidence"]
    except Exception as error:  # zip and npy parsers raise anything on broken input
        raise InputError(
            f"{path}: is not a whole file of levels ({type(error).__name__}); "
            "run seggroup propagate again"
        ) from error
    shape = (len(names), int(segments.max(initial=-1)) + 1)
    if segments.shape != (n_vertices,) or semantic.shape != shape or segments.min(initial=0) < 0:
        raise InputError(f"{path}: does not fit the scan's {n_vertices} vertices; propagate again")
    return segments, {
        name: Labels(semantic[i].astype(np.int32), instance[i].astype(np.int32), confidence[i])
        for i, name in enumerate(names)
    }


def read_levels_key(path: Path) -> str | None:
    """What a file of levels was made from; None where there is no whole file."""
    try:
        with np.load(io.BytesIO(read_bytes(path)), allow_pickle=False) as archive:
            return str(archive["key"])
    except Exception:  # missing or broken: it will be made again
        return None


def read_labels(path: Path, n_vertices: int) -> Labels:
    """The labels that `write_labels` wrote. Raises InputError unless they fit `n_vertices`."""
    kinds = {"semantic": np.int32, "instance": np.int32, "confidence": np.float32}

    def too_large(sizes: Mapping[str, int]) -> str:
        many = max(sizes.values()) > 8 * n_vertices + 4096
        return f"holds more labels than the scan's {n_vertices} vertices" if many else ""

    arrays = read_arrays(path, kinds, too_large, "label file", "run seggroup propagate again")
    for name, kind in kinds.items():
        array = arrays[name]
        if array.shape != (n_vertices,) or array.dtype.kind not in "if":
            raise InputError(
                f"{path}: {name} is {array.dtype} of shape {array.shape}, but the scan has "
                f"{n_vertices} vertices; use the labels made for this scan"
            )
        arrays[name] = array.astype(kind)
    return Labels(arrays["semantic"], arrays["instance"], arrays["confidence"])


def write_record(folder: Path, command: str, config: dict[str, Any], seed: int) -> None:
    """Save what made a folder's results: command, configuration, seed, versions, commit.

    No time and no path is in it, so that two equal runs have equal records.
    """
    packages = ["numpy", "scipy", "numba", "torch"]
    record = {
        "command": command,
        "seed": seed,
        "config": config,
        "versions": {
            "python": platform.python_version(),
            "seggroup": seggroup.__version__,
            **{name: _version(name) for name in packages},
        },
        "commit": _commit(),
    }
    write_json(Path(folder) / RECORD, record)


def _version(package: str) -> str | None:
    try:
        return version(package)  # not the module's own: torch need not be imported for this
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the source, with `+` where it has changes; None outside a repository."""
    source = Path(seggroup.__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(source), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", ".")
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None
