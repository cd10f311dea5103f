"""Where to look at a room from: above, at an angle, through the walls nearest to the viewer."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from seggroup.types import Scan

_DISTANCE = 2.5  # of the camera from the scan's middle, in radii of the scan
_MARGIN = 0.03  # of the picture's size, left free on every side
_STRAY = 0.1  # per cent of the vertices that may fall outside, on each side
_TURN = 25.0  # degrees off the room's short axis
_Z_UP = 4.0  # another vertical than +z needs so many times the area (a full ceiling has 1.6)


@dataclass(frozen=True)
class View:
    """Direction of the camera from the scan, in degrees; None is chosen from the scan.

    azimuth : about the vertical, from the x axis
    elevation : above the horizon
    up : the vertical
    """

    azimuth: float | None = None
    elevation: float = 55.0
    up: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Camera:
    """A perspective camera: rows of `axes` are right, top and towards the viewer.

    distance : from the middle, in units of the scan
    scale, shift : from the plane through the middle to pixels, x right and y down
    """

    middle: Float[np.ndarray, "3"]
    axes: Float[np.ndarray, "3 3"]
    distance: float
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    def project(self, points: Float32[np.ndarray, "n 3"]) -> Float32[np.ndarray, "n 3"]:
        """Pixels x, y and nearness (1 in the plane through the middle) of every point."""
        local = (points - self.middle) @ self.axes.T
        near = self.distance / (self.distance - local[:, 2])
        x = self.shift[0] + self.scale * near * local[:, 0]
        y = self.shift[1] - self.scale * near * local[:, 1]
        return np.stack([x, y, near], axis=1).astype(np.float32)


def look_at(scan: Scan, size: tuple[int, int], view: View) -> Camera:
    """The camera whose picture of `size` (width, height) the scan fills."""
    points = scan.vertices
    low, high = points.min(axis=0), points.max(axis=0)
    radius = max(float(np.linalg.norm(high - low)) / 2, 1e-9)
    up = np.array(view.up or up_direction(scan), float)
    up /= np.linalg.norm(up)
    bare = Camera(
        middle=(low + high).astype(float) / 2,
        axes=_axes(up, _azimuth(scan, up, view), view.elevation),
        distance=_DISTANCE * radius,
    )
    flat = bare.project(points)[:, :2]
    first, last = np.percentile(flat, [_STRAY, 100 - _STRAY], axis=0)
    free = np.array(size) * (1 - 2 * _MARGIN)
    scale = float((free / np.maximum(last - first, 1e-9)).min())
    x, y = np.array(size) / 2 - scale * (first + last) / 2
    return Camera(bare.middle, bare.axes, bare.distance, scale, (float(x), float(y)))


def up_direction(scan: Scan) -> tuple[float, float, float]:
    """The vertical: +z, as in most files, unless far more of the mesh faces along another axis.

    Floors and the tops of furniture face up.
    """
    axes = np.concatenate([np.eye(3), -np.eye(3)])[[2, 0, 1, 3, 4, 5]]
    if not scan.is_mesh:
        return (0.0, 0.0, 1.0)
    normals = _face_normals(scan)
    along = normals @ axes.T
    facing = along > 0.9 * np.linalg.norm(normals, axis=1, keepdims=True)
    area = (along * facing).sum(axis=0)
    area[0] *= _Z_UP
    best = int(area.argmax())
    x, y, z = (axes[0] if best == 0 else normals[facing[:, best]].sum(axis=0)).tolist()
    return (x, y, z)


def _axes(up: np.ndarray, azimuth: float, elevation: float) -> Float[np.ndarray, "3 3"]:
    east, north = _ground(up)
    turn, rise = np.radians([azimuth, elevation])
    toward = np.cos(rise) * (np.cos(turn) * east + np.sin(turn) * north) + np.sin(rise) * up
    right = -np.sin(turn) * east + np.cos(turn) * north
    return np.stack([right, np.cross(toward, right), toward])


def _ground(up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two horizontal axes; x and y where z is up."""
    start = np.array([1.0, 0, 0]) if abs(up[0]) < 0.9 else np.array([0, 1.0, 0])
    east = start - up * (start @ up)
    east /= np.linalg.norm(east)
    return east, np.cross(up, east)


def _azimuth(scan: Scan, up: np.ndarray, view: View) -> float:
    """The room's long side across the picture; of four such views the one that sees most."""
    if view.azimuth is not None:
        return view.azimuth
    flat = (scan.vertices - scan.vertices.mean(axis=0)) @ np.stack(_ground(up), axis=1)
    _, directions = np.linalg.eigh(np.cov(flat.T) if len(flat) > 1 else np.eye(2))
    short = np.degrees(np.arctan2(directions[1, 0], directions[0, 0]))
    short = (short + 30) % 180 - 30  # an axis has two signs: take one, the same for nearby axes
    candidates = [short + side + turn for side in (0.0, 180.0) for turn in (_TURN, -_TURN)]
    if not scan.is_mesh:
        return candidates[0]
    normals = _face_normals(scan)
    area = max(float(np.linalg.norm(normals, axis=1).sum()), 1e-30)
    seen = [(normals @ _axes(up, a, view.elevation)[2]).clip(0).sum() / area for a in candidates]
    return candidates[int(np.argmax(np.round(seen, 3)))]


def _face_normals(scan: Scan) -> Float32[np.ndarray, "f 3"]:
    """Normals as long as twice the faces' areas."""
    a, b, c = (scan.vertices[scan.faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a)
