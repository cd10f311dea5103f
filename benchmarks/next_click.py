"""Where to click next: how many clicks the suggestions save a simulated annotator.

    python benchmarks/next_click.py [--rooms 8]

At every step a policy names a segment and the annotator clicks it, for the instance that most of
its vertices have; where most have none the annotator declines, which counts as a click and takes
the segment out. The clicks are spread by the random walk, and the labels compared with the truth.

by size         : the largest segment that is not clicked
random          : any of them, drawn with seed 0
walk's doubt    : the one with the most vertices times the walk's doubt (1 - confidence)
suggested       : `seggroup.suggest`
objects by size : the largest instance that is not clicked, in its largest segment: nothing that
                  a program could know, but what a person may do who sees the objects. What is
                  left when all have a click goes by size

100 % is the quality of one Top-1 click per instance (labels/simulate.py), and clicks are counted
per instance: 0.5 = half as many clicks as the scene has instances. Runs stop at 2 per instance; a
level that is not reached counts as 2. "mIoU" is the mean of the class-wise semantic and instance
IoU, "instance IoU" the mean over instances, small and large alike, "points" the share of the
vertices with the right instance; "area" is the mean quality over the first click per instance.

The rule was chosen on other synthetic rooms than these. Real scans are added where
SEGGROUP_REAL_DATA names their folder; nothing was chosen on them.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from common import SCENE, Table, options, output, real_data, synthetic_folder

from seggroup.config import WalkConfig
from seggroup.evaluate.pseudo import count, figures
from seggroup.io.scenes import find_scenes
from seggroup.labels.simulate import simulate
from seggroup.pipeline import load_scene
from seggroup.suggest import Guide, make_guide, next_clicks
from seggroup.types import NONE, Labels, Scene
from seggroup.walk import edge_weights, nearest_reached, strongest, surface_normals, walk_on

LEVELS = (0.5, 0.7, 0.8, 0.9)
MEASURES = ("mIoU", "instance IoU", "points")
MOST = 2  # clicks per instance
REAL = (SCENE, "multiscan/scene_00097_02.ply", "3rscan/0988ea78.ply")


@dataclass(frozen=True)
class Room:
    """A scene to be clicked. owner: the instance most vertices of each segment have, or NONE."""

    scene: Scene
    weights: np.ndarray
    guide: Guide
    owner: np.ndarray
    class_of: np.ndarray


@dataclass(frozen=True)
class State:
    """What is clicked, of which instances, and what was declined; doubt: of the walk."""

    clicked: list[int]
    instance: list[int]
    declined: list[int]
    doubt: np.ndarray


Policy = Callable[[Room, State], np.ndarray]  # a score of every segment; the highest is next


def read_room(place: Path) -> Room:
    """A scene and what the policies need of it."""
    scene = load_scene(find_scenes([place])[0])
    assert scene.truth is not None
    weights = edge_weights(scene, surface_normals(scene.scan), WalkConfig())
    size = np.bincount(scene.segments, minlength=scene.graph.size)
    votes = np.zeros((len(size), int(scene.truth.instance.max()) + 2), int)
    np.add.at(votes, (scene.segments, scene.truth.instance + 1), 1)
    class_of = np.full(votes.shape[1], NONE, np.int32)
    for i in range(len(class_of) - 1):
        classes = scene.truth.semantic[scene.truth.instance == i]
        class_of[i] = np.bincount(classes[classes >= 0], minlength=1).argmax() or NONE
    guide = make_guide(scene.graph, weights, size)
    return Room(scene, weights, guide, votes.argmax(axis=1) - 1, class_of)


def by_size(room: Room, state: State) -> np.ndarray:
    """The largest segment."""
    return room.guide.size


def by_doubt(room: Room, state: State) -> np.ndarray:
    """The most vertices that the walk is unsure of; the largest where it is sure of all."""
    return room.guide.size * (state.doubt + 1e-9)


def suggested(room: Room, state: State) -> np.ndarray:
    """The suggestions; the largest segment once there are none."""
    seeds = np.array(state.clicked + state.declined, int)
    instance = np.array(state.instance + [NONE] * len(state.declined), int)
    score = room.guide.size / room.guide.size.sum() * 1e-12
    for place in next_clicks(room.guide, seeds, instance, 1):
        score[place.segment] = place.gain
    return score


def objects_by_size(room: Room, state: State) -> np.ndarray:
    """The largest segment of the largest instance without a click."""
    size, owned = room.guide.size, room.owner != NONE
    whole = np.bincount(room.owner[owned], size[owned], minlength=len(room.class_of))
    whole[state.instance] = 0
    return size + np.where(owned, whole[room.owner], 0) * size.sum()


def drawn() -> Policy:
    """Any segment."""
    rng = np.random.default_rng(0)
    return lambda room, state: rng.random(len(room.owner))


POLICIES: dict[str, Callable[[], Policy]] = {
    "by size": lambda: by_size,
    "random": drawn,
    "walk's doubt": lambda: by_doubt,
    "suggested": lambda: suggested,
    "objects by size": lambda: objects_by_size,
}


def spread(room: Room, clicked: list[int], instance: list[int]) -> Labels:
    """Labels of every segment by the walk."""
    seeds = np.full(room.scene.graph.size, NONE, np.int32)
    seeds[clicked] = instance
    numbers, probability = walk_on(room.scene.graph, room.weights, seeds)
    winner, confidence = strongest(probability, partial(nearest_reached, room.scene))
    return Labels(room.class_of[numbers[winner]], numbers[winner], confidence)


def quality(room: Room, labels: Labels) -> list[float]:
    """The three measures; classes without a ground (NaN) count as 0 in the first."""
    assert room.scene.truth is not None
    found = figures(count(room.scene.truth, labels.at(room.scene.segments), None))
    classed = (room.scene.truth.semantic != NONE).any()
    both = np.nan_to_num([found["semantic_miou"], found["instance_miou"]])
    return [
        float(both.mean()) if classed else float("nan"),
        found["instance_iou_all"],
        found["instance_accuracy"],
    ]


def replay(room: Room, policy: Policy, steps: int) -> np.ndarray:
    """The measures after each of some steps of an annotator who follows a policy."""
    state = State([], [], [], np.ones(len(room.owner)))
    now, rows = [0.0] * len(MEASURES), []
    for _ in range(steps):
        score = np.array(policy(room, state), float)
        score[state.clicked + state.declined] = -1
        segment = int(score.argmax())
        if score[segment] >= 0 and room.owner[segment] == NONE:
            state.declined.append(segment)
        elif score[segment] >= 0:
            state.clicked.append(segment)
            state.instance.append(int(room.owner[segment]))
            labels = spread(room, state.clicked, state.instance)
            assert labels.confidence is not None
            state.doubt[:] = 1 - labels.confidence
            now = quality(room, labels)
        rows.append(now)
    return np.array(rows)


def needed(curve: np.ndarray, target: np.ndarray, instances: int) -> np.ndarray:
    """Clicks per instance to each level of each measure's target, and the area: (measure, 5)."""
    rows = []
    for values, whole in zip(curve.T, target, strict=True):
        first = [np.flatnonzero(values >= level * whole)[:1] + 1 for level in LEVELS]
        clicks = [float(f[0]) / instances if len(f) else float(MOST) for f in first]
        area = values[:instances].mean() / whole
        rows.append([*clicks, area] if np.isfinite(whole) else [np.nan] * (len(LEVELS) + 1))
    return np.array(rows)


