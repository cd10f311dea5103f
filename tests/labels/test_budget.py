"""The cost model against the paper's figures."""

import numpy as np
import pytest
from toy_scenes import toy_scene

from seggroup.config import CostConfig
from seggroup.errors import InputError
from seggroup.labels.budget import (
    FORMS,
    click_statistics,
    labelling_order,
    minutes_per_scene,
    scenes_bought,
)
from seggroup.types import Clicks


def afforded(cost, minutes, number=1300):
    """How many scenes of one cost are bought."""
    return len(scenes_bought([f"room{i}" for i in range(number)], [cost] * number, minutes, 0))


def test_the_paper_s_minutes():
    assert minutes_per_scene("seg", 32) == pytest.approx(116 / 60)  # 1.93
    assert minutes_per_scene("dense") == 22.3


def test_the_paper_s_budget_buys_104_dense_and_773_subcloud_scenes():
    budget = 1201 * minutes_per_scene("seg", 32)
    assert afforded(minutes_per_scene("seg", 32), budget) == 1201
    assert afforded(minutes_per_scene("dense", 32), budget) == 104
    assert afforded(minutes_per_scene("subcloud", 32), budget) == 773


@pytest.mark.parametrize(
    ("form", "points", "classes", "minutes"),
    [
        ("points", 50, 20, 116 / 60),  # CSC-50 on all scenes: tables 3 and 5
        ("points", 20, 20, 46.4 / 60),
        ("active", 20, 20, 46.4 / 60),
        ("subcloud", 20, 20, 3.0),
        ("scene", 20, 8, 0.2),
    ],
)
def test_minutes_of_the_other_forms(form, points, classes, minutes):
    assert minutes_per_scene(form, points=points, classes=classes) == pytest.approx(minutes)


@pytest.mark.parametrize("form", FORMS)
def test_n_scenes_cost_buys_n_scenes(form):
    cost = minutes_per_scene(form, 17.3)
    for n in range(200):
        assert afforded(cost, n * cost, 210) == n


def test_costs_are_the_configuration_s():
    config = CostConfig(location_seconds=30.0, class_seconds=3.0, dense_minutes=10.0)
    assert minutes_per_scene("seg", 10, config) == 1
    assert minutes_per_scene("dense", config=config) == 10


def scenes_of(seed, number=40):
    """Names and costs in minutes of scenes."""
    rng = np.random.default_rng(seed)
    return [f"room{i}" for i in range(number)], rng.uniform(0.5, 3, number).tolist()


def bought_slowly(names, costs, minutes, seed):
    """One scene after the other until the next is too dear."""
    chosen, spent = [], 0.0
    for i in labelling_order(names, seed):
        spent += costs[i]
        if spent > minutes:
            break
        chosen.append(i)
    return chosen


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("minutes", [0, 0.1, 7.5, 30, 1000])
def test_scenes_are_bought_until_the_next_is_too_dear(seed, minutes):
    names, costs = scenes_of(seed)
    bought = scenes_bought(names, costs, minutes, seed)
    assert bought == bought_slowly(names, costs, minutes, seed)
    assert sum(costs[i] for i in bought) <= minutes
    assert len(bought) == len(set(bought))


def test_a_smaller_budget_buys_the_first_of_a_larger_one_s_scenes():
    names, costs = scenes_of(0)
    larger = scenes_bought(names, costs, 60, 3)
    for minutes in range(60):
        smaller = scenes_bought(names, costs, minutes, 3)
        assert smaller == larger[: len(smaller)]


def test_the_whole_cost_buys_every_scene():
    names, costs = scenes_of(1, 1201)
    assert len(scenes_bought(names, costs, sum(costs), 0)) == 1201


def test_the_order_is_the_seed_s_and_no_other_scene_s():
    names, _ = scenes_of(0)
    order = [names[i] for i in labelling_order(names, 0)]
    assert sorted(order) == sorted(names)
    assert order != [names[i] for i in labelling_order(names, 1)]
    fewer = names[::-3]  # in another order too
    assert [fewer[i] for i in labelling_order(fewer, 0)] == [n for n in order if n in fewer]


@pytest.mark.parametrize("minutes", [-1, float("nan"), float("inf")])
def test_no_scene_is_bought_for_a_budget_that_is_none(minutes):
    with pytest.raises(InputError, match="budget"):
        scenes_bought(["a"], [1.0], minutes, 0)


def test_statistics_of_clicks():
    scene = toy_scene([{0: 10}, {0: 20}, {1: 50}, {2: 120}], [(0, 1)], {0: 5, 1: 7, 2: 1})
    # Two clicks of instance 0 (one of them twice on a vertex of segment 1), one of instance 1.
    clicks = Clicks(*np.array([[0, 0, 5], [10, 0, 5], [10, 0, 5], [30, 1, 7]], np.int32).T)
    assert click_statistics(clicks, scene) == {
        "clicks": 4,
        "instances": 2,
        "clicks_per_instance": 2.0,
        "segments": 4,
        "labelled_segments": 3,
        "share_clicked": 3 / 200,
        "share_labelled": 80 / 200,
        "minutes": pytest.approx(71 / 60),
    }


def test_no_clicks_have_statistics_too():
    scene = toy_scene([{0: 10}], [], {0: 5})
    none = np.empty(0, np.int32)
    figures = click_statistics(Clicks(none, none, none), scene)
    assert (figures["clicks"], figures["clicks_per_instance"]) == (0, 0)
    assert (figures["share_clicked"], figures["share_labelled"]) == (0, 0)
