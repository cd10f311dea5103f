"""Where to click next: how many clicks the suggestions save a simulated annotator.

    python benchmarks/next_click.py [--rooms 8] [--method walk|assign] [--weights FILE]

At every step a policy names a part of the scan and the annotator clicks it, for the instance that
most of its vertices have; where most have none the annotator declines, which counts as a click and
takes the part out. The parts are segments where the random walk spreads the clicks, and pieces
where "assign" does. The labels are compared with the truth.

by size         : the largest part that is not clicked
random          : any of them, drawn with seed 0
walk's doubt    : (walk) the one with the most vertices times the walk's doubt (1 - confidence)
suggested       : `seggroup.suggest`; with assign, the largest piece of the suggested segment
by assign       : (assign) `seggroup.assign.nextclick`
objects by size : the largest instance that is not clicked, in its largest part: nothing that
                  a program could know, but what a person may do who sees the objects. What is
                  left when all have a click goes by size

100 % is the quality of one Top-1 click per instance (labels/simulate.py) by the same method, and
clicks are counted per instance: 0.5 = half as many clicks as the scene has instances. Runs stop at
2 per instance (assign: 1.25); a level that is not reached counts as that. "mIoU" is the mean of the
class-wise semantic and instance IoU, "instance IoU" the mean over instances, small and large
alike, "points" the share of the vertices with the right instance; "area" is the mean quality over
the first click per instance.

The rules were chosen on other synthetic rooms than these. Real scans are added where
SEGGROUP_REAL_DATA names their folder; nothing was chosen on them.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from common import SCENE, Table, options, output, real_data, synthetic_folder

from seggroup.assign.labels import Known, Shares, assigned, know, shares
from seggroup.assign.network import Assigner
from seggroup.assign.nextclick import make_links_guide, next_spots
from seggroup.assign.weights import BOX, load_assigner
from seggroup.config import WalkConfig
from seggroup.evaluate.pseudo import count, figures
from seggroup.io.scenes import find_scenes
from seggroup.labels.simulate import simulate
from seggroup.pipeline import load_scene
from seggroup.suggest import Guide, make_guide, next_clicks
from seggroup.types import NONE, Clicks, Labels, Scene
from seggroup.walk import edge_weights, nearest_reached, strongest, surface_normals, walk_on

LEVELS = (0.5, 0.8, 0.9, 0.95, 1.0)
MEASURES = ("mIoU", "instance IoU", "points")
MOST = {"walk": 2.0, "assign": 1.25}  # clicks per instance
REAL = (SCENE, "multiscan/scene_00097_02.ply", "3rscan/0988ea78.ply")


@dataclass(frozen=True)
class Room:
    """A scene to be clicked, in parts: the segments, or the pieces of `known`.

    weights : of the segment graph's edges, for the walk
    guide   : of `suggest`, on the segments; `links` that of `nextclick`, on the pieces
    part    : of every vertex
    segment : of every part; size in vertices
    owner   : the instance most vertices of each part have, or NONE
    vertex  : of the owner in each part, in its middle
    """

    scene: Scene
    weights: np.ndarray
    guide: Guide
    part: np.ndarray
    segment: np.ndarray
    size: np.ndarray
    owner: np.ndarray
    vertex: np.ndarray
    class_of: np.ndarray
    network: Assigner | None = None
    known: Known | None = None
    links: Guide | None = None

    @property
    def method(self) -> str:
        """How the clicks are spread."""
        return "walk" if self.network is None else "assign"


@dataclass
class State:
    """Parts that are clicked, of which instances, and those declined.

    doubt : of the walk; `found`: the assigner's shares
    """

    doubt: np.ndarray
    clicked: list[int] = field(default_factory=list)
    instance: list[int] = field(default_factory=list)
    declined: list[int] = field(default_factory=list)
    found: Shares | None = None


Policy = Callable[[Room, State], np.ndarray]  # a score of every part; the highest is next


def read_room(place: Path, network: Assigner | None) -> Room:
    """A scene and what the policies need of it."""
    scene = load_scene(find_scenes([place])[0])
    assert scene.truth is not None
    truth = scene.truth
    weights = edge_weights(scene, surface_normals(scene.scan), WalkConfig())
    guide = make_guide(
        scene.graph, weights, np.bincount(scene.segments, minlength=scene.graph.size)
    )
    known = know(network, scene) if network else None
    part = known.pieces.piece if known else scene.segments
    size = np.bincount(part)
    segment = known.pieces.segment if known else np.arange(len(size))
    votes = np.zeros((len(size), int(truth.instance.max()) + 2), int)
    np.add.at(votes, (part, truth.instance + 1), 1)
    owner = votes.argmax(axis=1) - 1
    class_of = np.full(votes.shape[1], NONE, np.int32)
    for i in range(len(class_of) - 1):
        classes = truth.semantic[truth.instance == i]
        class_of[i] = np.bincount(classes[classes >= 0], minlength=1).argmax() or NONE
    vertex = np.array([middle(scene, part, i, owner[i]) for i in range(len(size))])
    links = make_links_guide(known) if known else None
    return Room(
        scene, weights, guide, part, segment, size, owner, vertex, class_of, network, known, links
    )


def middle(scene: Scene, part: np.ndarray, index: int, owner: int) -> int:
    """The owner's vertex in a part that is nearest to the centroid of all its vertices there."""
    assert scene.truth is not None
    inside = np.flatnonzero((part == index) & (scene.truth.instance == owner))
    place = scene.scan.vertices[inside]
    return int(inside[np.linalg.norm(place - place.mean(axis=0), axis=1).argmin()])


