"""What an annotator's errors cost: labels from faulty clicks beside those from right ones.

    python benchmarks/robustness.py [--rooms 10] [--seeds 3] [--pretrained FILE|RUN]
        [--weights FILE]

right clicks     : Top-1 on every connected part
missed           : 10 % of the instances are not clicked
wrong class      : 5 % of the instances are given another class of the scene
any segment      : every click on a segment of the part drawn at random, not on the largest; small
                   instances that own no segment are then often clicked in the large one of a wall
                   or a floor, and methods that label whole segments give them all of it
smallest segment : … on the smallest
two for one      : 10 % of the objects of two or more segments have a second click, in their second
                   segment, under an instance number of its own

Methods: the training-free random walk, the paper's network untrained and, with --pretrained, as a
run of `seggroup train` left it, and "assign" with the weights in the box (or --weights).

Figures are pooled over the scans and averaged over --seeds of the errors (± between them); "lost"
is what the right clicks give more, in points (hundredths). The real scans lie where
SEGGROUP_REAL_DATA says.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import label_cases as lc
import numpy as np
from common import Table, options, output, real_data
from labels import untrained

from seggroup.assign.weights import BOX, load_assigner
from seggroup.config import AnnotatorConfig
from seggroup.errors import InputError
from seggroup.labels.simulate import instance_parts, simulate
from seggroup.model.checkpoint import load_network
from seggroup.pipeline import weights_file
from seggroup.pipeline.scenes import rng_of
from seggroup.types import Clicks, Scene

MISSED, WRONG_CLASS, TWICE = 0.1, 0.05, 0.1  # shares of the instances
KEYS = {
    "semantic_miou": "semantic mIoU",
    "instance_iou_all": "IoU of all instances",
    "instance_accuracy": "points right",
    "ece": "ECE",
}
LOST = 3  # of these columns what is lost is told too

Errors = Callable[[lc.Case, np.random.Generator], Clicks]


def noisy(missed: float, wrong_class: float) -> Errors:
    """Errors that the simulated annotator knows."""
    config = AnnotatorConfig(missed=missed, wrong_class=wrong_class, wrong_segment=0.0)
    return lambda case, rng: simulate(case.scene, "noisy", rng, config)


def anywhere(case: lc.Case, rng: np.random.Generator) -> Clicks:
    """Clicks on any segment of each part."""
    return simulate(case.scene, "random", rng)


def smallest(case: lc.Case, rng: np.random.Generator) -> Clicks:
    """Clicks on the smallest segment of each part; small instances that own none as before."""
    parts = instance_parts(case.scene)
    targets = [(part.number, part.semantic, own[-1]) for part in parts for own in part.segments]
    owners, taken = {part.number for part in parts}, {segment for *_, segment in targets}
    right = case.clicks
    segment = case.scene.segments[right.vertex].tolist()
    homeless = [
        i
        for i, number in enumerate(right.instance.tolist())
        if number not in owners and segment[i] not in taken
    ]
    kept = Clicks(right.vertex[homeless], right.instance[homeless], right.semantic[homeless])
    return joined(kept, [(n, c, vertex_in(case.scene, own, n)) for n, c, own in targets])


def twice(case: lc.Case, rng: np.random.Generator) -> Clicks:
    """The right clicks, and on some objects a second one that passes for another instance."""
    taken = set(case.scene.segments[case.clicks.vertex].tolist())
    seconds = []
    for part in instance_parts(case.scene):
        free = [segment for segment in part.segments[0][1:] if segment not in taken]
        if free:
            seconds.append((part.number, part.semantic, free[0]))
    drawn = rng.permutation(len(seconds))[: max(1, round(TWICE * len(seconds)))]
    assert case.scene.truth is not None
    number = int(case.scene.truth.instance.max()) + 1
    more = []
    for i, k in enumerate(drawn.tolist()):
        of, semantic, segment = seconds[k]
        more.append((number + i, semantic, vertex_in(case.scene, segment, of)))
    return joined(case.clicks, more)


def vertex_in(scene: Scene, segment: int, number: int) -> int:
    """The vertex of an instance nearest to the centre of what a segment has of it."""
    assert scene.truth is not None
    inside = np.flatnonzero((scene.segments == segment) & (scene.truth.instance == number))
    places = scene.scan.vertices[inside]
    return int(inside[np.linalg.norm(places - places.mean(axis=0), axis=1).argmin()])


def joined(clicks: Clicks, more: Sequence[tuple[int, int, int]]) -> Clicks:
    """Clicks and further ones: (instance, class, vertex)."""
    instance, semantic, vertex = np.array(more, np.int32).reshape(-1, 3).T
    return Clicks(
        np.concatenate([clicks.vertex, vertex]),
        np.concatenate([clicks.instance, instance]),
        np.concatenate([clicks.semantic, semantic]),
    )


FAULTS: dict[str, Errors] = {
    "right clicks": lambda case, rng: case.clicks,
    "missed": noisy(MISSED, 0.0),
    "wrong class": noisy(0.0, WRONG_CLASS),
    "any segment": anywhere,
    "smallest segment": smallest,
    "two for one": twice,
}
CERTAIN = ("right clicks", "smallest segment")  # nothing is drawn: one seed is enough


def faulty(cases: Sequence[lc.Case], fault: str, seed: int) -> list[lc.Case]:
    """The cases with an annotator's errors."""
    return [case.clicked(FAULTS[fault](case, rng_of(case.scene, seed))) for case in cases]


