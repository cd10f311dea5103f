"""Pictures of scans: the rasteriser against a slow twin, the camera's laws, colours and bytes."""

import numpy as np
import pytest
from PIL import Image

from seggroup.report.camera import View, look_at, up_direction
from seggroup.report.raster import draw_discs, draw_triangles
from seggroup.report.render import (
    class_colors,
    instance_colors,
    palette,
    png,
    render,
    save_png,
)
from seggroup.types import Labels, Scan

SIZE = (96, 72)


def box(width=4.0, depth=3.0, height=2.5, cells=8):
    """A room seen from inside: a floor and four walls whose faces look inward."""
    u, v = np.meshgrid(np.linspace(0, 1, cells + 1), np.linspace(0, 1, cells + 1), indexing="ij")
    u, v = u.ravel(), v.ravel()
    corner = np.arange(cells * (cells + 1)).reshape(cells, cells + 1)[:, :-1].ravel()
    a, b, c, d = corner, corner + cells + 1, corner + cells + 2, corner + 1
    quads = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    one, zero = np.ones_like(u), np.zeros_like(u)
    sides = [(u, v, zero), (zero, u, v), (one, v, u), (v, zero, u), (u, one, v)]
    vertices = np.concatenate([np.stack(side, 1) for side in sides]) * [width, depth, height]
    faces = np.concatenate([quads + i * len(u) for i in range(len(sides))])
    colors = np.repeat(
        [[250, 250, 250], [250, 0, 0], [0, 250, 0], [0, 0, 250], [250, 250, 0]], len(u), axis=0
    )
    return Scan("box", vertices.astype(np.float32), colors.astype(np.uint8), faces.astype(np.int32))


def cloud_of(scan, normals=None):
    return Scan(scan.name, scan.vertices, scan.colors, np.zeros((0, 3), np.int32), normals)


def slow_triangles(screen, faces, colors, near, picture):
    """Every pixel asks every triangle."""
    for y in range(near.shape[0]):
        for x in range(near.shape[1]):
            for i, j, k in faces:
                a, b, c = screen[i].astype(float), screen[j].astype(float), screen[k].astype(float)
                system = np.array([[a[0], b[0], c[0]], [a[1], b[1], c[1]], [1, 1, 1]])
                if np.linalg.det(system) >= 0:  # clockwise with y up: it faces away
                    continue
                weights = np.linalg.solve(system, [x, y, 1])
                depth = weights @ [a[2], b[2], c[2]]
                if weights.min() >= 0 and depth > near[y, x]:
                    near[y, x] = depth
                    picture[y, x] = weights @ colors[[i, j, k]]


def test_triangles_agree_with_the_slow_twin():
    rng = np.random.default_rng(0)
    screen = np.concatenate([rng.uniform(-5, 30, (36, 2)), rng.uniform(0.5, 2, (36, 1))], axis=1)
    screen = screen.astype(np.float32)
    faces = np.arange(36, dtype=np.int32).reshape(12, 3)
    colors = rng.random((36, 3)).astype(np.float32)
    results = []
    for draw in (draw_triangles, slow_triangles):
        near, picture = np.zeros((20, 25), np.float32), np.zeros((20, 25, 3), np.float32)
        draw(screen, faces, colors, near, picture)
        results.append((near, picture))
    (near, picture), (slow_near, slow_picture) = results
    assert (near > 0).any()
    np.testing.assert_allclose(near, slow_near, atol=1e-4)
    np.testing.assert_allclose(picture, slow_picture, atol=1e-3)


def test_the_nearer_disc_covers_the_farther():
    near, picture = np.zeros((9, 9), np.float32), np.ones((9, 9, 3), np.float32)
    screen = np.array([[4, 4, 1.5], [4, 4, 1.0]], np.float32)
    colors = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    draw_discs(screen, colors, np.float32(2.2), near, picture)
    assert picture[4, 4].tolist() == [1, 0, 0]
    assert picture[4, 7].tolist() == [1, 0, 0]  # 2.2 * 1.5 = 3.3 pixels
    assert picture[0, 4].tolist() == [1, 1, 1]
    assert picture[1, 1].tolist() == [1, 1, 1]


def test_one_looks_into_the_room_over_the_near_walls():
    scan = box()
    image = render(scan, scan.colors, SIZE, View(azimuth=-70.0))  # from the front, y < 0
    assert image.shape == (72, 96, 3)
    seen = image.astype(int)
    red, green, blue = (seen[..., c] for c in range(3))
    assert ((blue > 80) & (red < 60)).sum() == 0  # the wall at y = 0 is in the way: left out
    assert ((red > 80) & (green > 80) & (blue < 60)).sum() > 200  # the wall at y = depth
    assert ((red > 120) & (green > 120) & (blue > 120) & (red < 255)).sum() > 500  # the floor
    assert (image[0, 0] == 255).all()


