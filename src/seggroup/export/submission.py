"""ScanNet's benchmark: a folder for the semantic task and one for the instance task.

Format: kaldir.vc.in.tum.de/scannet_benchmark/documentation; scored by
`BenchmarkScripts/3d_evaluation/evaluate_semantic_{label,instance}.py` of ScanNet/ScanNet on GitHub.
"""

from pathlib import Path
from typing import Any

import numpy as np

from seggroup.classes import BENCHMARK20
from seggroup.export.objects import mixed, objects
from seggroup.export.target import Sample, Target
from seggroup.io.classlist import ClassList
from seggroup.io.proposals import pack_proposals
from seggroup.io.submission import MASKS, write_instances, write_semantic
from seggroup.types import NONE

SEMANTIC = "semantic"
INSTANCE = "instance"


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
            f"{unlabelled} vertices without a class are written as 0: they count as wrong."
        )
    if foreign := [i for i in classes.classes if i not in BENCHMARK20]:
        some = ", ".join(classes.name(i) for i in foreign[:4])
        notes.append(
            f"The benchmark skips {len(foreign)} classes of the list, which are not among its 20: "
            f"{some}{' …' if len(foreign) > 4 else ''}."
        )
    notes += mixed(found)
    files = [f"{SEMANTIC}/{name}.txt", f"{INSTANCE}/{name}.txt"]
    files += [f"{INSTANCE}/{MASKS}/{name}_{i:03d}.txt" for i in range(len(rows))]
    return {"files": files, "instances": len(rows), "notes": notes}


SCANNET_BENCHMARK = Target(
    title="ScanNet benchmark submission, semantic and instance",
    ignore=None,
    refusal=(
        "the benchmark scores every vertex, and one without a class counts as wrong, so leaving "
        "out unsure vertices only lowers the result; export without --confidence"
    ),
    lost=(
        "coordinates, colours and faces",
        "vertices without a class (written as 0)",
        "instances of stuff",
        "the confidence of single vertices (an instance has the mean of its own)",
    ),
    write=write_submission,
)
