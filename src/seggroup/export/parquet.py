"""A data set in Parquet for Hugging Face `datasets`: a row a scene, with a data card.

Schema and card as huggingface.co/docs/datasets and huggingface.co/docs/hub/datasets-cards have
them: the features stand in the Parquet schema's metadata under `huggingface`, the card's YAML
names the files of each split. Plain pyarrow reads the same files as nested lists.
"""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from seggroup.errors import InputError
from seggroup.export.datacard import data_card
from seggroup.export.target import FACES, FRAME, NORMALS, SPLITS, Sample, Target, indexed
from seggroup.io.classlist import ClassList
from seggroup.io.files import atomic, write_text
from seggroup.io.store import safe_name
from seggroup.labels.objects import objects
from seggroup.types import NONE

DATA = "data"
_SCENES = ".scenes"  # one file a scene, until all are there
_SHARD = 300_000_000  # bytes of arrays in a file, about
_THREES = {"coord": "float32", "color": "uint8"}
_ONES = {"instance": "int32", "confidence": "float32"}


def write_scene_row(folder: Path, sample: Sample, classes: ClassList) -> dict[str, Any]:
    """Write a scene's row to a file of its own, which `finish_parquet` puts with the others.

    Raises InputError where pyarrow is not installed.
    """
    pa = _pyarrow()
    scan, labels = sample.scan, sample.labels
    name = safe_name(scan.name)
    semantic = indexed(labels, classes, NONE).astype(np.int64)
    columns = {
        "scene": pa.array([scan.name]),
        "coord": _row(pa, scan.vertices),
        "color": _row(pa, scan.colors),
        "semantic": _row(pa, semantic),
        "instance": _row(pa, labels.instance),
        "confidence": pa.nulls(1, pa.list_(pa.float32()))
        if labels.confidence is None
        else _row(pa, labels.confidence.astype(np.float32)),
    }
    table = pa.table(columns, schema=_schema(pa, classes))
    _keep_row(folder / _SCENES / f"{name}.arrow", table)
    counts = Counter(semantic[semantic != NONE].tolist())
    sure = labels.confidence
    labelled = semantic != NONE
    return {
        "files": [],
        "points": len(labels),
        "bytes": int(table.nbytes),
        "labelled": int(np.count_nonzero(labelled)),
        "instances": len(objects(labels)),
        "vertices_of": {str(i): n for i, n in counts.items()},
        "made": sample.made,
        "least": float(sure[labelled].min()) if sure is not None and labelled.any() else None,
    }


def finish_parquet(folder: Path, rows: Sequence[dict[str, Any]], classes: ClassList) -> list[str]:
    """Write `data/<split>-<i>-of-<n>.parquet` and `README.md` from the rows of all scenes.

    Files of splits and shards that an earlier run left there go.
    """
    pa = _pyarrow()
    import pyarrow.parquet as pq

    schema, written = _schema(pa, classes), list[str]()
    earlier = {split: _earlier(folder, split) for split in SPLITS}
    plain = ["scene", "semantic.list.element"]
    for split in SPLITS:
        own = [row for row in rows if row["split"] == split]
        if not _changed(folder, own, earlier[split]):
            written += sorted(
                {str(path.relative_to(folder)) for path, _ in earlier[split].values()}
            )
            continue
        with ExitStack() as files:  # old files are read until all new ones are whole
            shards = _shards(own)
            for number, shard in enumerate(shards):
                name = f"{DATA}/{split}-{number:05d}-of-{len(shards):05d}.parquet"
                file = files.enter_context(atomic(folder / name))
                with pq.ParquetWriter(
                    file, schema, compression="zstd", compression_level=1, use_dictionary=plain
                ) as writer:
                    for row in shard:
                        writer.write_table(_stored(folder, row, earlier[split]))
                written.append(name)
    for path in {path for places in earlier.values() for path, _ in places.values()}:
        if str(path.relative_to(folder)) not in written:
            path.unlink(missing_ok=True)
    for row in rows:
        _scene_file(folder, row).unlink(missing_ok=True)
    if (folder / _SCENES).is_dir() and not any((folder / _SCENES).iterdir()):
        (folder / _SCENES).rmdir()
    write_text(folder / "README.md", data_card(rows, classes))
    return [*written, "README.md"]


