"""Writing so that a reader sees the old file or the new one, never half of either."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from seggroup.errors import InputError


@contextmanager
def atomic(path: Path, wait: bool = True) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` once it is whole: temporary, fsync, rename.

    wait : for the disk (fsync); needless where a later file says that this one is whole

    Raises InputError where the folder cannot be made or written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(
            f"{path}: cannot write there ({error.strerror}); choose another folder"
        ) from error
    try:
        os.fchmod(handle, 0o644)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if wait:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any, indent: int | None = 1) -> None:
    """Write `value` as JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=indent) + "\n")


def read_bytes(path: Path) -> bytes:
    """The whole of a regular file. Raises InputError where there is none, or nothing in it."""
    path = Path(path)
    check_file(path)
    try:
        return path.read_bytes()
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or "larger than the memory"
        raise InputError(f"{path}: cannot be read ({reason}); check the file") from error


def check_file(path: Path) -> int:
    """The size of a regular file in bytes, once it is known to be there and to open.

    Raises InputError where there is none, or nothing in it.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file in it")
    if not path.exists():
        raise InputError(f"{path}: does not exist; check the path")
    if not path.is_file():
        raise InputError(f"{path}: is not a regular file; copy its contents to one")
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    if not size:
        raise InputError(f"{path}: the file is empty; export it again")
    return size


def read_json(path: Path) -> Any:
    """Parse a JSON file. Raises InputError naming the file and the place of the fault."""
    data = read_bytes(path)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; export it as JSON again") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{path}: is not valid JSON ({error}); export it again") from error
