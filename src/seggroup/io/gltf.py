"""GLB and glTF 2.0: the triangles and points of the scene, in its coordinates (metres, y up).

Read after Khronos' specification (registry.khronos.org/glTF/specs/2.0/glTF-2.0.html). A mesh of
one primitive keeps its vertices' number and order; the primitives of a scene come one after
another. Integers that a file keeps of vertices (`_INSTANCE`, `_LABEL`) become properties.
"""

import base64
import binascii
import json
import struct
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from seggroup.errors import InputError
from seggroup.io.files import read_bytes
from seggroup.io.raw import GREY, Raw
from seggroup.io.texture import inside, read_image, sampled

_TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_KNOWN = {"KHR_mesh_quantization", "KHR_texture_transform", "KHR_lights_punctual"}
_REMEDY = "export the mesh again as GLB"
_JSON, _BINARY = 0x4E4F534A, 0x004E4942


@dataclass(frozen=True)
class _File:
    """A glTF's tree, its binary chunk, and what was read of it already."""

    path: Path
    tree: dict[str, Any]
    binary: bytes
    buffers: dict[int, bytes]
    images: dict[int, np.ndarray | None]
    notes: list[str]


def read_gltf(path: Path) -> Raw:
    """The meshes and points of a GLB or glTF file's scene; unit metres, y up.

    Raises InputError for a file that is truncated, breaks glTF's rules or needs an extension
    (such as Draco's compression) that is not read.
    """
    file = _opened(path, read_bytes(path))
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused with the vertices
            pieces = _pieces(file)
    except (
        ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError,
        struct.error,
    ) as error:  # fmt: skip
        reason = f"{type(error).__name__}: {error}"[:120]
        raise InputError(f"{path}: breaks the rules of glTF ({reason}); {_REMEDY}") from error
    if not pieces:
        raise InputError(f"{path}: holds no mesh and no points; export the mesh again")
    return _joined(file, pieces)


def _opened(path: Path, data: bytes) -> _File:
    """The tree and the binary chunk. Raises InputError where either is not whole."""
    binary = b""
    text = data
    if data[:4] == b"glTF":
        if len(data) < 20:
            raise InputError(f"{path}: is a glTF file cut off in its head; {_REMEDY}")
        version, _, length, kind = struct.unpack_from("<4I", data, 4)
        if version != 2:
            raise InputError(f"{path}: is glTF of version {version}, only 2 is read; {_REMEDY}")
        if kind != _JSON or 20 + length > len(data):
            raise InputError(
                f"{path}: its glTF description promises {length} bytes, but the file is "
                f"truncated after {len(data) - 20}; {_REMEDY}"
            )
        text, at = data[20 : 20 + length], 20 + length
        if at + 8 <= len(data):
            length, kind = struct.unpack_from("<2I", data, at)
            binary = data[at + 8 : at + 8 + length] if kind == _BINARY else b""
    try:
        tree = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError) as error:
        reason = f"{type(error).__name__}: {error}"[:120]
        raise InputError(
            f"{path}: its glTF description is not JSON ({reason}); {_REMEDY}"
        ) from error
    if not isinstance(tree, dict):
        raise InputError(f"{path}: its glTF description is not an object; {_REMEDY}")
    needed = tree.get("extensionsRequired", [])
    unknown = [str(n)[:60] for n in needed if n not in _KNOWN] if isinstance(needed, list) else []
    if unknown:
        raise InputError(
            f"{path}: needs the glTF extension {', '.join(unknown[:3])}, which is not read; "
            "export it without compression"
        )
    return _File(path, tree, binary, {}, {}, [])


