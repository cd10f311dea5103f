"""The scenes whose labels are worst: pictures, figures, and what was taken for what.

    python benchmarks/worst_scenes.py --out OUT [--worst 10] [--rooms 50] [--weights FILE]
        [--scans PATH ...]

Labels are assign's with the weights in the box (or --weights), from Top-1 clicks, on the real
scans (where SEGGROUP_REAL_DATA says, and --scans) and held-back synthetic rooms. OUT/index.html
shows the scenes of lowest semantic mIoU, worst first; scans without true classes come after them,
by the IoU of their instances. Under each stand its figures and its three largest confusions, so
that a sentence can be written on what went wrong. Pictures of real scans may not be published:
OUT must lie outside the repository.
"""

import base64
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import label_cases as lc
import numpy as np
from common import Table, options, output, real_data

from seggroup.assign.labels import know
from seggroup.assign.weights import BOX, load_assigner
from seggroup.classes import class_name
from seggroup.errors import InputError
from seggroup.evaluate.pseudo import count, figures
from seggroup.io.files import write_text
from seggroup.report.page import page_html
from seggroup.report.render import class_colors, instance_colors, png, render
from seggroup.types import NONE, Labels

REPOSITORY = Path(__file__).resolve().parents[1]
SIZE = (640, 480)  # pixels
CONFUSIONS = 3
KEYS = {
    "semantic_miou": "semantic mIoU",
    "instance_miou": "instance IoU",
    "instance_iou_all": "IoU of all instances",
    "instance_accuracy": "points right",
    "ece": "ECE",
}
RIGHT, OTHER_INSTANCE, OTHER_CLASS = (205, 209, 213), (240, 160, 40), (205, 30, 40)
STYLE = ".worst li { margin: 2px 0; }"


@dataclass(frozen=True)
class Scored:
    """A case with its labels, its figures, and what labels of whole pieces could reach."""

    case: lc.Case
    labels: Labels
    piece: np.ndarray
    figures: dict
    ceiling: dict

    @property
    def rank(self) -> tuple[bool, float]:
        """Lower is worse."""
        semantic = self.figures["semantic_miou"]
        if np.isnan(semantic):
            return True, self.figures["instance_iou_all"]
        return False, semantic


def score(case: lc.Case, weights: Path) -> Scored:
    """Labels of a case and their figures."""
    network, truth = load_assigner(weights), case.scene.truth
    assert truth is not None
    known = know(network, case.scene)
    labels = lc.assign(network).answer(known, case)
    most = lc.piece_ceiling().answer(known.pieces.piece, case)
    return Scored(
        case,
        labels,
        known.pieces.piece,
        figures(count(truth, labels, None)),
        figures(count(truth, most, None)),
    )


def wrong(scored: Scored) -> np.ndarray:
    """Of the points that count those whose class or instance is wrong."""
    truth = scored.case.scene.truth
    assert truth is not None
    points = lc.counted(truth)
    other = (truth.instance != scored.labels.instance)[points] & (truth.instance[points] != NONE)
    other |= (truth.semantic != scored.labels.semantic)[points] & (truth.semantic[points] != NONE)
    return points[other]


def confusions(scored: Scored) -> list[str]:
    """The largest ones: how many points of which instance have the label of which other."""
    truth, labels = scored.case.scene.truth, scored.labels
    assert truth is not None
    points, all_points = wrong(scored), lc.counted(truth)
    pairs = np.stack([truth.instance[points], labels.instance[points]], axis=1)
    found, place, sizes = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    clicked = set(scored.case.clicks.instance.tolist())
    impure = lc.commonest(scored.piece, truth.instance)[scored.piece] != truth.instance
    sentences = []
    for i in np.argsort(-sizes, kind="stable")[:CONFUSIONS].tolist():
        own = points[place.ravel() == i]
        true, given = found[i].tolist()
        share = 100 * len(own) / len(all_points)
        text = (
            f"{share:.1f} % of the points: {_named(true, truth.semantic[own])} taken for "
            f"{_named(given, labels.semantic[own])}"
        )
        if true not in clicked:
            text += "; it was never clicked"
        assert labels.confidence is not None
        sure = float(labels.confidence[own].mean())
        mixed = 100 * float(impure[own].mean())
        text += f" (confidence {sure:.2f}; {mixed:.0f} % of it in pieces of mostly other objects)"
        sentences.append(text)
    return sentences


def _named(instance: int, semantic: np.ndarray) -> str:
    """An instance in words, with the class most of its points have."""
    known = semantic[semantic != NONE]
    name = class_name(int(np.bincount(known).argmax())) if len(known) else "no class"
    return f"{name} (no instance)" if instance == NONE else f"{name} (instance {instance})"


