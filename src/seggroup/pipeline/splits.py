"""Which scenes are for training, for validation and for testing."""

import re
from collections.abc import Sequence
from pathlib import Path

from seggroup.errors import InputError
from seggroup.export.target import SPLITS, Split
from seggroup.io.files import read_bytes


def read_splits(words: Sequence[str]) -> tuple[dict[str, Split], Split | None]:
    """The splits of scenes by name, and that of all others, from what `--split` was given.

    Each is a split, a file of lines "scene split", a file of scenes whose name says its split
    (scannetv2_val.txt), or a folder of such files. Raises InputError for anything else and for a
    scene in two splits.
    """
    found: dict[str, Split] = {}
    rest: Split | None = None if words else "train"
    for word in words:
        if word in SPLITS:
            rest = word
            continue
        path = Path(word)
        if not path.exists():
            raise InputError(f"--split {word}: is neither train, val or test nor a file")
        files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
        files = [f for f in files if not path.is_dir() or _named_split(f)]
        if not files:
            raise InputError(f"{path}: has no *train*.txt, *val*.txt or *test*.txt; name a file")
        for file in files:
            for scene, split in _split_lines(file):
                if found.setdefault(scene, split) != split:
                    raise InputError(
                        f"{file}: {scene} is in {found[scene]} and in {split}; keep one of them"
                    )
    return found, rest


def _named_split(path: Path) -> Split | None:
    """The split that a list's name states: scannetv2_val.txt."""
    words = re.split(r"[^a-z]+", path.stem.lower())
    return next((split for split in SPLITS if split in words), None)


def _split_lines(path: Path) -> list[tuple[str, Split]]:
    """The scenes of a list and their splits. Raises InputError naming the wrong line."""
    try:
        lines = read_bytes(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    stated, found = _named_split(path), []
    for number, line in enumerate(lines, 1):
        *words, last = line.split() or [""]
        split = last if words and last in SPLITS else stated
        scene = " ".join(words if words and last in SPLITS else [*words, last])
        if not scene:
            continue
        if split is None:
            raise InputError(
                f'{path}: line {number} is no "scene split" (train, val or test), and the file\'s '
                "name says no split; write scene0000_00 train"
            )
        found.append((scene, split))
    return found
