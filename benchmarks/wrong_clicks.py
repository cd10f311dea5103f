"""Which clicks are wrong: how many planted errors `assign.doubt` finds, and at what price.

    python benchmarks/wrong_clicks.py [--rooms 10] [--seeds 3] [--weights FILE]

Into Top-1 clicks, one per instance, are planted

wrong class : 5 % of the instances take another class of the scene
wrong place : 5 % of the clicks fall on a segment beside, which is another's
two for one : 5 % of the objects of two or more segments have a second click elsewhere, of the same
              class, under an instance number of its own; both clicks count as wrong

"found" is the share of the wrong clicks whose chance is above the limit; "false" the share of the
right clicks. A flag is right when its click is wrong, or the flagged click is a right one on whose
object a wrong click fell: one of the two is wrong, and the annotator sees which. "precision" is the
share of right flags. "AUC": how often a wrong click of a kind has a higher chance than a right one.

The limit of `doubt.LIMIT` is the lowest of these at which at most 5 % of the right clicks were
flagged, on twelve other synthetic rooms that no training uses. Nothing was chosen on real scans;
they are added where SEGGROUP_REAL_DATA names their folder.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import label_cases as lc
import numpy as np
from common import Table, options, output, real_data
from scipy.stats import rankdata

from seggroup.assign.doubt import doubtful
from seggroup.assign.labels import know
from seggroup.assign.network import Assigner
from seggroup.assign.weights import BOX, load_assigner
from seggroup.labels.simulate import simulate
from seggroup.types import NONE, Clicks, Scene

PLANTED = 0.05  # of each kind
KINDS = ("wrong class", "wrong place", "two for one")
LIMITS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Judged:
    """Clicks of one scene. kind: index into `KINDS`, or NONE: right; seconds: of all doubts.

    disturbed : right clicks on whose object a wrong one fell
    """

    kind: np.ndarray
    disturbed: np.ndarray
    chance: np.ndarray
    seconds: float


def planted(scene: Scene, rng: np.random.Generator) -> tuple[Clicks, np.ndarray]:
    """Clicks with errors, and the kind of each."""
    assert scene.truth is not None
    clicks = simulate(scene, "top1", rng, per="instance")
    truth, segments = scene.truth.instance, scene.segments
    votes = np.zeros((scene.graph.size, int(truth.max()) + 2), int)
    np.add.at(votes, (segments, truth + 1), 1)
    owner = votes.argmax(axis=1) - 1
    taken = set(segments[clicks.vertex].tolist())
    rows = list(zip(clicks.vertex, clicks.instance, clicks.semantic, strict=True))
    kind = np.full(len(rows), NONE)
    more: list[tuple[int, int, int]] = []
    for i, (_, instance, semantic) in enumerate(rows):
        draw = rng.random() / PLANTED
        own = owner == instance
        if draw < 1:
            others = np.setdiff1d(clicks.semantic, [semantic])
            if len(others):
                rows[i] = (rows[i][0], instance, rng.choice(others))
                kind[i] = 0
        elif draw < 2:
            beside = np.unique(scene.graph.edges[own[scene.graph.edges].any(axis=1)])
            near = [s for s in beside if owner[s] not in (instance, NONE) and s not in taken]
            if near:
                segment = rng.choice(near)
                inside = np.flatnonzero((segments == segment) & (truth == owner[segment]))
                rows[i] = (rng.choice(inside), instance, semantic)
                taken.add(int(segment))
                kind[i] = 1
        elif draw < 3:
            free = np.setdiff1d(np.flatnonzero(own), list(taken))
            inside = np.flatnonzero(np.isin(segments, free) & (truth == instance))
            if len(inside):
                more.append((rng.choice(inside), truth.max() + 1 + len(more), semantic))
                kind[i] = 2
    vertex, instance, semantic = np.array(rows + more, np.int32).T.copy()
    return Clicks(vertex, instance, semantic), np.append(kind, np.full(len(more), 2))


def judge(network: Assigner, scene: Scene, seeds: int) -> list[Judged]:
    """The chances of every click of one scene, for some draws of errors."""
    known = know(network, scene)
    found = []
    for seed in range(seeds):
        clicks, kind = planted(scene, np.random.default_rng([seed, len(scene.segments)]))
        start = perf_counter()
        doubts = doubtful(network, known, clicks, limit=-1.0)
        seconds = perf_counter() - start
        chance = np.zeros(len(clicks))
        chance[[doubt.click for doubt in doubts]] = [doubt.chance for doubt in doubts]
        assert scene.truth is not None
        hit = scene.truth.instance[clicks.vertex[kind == 1]]
        disturbed = (kind == NONE) & np.isin(clicks.instance, hit)
        found.append(Judged(kind, disturbed, chance, seconds))
    return found


def tables(title: str, judged: Sequence[Judged]) -> list[Table]:
    """What each limit finds, and the AUC of each kind."""
    kind = np.concatenate([one.kind for one in judged])
    chance = np.concatenate([one.chance for one in judged])
    disturbed = np.concatenate([one.disturbed for one in judged])
    right = (kind == NONE) & ~disturbed
    rows = []
    for limit in LIMITS:
        flagged = chance > limit
        found = [float(flagged[kind == k].mean()) if (kind == k).any() else None for k in range(3)]
        precision = float((~right)[flagged].mean()) if flagged.any() else None
        all_ = float(flagged[kind != NONE].mean())
        rows.append([limit, *found, all_, float(flagged[right].mean()), precision])
    ranks = [[name, int((kind == k).sum()), auc(chance, kind == k, right)]
             for k, name in enumerate(KINDS)]  # fmt: skip
    ranks.append(["all", int((kind != NONE).sum()), auc(chance, kind != NONE, right)])
    most = max(judged, key=lambda one: one.seconds)
    spent = f"{1000 * most.seconds:.0f} ms at most, for {len(most.kind)} clicks"
    return [
        Table(
            f"{title}: {len(kind)} clicks, {int(right.sum())} of them right; {spent}",
            ("limit", *(f"{name} found" for name in KINDS), "all found", "false", "precision"),
            rows,
        ),
        Table(f"{title}: AUC", ("planted", "clicks", "AUC"), ranks),
    ]


def auc(chance: np.ndarray, wrong: np.ndarray, right: np.ndarray) -> float | None:
    """The share of pairs of a wrong and a right click whose order is right."""
    a, b = int(wrong.sum()), int(right.sum())
    if not a or not b:
        return None
    rank = rankdata(np.concatenate([chance[wrong], chance[right]]))[:a]
    return float((rank.sum() - a * (a + 1) / 2) / (a * b))


def main() -> None:
    """Measure and print."""
    given = options(
        __doc__,
        rooms={"type": int, "default": 10, "help": "held-back synthetic rooms"},
        seeds={"type": int, "default": 3, "help": "draws of the errors"},
        weights={"type": Path, "default": BOX, "help": "of the assigner; those in the box"},
    )
    network, data = load_assigner(given.weights), real_data()
    if data is None:
        print("SEGGROUP_REAL_DATA is not set: no real scans", file=sys.stderr)
    groups = {lc.ROOMS: lc.held_back(given.rooms)}
    real = [case for case in lc.real_cases(data) if case.group != lc.HUMAN] if data else []
    for name in (lc.TOP1, lc.CLOUDS, lc.MESHES):
        groups[name] = [case for case in real if case.group == name]
    printed = []
    for name, cases in groups.items():
        judged = [one for case in cases for one in judge(network, case.scene, given.seeds)]
        printed += tables(f"{len(cases)} {name}", judged) if judged else []
    output(printed, given.json)


if __name__ == "__main__":
    main()
