"""Simulated annotators at the real page: clicks where it suggests, against the order by size.

    python benchmarks/annotator_replay.py [--rooms 3]

In headless Chromium a simulated annotator goes from place to place and clicks there with mouse and
keyboard, as a person would (benchmarks/browser/replay.mjs):

suggested : key N flies to the next suggestion
by size   : the largest segment without a click, of the largest downwards

It knows of a place the instance that most of the segment's vertices have; where most have none it
passes on, which counts as a click. What the page saved is read from the log; after each click the
labels are those of the walk on the log so far. 100 % is the quality of one Top-1 click per
instance; a level without a number was not reached within a run, 1.2 clicks per instance. The first
table compares the policies: in how many scenes the suggestions reach a level with fewer clicks, as
many or more, and the clicks of the scenes in which both reach it, together. Quality, rooms, and on
what the rule was chosen: benchmarks/next_click.py. Needs `make setup`, and Chromium
(SEGGROUP_CHROMIUM, else /usr/bin/chromium). Real scans are added where SEGGROUP_REAL_DATA names
their folder.
"""

import json
import subprocess
import tempfile
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
from common import Table, options, output, real_data, synthetic_folder
from next_click import LEVELS, MEASURES, REAL, Room, quality, read_room, spread
from serving import BROWSER, read_log, serving

from seggroup.classes import NYU40, class_name
from seggroup.labels.simulate import simulate
from seggroup.server.annotation import clicks_of
from seggroup.server.annotation import replay as fold
from seggroup.server.protocol import Entry
from seggroup.types import NONE

POLICIES = ("by size", "suggested")
MOST = 1.2  # clicks per instance
UNKNOWN = "otherprop"  # the class of what the truth gives none


@dataclass(frozen=True)
class Run:
    """What an annotator got.

    curve  : the measures after each step
    kinds  : what each step was
    turned : places that were not seen before the scan was turned
    """

    curve: np.ndarray
    kinds: list[str]
    turned: int
    seconds: float


def task(room: Room, policy: str, steps: int, address: str) -> dict:
    """What browser/replay.mjs is to do."""
    ids = room.scene.segment_ids.tolist()
    known = {i: (int(t), class_of(room, t)) for i, t in zip(ids, room.owner, strict=True) if t >= 0}
    largest = np.argsort(-room.guide.size, kind="stable")[:steps]
    order = [(ids[s], middle(room, s)) for s in largest]
    places = {"truth": known, "order": order}
    return {"address": address, "policy": policy, "steps": steps, **places}


def class_of(room: Room, instance: int) -> str:
    """The name of a true instance's class."""
    known = int(room.class_of[instance])
    return class_name(known) if known in NYU40 else UNKNOWN


def middle(room: Room, segment: int) -> int:
    """The vertex of a segment that is nearest its centroid."""
    own = np.flatnonzero(room.scene.segments == segment)
    places = room.scene.scan.vertices[own]
    return int(own[np.linalg.norm(places - places.mean(axis=0), axis=1).argmin()])


def work(place: Path, room: Room, policy: str, steps: int) -> Run:
    """Let an annotator work at the page, and measure what it saved."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with serving(place, folder) as address:
            wanted = json.dumps(task(room, policy, steps, address))
            command = ["node", str(BROWSER / "replay.mjs")]
            done = subprocess.run(
                command, input=wanted, stdout=subprocess.PIPE, check=True, text=True
            )
        told, log = json.loads(done.stdout), read_log(folder)
    assert len(log) == told["steps"][-1]["operations"], "the log is not what was done"
    curve = [measured(room, log[: step["operations"]]) for step in told["steps"]]
    curve += curve[-1:] * (steps - len(curve))  # where there was no suggestion left
    kinds = [step["kind"] for step in told["steps"]]
    return Run(np.array(curve), kinds, told["turned"], told["seconds"])


def measured(room: Room, log: list[Entry]) -> list[float]:
    """The measures of a log's clicks; instances go by the truth under their first click."""
    state = fold(log)
    if not state.instances:
        return [0.0] * len(MEASURES)
    segments = room.scene.segments
    first = {n: next(iter(i.clicks.values())) for n, i in state.instances.items()}
    truth = {n: int(room.owner[segments[vertex]]) for n, vertex in first.items()}
    typed = np.full(len(room.class_of), NONE, np.int32)
    typed[list(truth.values())] = [i.semantic for i in state.instances.values()]
    clicks = clicks_of(state)
    clicked, instance = segments[clicks.vertex].tolist(), [truth[n] for n in clicks.instance]
    return quality(room, spread(replace(room, class_of=typed), clicked, instance))