def by_size(room: Room, state: State) -> np.ndarray:
    """The largest part."""
    return room.size


def by_doubt(room: Room, state: State) -> np.ndarray:
    """The most vertices that the walk is unsure of; the largest where it is sure of all."""
    return room.size * (state.doubt + 1e-9)


def suggested(room: Room, state: State) -> np.ndarray:
    """The suggestions; the largest part once there are none."""
    parts = np.array(state.clicked + state.declined, int)
    instance = np.array(state.instance + [NONE] * len(state.declined), int)
    seeds, first = np.unique(room.segment[parts], return_index=True)
    score = room.size / room.size.sum() * 1e-12
    for place in next_clicks(room.guide, seeds, instance[first], 1):
        score[room.segment == place.segment] += place.gain
    return score


def by_assign(room: Room, state: State) -> np.ndarray:
    """The assigner's; the largest piece once there are none."""
    assert room.known is not None
    assert room.links is not None
    score = room.size / room.size.sum() * 1e-12
    for spot in next_spots(room.known, room.links, state.found, state.clicked, state.declined, 1):
        score[spot.piece] = spot.gain
    return score


def objects_by_size(room: Room, state: State) -> np.ndarray:
    """The largest part of the largest instance without a click."""
    size, owned = room.size, room.owner != NONE
    whole = np.bincount(room.owner[owned], size[owned], minlength=len(room.class_of))
    whole[state.instance] = 0
    return size + np.where(owned, whole[room.owner], 0) * size.sum()


def drawn() -> Policy:
    """Any part."""
    rng = np.random.default_rng(0)
    return lambda room, state: rng.random(len(room.owner))


ALIKE: dict[str, Callable[[], Policy]] = {"by size": lambda: by_size, "random": drawn}
POLICIES: dict[str, dict[str, Callable[[], Policy]]] = {
    "walk": ALIKE
    | {
        "walk's doubt": lambda: by_doubt,
        "suggested": lambda: suggested,
        "objects by size": lambda: objects_by_size,
    },
    "assign": ALIKE
    | {
        "suggested": lambda: suggested,
        "by assign": lambda: by_assign,
        "objects by size": lambda: objects_by_size,
    },
}


def spread(room: Room, clicks: Clicks, state: State | None = None) -> Labels:
    """Labels of every vertex; the state learns what the method thinks of every part."""
    if room.network is not None and room.known is not None:
        found = shares(room.network, room.known, clicks)
        if state:
            state.found = found
        return assigned(room.known, clicks, found)
    seeds = np.full(room.scene.graph.size, NONE, np.int32)
    seeds[room.scene.segments[clicks.vertex]] = clicks.instance
    numbers, probability = walk_on(room.scene.graph, room.weights, seeds)
    winner, confidence = strongest(probability, partial(nearest_reached, room.scene))
    if state:
        state.doubt = 1 - confidence
    labels = Labels(room.class_of[numbers[winner]], numbers[winner], confidence)
    return labels.at(room.scene.segments)