def _pieces(file: _File) -> list[Raw]:
    """The primitives of the scene's nodes, in the scene's coordinates."""
    tree = file.tree
    nodes, meshes = tree.get("nodes", []), tree.get("meshes", [])
    scenes = tree.get("scenes", [])
    if scenes:
        roots = scenes[tree.get("scene", 0)].get("nodes", [])
    else:
        children = {child for node in nodes for child in node.get("children", [])}
        roots = [i for i in range(len(nodes)) if i not in children]
    pieces: list[Raw] = []
    size, limit = 0, 64 * (len(file.binary) + file.path.stat().st_size) + (1 << 20)
    waiting = [(_index(root), np.eye(4)) for root in reversed(roots)]
    seen = set[int]()
    while waiting:
        index, above = waiting.pop()
        if index in seen:
            raise ValueError(f"node {index} has two parents")
        seen.add(index)
        node = nodes[index]
        place = above @ _transform(node)
        waiting += [(_index(child), place) for child in reversed(node.get("children", []))]
        if "mesh" not in node:
            continue
        for primitive in meshes[_index(node["mesh"])]["primitives"]:
            piece = _piece(file, primitive, place)
            if piece is not None:
                pieces.append(piece)
                size += len(piece.vertices) + (0 if piece.faces is None else len(piece.faces))
                if size * 12 > limit:
                    raise ValueError("its nodes repeat its meshes beyond any scan's size")
    return pieces


def _transform(node: dict[str, Any]) -> Float64[np.ndarray, "4 4"]:
    """A node's matrix, or the one of its translation, rotation (x y z w) and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    result = np.eye(4)
    x, y, z, w = np.array(node.get("rotation", [0, 0, 0, 1]), np.float64)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    result[:3, :3] = rotation * np.array(node.get("scale", [1, 1, 1]), np.float64).reshape(3)
    result[:3, 3] = np.array(node.get("translation", [0, 0, 0]), np.float64).reshape(3)
    return result


def _piece(file: _File, primitive: dict[str, Any], place: np.ndarray) -> Raw | None:
    """One primitive; None for lines and what has no positions."""
    mode, attributes = primitive.get("mode", 4), primitive["attributes"]
    if mode not in (0, 4, 5, 6) or "POSITION" not in attributes:
        if "Lines were left out." not in file.notes:
            file.notes.append("Lines were left out.")
        return None
    vertices = _accessor(file, attributes["POSITION"], 3)
    if not np.array_equal(place, np.eye(4)):
        vertices = vertices.astype(np.float64) @ place[:3, :3].T + place[:3, 3]
    faces = None
    if mode != 0:
        if "indices" in primitive:
            corners = _accessor(file, primitive["indices"], 1)[:, 0]
            if corners.dtype.kind != "u":
                raise ValueError("indices are not unsigned integers")
            if len(corners) and corners.max() >= len(vertices):
                raise InputError(
                    f"{file.path}: a triangle names vertex {corners.max()} of {len(vertices)}, "
                    f"out of the range; {_REMEDY}"
                )
            corners = corners.astype(np.int32)
        else:
            corners = np.arange(len(vertices), dtype=np.int32)
        faces = _triangles(corners, mode)
        if mode == 4 and np.linalg.det(place[:3, :3]) < 0:
            faces = faces[:, ::-1]  # a mirror image: its front stays its front
    properties = {}
    for name in ("INSTANCE", "LABEL"):
        if f"_{name}" in attributes:
            values = _accessor(file, attributes[f"_{name}"], 1)[:, 0]
            if len(values) == len(vertices):
                properties[name.lower()] = _whole(values)
    return Raw(
        vertices, faces, _colors(file, primitive, len(vertices)), None, properties, unit="m", up="y"
    )


def _whole(values: np.ndarray) -> np.ndarray:
    """Integers that are kept as floats, as integers."""
    if values.dtype.kind == "f" and np.isfinite(values).all() and np.all(values == np.rint(values)):
        return values.clip(-(2.0**31), 2.0**31 - 1).astype(np.int64)
    return values


def _triangles(corners: np.ndarray, mode: int) -> np.ndarray:
    """Triangles of a list (4), a strip (5) or a fan (6) of corners."""
    if mode == 4:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    if len(corners) < 3:
        return np.zeros((0, 3), np.int32)
    if mode == 6:
        first = np.broadcast_to(corners[:1], len(corners) - 2)
        return np.stack([first, corners[1:-1], corners[2:]], axis=1)
    faces = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
    faces[1::2] = faces[1::2, [1, 0, 2]]
    return faces


def _accessor(file: _File, index: Any, width: int) -> np.ndarray:
    """An accessor's values, a row each; `normalized` integers as numbers from 0 (or -1) to 1."""
    accessor = file.tree["accessors"][_index(index)]
    count, found = _index(accessor["count"]), _WIDTHS.get(accessor["type"], 0)
    kind = np.dtype(_TYPES[accessor["componentType"]])
    if found < width:
        raise ValueError(f"an accessor is {accessor['type']} where {width} numbers are needed")
    if "sparse" in accessor or "bufferView" not in accessor:
        raise InputError(
            f"{file.path}: promises {count} elements in a sparse accessor, which is not read; "
            "export the mesh again without sparse accessors"
        )
    view = file.tree["bufferViews"][_index(accessor["bufferView"])]
    if "EXT_meshopt_compression" in view.get("extensions", {}):
        raise InputError(
            f"{file.path}: needs the glTF extension EXT_meshopt_compression, which is not read; "
            "export it without compression"
        )
    data = _buffer(file, _index(view["buffer"]))
    start = _index(view.get("byteOffset", 0)) + _index(accessor.get("byteOffset", 0))
    row = kind.itemsize * found
    stride = _index(view.get("byteStride", 0)) or row
    end = start + stride * (count - 1) + row
    if count and (stride < row or end > len(data)):
        raise InputError(
            f"{file.path}: promises {count} elements up to byte {end} of {len(data)}; "
            f"it is truncated, {_REMEDY}"
        )
    if not count:
        return np.zeros((0, width), kind)
    values = np.ndarray((count, found), kind, data, start, (stride, kind.itemsize))
    values = np.ascontiguousarray(values[:, :width] if width < found else values)
    if accessor.get("normalized") and kind.kind in "iu":
        return np.maximum(values / np.float32(np.iinfo(kind).max), -1).astype(np.float32)
    return values


