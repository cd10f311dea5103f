"""The labels of every method from the same clicks: one table a group of scans, and all together.

    python benchmarks/labels.py [--rooms 50] [--seeds 3] [--quick] [--pretrained FILE|RUN]
        [--weights FILE] [--scans PATH ...] [--apart NAMES]

Rows: nothing but the clicked segments; each vertex as its nearest click; the training-free random
walk; the paper's network untrained, trained on the scenes of the table (6 epochs, the paper's
configuration) and, with --pretrained, as a run of `seggroup train` left it; "assign" with the
weights in the box (or --weights), and of it the learned links alone, as a random walk, the queries
alone, and both without the training-free walk's opinion; what labels of whole segments and of whole
pieces could reach at best.

Columns: mean IoU over 20 classes and over 18 (instances by class), mean IoU of all instances,
AP50 of the labels as if they were predictions (score: mean confidence), the share of points that
have a label, the expected calibration error, how many of the 80 % most certain points have the
right instance, seconds a scene from clicks to labels, and from the file to labels.

Clicks are Top-1 on every connected part; on scene0000_00 the authors' human clicks too. Of two
clicks in one segment that contradict each other the later is dropped, except for assign and the
nearest click, which take both. ± is the standard deviation over --seeds of the networks' initial
weights, order and dropout; everything else is deterministic. --quick leaves training out.

The real scans lie where SEGGROUP_REAL_DATA says; --scans adds others with truth. "Together" pools
every real scan once, with Top-1 clicks; networks that are trained are those of each group. The
scans whose name begins with one of --apart, and all of --scans, chose nothing between variants.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import label_cases as lc
import numpy as np
from common import Table, options, output, real_data

from seggroup.assign.weights import BOX, load_assigner
from seggroup.config import NetworkConfig, TrainConfig
from seggroup.errors import InputError
from seggroup.labels.clicks import instance_classes
from seggroup.model.checkpoint import load_network
from seggroup.model.network import SegGroup, build
from seggroup.pipeline import weights_file
from seggroup.train import Example, class_list, train
from seggroup.types import NONE

COLUMNS = {
    "semantic_miou": "semantic mIoU",
    "instance_miou": "instance IoU",
    "instance_iou_all": "IoU of all instances",
    "ap50": "AP50",
    "coverage": "coverage",
    "ece": "ECE",
    "certain": "80 % surest right",
    "seconds": "seconds",
    "cold": "seconds, cold",
}
DEFAULT = "assign (weights in the box)"
TRAINED = "paper's network, trained on these"
APART = "scene0003,scene0004,scene0005,scene_00097,0988ea78"


@dataclass(frozen=True)
class Row:
    """A method: for every seed the measured cases; or why there are none."""

    name: str
    by_seed: list[list[lc.Measured]]
    missing: str = ""


def by_group(cases: Sequence[lc.Case]) -> dict[str, list[int]]:
    """The places of the cases of every group."""
    groups: dict[str, list[int]] = {}
    for i, case in enumerate(cases):
        groups.setdefault(case.group, []).append(i)
    return groups


def classes_of(cases: Sequence[lc.Case]) -> tuple[int, ...]:
    """What the paper's network learns to tell; a class list of one where no click names any."""
    named = any(c != NONE for case in cases for c in instance_classes(case.kept).values())
    return class_list([case.kept for case in cases]) if named else (1,)


def trained(cases: Sequence[lc.Case], seed: int) -> list[lc.Measured]:
    """The paper's network trained on every group for itself."""
    found: dict[int, lc.Measured] = {}
    for group, places in by_group(cases).items():
        some = [cases[i] for i in places]
        examples = [Example(case.scene, case.kept, case.labels) for case in some]
        print(f"training: {group}, seed {seed}", file=sys.stderr, flush=True)
        config = TrainConfig(seed=seed, network=NetworkConfig())
        network, _ = train(examples, classes_of(some), config, lc.CPU)
        found |= dict(zip(places, lc.measure(lc.paper(network), some), strict=True))
    return [found[i] for i in range(len(cases))]


def untrained(cases: Sequence[lc.Case], seed: int) -> SegGroup:
    """The paper's network as drawn."""
    return build(classes_of(cases), NetworkConfig(), seed).eval()


