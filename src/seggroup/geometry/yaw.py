"""The turn about the vertical that a scan's own walls give, for what reads coordinates.

The direction of the walls is known modulo 90 degrees: normals are summed with four times their
angle, so that all four sides of a room add up; the steeper a surface, the more it counts. Which
of the four it is, the lopsidedness of the scan says: the direction in which it reaches furthest
from its mean (third moments). Both turn with the scan.
"""

import numpy as np
from jaxtyping import Float32, Float64

from seggroup.geometry.mesh import vertex_normals
from seggroup.types import Scan


def canonical_yaw(
    vertices: Float32[np.ndarray, "v 3"], normals: Float32[np.ndarray, "v 3"]
) -> float:
    """The angle in radians by which the scan's own x axis is turned from x.

    Where a scan turned by a is asked, the answer is a more (modulo 360 degrees), except where two
    sides are equally lopsided; 0 for a scan without any steep surface.
    """
    known = np.isfinite(normals).all(axis=1)
    x, y = normals[known, 0].astype(np.float64), normals[known, 1].astype(np.float64)
    fold = complex(np.sum((x + 1j * y) ** 4))  # four times the angle, weighed by the steepness
    if abs(fold) <= 1e-9 * max(len(x), 1):
        return 0.0
    angle = float(np.angle(fold)) / 4
    flat = vertices[:, :2].astype(np.float64)
    flat -= flat.mean(axis=0)
    across = flat @ _turn(angle)
    lopsided = np.mean(across**3, axis=0)  # along x and y of the walls
    sides = np.array([lopsided[0], lopsided[1], -lopsided[0], -lopsided[1]])
    return angle + float(np.argmax(sides)) * np.pi / 2


def levelled(scan: Scan) -> Float32[np.ndarray, "v 3"]:
    """A scan's vertices turned so that `canonical_yaw` is 0, about the vertical through their mean.

    The mean of x and of y is 0 then, so that where the scan lies has no say either; z stays.
    """
    vertices, normals = scan.vertices, scan.normals
    if normals is None:
        normals = vertex_normals(vertices, scan.faces)
    flat = vertices[:, :2].astype(np.float64)
    flat -= flat.mean(axis=0)
    turned = flat @ _turn(canonical_yaw(vertices, normals))
    return np.column_stack([turned, vertices[:, 2]]).astype(np.float32)


def _turn(angle: float) -> Float64[np.ndarray, "2 2"]:
    """For row vectors on the left: turns them by minus the angle."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])
