"""What the columns of a table of points mean: by their names, else by their number and values."""

import re
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.raw import Raw
from seggroup.io.shades import AS_GREY, eight_bits, grey_of

COLUMNS = "columns x y z, then r g b, then nx ny nz (or the normals alone where negative)"
_HEADING = "a heading line that names the columns says otherwise."
_NAMES = {
    "x": ("x", "px", "posx", "coordx", "points0", "xcoordinate", "xcoord"),
    "y": ("y", "py", "posy", "coordy", "points1", "ycoordinate", "ycoord"),
    "z": ("z", "pz", "posz", "coordz", "points2", "zcoordinate", "zcoord"),
    "r": ("r", "red", "rf", "diffusered", "colorr", "colorred"),
    "g": ("g", "green", "gf", "diffusegreen", "colorg", "colorgreen"),
    "b": ("b", "blue", "bf", "diffuseblue", "colorb", "colorblue"),
    "nx": ("nx", "normalx", "normals0"),
    "ny": ("ny", "normaly", "normals1"),
    "nz": ("nz", "normalz", "normals2"),
    "intensity": ("intensity", "i", "reflectance", "scalarintensity", "grey", "gray"),
    "label": ("label", "labels", "class", "classid", "semantic", "semanticlabel", "category"),
    "instance": ("instance", "instances", "instanceid", "object", "objectid", "instancelabel"),
}
_MEANING = {name: meaning for meaning, names in _NAMES.items() for name in names}
_FEW = 64  # a column with more distinct whole numbers than this holds no classes


def meaning_of(name: str) -> str | None:
    """What a column named so holds: x, r, nx, intensity, label …; None for anything else."""
    return _MEANING.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def from_named(columns: dict[str, np.ndarray], notes: list[str]) -> Raw | None:
    """The points of named columns in any order; None where x, y or z is not among the names."""
    found: dict[str, np.ndarray] = {}
    left = []
    for name, values in columns.items():
        meaning = meaning_of(name)
        if meaning is None or meaning in found:
            left.append(name)
        else:
            found[meaning] = values
    if not found.keys() >= set("xyz"):
        return None
    for triple in (("r", "g", "b"), ("nx", "ny", "nz")):
        if not found.keys() >= set(triple):
            left += [name for name in triple if found.pop(name, None) is not None]
    if left := [name for name in left if name]:
        more = f" and {len(left) - 6} more" if len(left) > 6 else ""
        notes.append(f"Columns {', '.join(left[:6])}{more} were left out.")
    return Raw(
        _side_by_side(found, "xyz"),
        colors=shades(_side_by_side(found, "rgb") if "r" in found else None,
                      found.get("intensity"), notes),
        normals=_side_by_side(found, ("nx", "ny", "nz")) if "nx" in found else None,
        properties={name: from_zero(name, found[name], notes)
                    for name in ("label", "instance") if name in found},
        notes=notes,
    )  # fmt: skip


