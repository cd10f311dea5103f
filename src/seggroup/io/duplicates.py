"""Vertices at the same position, by a hash table over their bits."""

import typing

import numpy as np
from jaxtyping import Float32, Int32
from numba import njit

_U29, _U32 = np.uint64(29), np.uint64(32)
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_THIRD = np.uint64(0x94D049BB133111EB)


def firsts(points: Float32[np.ndarray, "v 3"]) -> Int32[np.ndarray, " v"]:
    """Of every point the first at exactly the same position: itself, for most. -0 equals 0."""
    with np.errstate(invalid="ignore"):
        bits = (points + np.float32(0)).view(np.uint32)  # + 0: -0 becomes 0
    slots = 1 << max(int(2 * len(points) - 1).bit_length(), 1)
    return _firsts(bits, np.full(slots, -1, np.int32))


@njit(cache=True, nogil=True)
@typing.no_type_check
def _firsts(bits: np.ndarray, table: np.ndarray) -> np.ndarray:
    result = np.empty(len(bits), np.int32)
    mask = np.uint64(len(table) - 1)
    for i in range(len(bits)):
        key = np.uint64(bits[i, 0]) * _FIRST
        key = (key ^ (key >> _U29) ^ np.uint64(bits[i, 1])) * _SECOND
        key = (key ^ (key >> _U32) ^ np.uint64(bits[i, 2])) * _THIRD
        slot = np.int64((key ^ (key >> _U32)) & mask)
        while True:
            other = table[slot]
            if other < 0:
                table[slot] = i
                result[i] = i
                break
            if (
                bits[other, 0] == bits[i, 0]
                and bits[other, 1] == bits[i, 1]
                and bits[other, 2] == bits[i, 2]
            ):
                result[i] = other
                break
            slot = (slot + 1) & np.int64(mask)
    return result
