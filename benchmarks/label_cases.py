"""What the benchmarks of labels share: scans with clicks, ways to spread them, and their figures.

A case is a scan with clicks and truth. A method answers in two steps, so that both can be timed:
what it knows of a scan before any click, and the labels of every vertex for given clicks.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from common import SCENE, fresh

from seggroup.assign.labels import Known, assigned, by_instance, columns, know, shares
from seggroup.assign.network import Assigner, ask
from seggroup.assign.opinion import LEAN
from seggroup.assign.pieces import make_pieces
from seggroup.classes import BENCHMARK18
from seggroup.evaluate.instance import Overlap, average_precision, overlaps
from seggroup.evaluate.pseudo import PseudoCounts, count, figures
from seggroup.evaluate.semantic import mean
from seggroup.geometry.neighbours import nearest
from seggroup.geometry.prepare import prepare
from seggroup.io.clicks import find_clicks, read_clicks
from seggroup.io.scenes import find_scenes
from seggroup.labels.clicks import drop_contradictions, instance_classes, seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.model.network import SegGroup
from seggroup.pipeline import load_scene
from seggroup.pipeline.scoring import benchmark_ids, instances_of_labels
from seggroup.propagate import propagate
from seggroup.types import NONE, Clicks, Graph, Labels, Scan, Scene
from seggroup.walk import absorption, random_walk, strongest, surface_normals

CACHE = Path(tempfile.gettempdir()) / "seggroup-benchmarks"
HELD_BACK = 6  # seed of the rooms to measure on; the weights in the box were made with others
CERTAIN = 0.8  # share of the points, the most certain ones
CPU = torch.device("cpu")
TOP1, HUMAN = "scene0000_00, Top-1", "scene0000_00, human clicks"
CLOUDS, MESHES = "scannet50k clouds", "MultiScan and 3RScan"
GIVEN, ROOMS = "given scans", "held-back synthetic rooms"


@dataclass(frozen=True)
class Case:
    """A scene and its clicks.

    clicks  : as given
    kept    : without those that contradict an earlier one, for methods that label segments
    labels  : of the segments, by `kept`
    loading : seconds from the file to the scene (held-back rooms: from arrays in memory)
    """

    group: str
    scene: Scene
    clicks: Clicks
    kept: Clicks
    labels: Labels
    loading: float

    def clicked(self, clicks: Clicks) -> "Case":
        """The same scene with other clicks."""
        kept, _ = drop_contradictions(clicks, self.scene.segments)
        labels = seg_level_labels(kept, self.scene.segments)
        return replace(self, clicks=clicks, kept=kept, labels=labels)


@dataclass(frozen=True)
class Method:
    """A way to spread clicks: `answer(know(scene), case)` are labels of every vertex."""

    know: Callable[[Scene], Any]
    answer: Callable[[Any, Case], Labels]


@dataclass(frozen=True)
class Measured:
    """The labels of one case against the truth; sums, so that cases can be pooled.

    overlap    : of the labels' instances with the true ones, per class of the benchmark
    confidence : of the points that count, 0 where unlabelled; None: the method gives none
    right      : whether their instance is right
    seconds    : from clicks to labels, what no click changes known
    cold       : from the file to labels
    """

    counts: PseudoCounts
    overlap: list[Overlap]
    confidence: np.ndarray | None
    right: np.ndarray
    seconds: float
    cold: float


def real_cases(data: Path) -> list[Case]:
    """The scans of the data folder, each with Top-1 clicks; scene0000_00 with human ones too."""
    first = _case(data / SCENE, TOP1)
    clicks, _ = read_clicks(find_clicks(data / "scannet/clicks", first.scene.name), first.scene)
    cases = [first, replace(first.clicked(clicks), group=HUMAN)]
    cases += [_case(place, CLOUDS) for place in sorted((data / "scannet50k").glob("*.ply"))]
    meshes = (data / "multiscan/scene_00097_02.ply", data / "3rscan/0988ea78.ply")
    return cases + [_case(place, MESHES) for place in meshes]


def given_cases(places: Sequence[Path]) -> list[Case]:
    """Any other scans with truth, with Top-1 clicks."""
    sources = find_scenes(list(places)) if places else []
    return [_loaded(partial(load_scene, source), GIVEN) for source in sources]


def held_back(rooms: int) -> list[Case]:
    """Synthetic rooms that no training uses, with Top-1 clicks; made once, 5 to 10 s each."""
    return [_loaded(partial(_prepared, *_room(k)), ROOMS) for k in range(rooms)]


def _case(place: Path, group: str) -> Case:
    return _loaded(partial(load_scene, find_scenes([place])[0]), group)


def _loaded(make: Callable[[], Scene], group: str) -> Case:
    """The scene that `make` gives, loaded twice so that the time is that of a warm program."""
    make()
    start = perf_counter()
    scene = make()
    seconds = perf_counter() - start
    clicks = simulate(scene, "top1", np.random.default_rng(0))
    labels = seg_level_labels(clicks, scene.segments)
    return Case(group, scene, clicks, clicks, labels, seconds)


def _prepared(scan: Scan, truth: Labels) -> Scene:
    return prepare(scan, None, truth)


def _room(number: int) -> tuple[Scan, Labels]:
    """A held-back room: made in a process of its own, as Open3D keeps what it once had."""
    path, name = CACHE / f"held-back-{number}.npz", f"room {number}"
    if not path.exists():
        print(f"making {name}", file=sys.stderr, flush=True)
        CACHE.mkdir(exist_ok=True)
        partial_file = path.with_suffix(".partial.npz")
        np.savez(partial_file, **fresh(_make, number))
        partial_file.replace(path)
    with np.load(path) as file:
        scan = Scan(name, file["vertices"], file["colors"], file["faces"])
        return scan, Labels(file["semantic"], file["instance"])


def _make(number: int) -> dict[str, np.ndarray]:
    """The arrays of a room, by a scanner of its own."""
    from seggroup.synth import make_room
    from seggroup.synth.config import varied

    rng = np.random.default_rng([HELD_BACK, number])
    config = varied(rng)
    scan, truth = make_room(int(rng.integers(2**31)), f"room {number}", config)
    arrays = {"vertices": scan.vertices, "colors": scan.colors, "faces": scan.faces}
    return arrays | {"semantic": truth.semantic, "instance": truth.instance}


def nothing() -> Method:
    """Only the segments that are clicked."""

    def answer(_: None, case: Case) -> Labels:
        labels = case.labels.at(case.scene.segments)
        return replace(labels, confidence=(labels.instance != NONE).astype(np.float32))

    return Method(lambda scene: None, answer)


def nearest_click() -> Method:
    """Every vertex as the click nearest to it in space."""

    def answer(_: None, case: Case) -> Labels:
        vertices, clicks = case.scene.scan.vertices, case.clicks
        index = nearest(np.ascontiguousarray(vertices[clicks.vertex]), vertices, 1)[1][:, 0]
        return Labels(clicks.semantic, clicks.instance).at(index)

    return Method(lambda scene: None, answer)


def walk() -> Method:
    """The training-free random walk on the segment graph."""

    def answer(normals: np.ndarray, case: Case) -> Labels:
        return random_walk(case.scene, normals, case.labels).at(case.scene.segments)

    return Method(lambda scene: surface_normals(scene.scan), answer)


def paper(network: SegGroup) -> Method:
    """The paper's network."""

    def answer(_: None, case: Case) -> Labels:
        levels = propagate(network, case.scene, case.kept, case.labels, CPU)
        return levels["final"].at(case.scene.segments)

    return Method(lambda scene: None, answer)