def pictures(scored: Scored) -> dict[str, np.ndarray]:
    """The scan with its clicks, the truth, the labels, and what is wrong; by caption."""
    scene, labels = scored.case.scene, scored.labels
    truth, points = scene.truth, wrong(scored)
    assert truth is not None
    errors = np.full((len(labels), 3), 255, np.uint8)
    errors[lc.counted(truth)] = RIGHT
    errors[points] = OTHER_INSTANCE
    same = (truth.semantic == labels.semantic) | (truth.semantic == NONE)
    errors[points[~same[points]]] = OTHER_CLASS
    classed = bool((truth.semantic != NONE).any())
    colors = class_colors if classed else instance_colors
    what = "classes" if classed else "instances"
    clicked = scored.case.clicks.vertex
    return {
        "scan and clicks": render(scene.scan, scene.scan.colors, SIZE, clicked=clicked),
        f"true {what}": render(scene.scan, colors(truth), SIZE),
        f"{what} of the labels": render(scene.scan, colors(labels), SIZE),
        "wrong: red the class, orange the instance only": render(scene.scan, errors, SIZE),
    }


def section(out: Path, place: int, scored: Scored) -> str:
    """A scene's part of the page; its pictures are written beside the page."""
    name = scored.case.scene.name
    strip = []
    for k, (caption, picture) in enumerate(pictures(scored).items()):
        data = png(picture)
        (out / f"{place:02d}-{k}.png").write_bytes(data)
        alt = escape(f"{name}: {caption}", quote=True)
        strip.append(
            f'<figure><img alt="{alt}" src="data:image/png;base64,'
            f'{base64.b64encode(data).decode()}"><figcaption>{escape(caption)}</figcaption></figure>'
        )
    facts = " · ".join(
        f"{label} {scored.figures[key]:.3f}"
        + ("" if key == "ece" else f" (at best {scored.ceiling[key]:.3f})")
        for key, label in KEYS.items()
    )
    items = "".join(f"<li>{escape(text)}</li>" for text in confusions(scored))
    return (
        f"<h2>{place}. {escape(name)}</h2><p class='soft'>{escape(scored.case.group)} · "
        f"{len(scored.case.clicks)} clicks · {escape(facts)}</p>"
        f"<div class='strip'>{''.join(strip)}</div><ul class='worst'>{items}</ul>"
    )


def write_page(out: Path, worst: Sequence[Scored], total: int) -> None:
    """The page and its pictures."""
    out.mkdir(parents=True, exist_ok=True)
    intro = (
        f"<p>The {len(worst)} of {total} scenes whose labels, from Top-1 clicks, have the lowest "
        "semantic mIoU. “At best” is what labels of whole pieces could reach.</p>"
    )
    parts = [section(out, place, scored) for place, scored in enumerate(worst, start=1)]
    page = page_html("The worst labels", [intro, *parts], STYLE)
    write_text(out / "index.html", page)


def main() -> None:
    """Measure, write the page and print the figures."""
    given = options(
        __doc__,
        worst={"type": int, "default": 10, "help": "how many scenes to show"},
        rooms={"type": int, "default": 50, "help": "held-back synthetic rooms"},
        weights={"type": Path, "default": BOX, "help": "of the assigner; those in the box"},
        scans={"type": Path, "nargs": "+", "default": [], "help": "further scans with truth"},
        out={"type": Path, "required": True, "help": "folder outside the repository"},
    )
    if given.out.resolve().is_relative_to(REPOSITORY):
        raise InputError(
            f"{given.out}: pictures of real scans must not lie in the repository; "
            "choose another folder"
        )
    data = real_data()
    if data is None:
        print("SEGGROUP_REAL_DATA is not set: no real scans but --scans", file=sys.stderr)
    cases = [case for case in lc.real_cases(data) if case.group != lc.HUMAN] if data else []
    cases += lc.given_cases(given.scans) + lc.held_back(given.rooms)
    scored = sorted((score(case, given.weights) for case in cases), key=lambda one: one.rank)
    worst = scored[: given.worst]
    write_page(given.out, worst, len(scored))
    rows = [[one.case.scene.name, *(one.figures[key] for key in KEYS)] for one in worst]
    tables = [Table("The worst labels", ("scene", *KEYS.values()), rows)]
    for one in worst if not given.json else ():
        rows = [[text] for text in confusions(one)]
        tables.append(Table(one.case.scene.name, ("largest confusions",), rows))
    output(tables, given.json)


if __name__ == "__main__":
    main()