def _index(value: Any) -> int:
    """An integer from 0, of a JSON tree."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{str(value)[:40]!r} is not an integer from 0")
    return value


def _buffer(file: _File, index: int) -> bytes:
    """A buffer: the binary chunk, a data address, or a file beside."""
    if index not in file.buffers:
        address = file.tree["buffers"][index].get("uri")
        if address is None:
            if index != 0:
                raise ValueError("a buffer has no address")
            file.buffers[index] = file.binary
        else:
            file.buffers[index] = _address(file, str(address))
    return file.buffers[index]


def _address(file: _File, address: str) -> bytes:
    """What is at a data address, or in a file in the glTF's folder or below it."""
    if address.startswith("data:"):
        try:
            return base64.b64decode(address.partition(",")[2])
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"a data address cannot be decoded: {error}") from error
    beside = inside(file.path.parent, urllib.parse.unquote(address))
    if beside is None:
        raise InputError(
            f"{file.path}: its data lie in {address[:80]!r}, which is not beside it; copy that "
            "file there"
        )
    return read_bytes(beside)


def _colors(file: _File, primitive: dict[str, Any], size: int) -> np.ndarray | None:
    """Colours of the vertices: COLOR_0 times the texture times the material's colour, of what
    there is; None where there is none of them."""
    attributes = primitive["attributes"]
    shades: np.ndarray | None = None
    if "COLOR_0" in attributes:
        shades = _accessor(file, attributes["COLOR_0"], 3)
        shades = _bytes(shades) if len(shades) == size else None
    if "material" not in primitive:
        return shades
    material = file.tree["materials"][_index(primitive["material"])]
    surface = material.get("pbrMetallicRoughness", {})
    factor = surface.get("baseColorFactor")
    texture = surface.get("baseColorTexture")
    if texture is not None:
        which = f"TEXCOORD_{texture.get('texCoord', 0)}"
        image = _image(file, texture)
        if image is not None and which in attributes:
            where = _accessor(file, attributes[which], 2).astype(np.float64)
            if len(where) == size:
                where = _moved(where, texture)
                where[:, 1] = 1 - where[:, 1]
                texels = sampled(image, where)
                shades = texels if shades is None else _bytes(texels / 255 * (shades / 255))
    if factor is None:
        return shades
    tint = np.array(factor[:3], np.float64).reshape(1, 3)
    return _bytes(np.tile(tint, (size, 1)) if shades is None else shades / 255 * tint)


