"""Solids are where they say, and materials look as they say."""

import numpy as np
import pytest

from seggroup.synth import materials as m
from seggroup.synth.solids import (
    box,
    crumple,
    cushion,
    lathe,
    prism,
    rounded_box,
    tube,
    turn,
    wall_panel,
)


def area(mesh):
    a, b, c = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


def volume(mesh):
    """Enclosed volume by the divergence theorem; needs outward or inward faces throughout."""
    a, b, c = (mesh.vertices[mesh.faces[:, i]].astype(float) for i in range(3))
    return abs((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize(
    ("mesh", "low", "high"),
    [
        (box(1, 2, 3), (-0.5, -1, 0), (0.5, 1, 3)),
        (rounded_box(1, 2, 3, 0.1), (-0.5, -1, 0), (0.5, 1, 3)),
        (cushion(1, 2, 0.5), (-0.5, -1, 0), (0.5, 1, 0.5)),
        (prism([(0, 0), (1, 0), (0, 1)], 1, 2), (0, 0, 1), (1, 1, 2)),
        (lathe([(0, 0), (1, 0), (1, 2), (0, 2)]), (-1, -1, 0), (1, 1, 2)),
        (tube((0, 0, 0), (0, 0, 2), 0.5), (-0.5, -0.5, 0), (0.5, 0.5, 2)),
    ],
)
def test_bounds(mesh, low, high):
    np.testing.assert_allclose(mesh.vertices.min(0), low, atol=0.03)
    np.testing.assert_allclose(mesh.vertices.max(0), high, atol=0.03)
    assert mesh.faces.min() >= 0
    assert mesh.faces.max() < len(mesh.vertices)


def test_a_box_has_its_area():
    assert area(box(1, 2, 3)) == pytest.approx(22)


def test_rounding_a_box_takes_little_away():
    assert 0.9 * 22 < area(rounded_box(1, 2, 3, 0.1)) < 22


def test_a_lathe_of_a_rectangle_is_a_cylinder():
    assert volume(lathe([(0, 0), (1, 0), (1, 2), (0, 2)], sides=200)) == pytest.approx(
        2 * np.pi, rel=1e-3
    )


def test_a_panel_lacks_its_holes():
    holes = [(0.5, 1.0, 0.0, 2.0), (2.0, 3.0, 1.0, 1.5)]
    assert area(wall_panel(4, 2.5, holes)) == pytest.approx(10 - 1 - 0.5)


def test_turning_by_a_quarter():
    turned = turn(box(1, 2, 3), np.pi / 2)
    np.testing.assert_allclose(turned.vertices.max(0), (1, 0.5, 3), atol=1e-6)


def test_crumpling_moves_by_about_the_amount():
    flat = rounded_box(2, 2, 0.2, 0.05, 20)
    moved = np.abs(crumple(flat, np.random.default_rng(0), 0.02, 0.3).vertices - flat.vertices)
    assert 0.003 < moved.mean() < 0.03
    assert moved.max() < 0.05


def colors(material, where):
    noise = m.noise_volume(np.random.default_rng(0))
    return m.colors_at(m.palette([material]), noise, np.zeros(len(where), int), where)


def test_checks_alternate_by_the_cell():
    chess = m.Material((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), m.Pattern.CHECKS, (0.1, 0.1, 0.1), 1.0)
    where = np.array([(0.05, 0.05, 0.05), (0.15, 0.05, 0.05), (0.15, 0.15, 0.05)])
    np.testing.assert_allclose(colors(chess, where)[:, 0], (0, 1, 0))


def test_tiles_have_joints():
    tiled = m.Material((0.2, 0.2, 0.2), (0.9, 0.9, 0.9), m.Pattern.TILES, (0.3,) * 3, 1.0)
    where = np.array([(0.15, 0.15, 0.15), (0.299, 0.15, 0.15)])
    inner, joint = colors(tiled, where)[:, 0]
    assert inner < 0.4
    assert joint > 0.7


@pytest.mark.parametrize("maker", [m.wood, m.fabric, m.paint, m.carpet, m.print_, m.tiles, m.glass])
def test_materials_vary_over_their_surface_and_from_draw_to_draw(maker):
    rng = np.random.default_rng(1)
    where = rng.uniform(-2, 2, (2000, 3))
    looks = [colors(maker(rng), where) for _ in range(8)]
    assert all(look.min() >= 0 and look.max() <= 1 for look in looks)
    assert any(look.std(0).max() > 0.005 for look in looks)
    assert np.std([look.mean(0) for look in looks], axis=0).max() > 0.01
