"""The cost model against the paper's figures."""

import numpy as np
import pytest
from toy_scenes import toy_scene

from seggroup.config import CostConfig
from seggroup.errors import InputError
from seggroup.labels.budget import FORMS, click_statistics, minutes_per_scene, scenes_for_budget
from seggroup.types import Clicks


def test_the_paper_s_minutes():
    assert minutes_per_scene("seg", 32) == pytest.approx(116 / 60)  # 1.93
    assert minutes_per_scene("dense") == 22.3


def test_the_paper_s_budget_buys_104_dense_and_773_subcloud_scenes():
    budget = 1201 * minutes_per_scene("seg", 32)
    assert scenes_for_budget("seg", budget, 32) == 1201
    assert scenes_for_budget("dense", budget, 32) == 104
    assert scenes_for_budget("subcloud", budget, 32) == 773


@pytest.mark.parametrize("form", FORMS)
def test_n_scenes_cost_buys_n_scenes(form):
    for n in range(200):
        assert scenes_for_budget(form, n * minutes_per_scene(form, 17.3), 17.3) == n


def test_costs_are_the_configuration_s():
    config = CostConfig(location_seconds=30.0, class_seconds=3.0, dense_minutes=10.0)
    assert minutes_per_scene("seg", 10, config) == 1
    assert scenes_for_budget("dense", 25, config=config) == 2


@pytest.mark.parametrize("minutes", [-1, float("nan"), float("inf")])
def test_a_budget_that_is_none_is_refused(minutes):
    with pytest.raises(InputError, match="budget"):
        scenes_for_budget("seg", minutes)


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