def _bytes(colors: np.ndarray) -> np.ndarray:
    """Colours as 8 bits: numbers from 0 to 1, or integers that nobody called normalized."""
    if colors.dtype == np.uint8:
        return colors
    scale = 255 / np.iinfo(colors.dtype).max if colors.dtype.kind == "u" else 255.0
    shades = np.nan_to_num(colors * scale)
    return np.rint(shades.clip(0, 255)).astype(np.uint8)


def _moved(where: np.ndarray, texture: dict[str, Any]) -> np.ndarray:
    """Texture coordinates under KHR_texture_transform."""
    change = texture.get("extensions", {}).get("KHR_texture_transform")
    if change is None:
        return where
    angle = float(change.get("rotation", 0))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    scale = np.array(change.get("scale", [1, 1]), np.float64).reshape(2)
    return (where * scale) @ turn.T + np.array(change.get("offset", [0, 0]), np.float64).reshape(2)


def _image(file: _File, texture: dict[str, Any]) -> np.ndarray | None:
    """The image of a texture; None, with a note, where it cannot be read."""
    index = _index(file.tree["textures"][_index(texture["index"])].get("source", -1))
    if index not in file.images:
        image = file.tree["images"][index]
        try:
            if "bufferView" in image:
                view = file.tree["bufferViews"][_index(image["bufferView"])]
                start = _index(view.get("byteOffset", 0))
                data = _buffer(file, _index(view["buffer"]))
                data = data[start : start + _index(view["byteLength"])]
            else:
                data = _address(file, str(image["uri"]))
            file.images[index] = read_image(file.path, data)
            file.notes.append("Textures were sampled to colours of the vertices.")
        except InputError as error:
            file.notes.append(f"A texture was not used: {error}.")
            file.images[index] = None
    return file.images[index]


def _joined(file: _File, pieces: list[Raw]) -> Raw:
    """Pieces one after another; grey, and 0, where only some have colours or properties."""
    notes = list(dict.fromkeys(file.notes))
    if len(pieces) == 1:
        one = pieces[0]
        return Raw(
            one.vertices, one.faces, one.colors, None, one.properties, notes, unit="m", up="y"
        )
    start = np.cumsum([0] + [len(piece.vertices) for piece in pieces])
    faces = [
        piece.faces + np.int64(first)
        for piece, first in zip(pieces, start, strict=False)
        if piece.faces is not None
    ]
    colors = None
    if any(piece.colors is not None for piece in pieces):
        colors = np.concatenate(
            [
                np.full((len(p.vertices), 3), GREY, np.uint8) if p.colors is None else p.colors
                for p in pieces
            ]
        )
    names = {name for piece in pieces for name in piece.properties}
    properties = {
        name: np.concatenate(
            [p.properties.get(name, np.zeros(len(p.vertices), np.int32)) for p in pieces]
        )
        for name in sorted(names)
    }
    notes.insert(0, f"{len(pieces)} geometries were joined.")
    return Raw(
        np.concatenate([piece.vertices for piece in pieces]),
        np.concatenate(faces) if faces else None,
        colors, None, properties, notes, unit="m", up="y",
    )  # fmt: skip