def assign(network: Assigner) -> Method:
    """The assigner."""

    def answer(known: Known, case: Case) -> Labels:
        return assigned(known, case.clicks, shares(network, known, case.clicks))

    return Method(partial(know, network), answer)


def queries_alone(network: Assigner) -> Method:
    """Of the assigner only the network's own last answer, not made to agree along the links."""
    return _asked(network, -2)


def unopinionated(network: Assigner) -> Method:
    """The assigner without the training-free walk's opinion."""
    return _asked(network, -1)


def _asked(network: Assigner, place: int) -> Method:
    """The answer at a place of what `ask` gives."""

    def answer(known: Known, case: Case) -> Labels:
        asked = columns(known, case.clicks).asked
        with torch.no_grad():
            logits = ask(network, known.around, known.read, asked, lean=LEAN)[place]
            found = by_instance(logits / network.temperature, case.clicks)
        return assigned(known, case.clicks, found)

    return Method(partial(know, network), answer)


def learned_walk(network: Assigner) -> Method:
    """Of the assigner only the links: a random walk on the pieces with the learned affinities."""

    def answer(known: Known, case: Case) -> Labels:
        around, clicks = known.around, case.clicks
        graph = Graph(len(around.size), around.links, around.touching)
        weights = np.exp(known.read.affinity.numpy().astype(np.float64).clip(-7, 7))
        seeds, first = np.unique(known.pieces.piece[clicks.vertex], return_index=True)
        numbers, column = np.unique(clicks.instance[first], return_inverse=True)
        one_hot = np.eye(len(numbers))[column]
        probability = absorption(graph, weights, seeds, one_hot).clip(0, 1).astype(np.float32)

        def beside(cut_off: np.ndarray) -> np.ndarray:
            reached = np.flatnonzero(~cut_off)
            center = around.center.astype(np.float32)
            return reached[nearest(center[reached], center[cut_off], 1)[1][:, 0]]

        winner, confidence = strongest(probability, beside)
        classes = instance_classes(clicks)
        class_of = np.array([classes[number] for number in numbers.tolist()], np.int32)
        return Labels(class_of[winner], numbers[winner], confidence).at(known.pieces.piece)

    return Method(partial(know, network), answer)


