"""The texture that a PLY file names in a comment, as colours of its vertices."""

import re
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.plybody import Columns, Lists
from seggroup.io.texture import inside, mean_colors, read_image, sampled

_TEXTURE = re.compile(rb"^comment[ \t]+TextureFile[ \t]+([^\r\n]+)", re.MULTILINE | re.IGNORECASE)
_COORDINATES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texcoord_u", "texcoord_v"))
_FACES = ("vertex_indices", "vertex_index")


def textured(
    path: Path, header: bytes, vertex: dict[str, np.ndarray], face: Columns, notes: list[str]
) -> np.ndarray | None:
    """Colours by the texture coordinates of vertices, or of the faces' corners; None without."""
    names = _TEXTURE.findall(header.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    if not names:
        return None
    pair = next((pair for pair in _COORDINATES if vertex.keys() >= set(pair)), None)
    corners, lists = next((face[n] for n in _FACES if n in face), None), face.get("texcoord")
    size = len(vertex["x"])
    if pair is not None:
        where = np.stack([vertex[name] for name in pair], axis=1)
        owner = np.arange(size)
    elif (
        isinstance(corners, Lists)
        and isinstance(lists, Lists)
        and np.array_equal(2 * corners.lengths, lists.lengths)
        and corners.values.dtype.kind in "iu"
    ):
        where, owner = lists.values.reshape(-1, 2), corners.values
        if len(owner) and (owner.min() < 0 or owner.max() >= size):
            return None  # refused with the faces
        owner = owner.astype(np.int64)
    else:
        return None
    name = names[0].decode("utf-8", "replace").strip()
    image = inside(path.parent, name)
    if image is None:
        notes.append(f"The texture {name[:80]} is not beside the PLY, so it was not used.")
        return None
    if len(names) > 1:
        notes.append(f"Of {len(names)} textures only {name[:80]} was used.")
    try:
        shades = sampled(read_image(image), where).astype(np.float64)
    except InputError as error:
        notes.append(f"A texture was not used: {error}.")
        return None
    notes.append("Textures were sampled to colours of the vertices.")
    return mean_colors(size, owner, shades, 128)
