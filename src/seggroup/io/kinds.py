"""What kind of scan a file is, by its first bytes; its ending only decides where they do not."""

import re
import struct
import zipfile
from pathlib import Path

from seggroup.errors import InputError
from seggroup.io.files import check_file
from seggroup.io.text import NUMBER

SUFFIXES = {
    ".ply": "ply",
    ".obj": "obj",
    ".off": "off",
    ".glb": "gltf",
    ".gltf": "gltf",
    ".stl": "stl",
    ".las": "las",
    ".laz": "las",
    ".e57": "e57",
    ".pcd": "pcd",
    ".npy": "npy",
    ".npz": "npz",
    ".xyz": "text",
    ".pts": "text",
    ".asc": "text",
    ".txt": "text",
    ".csv": "text",
}
_NAMES = {
    "ply": "a PLY file",
    "obj": "an OBJ file",
    "off": "an OFF file",
    "gltf": "a glTF file",
    "stl": "an STL file",
    "las": "a LAS or LAZ file",
    "e57": "an E57 file",
    "pcd": "a PCD file",
    "npy": "a numpy array",
    "npz": "an archive of numpy arrays",
    "text": "rows of numbers",
}
_MAGIC = (
    (rb"ply[ \t]*[\r\n]", "ply"),
    (rb"glTF", "gltf"),
    (rb"LASF", "las"),
    (rb"ASTM-E57", "e57"),
    (rb"\x93NUMPY", "npy"),
    (rb"(ST)?[CN]*4?n?OFF(\s|$)", "off"),
    (rb"#\s*\.PCD|(VERSION|FIELDS|COLUMNS)[ \t]+[^\n]*\n(.*\n)*?(DATA|SIZE|TYPE)[ \t]", "pcd"),
)
# What other files begin with, what they are, and what to do instead.
_SCANNER = "export it from the scanner's program as E57, LAZ or PLY"
_MESH = "export it from the program that made it as GLB, PLY or OBJ"
_UNPACK = "unpack it and name the scan in it"
_OTHERS = (
    (rb"\x89PNG|\xff\xd8\xff|GIF8|BM....\0\0\0\0|II\*\0|MM\0\*|RIFF....WEBP|v/1\x01|#\?RADIANCE",
     "an image", "name the scan that it belongs to"),
    (rb"%PDF", "a PDF", "name the scan itself"),
    (rb"\x1f\x8b", "packed by gzip", "unpack it with gunzip"),
    (rb"BZh[1-9]1AY|\xfd7zXZ\0|\x28\xb5\x2f\xfd", "packed by bzip2, xz or zstd", _UNPACK),
    (rb"7z\xbc\xaf|Rar!", "a 7z or RAR archive", _UNPACK),
    (rb"SIMPLE  =", "a FITS image", "name the scan itself"),
    (rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ", "a video", "reconstruct a mesh from it first"),
    (rb"BLENDER", "a Blender file", _MESH),
    (rb"Kaydara FBX|; FBX", "an FBX file", _MESH),
    (rb"PXR-USDC|#usda", "a USD file", _MESH),
    (rb"AC10[0-9]{2}", "an AutoCAD drawing", _MESH),
    (rb"ISO-10303-21", "a STEP or IFC model", _MESH),
    (rb"#VRML|#X3D", "a VRML file", _MESH),
    (rb"<\?xml[^<]*(<!--.*?-->\s*)*<COLLADA", "a COLLADA file", _MESH),
    (rb"#!rosbag|#ROSBAG|\x89MCAP", "a ROS bag", "save its clouds as PCD or PLY"),
    (rb"SQLite format 3|\x89HDF\r\n|PAR1", "a database", "save its points as PLY, LAZ or NPZ"),
    (rb"\x80[\x02-\x05]|PK\x03\x04.{26}archive/data.pkl", "a pickle",
     "save its arrays with numpy.savez"),
    (rb"<!DOCTYPE|<html|<HTML", "a web page", "download the scan itself"),
    (rb"version https://git-lfs", "a pointer of git-lfs", "fetch the file with git lfs pull"),
)  # fmt: skip
_BY_NAME = {
    ".rcs": _SCANNER, ".rcp": _SCANNER, ".fls": _SCANNER, ".ptx": _SCANNER, ".zfs": _SCANNER,
    ".ptg": _SCANNER, ".fws": _SCANNER, ".lsproj": _SCANNER, ".pod": _SCANNER, ".rdbx": _SCANNER,
    ".fbx": _MESH, ".blend": _MESH, ".usdz": _MESH, ".usd": _MESH, ".usda": _MESH, ".usdc": _MESH,
    ".dae": _MESH, ".3ds": _MESH, ".max": _MESH, ".skp": _MESH, ".3dm": _MESH, ".ifc": _MESH,
    ".3mf": _MESH, ".wrl": _MESH, ".x3d": _MESH, ".dxf": _MESH, ".dwg": _MESH, ".step": _MESH,
    ".splat": "export the mesh or the cloud that the splats were made from",
    ".spz": "export the mesh or the cloud that the splats were made from",
    ".mtl": "name the OBJ file beside it",
    ".bin": "name its layout's folder, or save the points as PLY or NPY",
    ".pth": "save its arrays with numpy.savez",
    ".pt": "save its arrays with numpy.savez",
    ".pkl": "save its arrays with numpy.savez",
}  # fmt: skip
_OBJ = re.compile(
    rb"^[ \t]*(v|vt|vn|vp)[ \t]+[-+.\d]|^[ \t]*(mtllib|usemtl|o|g|f)[ \t]+\S", re.MULTILINE
)
_HEAD = 1 << 14


def kind_of(path: Path) -> tuple[str, list[str]]:
    """A value of `SUFFIXES`, and a note where the file's name says another.

    Raises InputError for what is known to be no scan, and for a file that neither its bytes nor
    its name explain, with what to do instead.
    """
    path = Path(path)
    size = check_file(path)
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    named = SUFFIXES.get(path.suffix.lower())
    found, sure = _by_content(path, head, size, named)
    if not sure and (named is not None or path.suffix.lower() in _BY_NAME):
        found = named
    if found is None:
        raise _unknown(path)
    if named is None or found == named:
        return found, []
    return found, [f"Its name ends in {path.suffix}, but it is {_NAMES[found]}."]


def _by_content(path: Path, head: bytes, size: int, named: str | None) -> tuple[str | None, bool]:
    """The kind that the bytes show, and whether they leave no doubt."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path}: is text in UTF-16; save it again as UTF-8 or ASCII")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for pattern, kind in _MAGIC:
        if re.match(pattern, text):
            return kind, True
    if head[:4] == b"PK\x03\x04":
        return _archive(path, named), True
    if _is_stl(head, text, size):
        return "stl", True
    for pattern, what, remedy in _OTHERS:
        if re.match(pattern, head, re.DOTALL):
            raise InputError(f"{path}: is {what}, not a scan; {remedy}")
    if text[:1] == b"{":
        if re.search(rb'"(asset|accessors|bufferViews|meshes)"\s*:', text):
            return "gltf", True
        if named is None:
            raise InputError(
                f"{path}: is no scan but JSON, and no glTF; name the scan that it belongs to"
            )
    if b"\0" in text:
        return None, False
    if _OBJ.search(text) and not _is_number(text.split(maxsplit=1)[0]):
        return "obj", len(re.findall(rb"^[ \t]*v[ \t]+[-+.\d]", text, re.MULTILINE)) >= 3
    return ("text", _is_table(text, whole=size <= _HEAD)) if _has_rows(text) else (None, False)


def _archive(path: Path, named: str | None) -> str:
    """npz; other zip files are refused by what they hold."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception as error:  # zipfile raises anything on broken input
        if named in ("npz", "npy"):
            return "npz"
        raise InputError(
            f"{path}: is a damaged zip archive; copy it again, unpack it and name the scan in it"
        ) from error
    if any(name.endswith(".npy") for name in names):
        return "npz"
    if any(name.lower().endswith((".usdc", ".usda", ".usd")) for name in names):
        raise InputError(f"{path}: is a USDZ file, not a scan; {_MESH}")
    if any(name.endswith("data.pkl") for name in names):
        raise InputError(f"{path}: is a file of PyTorch; save its arrays with numpy.savez")
    scans = [name for name in names if Path(name).suffix.lower() in SUFFIXES]
    what = f" (such as {scans[0][:60]})" if scans else ""
    raise InputError(f"{path}: is a zip archive; unpack it and name the scan in it{what}")


def _is_stl(head: bytes, text: bytes, size: int) -> bool:
    """By the words of the ASCII form, or as binary by the size that its count demands."""
    if re.match(rb"solid\b", text) and re.search(rb"\b(facet|endsolid)\b", text):
        return True
    if len(head) < 84 or size <= 84:
        return False
    return size == 84 + 50 * struct.unpack_from("<I", head, 80)[0]


def _is_number(word: bytes) -> bool:
    return NUMBER.fullmatch(word) is not None


def _rows(text: bytes) -> list[list[bytes]]:
    lines = [re.split(rb"[ \t,;]+", line.strip(b" \t,;\r")) for line in text.splitlines()]
    return [words for words in lines if len(words) >= 3 and all(map(_is_number, words))]


def _has_rows(text: bytes) -> bool:
    """Whether a line has three numbers or more, and nothing else."""
    return bool(_rows(text))


def _is_table(text: bytes, whole: bool) -> bool:
    """Whether all lines but a heading and remarks are rows of equally many numbers."""
    lines = text.splitlines() if whole else text.splitlines()[:-1]  # the last may be cut
    lines = [x for x in lines if x.strip() and not x.lstrip().startswith((b"#", b"//"))]
    rows = _rows(b"\n".join(lines))
    return len(rows) >= max(len(lines) - 2, 1) and len({len(row) for row in rows}) == 1


def _unknown(path: Path) -> InputError:
    suffix = path.suffix.lower()
    if suffix in _BY_NAME:
        return InputError(f"{path}: files ending in {suffix} are not read; {_BY_NAME[suffix]}")
    return InputError(
        f"{path}: is no scan that can be recognised; scans end in {', '.join(SUFFIXES)}: "
        "convert this file to one of them"
    )