def answered(method: lc.Method, cases: Sequence[lc.Case]) -> list[list[lc.Measured]]:
    """The labels of the same scan for many clicks: what no click changes is found once."""
    known = method.know(cases[0].scene)
    return [[lc.compared(case, method.answer(known, case))] for case in cases]


def table(title: str, cases: Sequence[lc.Case], methods: dict[str, lc.Method], seeds: int) -> Table:
    """Every method under every fault."""
    runs = [(fault, seed) for fault in FAULTS for seed in range(1 if fault in CERTAIN else seeds)]
    many = [faulty(cases, fault, seed) for fault, seed in runs]
    rows: list[list] = []
    for name, method in methods.items():
        print(f"{title}: {name}", file=sys.stderr, flush=True)
        by_scan = [answered(method, same) for same in zip(*many, strict=True)]
        pooled: dict[str, list[list[float]]] = {}
        for r, (fault, _) in enumerate(runs):
            found = lc.summary([one for scan in by_scan for one in scan[r]])
            pooled.setdefault(fault, []).append([found[key] for key in KEYS])
        right = np.array(pooled["right clicks"])[0]
        for fault, values in pooled.items():
            mean, spread = np.mean(values, axis=0), np.std(values, axis=0)
            cells: list = [float(value) for value in mean]
            if len(values) > 1:
                pairs = zip(mean, spread, strict=True)
                cells = [None if np.isnan(m) else f"{m:.3f} ± {d:.3f}" for m, d in pairs]
            lost = 100 * (right - mean)[:LOST]
            cells += [None if np.isnan(x) or fault == "right clicks" else f"{x:.1f}" for x in lost]
            rows.append([f"{name}: {fault}", *cells])
    head = ("", *KEYS.values(), *(f"lost: {name}" for name in list(KEYS.values())[:LOST]))
    return Table(title, head, rows)


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        rooms={"type": int, "default": 10, "help": "held-back synthetic rooms"},
        seeds={"type": int, "default": 3, "help": "seeds of the errors"},
        pretrained={"type": Path, "help": "checkpoint or run of `seggroup train`"},
        weights={"type": Path, "default": BOX, "help": "of the assigner; those in the box"},
    )
    data = real_data()
    if data is None:
        print("SEGGROUP_REAL_DATA is not set: no real scans", file=sys.stderr)
    real = [case for case in lc.real_cases(data) if case.group != lc.HUMAN] if data else []
    rooms = lc.held_back(given.rooms)
    if not real and not rooms:
        raise InputError("nothing to measure on; set SEGGROUP_REAL_DATA, or give --rooms")
    methods = {
        "random walk": lc.walk(),
        "paper's network, untrained": lc.paper(untrained([*real, *rooms], 0)),
    }
    if given.pretrained:
        network, _ = load_network(weights_file(given.pretrained), lc.CPU)
        methods["paper's network, pretrained"] = lc.paper(network)
    methods["assign"] = lc.assign(load_assigner(given.weights))
    groups = {"real scans": real, lc.ROOMS: rooms}
    tables = [
        table(f"{len(cases)} {name}", cases, methods, given.seeds)
        for name, cases in groups.items()
        if cases
    ]
    output(tables, given.json)


if __name__ == "__main__":
    main()