def segment_ceiling() -> Method:
    """What labels of whole segments can reach: each the truth that most of its vertices have."""
    return Method(lambda scene: scene.segments, _majority)


def piece_ceiling() -> Method:
    """What labels of whole pieces can reach."""
    return Method(lambda scene: make_pieces(scene).piece, _majority)


def _majority(part: np.ndarray, case: Case) -> Labels:
    """The commonest true class and instance of every part, at its vertices."""
    assert case.scene.truth is not None
    truth = case.scene.truth
    semantic, instance = (commonest(part, ids) for ids in (truth.semantic, truth.instance))
    return Labels(semantic[part], instance[part])


def commonest(part: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The commonest id of every part, NONE aside; NONE where it has no other."""
    known = ids != NONE
    width = int(ids.max(initial=0)) + 1
    pair, votes = np.unique(part[known].astype(np.int64) * width + ids[known], return_counts=True)
    order = np.argsort(votes, kind="stable")
    found = np.full(int(part.max()) + 1, NONE, np.int32)
    found[pair[order] // width] = pair[order] % width  # the last one written has most votes
    return found


def measure(method: Method, cases: Sequence[Case]) -> list[Measured]:
    """The labels of every case against its truth; the first case is run twice, to warm up."""
    if cases:
        method.answer(method.know(cases[0].scene), cases[0])
    return [_measure(method, case) for case in cases]


def _measure(method: Method, case: Case) -> Measured:
    start = perf_counter()
    known = method.know(case.scene)
    middle = perf_counter()
    labels = method.answer(known, case)
    seconds = perf_counter() - middle
    cold = case.loading + middle - start + seconds
    return compared(case, labels, seconds, cold)


def compared(case: Case, labels: Labels, seconds: float = 0.0, cold: float = 0.0) -> Measured:
    """Labels against the truth of their case."""
    truth = case.scene.truth
    assert truth is not None
    inside = counted(truth)
    found = labels.instance[inside]
    confidence = labels.confidence
    if confidence is not None:
        confidence = np.where(found == NONE, 0, confidence[inside])
    return Measured(
        count(truth, labels, case.scene.segments),
        overlaps(benchmark_ids(truth), instances_of_labels(labels), BENCHMARK18),
        confidence,
        (found == truth.instance[inside]) & (found != NONE),
        seconds,
        cold,
    )


def counted(truth: Labels) -> np.ndarray:
    """The vertices that figures count: with a true class; else, in scenes without, an instance."""
    classed = truth.semantic != NONE
    return np.flatnonzero(classed if classed.any() else truth.instance != NONE)


def summary(measured: Sequence[Measured]) -> dict[str, float]:
    """The figures of some cases together."""
    counts = measured[0].counts
    for one in measured[1:]:
        counts = counts + one.counts
    rows = zip(*(one.overlap for one in measured), strict=True)
    rated = [(m.confidence, m.right) for m in measured if m.confidence is not None]
    certain = float("nan")
    if rated:
        confidence, right = (np.concatenate(values) for values in zip(*rated, strict=True))
        certain = certain_right(confidence, right)
    return figures(counts) | {
        "ap50": mean(np.array([average_precision(row, 0.5) for row in rows])),
        "certain": certain,
        "seconds": float(np.mean([one.seconds for one in measured])),
        "cold": float(np.mean([one.cold for one in measured])),
    }


def certain_right(confidence: np.ndarray, right: np.ndarray, share: float = CERTAIN) -> float:
    """How many of the most certain points are right; of equally certain ones an even part."""
    wanted = share * len(confidence)
    least = np.sort(confidence)[::-1][int(np.ceil(wanted)) - 1]
    above, level = confidence > least, confidence == least
    return float((right[above].sum() + (wanted - above.sum()) * right[level].mean()) / wanted)
