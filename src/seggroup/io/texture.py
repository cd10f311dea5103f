"""Textures as colours of vertices: images of limited size, sampled where texture coordinates say.

Texture coordinates count from the lower left corner here, as OBJ and PLY do; they repeat beyond
0 to 1. A vertex takes the mean of the nearest texels of its corners.
"""

import io
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, Num, UInt8

from seggroup.errors import InputError
from seggroup.io.files import read_bytes

MOST_PIXELS = 1 << 26  # 64 million: 8192 × 8192, 192 MiB of colours


def read_image(path: Path, data: bytes | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """An image's colours, from a file or from its bytes.

    Raises InputError for what is no image, or one of more than `MOST_PIXELS`.
    """
    import warnings

    from PIL import Image

    data = read_bytes(path) if data is None else data
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, of large images: ours is below
            with Image.open(io.BytesIO(data)) as image:
                if image.width * image.height <= MOST_PIXELS:
                    return np.asarray(image.convert("RGB"))
                size = f"{image.width} x {image.height}"
    except Exception as error:  # decoders raise anything on broken input
        raise InputError(
            f"{path}: its texture is not an image that can be read ({type(error).__name__}); "
            "save it as PNG or JPEG"
        ) from error
    raise InputError(f"{path}: its texture of {size} pixels is too large; save it smaller")


def sampled(
    image: UInt8[np.ndarray, "h w 3"], where: Num[np.ndarray, "n 2"]
) -> UInt8[np.ndarray, "n 3"]:
    """The texels at texture coordinates; 0 where one is not finite."""
    size = np.array(image.shape[1::-1])
    with np.errstate(invalid="ignore", over="ignore"):
        place = where.astype(np.float64)
        place = np.where(np.isfinite(place), place, 0.0)
        edge = (place < 0) | (place > 1)
        place = np.where(edge, place - np.floor(place), place)
    column, row = np.minimum((place * size).astype(np.int64), size - 1).T
    return image[size[1] - 1 - row, column]


def inside(folder: Path, name: str) -> Path | None:
    """The file that `name` is in or below a folder; None where it is elsewhere or not there."""
    name = name.strip().strip('"').replace("\\", "/")
    if not name or "\0" in name or len(name) > 1000:
        return None
    try:
        root = Path(folder).resolve()
        for candidate in (root / name, root / name.rsplit("/", 1)[-1]):
            if candidate.resolve().is_relative_to(root) and candidate.is_file():
                return candidate
    except (OSError, RuntimeError, ValueError):
        pass
    return None


def mean_colors(
    size: int,
    corners: Int[np.ndarray, " c"],
    colors: Float[np.ndarray, "c 3"],
    missing: int,
) -> UInt8[np.ndarray, "v 3"]:
    """The mean of each vertex' corners; `missing` where it has none. Corners are in range."""
    count = np.bincount(corners, minlength=size)
    total = np.stack([np.bincount(corners, colors[:, i], minlength=size) for i in range(3)], axis=1)
    mean = np.rint(total / np.maximum(count, 1)[:, None]).clip(0, 255)
    return np.where(count[:, None] > 0, mean, missing).astype(np.uint8)
