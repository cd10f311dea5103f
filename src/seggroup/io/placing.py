"""Which way is up in a file and what its numbers count: stated, else recognised.

What a person states wins. Else what the format says, or metres and z up, is kept unless the scan
clearly shows another: an axis is taken for up where the floor lies at one end of it and most of
what there is lies near that end; millimetres and centimetres are taken where metres would make a
room that no building holds. Feet and inches are never guessed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int32, Num

from seggroup.io.reading import Reading, Unit, Up
from seggroup.types import Frame

METRES: dict[str, float] = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
AXES: dict[str, tuple[int, int, int]] = {  # rotations that turn each axis up
    "x": (2, 3, 1),
    "y": (1, -3, 2),
    "z": (1, 2, 3),
    "-x": (3, 2, -1),
    "-y": (1, 3, -2),
    "-z": (1, -2, -3),
}
_WORDS = {"m": "metres", "cm": "centimetres", "mm": "millimetres", "ft": "feet", "in": "inches"}
_FACES, _POINTS, _NEIGHBOURS = 8_000, 6_000, 10  # looked at
_FEWEST = 1000  # faces or points from which anything is recognised
_CLEAR = 0.14  # of an axis' evidence: less is no reason to turn a scan
_OVERTURNED = 0.25  # and to turn it upside down
_FLATNESS = 0.5  # what counts for the axis along which the scan is short: rooms are wider than high
_MARGIN = {"y": 0.1, "-y": 0.1}  # by which it must surpass the assumed axis
_OTHER_MARGIN = 0.15  # of axes that seldom point up
_NO_FLOOR, _RIVAL, _NEARLY, _LONGER = 0.05, 0.1, 0.05, 1.6  # where up is doubtful
_FLAT, _SLANTED, _END = 0.9, 0.15, 0.1  # |cosine| to the axis; share of the extent


@dataclass(frozen=True)
class Shown:
    """What a scan shows of itself, of a sample. n surface elements (faces, or points).

    points  : in the file's coordinates, less some origin
    normals : of each, of either sign
    areas   : what each stands for
    """

    points: Float64[np.ndarray, "n 3"]
    normals: Float64[np.ndarray, "n 3"]
    areas: Float64[np.ndarray, " n"]


def placed(
    vertices: Num[np.ndarray, "v 3"],
    faces: Int32[np.ndarray, "f 3"],
    origin: tuple[float, float, float],
    far: bool,
    unit: Unit | None,
    up: Up | None,
    reading: Reading,
) -> tuple[Frame, list[str]]:
    """The frame of a file's vertices, and notes on what was assumed against the usual.

    origin   : what is subtracted from the file's coordinates; `vertices` are still with it
    far      : the coordinates lie far from 0, as those of maps do, which are in metres
    unit, up : what the format says
    """
    stated_unit, stated_up = _known(reading.unit), _known(reading.up)
    notes: list[str] = []
    axis = stated_up or _known(up) or "z"
    sample = vertices[:: max(len(vertices) // 20_000, 1)].astype(np.float64) - origin
    if stated_up is None:
        found, doubt = _up(_shown(vertices, faces, origin), axis)
        if found != axis:
            notes.append(
                f"The axis {found} was taken for up and not {axis}, by where the floor lies: the "
                "scan was turned; --up says otherwise."
            )
            axis = found
        elif doubt:
            notes.append(
                f"Which way is up is not clear from the scan: {axis} was assumed; --up says "
                "otherwise."
            )
    scale = stated_unit or _known(unit) or "m"
    height, width = extents(Frame(axes=AXES[axis]).turned(sample))
    if stated_unit is None:
        kept = len(vertices) < _FEWEST or far
        found_unit = scale if kept else _unit(height, width, scale, unit is not None)
        high = height * METRES[scale]
        if found_unit != scale:
            notes.append(
                f"Units were taken for {_WORDS[found_unit]} (in {_WORDS[scale]} the scan would be "
                f"{high:,.0f} m high); --unit says otherwise."
            )
            scale = found_unit
        elif not _usual(high, width * METRES[scale]):
            notes.append(
                f"It is {plain_number(width * METRES[scale])} m wide and {plain_number(high)} m "
                f"high, which is unusual for a room: units were taken for {_WORDS[scale]} and "
                f"{axis} for up; "
                "--unit and --up say otherwise."
            )
    return Frame(METRES[scale], AXES[axis], origin), notes


def in_frame(vertices: Num[np.ndarray, "v 3"], frame: Frame) -> np.ndarray:
    """The file's vertices in metres, z up, float32; a column at a time, to stay small.

    Exact wherever the file's numbers are: turning only swaps and negates, and thousandths are
    divided, not multiplied, so that millimetres in 64 bits give the metres they were made of.
    """
    divisor = {0.001: 1000.0, 0.01: 100.0}.get(frame.unit)
    if frame == Frame():
        return np.ascontiguousarray(vertices, np.float32)
    result = np.empty(vertices.shape, np.float32)
    for i, axis in enumerate(frame.axes):
        column = vertices[:, abs(axis) - 1].astype(np.float64)
        column -= frame.origin[abs(axis) - 1]
        column *= np.sign(axis)
        column = column * frame.unit if divisor is None else column / divisor
        result[:, i] = column + 0.0  # -0 becomes 0
    return result


def told(frame: Frame) -> dict[str, str]:
    """The unit and the axis that a scan was read with, for people and for JSON."""
    unit = next((name for name, size in METRES.items() if size == frame.unit), "m")
    up = next((name for name, axes in AXES.items() if axes == frame.axes), "z")
    return {"unit": unit, "up": up}


def extents(points: Float[np.ndarray, "n 3"]) -> tuple[float, float]:
    """How high points are, and how wide in any direction, a few outliers aside.

    The same for any rotation about z.
    """
    low, high = np.percentile(points[:, 2], (1, 99))
    across = points[:, :2] - points[:, :2].mean(axis=0)
    return float(high - low), 2 * float(np.percentile(np.linalg.norm(across, axis=1), 98))


def evidence(shown: Shown) -> Float64[np.ndarray, " 3"]:
    """For each axis how clearly it points up (negative: down), from about -1 to 1.

    The sum of three: the flat surface at the low end over that at the high end (the floor; few
    scans see a whole ceiling), and how low the surface, and what is slanted of it (clutter,
    furniture), lies on average.
    """
    points, areas = shown.points, shown.areas
    total = float(areas.sum())
    low, high = np.percentile(points, (1, 99), axis=0)
    result = np.zeros(3)
    if not total > 0:
        return result
    for axis in range(3):
        if not high[axis] > low[axis]:
            continue
        at = np.clip((points[:, axis] - low[axis]) / (high[axis] - low[axis]), 0, 1)
        steep = np.abs(shown.normals[:, axis])
        flat = areas * (steep > _FLAT)
        floor = (flat[at < _END].sum() - flat[at > 1 - _END].sum()) / total
        slanted = (steep < _FLAT) & (steep > _SLANTED)
        result[axis] = floor + _lowness(at, areas) + _lowness(at[slanted], areas[slanted])
    return result


def _lowness(at: Float64[np.ndarray, " n"], areas: Float64[np.ndarray, " n"]) -> float:
    """How far below the middle, of extents of 1, the surface lies on average."""
    total = float(areas.sum())
    return 0.5 - float(at @ areas) / total if total > 0 else 0.0


def _up(shown: Shown, assumed: str) -> tuple[str, bool]:
    """The axis that points up, `assumed` unless another is clearly better; whether it is doubtful.

    Doubtful: others are better, yet not clearly; or nothing shows a floor for the assumed axis
    and a little does for another, along which the scan is not much longer.
    """
    if len(shown.areas) < _FEWEST:
        return assumed, False
    values, short = evidence(shown), _shortness(shown.points)
    signed = {name: (abs(a[2]) - 1, float(np.sign(a[2]))) for name, a in AXES.items()}
    floors = {name: sign * float(values[axis]) for name, (axis, sign) in signed.items()}
    scores = {
        name: floors[name] + _FLATNESS * float(short[axis]) for name, (axis, _) in signed.items()
    }
    least = dict.fromkeys(AXES, _CLEAR) | {_opposite(assumed): _OVERTURNED}
    clear = [name for name in AXES if floors[name] >= least[name] or name == assumed]
    best = max(clear, key=lambda name: scores[name])
    lead = scores[best] - scores[assumed]
    if lead > _MARGIN.get(best, _OTHER_MARGIN):
        return best, False
    if lead > 0 and floors[assumed] < 0:
        return assumed, True
    length = 1 - short
    own = signed[assumed][0]
    rivals = (
        name
        for name, (axis, _) in signed.items()
        if axis != own
        and floors[name] >= _RIVAL
        and scores[name] > scores[assumed] - _NEARLY
        and length[axis] <= _LONGER * length[own]
    )
    return assumed, floors[assumed] < _NO_FLOOR and any(rivals)


def _opposite(up: str) -> str:
    return up[1:] if up[0] == "-" else f"-{up}"


def _shortness(points: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " 3"]:
    """Of each axis how much shorter the points are along it than along the longest, 0 to 1."""
    extent = np.ptp(np.percentile(points, (1, 99), axis=0), axis=0)
    return 1 - extent / max(float(extent.max()), np.finfo(np.float64).tiny)


def _unit(height: float, width: float, scale: str, stated: bool) -> str:
    """The unit of a scan of this height and width in the file's numbers."""
    high, wide = height * METRES[scale], width * METRES[scale]
    if scale != "m":
        return scale
    if 1000 <= high <= 30_000 and 1000 <= wide <= 300_000:
        return "mm"
    if not stated and 100 <= high <= 600 and 100 <= wide <= 3000:
        return "cm"
    return scale


