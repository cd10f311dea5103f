"""Small valid files of every format, for `fuzz.py` to change. Written here, not kept."""

import base64
import io
import json
import struct
import tempfile
from pathlib import Path

import numpy as np

POINTS = np.array(
    [[0, 0, 0], [4, 0, 0.1], [4, 3, 0], [0, 3, 0.2], [2, 1, 2.5], [1, 2, 1.25]], np.float32
)
FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 4, 1], [3, 5, 0]], np.int32)
COLORS = np.arange(18, dtype=np.uint8).reshape(6, 3) * 14


def seeds(kind: str) -> list[bytes]:
    """Files of one kind; none where what writes them is not installed."""
    try:
        return MAKERS[kind]()
    except ImportError:
        return []


def _lines(rows: np.ndarray, before: str = "") -> str:
    return "".join(before + " ".join(f"{value:.6g}" for value in row) + "\n" for row in rows)


def _ply() -> list[bytes]:
    axes = "".join(f"property float {axis}\n" for axis in "xyz")
    shades = "".join(f"property uchar {color}\n" for color in ("red", "green", "blue"))
    face = f"element face {len(FACES)}\nproperty list uchar int vertex_indices\n"
    label = "property int label\nproperty ushort instance\n"
    head = f"element vertex {len(POINTS)}\n{axes}{shades}{label}{face}end_header\n"
    rows = np.c_[POINTS, COLORS, [1, 2, 3, 0, 5, 6], [1, 1, 2, 2, 0, 3]]
    text = f"ply\nformat ascii 1.0\n{head}{_lines(rows)}{_lines(FACES, '3 ')}"
    files = [text.encode(), text.replace("\n", "\r\n").encode()]
    for order, name in (("<", "little"), (">", "big")):
        body = b"".join(struct.pack(order + "3f3BiH", *row[:3], *map(int, row[3:])) for row in rows)
        corners = b"".join(struct.pack(order + "B3i", 3, *face_) for face_ in FACES.tolist())
        files.append(f"ply\nformat binary_{name}_endian 1.0\n{head}".encode() + body + corners)
    strips = (
        f"ply\nformat ascii 1.0\ncomment TextureFile none.png\nelement vertex 6\n{axes}"
        "property float s\nproperty float t\nelement tristrips 1\n"
        "property list int int vertex_indices\nend_header\n"
    )
    polygons = text.replace(_lines(FACES, "3 "), "4 0 1 2 3\n3 0 4 1\n5 0 1 2 3 4\n2 0 1\n")
    files.append((strips + _lines(POINTS[:, [0, 1, 2, 0, 1]]) + "8 0 1 2 3 -1 4 5 0\n").encode())
    return [*files, polygons.encode()]


def _obj() -> list[bytes]:
    vertices = _lines(POINTS, "v ")
    plain = vertices + _lines(FACES + 1, "f ") + "f -1 -2 -3 -4\n"
    colored = _lines(np.c_[POINTS, COLORS / 255], "v ") + "f 1 2 3 \\\n4\n"
    whole = (
        "# made by hand\nmtllib a.mtl\no room\n" + vertices + _lines(POINTS[:, :2], "vt ")
        + _lines(POINTS, "vn ") + "usemtl wood\ns 1\nf 1/1/1 2/2/2 3/3/3\nusemtl b\nf 3//1 4/2 5\n"
    )  # fmt: skip
    return [plain.encode(), colored.encode(), whole.encode()]


def _off() -> list[bytes]:
    body = _lines(FACES, "3 ")
    head = f"{len(POINTS)} {len(FACES)} 0\n"
    shaded = _lines(np.c_[POINTS, COLORS])
    return [
        f"OFF\n{head}{_lines(POINTS)}{body}".encode(),
        f"COFF # colours\n{head}{shaded}{body.replace(' 1', ' 1 ')}".encode(),
        f"OFF {head}\n{_lines(POINTS)}4 0 1 2 3 255 0 0\n{body}".encode(),
    ]


def _stl() -> list[bytes]:
    corners = POINTS[FACES]
    binary = bytes(80) + struct.pack("<I", len(FACES))
    binary += b"".join(struct.pack("<12fH", 0, 0, 1, *c.ravel().tolist(), 0) for c in corners)
    text = "solid room\n"
    for corner in corners:
        text += "facet normal 0 0 1\n outer loop\n" + _lines(corner, "  vertex ")
        text += " endloop\nendfacet\n"
    return [binary, (text + "endsolid room\n").encode()]


