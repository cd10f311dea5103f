"""The container that arrays cross to the page in; `web/src/arrays.ts` is its twin.

Bytes 0–3 are ``SGA1``; then the length of the header, uint32; then the header, UTF-8 JSON::

    {"head": {…}, "arrays": {name: {"dtype": …, "shape": […], "offset": …}}}

then zeros up to a multiple of 8, where the data section begins. Offsets count from there; each
array begins at a multiple of 8. Everything is little-endian, arrays are in C order.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from seggroup.errors import InputError

MAGIC = b"SGA1"
DTYPES = ("int32", "uint8", "uint16", "uint32", "float32")
ALIGNMENT = 8


def pack(head: Any, arrays: Mapping[str, np.ndarray]) -> bytes:
    """A container of `head`, a dataclass or a dict that JSON can hold, and named arrays.

    Raises ValueError for an array whose dtype is none of `DTYPES`.
    """
    index, blocks, offset = {}, [], 0
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"array {name} has dtype {array.dtype}; use one of {DTYPES}")
        shape = list(array.shape)
        index[name] = {"dtype": array.dtype.name, "shape": shape, "offset": offset}
        data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        blocks.append(data + bytes(-len(data) % ALIGNMENT))
        offset += len(blocks[-1])
    content = {"head": head if isinstance(head, dict) else asdict(head), "arrays": index}
    header = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    encoded = header.encode()
    start = MAGIC + len(encoded).to_bytes(4, "little") + encoded
    return b"".join([start, bytes(-len(start) % ALIGNMENT), *blocks])


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The head and the arrays (read-only views) of a container.

    Raises InputError where `data` is no container or ends early.
    """
    if data[:4] != MAGIC or len(data) < 8:
        raise InputError("the data is no container of arrays (SGA1); load it again")
    end = 8 + int.from_bytes(data[4:8], "little")
    try:
        content = json.loads(data[8:end].decode())
        head, index = content["head"], content["arrays"]
        start = end + -end % ALIGNMENT
        return head, {name: _array(data, start, **entry) for name, entry in index.items()}
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InputError(f"the container's header or an array is damaged ({error})") from error


def _array(data: bytes, start: int, dtype: str, shape: list[int], offset: int) -> np.ndarray:
    """One array of a container; ValueError where the bytes are not there."""
    if dtype not in DTYPES or min([offset, *shape]) < 0 or offset % ALIGNMENT:
        raise ValueError(f"dtype {dtype}, shape {shape}, offset {offset}")
    little = np.dtype(dtype).newbyteorder("<")
    return np.frombuffer(data, little, math.prod(shape), start + offset).reshape(shape)
