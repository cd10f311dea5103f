"""PointGroup and SoftGroup: `<split>/<scene>_inst_nostuff.pth`, a tuple of arrays by torch.save.

Source: github.com/dvlab-research/PointGroup, `dataset/scannetv2/prepare_data_inst.py` and
`prepare_data_inst_gttxt.py` write what `data/scannetv2_inst.py` reads; github.com/thangvubk/
SoftGroup, `softgroup/data/{custom,scannetv2}.py` reads the same. Classes are places in the list,
stuff first; instances are of things only, 0 … n-1, each of one class; -100 is ignored in both.
Test scenes have no labels: the loaders unpack two arrays there.
"""

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.export.target import (
    CONFIDENCE,
    FACES,
    FRAME,
    MIXED,
    NORMALS,
    STUFF,
    TEST,
    Sample,
    Target,
    counted,
    indexed,
    one_class,
    stuff_first,
    things_only,
    write_class_table,
)
from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic, write_text

IGNORE = -100
SHIFT = 2  # the trainers take as many first classes for stuff
NAME = 12  # characters of a scene's name in PointGroup's test.py
SUFFIX = "_inst_nostuff.pth"
PLACE = "where the scan lies (coordinates are written less their mean)"
NUMBERS = "the instances' own numbers (they are counted anew from 0)"
LOST = (FACES, NORMALS, CONFIDENCE, FRAME, PLACE, STUFF, NUMBERS, MIXED, TEST)
# What torch.save (its form before 1.6, which every version reads) puts before and after a value
# that holds no tensors: a magic number, a version and sizes; the list of tensors.
_BEFORE = (
    0x1950A86A20F9469CFC6C,
    1001,
    {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    },
)
_AFTER: list[str] = []


def write_scene(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write a scene, and for validation also `val_gt/<scene>.txt`."""
    points, semantic, instance, notes = arrays(sample, classes)
    name = sample.scan.name
    files = [f"{sample.split}/{name}{SUFFIX}"]
    if sample.split == "test":
        save_pth(folder / files[0], points)
        return {"files": files, "notes": notes}
    save_pth(folder / files[0], (*points, semantic, instance))
    if sample.split == "val":
        files.append(f"val_gt/{name}.txt")
        write_text(folder / files[1], gt_text(semantic, instance, classes))
    return {"files": files, "notes": notes}


def arrays(
    sample: Sample, classes: ClassList
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray, list[str]]:
    """Coordinates less their mean and colours -1 … 1 (float32), classes and instances (float64).

    Also notes on what the trainer cannot take as it is.
    """
    scan = sample.scan
    coords = (scan.vertices - scan.vertices.mean(axis=0, dtype=np.float64)).astype(np.float32)
    colors = scan.colors.astype(np.float32) / np.float32(127.5) - np.float32(1)
    labels, mixed = one_class(sample.labels)
    semantic = indexed(labels, stuff_first(classes), IGNORE).astype(np.float64)
    instance = things_only(labels, classes, IGNORE).astype(np.float64)
    notes = []
    if mixed:
        notes.append(f"{counted(mixed, 'point')} left an instance, not being of its main class.")
    if sample.split == "test":
        notes.append("Test scenes are written without labels, as the trainer reads them.")
    elif instance.max() < 0:
        notes.append(
            "Has no instance of a thing; PointGroup and ISBNet miscount such scenes: "
            "leave it out of training."
        )
    return (coords, colors), semantic, instance, notes


def save_pth(path: Path, values: np.ndarray | tuple[np.ndarray, ...]) -> None:
    """Write an array or several as `torch.save` did before version 1.6: every torch reads it.

    Newer numpy names its module `numpy._core`, which older ones do not have; hence the old name.
    """
    data = pickle.dumps(values, protocol=2)
    head = data[:200].replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1)
    with atomic(path) as file:
        file.write(b"".join(pickle.dumps(value, protocol=2) for value in _BEFORE))
        file.write(head)
        file.write(memoryview(data)[200:])
        file.write(pickle.dumps(_AFTER, protocol=2))


def gt_text(semantic: np.ndarray, instance: np.ndarray, classes: ClassList) -> str:
    """A number for each point: class id x 1000 + instance from 1; 0 = none."""
    ids = np.array([*stuff_first(classes).classes, 0], np.int64)
    of_instance = instance >= 0
    value = ids[np.where(of_instance, semantic, -1).astype(np.int64)] * 1000 + instance + 1
    number, rank = np.unique(np.where(of_instance, value, 0), return_inverse=True)
    words = np.array([f"{int(n)}\n" for n in number], object)
    return "".join(words[rank].tolist())


def finish(folder: Path, rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Write which class each number is."""
    return write_class_table(folder, stuff_first(classes), IGNORE)


def first_two_are_stuff(
    rows: Sequence[dict[str, Any]], classes: ClassList, trainer: str
) -> list[str]:
    """Advice for loaders that take the first two classes for stuff, where that is not so."""
    stuff = len(classes.classes) - len(classes.things)
    if stuff == SHIFT:
        return []
    return [
        f"{trainer}'s code takes the first {SHIFT} classes for stuff, but the list has {stuff}: "
        "change that number, and the count of classes, where they stand there."
    ]


def pointgroup_advice(rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Stuff, and names that PointGroup's test.py cuts: it takes the first 12 characters."""
    cut = [row["scene"] for row in rows if row["split"] != "train" and len(row["scene"]) != NAME]
    advice = first_two_are_stuff(rows, classes, "PointGroup")
    if cut:
        advice.append(
            f"PointGroup's test.py takes the first {NAME} characters of a file for the scene's "
            f"name (as scene0000_00), which is wrong for {counted(len(cut), 'name')} "
            f"(as {cut[0]}): change `[:{NAME}]` there, or rename the scans."
        )
    return advice


def softgroup_advice(rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Stuff."""
    return first_two_are_stuff(rows, classes, "SoftGroup")


POINTGROUP = Target(
    title="PointGroup",
    ignore=str(IGNORE),
    lost=LOST,
    write=write_scene,
    finish=finish,
    advice=pointgroup_advice,
)
SOFTGROUP = replace(
    POINTGROUP, title="SoftGroup (the same files as PointGroup)", advice=softgroup_advice
)
