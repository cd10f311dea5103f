"""Pictures of scans without a display: a mesh's triangles or a cloud's discs, seen from above.

Walls between viewer and room are left out, since they face away from the viewer.
"""

import io
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, UInt8
from PIL import Image

from seggroup.classes import CLASS_COLORS
from seggroup.geometry.mesh import vertex_normals
from seggroup.geometry.neighbours import nearest
from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic
from seggroup.report.camera import Camera, View, look_at
from seggroup.report.raster import draw_balls, draw_discs, draw_triangles, shade_edges
from seggroup.types import NONE, Labels, Scan

_SAMPLING = 2  # rays a pixel in each direction, averaged
_WHITE = 255
_CLICK_COLOR = np.array((214, 20, 28), np.float32) / _WHITE
_BALL = 1 / 75  # radius of a click's ball, in heights of the picture
_EDGE_STRENGTH = 30.0  # per unit of log distance
_DISC_NEIGHBOUR = 8  # a point's disc reaches to this neighbour, so that discs close a surface


def render(
    scan: Scan,
    colors: UInt8[np.ndarray, "v 3"],
    size: tuple[int, int] = (800, 600),
    view: View | None = None,
    clicked: Int[np.ndarray, " c"] | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """The scan in the given vertex colours, on white; red balls over the `clicked` vertices.

    size : width and height in pixels. The same scan, size and view give the same camera.
    """
    width, height = size[0] * _SAMPLING, size[1] * _SAMPLING
    picture = np.ones((height, width, 3), np.float32)
    if len(scan.vertices):
        camera = look_at(scan, (width, height), view or View())
        _draw(scan, colors, camera, picture)
        if clicked is not None:
            balls = camera.project(scan.vertices[clicked])
            balls = balls[np.argsort(balls[:, 2], kind="stable")]
            draw_balls(balls, np.float32(height * _BALL), _CLICK_COLOR, picture)
    blocks = picture.reshape(size[1], _SAMPLING, size[0], _SAMPLING, 3).mean(axis=(1, 3))
    return (blocks * _WHITE + 0.5).astype(np.uint8)


def _draw(
    scan: Scan,
    colors: UInt8[np.ndarray, "v 3"],
    camera: Camera,
    picture: Float32[np.ndarray, "h w 3"],
) -> None:
    near = np.zeros(picture.shape[:2], np.float32)
    screen = camera.project(scan.vertices)
    normals = scan.normals
    if normals is None and scan.is_mesh:
        normals = vertex_normals(scan.vertices, scan.faces)
    shaded = colors.astype(np.float32) / _WHITE
    if normals is not None:
        shaded *= _light(normals, camera)[:, None]
    if scan.is_mesh:
        draw_triangles(screen, scan.faces, shaded, near, picture)
    else:
        facing = np.ones(len(screen), bool)
        if normals is not None:
            facing = normals @ camera.axes[2].astype(np.float32) > 0
        radius = _disc_radius(scan.vertices) * camera.scale
        draw_discs(screen[facing], shaded[facing], np.float32(radius), near, picture)
    shade_edges(near, max(1, len(picture) // 600), np.float32(_EDGE_STRENGTH), picture)


def _light(normals: Float32[np.ndarray, "v 3"], camera: Camera) -> Float32[np.ndarray, " v"]:
    """Brightness under a lamp above the viewer's left shoulder; 1 where it shines straight on."""
    lamp = np.array([-0.45, 0.65, 1.0]) @ camera.axes
    lamp /= np.linalg.norm(lamp)
    length = np.linalg.norm(normals, axis=1)
    cosine = normals @ lamp.astype(np.float32) / np.where(length > 0, length, 1)
    return (0.6 + 0.4 * cosine.clip(0)).astype(np.float32)


def _disc_radius(vertices: Float32[np.ndarray, "v 3"]) -> float:
    """The median distance to a near neighbour, from at most 2,000 points."""
    queries = np.ascontiguousarray(vertices[:: max(1, len(vertices) // 2000)])
    distances, _ = nearest(vertices, queries, _DISC_NEIGHBOUR)
    return float(np.median(distances[:, -1]))


def instance_colors(labels: Labels) -> UInt8[np.ndarray, "v 3"]:
    """A colour for every instance, the same for the same number; white where there is none."""
    return palette(int(labels.instance.max(initial=NONE)) + 1)[labels.instance]


def palette(count: int) -> UInt8[np.ndarray, "n 3"]:
    """`count` colours that differ in hue and lightness, then white (for the index `NONE`).

    Hues step by the golden angle in OKLCH, lightness cycles through three steps, so that
    neighbours in the list stay apart for colour-blind eyes too.
    """
    i = np.arange(count)
    hue = 0.6 + i * np.pi * (3 - np.sqrt(5))
    lightness = np.array([0.72, 0.56, 0.84])[i % 3]
    chroma = np.array([0.14, 0.13, 0.11])[i % 3]
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    lms = np.stack(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ],
        axis=1,
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = (lms**3 @ to_rgb.T).clip(0, 1)
    srgb = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.concatenate([np.round(_WHITE * srgb), [[_WHITE] * 3]]).astype(np.uint8)


def class_colors(labels: Labels, classes: ClassList | None = None) -> UInt8[np.ndarray, "v 3"]:
    """The colour of every class in the list, or ScanNet's (a palette's beyond NYU40).

    White where there is no class, and for one that the list does not have.
    """
    if classes is not None:
        ids, place = np.unique(labels.semantic, return_inverse=True)
        listed = [classes.classes.get(int(i)) for i in ids]
        shades = [(_WHITE,) * 3 if named is None else named.color for named in listed]
        return np.array(shades, np.uint8)[place]
    known = len(CLASS_COLORS)
    others = palette(max(0, int(labels.semantic.max(initial=NONE)) + 1 - known))
    return np.concatenate([CLASS_COLORS, others])[labels.semantic]


def png(image: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """The picture as PNG, the same bytes for the same picture."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def save_png(path: Path, image: UInt8[np.ndarray, "h w 3"]) -> None:
    """Write the picture as PNG, whole or not at all."""
    with atomic(path) as file:
        file.write(png(image))
