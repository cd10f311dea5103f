"""What labels cost in minutes, what a budget buys, and what a set of clicks covers (METHOD 3)."""

import math
import zlib
from collections.abc import Sequence
from typing import Literal, assert_never, get_args

import numpy as np

from seggroup.config import CostConfig
from seggroup.errors import InputError
from seggroup.types import Clicks, Scene

Form = Literal["dense", "seg", "points", "active", "subcloud", "scene"]  # `labels.forms` makes them
FORMS: tuple[Form, ...] = get_args(Form)

_SLACK = 1e-9  # of a scene or of the budget: n scenes' own minutes must buy n scenes


def minutes_per_scene(
    form: Form,
    instances: float | int = 32,
    config: CostConfig | None = None,
    *,
    points: float | int = 20,
    classes: float | int = 20,
) -> float:
    """Minutes to label a scene of `instances` instances of `classes` classes, or `points` points.

    Dense, seg-level and subcloud labels cost what the paper says (section 4.2 and appendix A). A
    point that is given costs what tables 3 and 5 imply, which have 50 of them in the time of
    seg-level labels; a scene's tags cost naming each class once, at the paper's 1.5 s.
    """
    config = config or CostConfig()
    match form:
        case "dense":
            return config.dense_minutes
        case "seg":
            return (config.location_seconds + config.class_seconds * instances) / 60
        case "points" | "active":
            return config.point_seconds * points / 60
        case "subcloud":
            return config.subcloud_minutes
        case "scene":
            return config.class_seconds * classes / 60
        case _:
            assert_never(form)


def labelling_order(scenes: Sequence[str], seed: int) -> list[int]:
    """The order in which scenes are labelled, drawn from the seed and each scene's own name.

    It is the same for every form of labels, and stays so where other scenes come or go.
    """

    def drawn(i: int) -> tuple[float, str]:
        draw = np.random.default_rng([seed, zlib.crc32(scenes[i].encode()), 1]).random()
        return draw, scenes[i]

    return sorted(range(len(scenes)), key=drawn)


def scenes_bought(
    scenes: Sequence[str], costs: Sequence[float], minutes: float | int, seed: int
) -> list[int]:
    """Indices of the scenes that a budget buys: in `labelling_order` until the next costs more.

    A smaller budget buys the first of the scenes that a larger one buys. `costs` are in minutes.
    Raises InputError on a negative budget.
    """
    _check_budget(minutes)
    order = labelling_order(scenes, seed)
    spent = np.cumsum([costs[i] for i in order])
    return order[: int(np.searchsorted(spent, minutes * (1 + _SLACK), side="right"))]


def _check_budget(minutes: float | int) -> None:
    if not (minutes >= 0 and math.isfinite(minutes)):
        raise InputError(f"a labelling budget of {minutes} minutes; give a number from 0 on")


def click_statistics(
    clicks: Clicks, scene: Scene, config: CostConfig | None = None
) -> dict[str, float | int]:
    """How many clicks, how much of the scene they label, and the minutes they cost.

    Shares are of the scene's vertices: `share_clicked` counts the clicked ones (the paper has
    0.03 %), `share_labelled` those in a segment that holds a click (29.42 %).
    """
    instances = len(np.unique(clicks.instance))
    vertices = len(scene.segments)
    labelled = np.isin(scene.segments, scene.segments[clicks.vertex])
    return {
        "clicks": len(clicks),
        "instances": instances,
        "clicks_per_instance": len(clicks) / max(instances, 1),
        "segments": len(scene.segment_ids),
        "labelled_segments": len(np.unique(scene.segments[clicks.vertex])),
        "share_clicked": len(np.unique(clicks.vertex)) / max(vertices, 1),
        "share_labelled": float(labelled.sum()) / max(vertices, 1),
        "minutes": minutes_per_scene("seg", instances, config),
    }
