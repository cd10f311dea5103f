"""JSON with the boxes of a scene's instances: along the axes, and turned about the vertical."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from seggroup.export.target import CONFIDENCE, FACES, NORMALS, Sample, Target
from seggroup.io.classlist import ClassList
from seggroup.io.files import write_json
from seggroup.io.store import safe_name
from seggroup.labels.objects import mixed, objects

VERSION = 1


def write_boxes(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `<scene>.json`: of each instance its class, points, confidence and two boxes.

    Lengths are in metres, z is up; `frame` says where that lies in the scan's own file.
    """
    scan, labels = sample.scan, sample.labels
    found = objects(labels)
    frame = scan.frame
    value = {
        "version": VERSION,
        "scene": scan.name,
        "vertices": len(scan.vertices),
        "unit": "m",
        "up": "z",
        "frame": {"unit": frame.unit, "axes": frame.axes, "origin": frame.origin},
        "classes": {str(i): known.name for i, known in classes.classes.items()},
        "instances": [
            {
                "instance": one.number,
                "class_id": one.semantic,
                "class": classes.name(one.semantic),
                "points": len(one.points),
                "confidence": None if labels.confidence is None else _short(one.confidence),
                "box": axis_aligned(scan.vertices[one.points]),
                "oriented_box": oriented(scan.vertices[one.points]),
            }
            for one in found
        ],
    }
    path = Path(folder) / f"{safe_name(scan.name)}.json"
    write_json(path, value)
    return {"files": [path.name], "notes": mixed(found)}


def axis_aligned(points: Float32[np.ndarray, "n 3"]) -> dict[str, list[float]]:
    """The smallest box along the axes: its centre, and its sizes along x, y and z."""
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    return {"center": _list((low + high) / 2), "size": _list(high - low)}


def oriented(points: Float32[np.ndarray, "n 3"]) -> dict[str, Any]:
    """The upright box whose ground is the smallest rectangle around the points.

    yaw    : of its longer side from x towards y, in radians, in [-pi/2, pi/2)
    size   : along the longer side, across it, and up
    """
    flat = points[:, :2].astype(np.float64)
    origin = flat.mean(axis=0)
    hull = _hull(flat - origin)
    yaw, low, high = smallest_rectangle(hull)
    middle = (low + high) / 2
    cos, sin = np.cos(yaw), np.sin(yaw)
    center = origin + np.array([[cos, -sin], [sin, cos]]) @ middle
    bottom, top = float(points[:, 2].min()), float(points[:, 2].max())
    return {
        "center": _list(np.array([*center, (bottom + top) / 2])),
        "size": _list(np.array([*(high - low), top - bottom])),
        "yaw": _short(yaw),
    }


def smallest_rectangle(
    hull: Float64[np.ndarray, "h 2"],
) -> tuple[float, Float64[np.ndarray, "2"], Float64[np.ndarray, "2"]]:
    """The rectangle of least area around a convex polygon: one of its sides lies on an edge.

    Gives the direction of its longer side in [-pi/2, pi/2), and its bounds in the coordinates
    turned by that. Of equal areas the one with the direction nearest to x is taken.
    """
    edges = np.roll(hull, -1, axis=0) - hull
    edges = edges[np.any(edges != 0, axis=1)]
    angles = np.arctan2(edges[:, 1], edges[:, 0]) if len(edges) else np.zeros(1)
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ hull.T
    across = np.stack([-np.sin(angles), np.cos(angles)], axis=1) @ hull.T
    length, width = np.ptp(along, axis=1), np.ptp(across, axis=1)
    angles = np.where(width > length, angles + np.pi / 2, angles)
    angles = (angles + np.pi / 2) % np.pi - np.pi / 2
    angles[angles >= np.pi / 2] = -np.pi / 2
    area = length * width
    equal = area <= area.min() + 1e-9 * max(float(area.max()), 1e-300)
    best = np.flatnonzero(equal)[np.argmin(np.abs(angles[equal]))]
    cos, sin = np.cos(angles[best]), np.sin(angles[best])
    turned = hull @ np.array([[cos, -sin], [sin, cos]])
    return float(angles[best]), turned.min(axis=0), turned.max(axis=0)


def _hull(flat: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "h 2"]:
    """The corners of the convex hull in their order; of points on a line its two ends."""
    from scipy.spatial import ConvexHull, QhullError

    if len(flat) > 2:
        try:
            return flat[ConvexHull(flat).vertices]
        except QhullError:
            pass  # all on one line, or all in one place
    far = flat[np.argmax(((flat - flat[0]) ** 2).sum(axis=1))]
    other = flat[np.argmax(((flat - far) ** 2).sum(axis=1))]
    return np.stack([far, other])


def _list(values: Float64[np.ndarray, " n"]) -> list[float]:
    return [_short(value) for value in values]


def _short(value: float | np.floating) -> float:
    """Nine digits, more than float32 has, and nine decimals."""
    return float(f"{round(float(value), 9):.9g}") + 0.0  # -0 becomes 0


BOXES = Target(
    title="JSON with a box along the axes and an oriented box for each instance",
    classes="nyu40",
    ignore="no box",
    lost=(
        "single vertices: coordinates, colours and labels",
        FACES,
        NORMALS,
        CONFIDENCE + " of single vertices (a box has the mean)",
        "classes without an instance",
    ),
    write=write_boxes,
)
