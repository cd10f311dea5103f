"""Drawing triangles, discs and balls into a picture with a depth buffer.

Screen coordinates are x right and y down in pixels, and a nearness that grows towards the viewer
and interpolates linearly on the screen (one over the distance). 0 in the buffer: nothing yet.
"""

import typing

import numpy as np
from numba import njit


@njit(cache=True)
@typing.no_type_check
def draw_triangles(screen, faces, colors, near, picture):
    """Fill the triangles that face the viewer (anticlockwise as one sees them).

    screen : float32 (v, 3); faces : int32 (f, 3); colors : float32 (v, 3)
    near : float32 (h, w) and picture : float32 (h, w, 3), both drawn into
    """
    height, width = near.shape
    for f in range(len(faces)):
        i, j, k = faces[f]
        ax, ay, bx, by = screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1]
        cx, cy = screen[k, 0], screen[k, 1]
        area = (by - ay) * (cx - ax) - (bx - ax) * (cy - ay)  # y points down
        if not area > 0:
            continue
        x0, x1 = max(0, int(np.ceil(min(ax, bx, cx)))), min(width - 1, int(max(ax, bx, cx)))
        y0, y1 = max(0, int(np.ceil(min(ay, by, cy)))), min(height - 1, int(max(ay, by, cy)))
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                u = ((cy - by) * (x - bx) - (cx - bx) * (y - by)) / area
                v = ((ay - cy) * (x - cx) - (ax - cx) * (y - cy)) / area
                w = 1 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                depth = u * screen[i, 2] + v * screen[j, 2] + w * screen[k, 2]
                if depth > near[y, x]:
                    near[y, x] = depth
                    for c in range(3):
                        picture[y, x, c] = u * colors[i, c] + v * colors[j, c] + w * colors[k, c]


@njit(cache=True)
@typing.no_type_check
def draw_discs(screen, colors, radius, near, picture):
    """A disc of the given radius (pixels at nearness 1; they shrink with distance) per point."""
    height, width = near.shape
    for i in range(len(screen)):
        x, y, depth = screen[i]
        r = radius * depth
        for row in range(max(0, int(np.ceil(y - r))), min(height - 1, int(y + r)) + 1):
            reach = np.sqrt(max(0.0, r * r - (row - y) ** 2))
            for column in range(
                max(0, int(np.ceil(x - reach))), min(width - 1, int(x + reach)) + 1
            ):
                if depth > near[row, column]:
                    near[row, column] = depth
                    for c in range(3):
                        picture[row, column, c] = colors[i, c]


@njit(cache=True)
@typing.no_type_check
def draw_balls(screen, radius, color, picture):
    """Shaded balls of one colour with a dark rim, over everything, in the order given."""
    height, width = picture.shape[:2]
    for i in range(len(screen)):
        x, y = screen[i, 0], screen[i, 1]
        for row in range(max(0, int(y - radius)), min(height, int(y + radius) + 2)):
            for column in range(max(0, int(x - radius)), min(width, int(x + radius) + 2)):
                dx, dy = (column - x) / radius, (row - y) / radius
                inside = 1 - dx * dx - dy * dy
                if inside < 0:
                    continue
                light = 0.35 + 0.65 * max(0.0, 0.8 * np.sqrt(inside) - 0.4 * dx - 0.45 * dy)
                gloss = max(0.0, 1 - 9 * ((dx + 0.35) ** 2 + (dy + 0.35) ** 2))
                for c in range(3):
                    value = min(1.0, light) * color[c]
                    picture[row, column, c] = value + (1 - value) * 0.75 * gloss


@njit(cache=True)
@typing.no_type_check
def shade_edges(near, reach, strength, picture):
    """Darken what lies behind its surroundings (eye-dome lighting; Boucheny 2009).

    reach : pixels to the neighbours compared; strength : per unit of log distance
    """
    height, width = near.shape
    for y in range(height):
        for x in range(width):
            if near[y, x] == 0:
                continue
            behind = 0.0
            for dy, dx in ((-reach, 0), (reach, 0), (0, -reach), (0, reach)):
                row, column = y + dy, x + dx
                if 0 <= row < height and 0 <= column < width and near[row, column] > near[y, x]:
                    behind += min(0.05, np.log(near[row, column] / near[y, x]))
            if behind > 0:
                shade = np.exp(-strength * behind / 4)
                for c in range(3):
                    picture[y, x, c] *= shade
