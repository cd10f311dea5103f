"""Archives of arrays (npz) that anybody may have written: no pickle, no surprise in size."""

import io
import math
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
                found = {name: archive[name] for name in sizes}
            for name, array in found.items():
                if not isinstance(array, np.ndarray):  # numpy gives the bytes of what is no array
                    raise ValueError(f"{name} is no numpy array")
            return found
    except Exception as error:  # zip and npy parsers raise anything on broken input
        raise InputError(
            f"{path}: is not a whole {what} ({type(error).__name__}: {str(error)[:160]}); {remedy}"
        ) from error
    raise InputError(f"{path}: {message}")


def read_array(path: Path, fields: bool = False) -> np.ndarray:
    """The numbers of a .npy file. No pickle is read, and nothing beyond the file's size is made.

    fields : named fields of numbers are taken too

    Raises InputError for anything else and for a file that ends early.
    """
    data = read_bytes(path)
    stream = io.BytesIO(data)
    try:
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[np.lib.format.read_magic(stream)]
        shape, fortran, kind = read(stream)
    except Exception as error:  # the header is a Python literal, its parser raises anything
        raise InputError(
            f"{path}: does not begin as a numpy array does; save it with numpy.save"
        ) from error
    named = fields and kind.names is not None and all(kind[n].kind in "fiu" for n in kind.names)
    absurd = 0 in shape and max(shape) > len(data)  # holds nothing, yet numpy cannot make it
    if not (kind.kind in "fiub" or named) or not shape or min(shape) < 0 or absurd:
        raise InputError(
            f"{path}: is an array of {kind} with shape {shape}; save plain numbers with numpy.save"
        )
    count = math.prod(shape)
    if count * kind.itemsize > len(data) - stream.tell():
        raise InputError(
            f"{path}: promises a numpy array of shape {shape}, but the file is truncated; "
            "copy or save it again"
        )
    values = np.frombuffer(data, kind, count, stream.tell())
    return values.reshape(shape, order="F" if fortran else "C")
