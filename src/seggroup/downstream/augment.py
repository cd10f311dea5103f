"""Changes of a training scene at random (PointGroup 4.4, MinkowskiNet): the same room, seen anew.

Everything is drawn from the generator that is passed in. The vertical axis is z.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Int64
from scipy.ndimage import map_coordinates, uniform_filter

from seggroup.downstream.cloud import Cloud, Tags
from seggroup.downstream.config import AugmentConfig

Rng = np.random.Generator
FINEST = 256  # cells of the noise along an edge
MOST_OF_IT = 0.8  # share of a tag's points that a part of the scene must hold, to keep the tag


def augment(cloud: Cloud, config: AugmentConfig, rng: Rng) -> Cloud:
    """The scene turned, mirrored, scaled, bent and with other colours; labels stay."""
    points = cloud.points @ _linear(config, rng)
    for grain, strength in config.elastic:
        points = elastic(points, grain, strength, rng)
    return replace(cloud, points=points, colors=recolored(cloud.colors, config, rng))


def turned(points: Float32[np.ndarray, "n 3"], angle: float) -> Float32[np.ndarray, "n 3"]:
    """The points turned about the vertical axis through the origin; radians."""
    return points @ _rotation(angle)


def _rotation(angle: float) -> Float32[np.ndarray, "3 3"]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)


def _linear(config: AugmentConfig, rng: Rng) -> Float32[np.ndarray, "3 3"]:
    """A random linear map: nearly the identity, mirrored, scaled and turned."""
    noise = np.eye(3) + config.jitter * rng.standard_normal((3, 3)) * _HORIZONTAL
    noise[0, 0] *= rng.choice([-1, 1]) if config.flip else 1
    size = 1 + config.scale * rng.uniform(-1, 1)
    angle = np.radians(config.rotation) * rng.uniform(-1, 1)
    return (size * noise @ _rotation(angle)).astype(np.float32)


# Which entries of the linear map are shaken: walls stay upright, floors stay level.
_HORIZONTAL = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 0]])


def elastic(
    points: Float32[np.ndarray, "n 3"], grain: float, strength: float, rng: Rng
) -> Float32[np.ndarray, "n 3"]:
    """Bent by a smooth random field: noise on a grid of `grain` metres, blurred twice, linear.

    `strength` (metres) is that of the noise before it is blurred, which leaves about a tenth.
    The grid has at most `FINEST` cells along an edge, however large the scan.
    """
    low = points.min(axis=0, initial=np.inf) if len(points) else np.zeros(3)
    if len(points):
        grain = max(grain, float(np.ptp(points, axis=0).max()) / FINEST)
    cells = (points - low) / grain + 1
    shape = (np.ceil(cells.max(axis=0, initial=1)) + 2).astype(int)
    moved = points.copy()
    for axis in range(3):
        field = rng.standard_normal(shape).astype(np.float32)
        for _ in range(2):
            field = uniform_filter(field, 3, mode="constant")
        moved[:, axis] += strength * map_coordinates(field, cells.T, order=1)
    return moved


def recolored(
    colors: Float32[np.ndarray, "n 3"], config: AugmentConfig, rng: Rng
) -> Float32[np.ndarray, "n 3"]:
    """Colours shifted together and one by one, or all gone; they stay in [-1, 1]."""
    if rng.random() < config.color_drop:
        return np.zeros_like(colors)
    shift = config.color_shift * rng.standard_normal(3)
    noise = config.color_noise * rng.standard_normal(colors.shape)
    return np.clip(colors + shift + noise, -1, 1).astype(np.float32)


def crop(cloud: Cloud, limit: int, rng: Rng) -> Cloud:
    """At most `limit` points: those nearest, seen from above, to one drawn at random."""
    if len(cloud) <= limit:
        return cloud
    center = cloud.points[rng.integers(len(cloud)), :2]
    distance = np.square(cloud.points[:, :2] - center).sum(axis=1)
    return part(cloud, np.sort(np.argpartition(distance, limit - 1)[:limit]))


def part(cloud: Cloud, index: Int64[np.ndarray, " p"]) -> Cloud:
    """Some of the points, in the order given; a tag stays where most of its points do.

    A tag of all points stays too: that a part of a scene holds the scene's classes is nearly true.
    """
    place = np.full(len(cloud), -1)
    place[index] = np.arange(len(index))
    kept = [(place[tag.points], tag) for tag in cloud.tags]
    return Cloud(
        cloud.points[index],
        cloud.colors[index],
        cloud.semantic[index],
        cloud.instance[index],
        tuple(Tags(at[at >= 0], tag.classes) for at, tag in kept if (at >= 0).mean() >= MOST_OF_IT),
    )
