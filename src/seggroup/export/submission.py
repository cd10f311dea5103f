"""ScanNet's benchmark: a folder for the semantic task and one for the instance task.

Format: kaldir.vc.in.tum.de/scannet_benchmark/documentation; scored by
`BenchmarkScripts/3d_evaluation/evaluate_semantic_{label,instance}.py` of ScanNet/ScanNet on GitHub.
"""

from pathlib import Path
from typing import Any

import numpy as np

from seggroup.classes import BENCHMARK20
from seggroup.export.target import Sample, Target, counted, no_blanks, not_lost, things_only
from seggroup.io.classlist import ClassList
from seggroup.io.proposals import pack_proposals
from seggroup.io.submission import MASKS, write_instances, write_semantic
from seggroup.labels.objects import mixed, objects
from seggroup.types import NONE

SEMANTIC = "semantic"
INSTANCE = "instance"
UNLABELLED = "vertices without a class (written as 0)"
STUFF = "instances of stuff"
SURE = "the confidence of single vertices (an instance has the mean of its own)"


def write_submission(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write `semantic/<scene>.txt`, and `instance/<scene>.txt` with a mask for each thing.

    Instances of stuff are left out: the benchmark skips them. Raises InputError for more than
    1,000 instances.
    """
    labels, notes, name = sample.labels, list[str](), sample.scan.name
    found = objects(labels)
    things = set(classes.things)
    wanted = [one for one in found if one.semantic in things]
    rows = pack_proposals((one.points, one.semantic, one.confidence) for one in wanted)
    write_semantic(folder / SEMANTIC, name, labels.semantic)
    write_instances(folder / INSTANCE, name, rows, len(labels))
    if unlabelled := int(np.count_nonzero(labels.semantic == NONE)):
        notes.append(
            f"{counted(unlabelled, 'vertex', 'vertices')} without a class became 0, which counts "
            "as wrong."
        )
    if foreign := [i for i in classes.classes if i not in BENCHMARK20]:
        some = ", ".join(classes.name(i) for i in foreign[:4])
        notes.append(
            "The benchmark skips what is not among its 20 classes: "
            f"{counted(len(foreign), 'class', 'classes')} of the list, "
            f"{some}{' …' if len(foreign) > 4 else ''}."
        )
    notes += mixed(found)
    files = [f"{SEMANTIC}/{name}.txt", f"{INSTANCE}/{name}.txt"]
    files += [f"{INSTANCE}/{MASKS}/{name}_{i:03d}.txt" for i in range(len(rows))]
    stuff = (labels.instance != NONE) & (things_only(labels, classes, NONE) == NONE)
    held = not_lost(
        {UNLABELLED: unlabelled > 0, STUFF: bool(stuff.any()), SURE: labels.confidence is not None}
    )
    return {"files": files, "held": held, "notes": notes}


SCANNET_BENCHMARK = Target(
    title="ScanNet benchmark submission, semantic and instance",
    ignore=None,
    refusal=(
        "the benchmark scores every vertex, and one without a class counts as wrong, so leaving "
        "out unsure vertices only lowers the result; export without --confidence"
    ),
    lost=(
        "coordinates, colours and faces",
        UNLABELLED,
        STUFF,
        SURE,
    ),
    write=write_submission,
    misnamed=no_blanks,
)
