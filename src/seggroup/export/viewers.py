"""Labelled scans for viewers: PLY, GLB and LAZ (or LAS), all in the order of the scan.

Each holds, per vertex, `instance` (number plus one), `label` (class id) and, where the labels
have one, `confidence`; 0 = none. Colours stay the scan's: viewers colour by a property.

glTF 2.0 (registry.khronos.org/glTF/specs/2.0): y is up, units are metres, further attributes
begin with an underscore and are no unsigned integers. Colours are written as sRGB bytes, as
trimesh, Open3D and MeshLab write and read them; a viewer that takes them for linear shows them
paler. There is no material: trimesh would put it in the colours' place. LAS 1.4, point format 7
(asprs.org), with extra bytes.
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from seggroup.errors import InputError
from seggroup.export.target import FACES, FRAME, NORMALS, Sample, Target
from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic
from seggroup.io.ply import write_ply
from seggroup.io.store import safe_name
from seggroup.types import Labels, Scan

ENDINGS = (".ply", ".glb", ".laz", ".las")
_STEP = 1e-4  # metres: the finest difference that LAZ keeps, which still spans 400 km
_LARGEST_FLOAT = 2**24  # integers up to here are exact as float32, which GLB has for numbers
_FLOAT, _UINT, _BYTE = 5126, 5125, 5121  # of glTF: the types of accessors
_VERTICES, _INDICES = 34962, 34963  # of glTF: what a view of the buffer is for
_POINTS, _TRIANGLES = 0, 4  # of glTF: how a primitive is drawn


def write_viewer(path: Path, scan: Scan, labels: Labels | None) -> None:
    """Write a scan, with its labels if any, in the format of the path's ending.

    Whole or not at all. Raises InputError for another ending.
    """
    match path.suffix.lower():
        case ".ply":
            write_ply(path, scan, labels)
        case ".glb":
            _write_glb(path, scan, labels)
        case ".laz" | ".las":
            _write_las(path, scan, labels)
        case _:
            raise InputError(f"{path}: a scan can be written as {', '.join(ENDINGS)}")


def write_ply_scene(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `<scene>.ply` in the file's own coordinates."""
    return _into(folder, sample, ".ply")


