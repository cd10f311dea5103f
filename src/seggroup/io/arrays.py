"""Archives of arrays (npz) that anybody may have written: no pickle, no surprise in size."""

import io
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.files import read_bytes


def read_arrays(
    path: Path,
    names: Iterable[str],
    too_large: Callable[[Mapping[str, int]], str],
    what: str,
    remedy: str,
) -> dict[str, np.ndarray]:
    """The named arrays of an archive, unpacked only when their sizes are possible.

    too_large : of the arrays' sizes in bytes, a message where they are too large, else ""
    what, remedy : of the message about a file that is none: "a label file", "make it again"

    Raises InputError for both.
    """
    data = read_bytes(path)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {name: archive.getinfo(f"{name}.npy").file_size for name in names}
        message = too_large(sizes)
        if not message:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                return {name: archive[name] for name in sizes}
    except Exception as error:  # zip and npy parsers raise anything on broken input
        raise InputError(
            f"{path}: is not a whole {what} ({type(error).__name__}: {error}); {remedy}"
        ) from error
    raise InputError(f"{path}: {message}")