def _usual(high: float, wide: float) -> bool:
    """Whether a scan of so many metres may be a room or a floor of rooms."""
    return 0.3 <= high <= 15 and 0.5 <= wide <= 150 and high <= 3 * wide


def plain_number(value: float) -> str:
    """Three digits of a size, without powers of ten: 8,230 and 0.012."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}" if value >= 1e-4 else "0"


def _known(stated: str | None) -> str | None:
    return None if stated == "auto" else stated


def _shown(
    vertices: Num[np.ndarray, "v 3"],
    faces: Int32[np.ndarray, "f 3"],
    origin: tuple[float, float, float],
) -> Shown:
    """A sample of a scan's surface: faces of a mesh, points of a cloud."""
    if len(faces):
        corners = vertices[faces[:: len(faces) // _FACES + 1]].astype(np.float64) - origin
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        length = np.linalg.norm(across, axis=1)
        normals = across / np.maximum(length, np.finfo(np.float64).tiny)[:, None]
        return Shown(corners.mean(axis=1), normals, length)
    points = vertices[:: len(vertices) // _POINTS + 1].astype(np.float64) - origin
    if len(points) <= _NEIGHBOURS:
        return Shown(points, np.zeros_like(points), np.ones(len(points)))
    normals, areas = _planes(points)
    return Shown(points, normals, areas)


def _planes(
    points: Float64[np.ndarray, "n 3"],
) -> tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, " n"]]:
    """The normal of each point's neighbourhood, and the squared spread of the neighbours in it."""
    from pykdtree.kdtree import KDTree

    distance, near = KDTree(points).query(points, k=_NEIGHBOURS)
    whole: Bool[np.ndarray, " n"] = np.isfinite(distance).all(axis=1)
    around = points[np.where(whole[:, None], near, 0)]
    around = around - around.mean(axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))
    return vectors[:, :, 0], np.where(whole, values[:, 1:].sum(axis=1), 0.0)