def quality(room: Room, labels: Labels) -> list[float]:
    """The three measures; classes without a ground (NaN) count as 0 in the first."""
    assert room.scene.truth is not None
    found = figures(count(room.scene.truth, labels, None))
    classed = (room.scene.truth.semantic != NONE).any()
    both = np.nan_to_num([found["semantic_miou"], found["instance_miou"]])
    return [
        float(both.mean()) if classed else float("nan"),
        found["instance_iou_all"],
        found["instance_accuracy"],
    ]


def replay(room: Room, policy: Policy, steps: int) -> np.ndarray:
    """The measures after each of some steps of an annotator who follows a policy."""
    state = State(np.ones(len(room.owner)))
    now, rows = [0.0] * len(MEASURES), []
    for _ in range(steps):
        score = np.array(policy(room, state), float)
        score[state.clicked + state.declined] = -1
        part = int(score.argmax())
        if score[part] >= 0 and room.owner[part] == NONE:
            state.declined.append(part)
        elif score[part] >= 0:
            state.clicked.append(part)
            state.instance.append(int(room.owner[part]))
            instance = np.array(state.instance, np.int32)
            clicks = Clicks(
                room.vertex[state.clicked].astype(np.int32), instance, room.class_of[instance]
            )
            now = quality(room, spread(room, clicks, state))
        rows.append(now)
    return np.array(rows)


def needed(curve: np.ndarray, target: np.ndarray, instances: int, most: float) -> np.ndarray:
    """Clicks per instance to each level of each measure's target, and the area: (measure, 6)."""
    rows = []
    for values, whole in zip(curve.T, target, strict=True):
        first = [np.flatnonzero(values >= level * whole)[:1] + 1 for level in LEVELS]
        clicks = [float(f[0]) / instances if len(f) else most for f in first]
        area = values[:instances].mean() / whole
        rows.append([*clicks, area] if np.isfinite(whole) else [np.nan] * (len(LEVELS) + 1))
    return np.array(rows)


def measure(room: Room) -> np.ndarray:
    """`needed` of every policy: (policy, measure, 6)."""
    top1 = simulate(room.scene, "top1", np.random.default_rng(0), per="instance")
    target = np.array(quality(room, spread(room, top1)))
    most = MOST[room.method]
    steps = int(most * len(top1))
    curves = [replay(room, make(), steps) for make in POLICIES[room.method].values()]
    return np.array([needed(curve, target, len(top1), most) for curve in curves])


def table(title: str, found: np.ndarray, method: str) -> Table:
    """The means of scenes' measurements, and the ratio to the clicks by size."""
    rows = []
    for m, measured in enumerate(MEASURES):
        ratio = (found[:, :, m, :-1] / found[:, :1, m, :-1]).mean(axis=0)
        for p, policy in enumerate(POLICIES[method]):
            mean = found[:, p, m].mean(axis=0)
            if np.isfinite(mean).all():
                rows.append([measured, policy, *map(float, mean), *map(float, ratio[p])])
    levels = [f"{100 * level:.0f} %" for level in LEVELS]
    return Table(
        title, ("quality", "policy", *levels, "area", *(f"{x} / by size" for x in levels)), rows
    )


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        rooms={"type": int, "default": 8},
        method={"choices": tuple(POLICIES), "default": "walk", "help": "that spreads the clicks"},
        weights={"type": Path, "default": BOX, "help": "of the assigner; those in the box"},
    )
    network = load_assigner(given.weights) if given.method == "assign" else None
    data = real_data()
    tables = []
    with tempfile.TemporaryDirectory() as temporary:
        places = [synthetic_folder(Path(temporary), i) for i in range(given.rooms)]
        found = [measure(read_room(place, network)) for place in places]
        if found:
            title = f"{given.method}: {len(places)} synthetic rooms, clicks per instance"
            tables.append(table(title, np.array(found), given.method))
    for place in [data / name for name in REAL] if data else []:
        found = [measure(read_room(place, network))]
        title = f"{given.method}: {place.stem}, clicks per instance"
        tables.append(table(title, np.array(found), given.method))
    output(tables, given.json)


if __name__ == "__main__":
    main()