def from_unnamed(path: Path, values: np.ndarray, notes: list[str], counted: bool = False) -> Raw:
    """The points of 3 to 9 columns without names; a note says what was not plain.

    counted : a count of points goes before, as in PTS files, whose fourth column is intensity

    Raises InputError for fewer and for more columns.
    """
    width = values.shape[1]
    if not 3 <= width <= 9:
        raise InputError(
            f"{path}: has {width} columns; write one point per line, {COLUMNS}, "
            "or name the columns in a heading line"
        )
    names = ["x", "y", "z"]
    match width:
        case 4:
            names += ["intensity"]
            notes.append(f"The fourth column was taken for intensity; {_HEADING}")
        case 5:
            notes.append(f"The last two columns were left out; {_HEADING}")
        case 6 | 9 if _some_negative(values[:, 3:6]) or _unit_long(values[:, 3:6], path):
            notes.append("Columns 4 to 6 hold directions: they were read as normals.")
            names += ["nx", "ny", "nz", "r", "g", "b"]
        case 6 | 9:
            names += ["r", "g", "b", "nx", "ny", "nz"]
        case 7 if not counted and _colors(values[:, 3:6]) and np.all(values[:, 6] == values[:1, 6]):
            names += ["r", "g", "b"]
            notes.append(f"The seventh column, the same everywhere, was left out; {_HEADING}")
        case 7 if not counted and _bytes(values[:, 3:6]) and _classes(values[:, 6]):
            names += ["r", "g", "b", "label"]
            notes.append(f"The seventh column was taken for classes (0 = none); {_HEADING}")
        case 7:
            names += ["intensity", "r", "g", "b"]
        case 8 if _bytes(values[:, 3:6]) and _whole(values[:, 6:]):
            names += ["r", "g", "b", "label", "instance"]
            notes.append(f"The last two columns were taken for class and instance; {_HEADING}")
        case 8 if _bytes(values[:, 4:7]) and _whole(values[:, 7:]):
            names += ["intensity", "r", "g", "b", "label"]
            notes.append(f"The last column was taken for classes (0 = none); {_HEADING}")
        case _ if width > 3:
            notes.append(f"The last {width - 3} columns were left out; {_HEADING}")
    table = {name: values[:, i] for i, name in enumerate(names[:width])}
    if "r" in table:
        table.pop("intensity", None)
    raw = from_named(table, notes)
    assert raw is not None
    return raw


def shades(
    colors: np.ndarray | None, intensity: np.ndarray | None, notes: list[str]
) -> np.ndarray | None:
    """Colours as they are, unless there are none or all are 0: then intensity as grey."""
    if intensity is None or not len(intensity):
        return colors
    if colors is not None and eight_bits(np.nan_to_num(colors)) is not None:
        return colors
    notes.append(AS_GREY)
    return grey_of(intensity)


def from_zero(name: str, values: np.ndarray, notes: list[str]) -> np.ndarray:
    """Classes or instances where 0 is none, also where the file writes -1 for none."""
    if not _whole(values[:, None]) or values.min(initial=0) >= 0:
        return values
    if name == "instance":
        notes.append("Instances count from 0 in the file (-1 = none).")
        return values.astype(np.int64) + 1
    if np.any(values == 0):
        notes.append("Class 0 was read as no class, like -1.")
    return np.maximum(values, 0)


def _side_by_side(columns: dict[str, np.ndarray], names: str | tuple[str, ...]) -> np.ndarray:
    return np.stack([columns[name] for name in names], axis=1)


def _some_negative(values: np.ndarray) -> bool:
    return bool(values.min(initial=0) < 0)


def _unit_long(values: np.ndarray, path: Path) -> bool:
    """Whether rows are directions: of length 1, nearly all of them, as colours never are."""
    if path.suffix.lower() == ".xyzn":
        return True
    if not len(values) or np.all(values == values[0]):
        return False
    with np.errstate(all="ignore"):
        length = np.linalg.norm(values, axis=1)
    return bool(np.mean(np.abs(length - 1) < 0.01) > 0.95 and not _whole(values))


def _colors(values: np.ndarray) -> bool:
    """Whether three columns are colours of 8 bits or fractions."""
    return _bytes(values) or bool(np.all((values >= 0) & (values <= 1)))


def _whole(values: np.ndarray) -> bool:
    """Whole numbers from -1, as classes and instances are."""
    return bool(np.all((values >= -1) & (values < 2**31) & (values == np.rint(values))))


def _bytes(values: np.ndarray) -> bool:
    return _whole(values) and bool(np.all((values >= 0) & (values <= 255)))


def _classes(values: np.ndarray) -> bool:
    """Whether a column holds few whole numbers, as classes do and blue does not."""
    return _whole(values[:, None]) and len(np.unique(values)) <= min(_FEW, len(values) // 4)
