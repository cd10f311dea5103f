"""Where the kernel points of KPConv lie (Thomas et al. 2019, supplementary, "Kernel points").

One point stays in the middle. The others repel all with the energy 1/d of two charges and are
drawn to the middle with 5 d^2 (the published code's factor); they settle in even shells.
"""

from functools import cache

import numpy as np
from jaxtyping import Float64
from scipy.optimize import minimize

STARTS = 16  # random starts; some end in a shallower valley
DISTANCE = 1.5  # mean distance from the middle, in extents: published code
ATTRACTION = 5.0
SEED = 0


@cache
def kernel_points(count: int) -> Float64[np.ndarray, "k 3"]:
    """`count` points, the first at 0, the others at a mean distance of 1 from it.

    The same on every call and, to rounding, on every machine. Times `DISTANCE` and the extent of
    a level they are in metres.
    """
    if count < 2:
        return np.zeros((count, 3))
    rng = np.random.default_rng(SEED)
    found = [_settle(rng.normal(size=(count - 1, 3))) for _ in range(STARTS)]
    lowest = min(value for value, _ in found)
    # Starts that end in the same valley differ by a turn: the first of them, not the rounding's
    points = next(points for value, points in found if value < lowest * (1 + 1e-6))
    points = np.concatenate([np.zeros((1, 3)), points])
    points /= np.linalg.norm(points[1:], axis=1).mean()
    points.flags.writeable = False
    return points


def _settle(start: Float64[np.ndarray, "m 3"]) -> tuple[float, Float64[np.ndarray, "m 3"]]:
    """The valley of the energy below `start`: its depth and the points."""
    found = minimize(energy, start.ravel(), jac=True, method="BFGS", options={"gtol": 1e-7})
    return float(found.fun), found.x.reshape(-1, 3)


def energy(flat: Float64[np.ndarray, " _"]) -> tuple[float, Float64[np.ndarray, " _"]]:
    """Energy of the points that move, beside the one at 0, and its gradient."""
    points = np.concatenate([np.zeros((1, 3)), flat.reshape(-1, 3)])
    apart = points[:, None] - points
    distance = np.linalg.norm(apart, axis=2)
    np.fill_diagonal(distance, np.inf)
    value = (1 / distance).sum() / 2 + ATTRACTION * (points**2).sum()
    slope = 2 * ATTRACTION * points - (apart / distance[..., None] ** 3).sum(axis=1)
    return float(value), slope[1:].ravel()
