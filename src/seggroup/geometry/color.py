"""Colours as the eye tells them apart."""

import numpy as np
from jaxtyping import Float64, UInt8

# sRGB (IEC 61966-2-1) to XYZ under D65, and that white's XYZ.
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(colors: UInt8[np.ndarray, "v 3"]) -> Float64[np.ndarray, "v 3"]:
    """CIELAB (L* 0 … 100) of 8-bit sRGB colours, white D65."""
    srgb = colors / 255.0
    linear = np.where(srgb > 0.04045, ((srgb + 0.055) / 1.055) ** 2.4, srgb / 12.92)
    xyz = linear @ _XYZ.T / _WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