def rows(
    cases: Sequence[lc.Case], seeds: int, quick: bool, pretrained: Path | None, weights: Path
) -> list[Row]:
    """All methods on all cases."""
    network = load_assigner(weights)
    result: list[Row] = []

    def add(name: str, *methods: lc.Method) -> None:
        print(name, file=sys.stderr, flush=True)
        result.append(Row(name, [lc.measure(method, cases) for method in methods]))

    add("nothing propagated", lc.nothing())
    add("nearest click", lc.nearest_click())
    add("random walk, training-free", lc.walk())
    networks = (untrained(cases, seed) for seed in range(seeds))
    add("paper's network, untrained", *(lc.paper(network) for network in networks))
    if quick:
        result.append(Row(TRAINED, [], "left out by --quick"))
    else:
        result.append(Row(TRAINED, [trained(cases, seed) for seed in range(seeds)]))
    name = "paper's network, pretrained"
    if pretrained is None:
        result.append(Row(name, [], "needs --pretrained"))
    else:
        add(name, lc.paper(load_network(weights_file(pretrained), lc.CPU)[0]))
    add("assign, learned walk alone", lc.learned_walk(network))
    add("assign, queries alone", lc.queries_alone(network))
    add("assign, without the opinion", lc.unopinionated(network))
    add(DEFAULT if weights == BOX else f"assign ({weights.name})", lc.assign(network))
    add("ceiling of segments", lc.segment_ceiling())
    add("ceiling of pieces", lc.piece_ceiling())
    return result


def values(row: Row, places: Sequence[int]) -> np.ndarray:
    """The figures of a row on some cases: seeds x columns."""
    pooled = [lc.summary([measured[i] for i in places]) for measured in row.by_seed]
    return np.array([[one[key] for key in COLUMNS] for one in pooled])


def table(title: str, found: Sequence[Row], places: Sequence[int]) -> Table:
    """The methods on some cases together."""
    lines: list[list] = []
    for row in found:
        if row.missing:
            lines.append([f"{row.name}: {row.missing}", *[None] * len(COLUMNS)])
            continue
        seeds = values(row, places)
        cells = [float(mean) for mean in seeds.mean(axis=0)]
        if len(seeds) > 1:
            pairs = zip(cells, seeds.std(axis=0), strict=True)
            cells = [None if np.isnan(m) else f"{m:.3f} ± {d:.3f}" for m, d in pairs]  # type: ignore[misc]
        lines.append([row.name, *cells])
    return Table(title, ("", *COLUMNS.values()), lines)


def margins(found: Sequence[Row], parts: dict[str, list[int]]) -> Table:
    """How many points (hundredths) assign is above the other methods."""
    own = next(row for row in found if row.name.startswith("assign ("))
    lines: list[list] = []
    for row in found:
        if row.missing or row is own or not row.name.startswith(("random", "paper")):
            continue
        cells: list = []
        for places in parts.values():
            above = values(own, places).mean(axis=0) - values(row, places).mean(axis=0)
            cells += [f"{100 * above[k]:+.1f}" for k in range(3)]
        lines.append([row.name, *cells])
    names = ("semantic", "instance", "all instances")
    head = [f"{part}: {name}" for part in parts for name in names]
    return Table("Points that assign is above others, real scans", ("above", *head), lines)


def halves(cases: Sequence[lc.Case], apart: str) -> dict[str, list[int]]:
    """Every real scan once; those that may choose between variants, and those kept apart."""
    names = tuple(name for name in apart.split(",") if name)
    real = [i for i, case in enumerate(cases) if case.group not in (lc.HUMAN, lc.ROOMS)]
    kept = [
        i for i in real if cases[i].group == lc.GIVEN or cases[i].scene.name.startswith(names)
    ]  # fmt: skip
    chose = [i for i in real if i not in kept]
    parts = {"real scans together": real, "that chose": chose, "kept apart": kept}
    return {part: places for part, places in parts.items() if places}


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        rooms={"type": int, "default": 50, "help": "held-back synthetic rooms"},
        seeds={"type": int, "default": 3, "help": "seeds of the paper's network"},
        quick={"action": "store_true", "help": "train nothing"},
        pretrained={"type": Path, "help": "checkpoint or run of `seggroup train`"},
        weights={"type": Path, "default": BOX, "help": "of the assigner; those in the box"},
        scans={"type": Path, "nargs": "+", "default": [], "help": "further scans with truth"},
        apart={"default": APART, "help": "beginnings of names of real scans kept apart"},
    )
    data = real_data()
    if data is None:
        print("SEGGROUP_REAL_DATA is not set: no real scans but --scans", file=sys.stderr)
    cases = lc.real_cases(data) if data else []
    cases += lc.given_cases(given.scans) + lc.held_back(given.rooms)
    if not cases:
        raise InputError(
            "nothing to measure on; set SEGGROUP_REAL_DATA, or give --rooms or --scans"
        )
    found = rows(cases, given.seeds, given.quick, given.pretrained, given.weights)
    tables = []
    for group, places in by_group(cases).items():
        clicks = sum(len(cases[i].clicks) for i in places)
        scans = f"{len(places)} scans, " if len(places) > 1 else ""
        tables.append(table(f"{group} ({scans}{clicks} clicks)", found, places))
    parts = halves(cases, given.apart)
    for part, places in parts.items():
        names = ", ".join(cases[i].scene.name for i in places)
        tables.append(table(f"{part} ({names})", found, places))
    if parts:
        tables.append(margins(found, parts))
    output(tables, given.json)


if __name__ == "__main__":
    main()