def measure(room: Room) -> np.ndarray:
    """`needed` of every policy: (policy, measure, 5)."""
    top1 = simulate(room.scene, "top1", np.random.default_rng(0), per="instance")
    clicked = room.scene.segments[top1.vertex].tolist()
    target = np.array(quality(room, spread(room, clicked, top1.instance.tolist())))
    curves = [replay(room, make(), MOST * len(top1)) for make in POLICIES.values()]
    return np.array([needed(curve, target, len(top1)) for curve in curves])


def table(title: str, found: np.ndarray) -> Table:
    """The means of scenes' measurements, and the ratio to the clicks by size."""
    rows = []
    for m, measured in enumerate(MEASURES):
        ratio = (found[:, :, m, :-1] / found[:, :1, m, :-1]).mean(axis=0)
        for p, policy in enumerate(POLICIES):
            mean = found[:, p, m].mean(axis=0)
            if np.isfinite(mean).all():
                rows.append([measured, policy, *map(float, mean), *map(float, ratio[p])])
    levels = [f"{100 * level:.0f} %" for level in LEVELS]
    return Table(
        title, ("quality", "policy", *levels, "area", *(f"{x} / by size" for x in levels)), rows
    )


def main() -> None:
    """Measure and print."""
    given = options(__doc__, rooms={"type": int, "default": 8})
    data = real_data()
    tables = []
    with tempfile.TemporaryDirectory() as temporary:
        places = [synthetic_folder(Path(temporary), i) for i in range(given.rooms)]
        found = np.array([measure(read_room(place)) for place in places])
        tables.append(table(f"{len(places)} synthetic rooms, clicks per instance", found))
    for name in REAL if data else ():
        found = measure(read_room(data / name))[None]
        tables.append(table(f"{Path(name).stem}, clicks per instance", found))
    output(tables, given.json)


if __name__ == "__main__":
    main()