@pytest.mark.parametrize("factor", [1000.0, 0.01])
def test_units_do_not_matter(factor):
    scan = box()
    other = Scan("mm", scan.vertices * np.float32(factor), scan.colors, scan.faces)
    difference = render(scan, scan.colors, SIZE).astype(int) - render(other, scan.colors, SIZE)
    assert (np.abs(difference).max(axis=2) > 8).mean() < 0.01


@pytest.mark.parametrize("azimuth", [None, 0.0, 45.0, 200.0])
@pytest.mark.parametrize("elevation", [20.0, 55.0, 90.0])
def test_the_camera_frames_the_scan(azimuth, elevation):
    scan = box()
    camera = look_at(scan, SIZE, View(azimuth, elevation))
    np.testing.assert_allclose(camera.axes @ camera.axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(camera.axes) == pytest.approx(1)
    assert camera.axes[2, 2] == pytest.approx(np.sin(np.radians(elevation)))
    xy = camera.project(scan.vertices)[:, :2]
    assert (xy > -1).all()
    assert (xy < np.array(SIZE) + 1).all()
    filled = (xy.max(axis=0) - xy.min(axis=0)) / SIZE
    assert filled.max() > 0.9


def test_the_vertical_is_found():
    scan = box()
    assert up_direction(scan) == (0, 0, 1)
    y_down = scan.vertices[:, [0, 2, 1]] * np.array([1, -1, 1], np.float32)
    floor = Scan("camera", y_down, scan.colors, scan.faces[:128])
    up = np.array(up_direction(floor))
    np.testing.assert_allclose(up / np.linalg.norm(up), [0, -1, 0], atol=1e-6)
    assert up_direction(cloud_of(scan)) == (0, 0, 1)


def test_clicks_are_red_balls_at_their_vertices():
    scan = box()
    grey = np.full_like(scan.colors, 200)
    clicked = np.array([40], np.int32)
    plain, marked = render(scan, grey, SIZE), render(scan, grey, SIZE, clicked=clicked)
    changed = np.argwhere((plain != marked).any(axis=2))
    x, y, _ = look_at(scan, (2 * SIZE[0], 2 * SIZE[1]), View()).project(scan.vertices[clicked])[0]
    np.testing.assert_allclose(changed.mean(axis=0), [y / 2, x / 2], atol=1)
    red, green, _ = marked[int(y / 2), int(x / 2)].astype(int)
    assert red > green + 60


def test_clouds():
    scan = box(cells=40)
    image = render(cloud_of(scan), scan.colors, SIZE)
    assert (image != 255).any(axis=2).mean() > 0.3
    sides = np.array([[0, 0, 1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], np.float32)
    inward = np.repeat(sides, len(scan.vertices) // 5, axis=0)
    view = View(azimuth=-70.0)
    seen = render(cloud_of(scan, inward), scan.colors, SIZE, view).astype(int)
    assert ((seen[..., 2] > 80) & (seen[..., 0] < 60)).sum() == 0


@pytest.mark.parametrize("vertices", [0, 1, 2])
def test_hardly_any_points(vertices):
    points = np.arange(3 * vertices, dtype=np.float32).reshape(vertices, 3)
    colors = np.zeros((vertices, 3), np.uint8)
    image = render(Scan("few", points, colors, np.zeros((0, 3), np.int32)), colors, SIZE)
    assert image.shape == (72, 96, 3)
    assert (image < 255).any() == (vertices > 0)


def test_colors_of_labels():
    labels = Labels(np.array([5, -1, 41], np.int32), np.array([2, -1, 0], np.int32))
    by_class, by_instance = class_colors(labels), instance_colors(labels)
    assert by_class[0].tolist() == [188, 189, 34]
    assert by_class[1].tolist() == by_instance[1].tolist() == [255, 255, 255]
    assert by_class[2].tolist() == palette(1)[0].tolist()
    assert by_instance[0].tolist() == palette(3)[2].tolist()
    nothing = Labels(np.array([-1], np.int32), np.array([-1], np.int32))
    assert instance_colors(nothing).tolist() == class_colors(nothing).tolist() == [[255] * 3]


def test_the_palette_keeps_colors_apart():
    colors = palette(60)
    assert colors[:10].tolist() == palette(10)[:10].tolist()  # the same number, the same colour
    assert len(np.unique(colors, axis=0)) == 61
    step = np.abs(np.diff(colors[:-1].astype(int), axis=0)).sum(axis=1)
    assert step.min() > 60


def test_png_is_the_same_every_time(tmp_path):
    image = render(box(), box().colors, SIZE)
    assert png(image) == png(render(box(), box().colors, SIZE))
    save_png(tmp_path / "room.png", image)
    with Image.open(tmp_path / "room.png") as file:
        assert (np.asarray(file) == image).all()