def write_glb_scene(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `<scene>.glb` in metres, y up, as glTF demands."""
    return _into(folder, sample, ".glb")


def write_laz_scene(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `<scene>.laz` in the file's own coordinates, to a tenth of a millimetre."""
    return _into(folder, sample, ".laz")


def _into(folder: Path, sample: Sample, ending: str) -> dict[str, Any]:
    name = f"{safe_name(sample.scan.name)}{ending}"
    write_viewer(folder / name, sample.scan, sample.labels)
    return {"files": [name]}


def _numbers(labels: Labels | None) -> dict[str, np.ndarray]:
    """The properties by their names, 0 = none; none at all without labels."""
    if labels is None:
        return {}
    columns = {"instance": labels.instance + 1, "label": np.maximum(labels.semantic, 0)}
    if labels.confidence is not None:
        columns["confidence"] = labels.confidence
    return columns


def _write_glb(path: Path, scan: Scan, labels: Labels | None) -> None:
    alpha = np.full((len(scan.vertices), 1), 255, np.uint8)
    columns = {
        "POSITION": _y_up(scan.vertices),
        "COLOR_0": np.concatenate([scan.colors, alpha], axis=1),
    }
    if scan.normals is not None:
        columns["NORMAL"] = _y_up(scan.normals)
    for name, values in _numbers(labels).items():
        if values.max(initial=0) > _LARGEST_FLOAT:
            raise InputError(f"{path}: GLB holds {name} up to {_LARGEST_FLOAT:,}; number them anew")
        columns[f"_{name.upper()}"] = values.astype(np.float32)
    parts = [*columns.values(), *([scan.faces.astype(np.uint32)] if scan.is_mesh else [])]
    text, start = _description(scan, columns, parts)
    total = 12 + 8 + len(text) + 8 + start
    if total >= 2**32:
        raise InputError(
            f"{path}: {len(scan.vertices):,} vertices are more than a GLB of 4 GiB holds; write PLY"
        )
    with atomic(path) as file:
        file.write(struct.pack("<4sII", b"glTF", 2, total))
        file.write(struct.pack("<I4s", len(text), b"JSON") + text)
        file.write(struct.pack("<I4s", start, b"BIN\0"))
        for part in parts:
            file.write(np.ascontiguousarray(part).tobytes())


def _description(
    scan: Scan, columns: dict[str, np.ndarray], parts: list[np.ndarray]
) -> tuple[bytes, int]:
    """The JSON of a GLB, to a multiple of four bytes, and how many bytes its parts take."""
    views, start = [], 0
    for i, part in enumerate(parts):
        kind = _VERTICES if i < len(columns) else _INDICES
        length = part.nbytes
        views.append({"buffer": 0, "byteOffset": start, "byteLength": length, "target": kind})
        start += length  # every part is a multiple of four bytes long
    accessors = [_accessor(i, name, part) for i, (name, part) in enumerate(columns.items())]
    primitive: dict[str, Any] = {
        "attributes": {name: i for i, name in enumerate(columns)},
        "mode": _TRIANGLES if scan.is_mesh else _POINTS,
    }
    if scan.is_mesh:
        primitive["indices"] = len(columns)
        accessors.append(
            {
                "bufferView": len(columns),
                "componentType": _UINT,
                "count": scan.faces.size,
                "type": "SCALAR",
            }
        )
    value = {
        "asset": {"version": "2.0", "generator": "seggroup"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": scan.name}],
        "meshes": [{"primitives": [primitive], "name": scan.name}],
        "buffers": [{"byteLength": start}],
        "bufferViews": views,
        "accessors": accessors,
    }
    text = json.dumps(value, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % 4), start


def _y_up(directions: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
    """x right, z up as glTF's x right, y up."""
    turned = np.empty_like(directions)
    turned[:, 0], turned[:, 1], turned[:, 2] = directions[:, 0], directions[:, 2], -directions[:, 1]
    return turned + np.float32(0)  # -0 becomes 0


def _accessor(view: int, name: str, part: np.ndarray) -> dict[str, Any]:
    kinds = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}
    result: dict[str, Any] = {
        "bufferView": view,
        "componentType": _BYTE if part.dtype == np.uint8 else _FLOAT,
        "count": len(part),
        "type": kinds[1 if part.ndim == 1 else part.shape[1]],
    }
    if name == "COLOR_0":
        result["normalized"] = True
    if name == "POSITION":
        result |= {"min": part.min(axis=0).tolist(), "max": part.max(axis=0).tolist()}
    return result


def _write_las(path: Path, scan: Scan, labels: Labels | None) -> None:
    import laspy

    places = scan.frame.to_file(scan.vertices)
    low, high = places.min(axis=0), places.max(axis=0)
    step = _STEP / scan.frame.unit
    while float((high - low).max()) / step > 2**31 - 2:
        step *= 10
    header = laspy.LasHeader(point_format=7, version="1.4")
    header.generating_software = "seggroup"
    header.offsets = np.floor(low)
    header.scales = np.full(3, step)
    columns = _numbers(labels)
    for name, values in columns.items():
        kind = np.float32 if name == "confidence" else np.int32
        what = "0 = none"
        header.add_extra_dim(laspy.ExtraBytesParams(name=name, type=kind, description=what))
        columns[name] = values.astype(kind)
    points = laspy.ScaleAwarePointRecord.zeros(len(places), header=header)
    rounded = np.rint((places - header.offsets) / header.scales).astype(np.int32)
    points["X"], points["Y"], points["Z"] = rounded.T
    wide = scan.colors.astype(np.uint16) * 257
    points["red"], points["green"], points["blue"] = wide.T
    points["return_number"][:] = 1
    points["number_of_returns"][:] = 1
    for name, values in columns.items():
        points[name] = values
    data = laspy.LasData(header, points)
    data.update_header()
    with atomic(path) as file:
        data.write(file, do_compress=path.suffix.lower() == ".laz")


PLY = Target(
    title="labelled PLY for MeshLab, CloudCompare and Open3D",
    classes="nyu40",
    ignore="0",
    lost=("class names and colours (only ids)",),
    write=write_ply_scene,
)
GLB = Target(
    title="labelled GLB for glTF viewers",
    classes="nyu40",
    ignore="0",
    lost=(FRAME, "class names and colours (only ids)"),
    write=write_glb_scene,
)
LAZ = Target(
    title="labelled LAZ with extra dimensions",
    classes="nyu40",
    ignore="0",
    lost=(
        FACES,
        NORMALS,
        "coordinates finer than a tenth of a millimetre",
        "class names and colours (only ids)",
    ),
    write=write_laz_scene,
)