def _gltf() -> list[bytes]:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(COLORS.reshape(2, 3, 3)).save(stream, "PNG")
    places = (POINTS[:, :2] / 4).astype(np.float32)
    parts = [POINTS, FACES.astype(np.uint16).ravel(), np.c_[COLORS, COLORS[:, :1]], places]
    blobs = [part.tobytes() for part in parts] + [stream.getvalue()]
    kinds = [(5126, "VEC3", 6), (5123, "SCALAR", 12), (5121, "VEC4", 6), (5126, "VEC2", 6)]
    starts = np.cumsum([0] + [len(blob) + -len(blob) % 4 for blob in blobs]).tolist()
    binary = b"".join(blob + bytes(-len(blob) % 4) for blob in blobs)
    texture = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
    tree = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0, 1]}],
        "nodes": [
            {"mesh": 0, "children": [2], "translation": [1, 2, 3]},
            {"mesh": 1, "rotation": [0, 0.6, 0, 0.8], "scale": [1, 2, 1]},
            {"mesh": 2, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 0, 0, 1]},
        ],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0, "COLOR_0": 2}, "indices": 1}]},
            {"primitives": [{"attributes": {"POSITION": 0}, "mode": 5, "indices": 1}]},
            {
                "primitives": [
                    {"attributes": {"POSITION": 0, "TEXCOORD_0": 3}, "indices": 1, "material": 0},
                    {"attributes": {"POSITION": 0, "_LABEL": 4}, "mode": 0},
                ]
            },
        ],
        "accessors": [
            {"bufferView": i, "componentType": kind, "type": form, "count": count}
            for i, (kind, form, count) in enumerate(kinds)
        ]
        + [{"bufferView": 1, "componentType": 5123, "type": "SCALAR", "count": 6}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": len(blob)}
            for start, blob in zip(starts, blobs, strict=False)
        ],
        "materials": [texture],
        "textures": [{"source": 0}],
        "images": [{"bufferView": 4, "mimeType": "image/png"}],
        "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    size = 28 + len(text) + len(binary)
    glb = b"glTF" + struct.pack("<4I", 2, size, len(text), 0x4E4F534A) + text
    glb += struct.pack("<2I", len(binary), 0x004E4942) + binary
    address = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    buffers = [{"byteLength": len(binary), "uri": address}]
    return [glb, json.dumps(tree | {"buffers": buffers}).encode()]


def _las() -> list[bytes]:
    import laspy

    files = []
    for form, compressed in ((2, False), (3, True), (7, True)):
        las = laspy.create(point_format=form, file_version="1.4" if form > 5 else "1.2")
        las.x, las.y, las.z = POINTS.T.astype(np.float64)
        las.red, las.green, las.blue = COLORS.T.astype(np.uint16) * 257
        stream = io.BytesIO()
        las.write(stream, do_compress=compressed)
        files.append(stream.getvalue())
    return files


def _e57() -> list[bytes]:
    import pye57

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.e57"
        file = pye57.E57(str(path), mode="w")
        columns = {f"cartesian{a}": POINTS[:, i].astype(np.float64) for i, a in enumerate("XYZ")}
        shades = ("colorRed", "colorGreen", "colorBlue")
        columns |= {name: COLORS[:, i] for i, name in enumerate(shades)}
        file.write_scan_raw(columns, name="room")
        file.close()
        return [path.read_bytes()]


def _pcd() -> list[bytes]:
    head = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z rgb label\nSIZE 4 4 4 4 4\nTYPE F F F U U\n"
        "COUNT 1 1 1 1 1\nWIDTH 6\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS 6\nDATA "
    )
    packed = COLORS.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    text = _lines(np.c_[POINTS, packed, np.arange(6)])
    rows = [struct.pack("<3f2I", *POINTS[i], int(packed[i]), i) for i in range(len(POINTS))]
    columns = (
        POINTS.T.tobytes() + packed.astype("<u4").tobytes() + np.arange(6, dtype="<u4").tobytes()
    )
    literal = b"".join(
        bytes([len(columns[i : i + 32]) - 1]) + columns[i : i + 32]
        for i in range(0, len(columns), 32)
    )
    small = struct.pack("<2I", len(literal), len(columns)) + literal
    return [
        (head + "ascii\n" + text).encode(),
        (head + "binary\n").encode() + b"".join(rows),
        (head + "binary_compressed\n").encode() + small,
    ]


def _npy() -> list[bytes]:
    files = []
    for values in (POINTS, np.c_[POINTS, COLORS].astype(np.float64), np.asfortranarray(POINTS)):
        stream = io.BytesIO()
        np.save(stream, values)
        files.append(stream.getvalue())
    return files


def _npz() -> list[bytes]:
    files = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, points=POINTS, colors=COLORS, label=np.arange(6), faces=FACES)
        files.append(stream.getvalue())
    return files


def _text() -> list[bytes]:
    rows = np.c_[POINTS, COLORS]
    named = "x;y;z;r;g;b;label\n" + _lines(np.c_[rows, np.arange(6)]).replace(" ", ";")
    return [
        _lines(POINTS).encode(),
        _lines(rows).replace(" ", ",").encode(),
        named.encode(),
        ("6\n" + _lines(np.c_[POINTS, POINTS[:, :1], COLORS])).encode(),
    ]


MAKERS = {
    "ply": _ply, "obj": _obj, "off": _off, "stl": _stl, "gltf": _gltf, "las": _las, "e57": _e57,
    "pcd": _pcd, "npy": _npy, "npz": _npz, "text": _text,
}  # fmt: skip