def _keep_row(path: Path, table) -> None:  # type: ignore[no-untyped-def]
    """Write a row whole or not at all, not waiting for the disk: it is only read by `finish`."""
    import pyarrow as pa

    with atomic(path, wait=False) as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _scene_file(folder: Path, row: dict[str, Any]) -> Path:
    return folder / _SCENES / f"{safe_name(row['scene'])}.arrow"


def _earlier(folder: Path, split: str) -> dict[str, tuple[Path, int]]:
    """Where an earlier run left the scenes of a split: file and row group of each."""
    import pyarrow.parquet as pq

    places = {}
    for path in sorted((folder / DATA).glob(f"{split}-[0-9]*-of-[0-9]*.parquet")):
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                name = file.read_row_group(group, ["scene"])["scene"][0].as_py()
                places[name] = (path, group)
    return places


def _changed(
    folder: Path, rows: Sequence[dict[str, Any]], earlier: dict[str, tuple[Path, int]]
) -> bool:
    """Whether a split's files hold other scenes than these, or older ones."""
    fresh = any(_scene_file(folder, row).exists() for row in rows)
    return fresh or {row["scene"] for row in rows} != set(earlier)


def _stored(folder: Path, row: dict[str, Any], earlier: dict[str, tuple[Path, int]]):  # type: ignore[no-untyped-def]
    """A scene's row: newly written, else as an earlier run left it.

    Raises InputError where it is nowhere.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, name = _scene_file(folder, row), row["scene"]
    if path.exists():
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()
    if name not in earlier:
        raise InputError(f"{folder / DATA}: no longer holds {name}; export it again")
    shard, group = earlier[name]
    with pq.ParquetFile(shard) as file:
        return file.read_row_group(group)


def _shards(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The rows in their order, in runs of about `_SHARD` bytes at most."""
    result: list[list[dict[str, Any]]] = []
    size = 0
    for row in rows:
        if not result or size + row["bytes"] > _SHARD:
            result.append([])
            size = 0
        result[-1].append(row)
        size += row["bytes"]
    return result


def _pyarrow():  # type: ignore[no-untyped-def]
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise InputError(
            "--to parquet: needs pyarrow, which is not installed; pip install 'seggroup[parquet]'"
        ) from error
    return pyarrow


def _row(pa, values: np.ndarray):  # type: ignore[no-untyped-def]
    """One row that is a list of all values; of (n, 3) a list of lists of three."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    if values.ndim == 2:
        flat = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), flat)


def _schema(pa, classes: ClassList):  # type: ignore[no-untyped-def]
    """The columns, with their features in the metadata that `datasets` reads."""
    names = [known.name for known in classes.classes.values()]
    features: dict[str, Any] = {"scene": {"dtype": "string", "_type": "Value"}}
    fields = [pa.field("scene", pa.string())]
    for name, kind in _THREES.items():
        of_three = {"feature": {"dtype": kind, "_type": "Value"}, "length": 3, "_type": "Sequence"}
        features[name] = {"feature": of_three, "_type": "Sequence"}
        fields.append(pa.field(name, pa.list_(pa.list_(pa.type_for_alias(kind), 3))))
    features["semantic"] = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
    fields.append(pa.field("semantic", pa.list_(pa.int64())))
    for name, kind in _ONES.items():
        features[name] = {"feature": {"dtype": kind, "_type": "Value"}, "_type": "Sequence"}
        fields.append(pa.field(name, pa.list_(pa.type_for_alias(kind))))
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(fields, metadata=metadata)


PARQUET = Target(
    title="Parquet for Hugging Face datasets, with a data card",
    classes="nyu40",
    ignore="-1",
    lost=(FACES, NORMALS, FRAME),
    write=write_scene_row,
    finish=finish_parquet,
)
