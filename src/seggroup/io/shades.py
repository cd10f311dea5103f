"""Colours of 8 bits a channel, from what scanners store: 16 bits, or one intensity."""

import numpy as np
from jaxtyping import Num, UInt8

AS_GREY = "It has no colours: its intensity was taken as grey."
GREY = 128  # where nothing is known
_SAMPLE = 1 << 20  # values that the range of an intensity is taken from


def grey_of(intensity: Num[np.ndarray, " v"]) -> UInt8[np.ndarray, "v 3"]:
    """Intensities as grey: their 1st and 99th percentile are black and white, NaN is black."""
    some = intensity[:: max(len(intensity) // _SAMPLE, 1)].astype(np.float64)
    some = some[np.isfinite(some)]
    low, high = np.percentile(some, [1, 99]) if len(some) else (0.0, 1.0)
    if not high > low:
        return np.full((len(intensity), 3), GREY, np.uint8)
    scale = 255 / (high - low)
    grey = np.empty((len(intensity), 3), np.uint8)
    for first in range(0, len(intensity), _SAMPLE):
        values = intensity[first : first + _SAMPLE].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            values = np.nan_to_num((values - low) * scale, nan=0.0)
        grey[first : first + _SAMPLE] = np.rint(values.clip(0, 255))[:, None]
    return grey


def eight_bits(
    colors: Num[np.ndarray, "v 3"], top: float | None = None
) -> UInt8[np.ndarray, "v 3"] | None:
    """Colours from 0 to `top` as 0 to 255; None where all are 0, as in files that have none.

    Without `top` it is 255 where no value is larger (files of 16 bits often hold 8), else 65535.
    """
    largest = colors.max(initial=0)
    if largest <= 0:
        return None
    top = top or (255 if largest <= 255 else 65535)
    if colors.dtype == np.uint8 and top == 255:
        return np.ascontiguousarray(colors)
    result = np.empty(colors.shape, np.uint8)
    for first in range(0, len(colors), _SAMPLE):
        values = np.nan_to_num(colors[first : first + _SAMPLE].astype(np.float32))
        result[first : first + _SAMPLE] = np.rint((values * np.float32(255 / top)).clip(0, 255))
    return result
