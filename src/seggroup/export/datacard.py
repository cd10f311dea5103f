"""The data card of a Parquet data set: what the Hub shows, and what a reader must know.

Format: huggingface.co/docs/hub/datasets-cards.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from seggroup.export.target import counted
from seggroup.io.classlist import ClassList

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))
_NAMES = {"train": "train", "val": "validation", "test": "test"}
_COLUMNS = """\
| column | type | what |
|---|---|---|
| `scene` | string | the scene's name |
| `coord` | list of 3 × float32 | x, y, z of every point in metres, z up, in the order of the scan |
| `color` | list of 3 × uint8 | red, green, blue (sRGB) |
| `semantic` | list of int64 | the class, a place in the list below from 0; −1 = no label |
| `instance` | list of int32 | the instance within the scene, from 0; −1 = none |
| `confidence` | list of float32 | how sure the label is, from 0 to 1; null where nothing says so |
"""


def data_card(rows: Sequence[dict[str, Any]], classes: ClassList) -> str:
    """README.md of the set: a YAML head, counts, columns, how labels were made, classes.

    rows : of every scene its `split`, `points`, `labelled`, `instances`, `vertices_of`,
        `made` and `least`
    """
    splits = [split for split in _NAMES if any(row["split"] == split for row in rows)]
    head = {
        "pretty_name": "3D scans with instance labels",
        "license": "unknown",
        "task_categories": ["other"],
        "tags": ["3d", "point-cloud", "semantic-segmentation", "instance-segmentation"],
        "size_categories": [next((word for top, word in _SIZES if len(rows) < top), "n>100K")],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": _NAMES[split], "path": f"data/{split}-*.parquet"} for split in splits
                ],
            }
        ],
    }
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    points = sum(row["points"] for row in rows)
    labelled = sum(row["labelled"] for row in rows)
    share = 100 * labelled / points if points else 0.0
    parts = [
        f"---\n{front}---",
        "# 3D scans with instance labels",
        f"{counted(len(rows), 'scene')}, {counted(points, 'point')}, {share:.1f} % of them "
        "with a class. One row a scene.\nSet `license` above, and `pretty_name`, before this is "
        "published: a scan's licence goes with its data set.",
        "## Splits",
        _splits(rows, splits),
        "## Columns",
        _COLUMNS.rstrip(),
        "Points of −1 are to be left out of training and scoring: they have no label, or one less "
        "sure than\nwas asked for. Stuff (below) has no instances to learn.",
        "## How the labels were made",
        _made(rows),
        "## Classes",
        _classes(rows, classes),
        "## Reading it",
        "```python\nfrom datasets import load_dataset\n\n"
        'scenes = load_dataset("path/to/this/folder").with_format("numpy")\n'
        f'scene = scenes["{_NAMES[splits[0]] if splits else "train"}"][0]\n'
        'scene["coord"].shape  # (points, 3)\n```',
    ]
    return "\n\n".join(parts) + "\n"


def _splits(rows: Sequence[dict[str, Any]], splits: Sequence[str]) -> str:
    lines = ["| split | scenes | points | with a class | instances |", "|---|---|---|---|---|"]
    for split in splits:
        own = [row for row in rows if row["split"] == split]
        counts = [len(own), *(sum(row[k] for row in own) for k in _COUNTED)]
        lines.append(f"| {_NAMES[split]} | " + " | ".join(f"{n:,}" for n in counts) + " |")
    return "\n".join(lines)


_HOW = {
    "truth": "are the truth that the scans' own files have",
    "propagate": "were spread from clicks by SegGroup (arXiv:2012.10217; `seggroup propagate`)",
    "train": "were spread from clicks by SegGroup as it trained (arXiv:2012.10217)",
    "predict": "were predicted by a trained network (`seggroup predict`)",
    "": "are those of a folder that does not say how they were made",
}
_COUNTED = ("points", "labelled", "instances")


def _made(rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for how, words in _HOW.items():
        count = sum(row.get("made", "") == how for row in rows)
        if count:
            lines.append(f"The labels of {counted(count, 'scene')} {words}.")
    least = [row["least"] for row in rows if row["least"] is not None]
    if least:
        lines.append(f"The least confidence of a point with a class is {min(least):.3f}.")
    return "\n".join(lines)


def _classes(rows: Sequence[dict[str, Any]], classes: ClassList) -> str:
    lines = ["| `semantic` | id | name | colour | kind | points |", "|---|---|---|---|---|---|"]
    for place, (class_id, known) in enumerate(classes.classes.items()):
        points = sum(row["vertices_of"].get(str(place), 0) for row in rows)
        color = "#{:02x}{:02x}{:02x}".format(*known.color)
        kind = "thing" if known.thing else "stuff"
        name = known.name.replace("|", "\\|")
        lines.append(f"| {place} | {class_id} | {name} | `{color}` | {kind} | {points:,} |")
    return "\n".join(lines)
