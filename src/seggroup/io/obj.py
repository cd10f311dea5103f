"""OBJ: vertices in file order, one a `v` line, with the colours of its materials and textures.

trimesh splits and reorders the vertices at texture seams, but labels go by the file's order. A
texture becomes colours of the vertices (the mean of the texels at their corners); of a material
without one, its diffuse colour `Kd`. A file of materials or an image that is missing, or lies
outside the OBJ's folder, is noted.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from seggroup.errors import InputError
from seggroup.io.files import read_bytes
from seggroup.io.raw import GREY, Raw, fans
from seggroup.io.text import faces as read_faces
from seggroup.io.text import rows, table
from seggroup.io.texture import inside, mean_colors, read_image, sampled

_USES = re.compile(rb"^[ \t]*usemtl\b[ \t]*([^\r\n]*)", re.MULTILINE)
_LIBRARIES = re.compile(rb"^[ \t]*mtllib[ \t]+([^\r\n]*)", re.MULTILINE)
_OPTION = re.compile(r"-(?:blendu|blendv|cc|clamp|boost|texres|imfchan|type|bm)\s+\S+\s+")
_NUMBERS = re.compile(r"-(?:mm|o|s|t)(?:\s+[-+.\deE]+){1,3}\s+")
_MOST_TEXTURES = 512


@dataclass(frozen=True)
class Material:
    """The diffuse colour (0 to 1) of a material and the name of its texture; None without."""

    color: tuple[float, float, float] | None
    texture: str | None
    folder: Path


def read_obj(path: Path) -> Raw:
    """Vertices, faces and colours (of `v` lines with six numbers, of textures or materials).

    Raises InputError for lines that are not numbers and for faces before their vertices.
    """
    text = read_bytes(path)
    if b"\\" in text:  # a line that goes on in the next
        text = text.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
    values = table(path, text, "vertices", (3, 4, 6, 7), b"v")
    if not len(values):
        raise InputError(f"{path}: has no vertices ('v' lines); export the mesh again as OBJ")
    corners, texels, found = read_faces(path, text)
    faces, notes = fans(found[:, 0], corners)
    colors = None
    if values.shape[1] >= 6:
        colors = values[:, 3:6] if values.shape[1] == 6 else values[:, 4:]
        if not np.all(colors == colors[0]):
            return Raw(values[:, :3], faces, colors, notes=notes)
    own, colors = colors, None
    if b"usemtl" in text and len(corners) and corners.min() >= 0 and corners.max() < len(values):
        colors = _material_colors(path, text, len(values), corners, texels, found, notes)
    if own is not None and colors is not None:
        notes.append("The colour of its vertices, the same everywhere, gave way to its materials.")
    return Raw(values[:, :3], faces, own if colors is None else colors, notes=notes)


def read_materials(path: Path) -> dict[bytes, Material]:
    """The materials of an MTL file. Raises InputError where it cannot be read."""
    found: dict[bytes, Material] = {}
    name: bytes | None = None
    color: tuple[float, float, float] | None = None
    texture: str | None = None
    for line in read_bytes(path).splitlines():
        word, _, rest = line.strip().partition(b" ")
        match word.lower():
            case b"newmtl":
                name, color, texture = rest.strip(), None, None
            case b"kd":
                try:
                    r, g, b = (float(value) for value in rest.split()[:3])
                except ValueError:
                    continue
                if all(0 <= value < 1e6 for value in (r, g, b)):
                    color = (min(r, 1.0), min(g, 1.0), min(b, 1.0))
            case b"map_kd":
                options = rest.decode("utf-8", "replace").strip() + " "
                texture = _NUMBERS.sub("", _OPTION.sub("", options)).strip()
        if name is not None:
            found[name] = Material(color, texture or None, path.parent)
    return found


def _material_colors(
    path: Path,
    text: bytes,
    size: int,
    corners: Int64[np.ndarray, " c"],
    texels: Int64[np.ndarray, " c"],
    found: Int64[np.ndarray, "f 2"],
    notes: list[str],
) -> np.ndarray | None:
    """Colours of the vertices by the materials of their faces; None where none is to be had."""
    uses = list(_USES.finditer(text))
    names, index = np.unique([use[1].strip() for use in uses], return_inverse=True)
    material = np.concatenate([[-1], index])[
        np.searchsorted([use.start() for use in uses], found[:, 1])
    ]
    material = np.repeat(material, found[:, 0])  # of every corner
    materials = _materials(path, text, notes)
    coordinates = _coordinates(path, text)
    colors = np.full((len(corners), 3), GREY, np.float64)
    known = np.zeros(len(corners), bool)
    missing, textured, last = set[str](), 0, (Path(), np.zeros((1, 1, 3), np.uint8))
    for i in np.unique(material[material >= 0]):
        one = materials.get(bytes(names[i]))
        if one is None:
            continue
        mine = np.flatnonzero(material == i)
        if one.color is not None:
            colors[mine], known[mine] = np.array(one.color) * 255, True
        at = texels[mine]
        mine, at = (
            mine[(at >= 0) & (at < len(coordinates))],
            at[(at >= 0) & (at < len(coordinates))],
        )
        if one.texture is None or not len(mine):
            continue
        image = inside(one.folder, one.texture)
        if image is None or textured >= _MOST_TEXTURES:
            missing.add(one.texture)
            continue
        try:
            last = last if last[0] == image else (image, read_image(image))
        except InputError as error:
            notes.append(f"A texture was not used: {error}.")
            continue
        colors[mine], known[mine] = sampled(last[1], coordinates[at]), True
        textured += 1
    if unknown := [n for n in map(bytes, names) if n not in materials]:
        shown = ", ".join(n.decode("utf-8", "replace") for n in unknown[:3])[:160]
        notes.append(f"Materials that no file of materials defines were not used: {shown}.")
    if missing:
        shown = ", ".join(sorted(missing)[:3])[:160]
        notes.append(f"Textures that are not beside the OBJ were not used: {shown}.")
    if not known.any():
        return None
    if textured:
        notes.append("Textures were sampled to colours of the vertices.")
    return mean_colors(size, corners[known], colors[known], GREY)


def _materials(path: Path, text: bytes, notes: list[str]) -> dict[bytes, Material]:
    """The materials of all the files that an OBJ names, each name once; a note where one fails."""
    result: dict[bytes, Material] = {}
    for line in dict.fromkeys(_LIBRARIES.findall(text)):
        whole = line.decode("utf-8", "replace").strip()
        names = [whole] if inside(path.parent, whole) else whole.split()[:64]
        for name in names:
            library = inside(path.parent, name)
            try:
                if library is None:
                    notes.append(f"The file of materials {name[:80]} is not beside the OBJ.")
                else:
                    result = read_materials(library) | result
            except InputError as error:
                notes.append(f"Materials were not used: {error}.")
        if len(notes) > 64:
            break
    return result


def _coordinates(path: Path, text: bytes) -> Float64[np.ndarray, "t 2"]:
    """The first two numbers of every `vt` line; 0 for what is not there."""
    values, lengths = rows(path, text, "texture coordinates", b"vt")
    first = np.cumsum(lengths) - lengths
    values = np.append(values, [0.0, 0.0])
    return np.stack(
        [np.where(lengths > i, values[np.minimum(first + i, len(values) - 1)], 0) for i in (0, 1)],
        axis=1,
    )