def cells(run: Run, target: np.ndarray, measure: int, instances: int) -> list:
    """Clicks to each level, and the area, of one measure."""
    values, whole = run.curve[:, measure], target[measure]
    reached = [np.flatnonzero(values >= level * whole) for level in LEVELS]
    clicks = [int(r[0]) + 1 if len(r) else None for r in reached]
    return [*clicks, float(values[:instances].mean() / whole)]


def rows(place: Path) -> list[list]:
    """The rows of a scene: every measure and policy."""
    room = read_room(place)
    top1 = simulate(room.scene, "top1", np.random.default_rng(0), per="instance")
    clicked = room.scene.segments[top1.vertex].tolist()
    target = np.array(quality(room, spread(room, clicked, top1.instance.tolist())))
    n, found = len(top1), []
    for policy in POLICIES:
        run = work(place, room, policy, ceil(MOST * n))
        kinds = [run.kinds.count(kind) for kind in ("new", "added", "passed over", "not seen")]
        each = run.seconds / len(run.kinds)
        for m in np.flatnonzero(np.isfinite(target)):
            figures = cells(run, target, int(m), n)
            scene = room.scene.scan.name
            found.append([MEASURES[m], scene, n, policy, *figures, *kinds, run.turned, each])
    return found


def compared(found: list[list]) -> list[list]:
    """A row of every measure and level: how the policies compare over the scenes."""
    summary = []
    for measure in MEASURES:
        of_measure = [row for row in found if row[0] == measure]
        by_size, suggested = ([row[4:] for row in of_measure if row[3] == p] for p in POLICIES)
        for i, level in enumerate(LEVELS):
            pairs = [(a[i], b[i]) for a, b in zip(by_size, suggested, strict=True)]
            summary.append([measure, f"{100 * level:.0f} %", *against(pairs)])
    return summary


def against(pairs: list[tuple[int | None, int | None]]) -> list:
    """In how many scenes the second needs fewer clicks than the first, as many, more; and the
    scenes in which both have a number, with their clicks."""
    clicks = np.array([[np.inf if c is None else c for c in pair] for pair in pairs])
    first, second = clicks.reshape(-1, 2).T
    both = np.isfinite(first) & np.isfinite(second)
    counts = [second < first, both & (first == second), second > first, both]
    sums = int(first[both].sum()), int(second[both].sum())
    return [*(int(c.sum()) for c in counts), *sums, sums[1] / sums[0] if both.any() else None]


def main() -> None:
    """Measure and print."""
    given = options(__doc__, rooms={"type": int, "default": 3})
    data, levels = real_data(), [f"{100 * level:.0f} %" for level in LEVELS]
    places = [data / name for name in (REAL[0], REAL[2])] if data else []
    with tempfile.TemporaryDirectory() as temporary:
        rooms = [synthetic_folder(Path(temporary), i) for i in range(given.rooms)]
        found = [row for place in [*rooms, *places] for row in rows(place)]
    found.sort(key=lambda row: MEASURES.index(row[0]))
    sums = ("quality", "level", "fewer", "as many", "more", "scenes with both", *POLICIES, "ratio")
    scene = ("quality", "scene", "instances", "policy", *levels, "area")
    steps = ("new", "added", "passed over", "not seen", "turned", "s a step")
    tables = [Table("Suggested against by size", sums, compared(found))]
    output([*tables, Table("Clicks to reach a level", (*scene, *steps), found)], given.json)


if __name__ == "__main__":
    main()
