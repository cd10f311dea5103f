"""What labels cost in minutes, and what a set of clicks covers (METHOD section 3)."""

import math
from typing import Literal, assert_never, get_args

import numpy as np

from seggroup.config import CostConfig
from seggroup.errors import InputError
from seggroup.types import Clicks, Scene

Form = Literal["seg", "dense", "subcloud"]  # seg-level clicks, every point, MPRM's subclouds
FORMS: tuple[Form, ...] = get_args(Form)


def minutes_per_scene(
    form: Form, instances: float | int = 32, config: CostConfig | None = None
) -> float:
    """Minutes to label a scene of `instances` instances (paper, section 4.2 and appendix A)."""
    config = config or CostConfig()
    match form:
        case "seg":
            return (config.location_seconds + config.class_seconds * instances) / 60
        case "dense":
            return config.dense_minutes
        case "subcloud":
            return config.subcloud_minutes
        case _:
            assert_never(form)


def scenes_for_budget(
    form: Form,
    minutes: float | int,
    instances_per_scene: float | int = 32,
    config: CostConfig | None = None,
) -> int:
    """Whole scenes that `minutes` of labelling afford. Raises InputError on a negative budget."""
    if not (minutes >= 0 and math.isfinite(minutes)):
        raise InputError(f"a labelling budget of {minutes} minutes; give a number from 0 on")
    # The slack keeps n scenes' own minutes from rounding down to n - 1.
    return math.floor(minutes / minutes_per_scene(form, instances_per_scene, config) + 1e-9)


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
