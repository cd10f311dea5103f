"""Pictures of scans, labelled PLY files, and what a file holds."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from seggroup import pipeline
from seggroup.errors import InputError
from seggroup.io.classlist import ClassList, read_class_list
from seggroup.io.classsets import read_class_sets
from seggroup.io.files import read_bytes, read_json
from seggroup.io.placing import told
from seggroup.io.ply import write_ply
from seggroup.io.proposals import read_proposals
from seggroup.io.reading import AS_FOUND, Reading
from seggroup.io.relisting import read_listed
from seggroup.io.scenes import find_scenes
from seggroup.io.store import (
    CHECKPOINT,
    METRICS,
    PROPOSALS_SUFFIX,
    RECORD,
    SETS_SUFFIX,
    labels_file,
)
from seggroup.report.render import class_colors, instance_colors, palette, render, save_png
from seggroup.types import NONE, Labels, Scene

_LIST = {"title", "classes"}  # the keys of a class list


def show_scene(
    path: Path,
    out: Path,
    labels_place: Path | None,
    clicks_place: Path | None,
    color: str,
    size: str,
    truth: bool,
    reading: Reading = AS_FOUND,
) -> dict[str, Any]:
    """Write a picture (.png) or a labelled mesh or cloud (.ply) of one scene."""
    sources = find_scenes([path], reading)
    if len(sources) != 1:
        raise InputError(f"{path}: holds {len(sources)} scenes; name one")
    pipeline.keep(sources[0], out)
    scene = pipeline.load_scene(sources[0], pipeline.Loading(truth))
    labels = _labels(scene, labels_place, reading.classes)
    clicks, seg_level = None, None
    if clicks_place is not None:
        clicks, found, _ = pipeline.load_clicks(scene, clicks_place, "drop", reading.classes)
        seg_level = found.at(scene.segments)
    shown = labels or seg_level
    wanted = "instance" if color == "auto" and shown else color
    colors = _colors(scene, shown, wanted, reading.classes)
    match out.suffix.lower():
        case ".png":
            clicked = None if clicks is None else clicks.vertex
            save_png(out, render(scene.scan, colors, _size(size), clicked=clicked))
        case ".ply":
            carried = shown or scene.truth
            write_ply(
                out,
                scene.whole,
                carried and scene.carried(carried),
                scene.whole.colors if colors is scene.scan.colors else _of_all(scene, colors),
            )
        case _:
            raise InputError(f"{out}: can write .png and .ply")
    return {"scene": scene.name, "output": str(out)}


def _labels(scene: Scene, place: Path | None, classes: ClassList | None) -> Labels | None:
    if place is None:
        return None
    path = place
    if place.is_dir():
        path = labels_file(pipeline.labels_folder(place), scene.name)
    return scene.taken(read_listed(path, len(scene.whole.vertices), classes)[0])


def _of_all(scene: Scene, colors: np.ndarray) -> np.ndarray:
    """Colours of the scan's vertices for all vertices of the file."""
    return colors if scene.thinning is None else colors[scene.thinning.group]


def _colors(
    scene: Scene, labels: Labels | None, color: str, classes: ClassList | None
) -> np.ndarray:
    match color:
        case "auto" | "scan":
            return scene.scan.colors
        case "segments":
            shuffled = np.random.default_rng(0).permutation(len(scene.segment_ids))
            return palette(len(shuffled))[shuffled[scene.segments]]
        case "truth":
            if scene.truth is None:
                raise InputError(f"{scene.name}: has no ground truth to show")
            return instance_colors(scene.truth)
    labels = labels or scene.truth
    if labels is None:
        raise InputError(f"{scene.name}: nothing to colour by; name --labels or --clicks")
    if color == "class":
        return class_colors(labels, classes)
    if color == "confidence":
        if labels.confidence is None:
            raise InputError(f"{scene.name}: these labels carry no confidence")
        low, high = np.array([178, 24, 43]), np.array([33, 102, 172])
        share = labels.confidence[:, None].clip(0, 1)
        return np.round(low + share * (high - low)).astype(np.uint8)
    return instance_colors(labels)


def _size(text: str) -> tuple[int, int]:
    try:
        width, height = (int(number) for number in text.lower().split("x"))
    except ValueError as error:
        raise InputError(f"--size {text}: write width x height, as 1200x900") from error
    if not (16 <= width <= 8192 and 16 <= height <= 8192):
        raise InputError(f"--size {text}: each side from 16 to 8192 pixels")
    return width, height


def describe(path: Path, truth: bool = True, reading: Reading = AS_FOUND) -> dict[str, Any]:
    """What a scan, a folder of scans, clicks, labels, a checkpoint or a run holds."""
    if not path.exists():
        raise InputError(f"{path}: does not exist; check the path")
    if path.is_dir() and (path / RECORD).exists():
        return _run(path)
    if path.suffix == ".safetensors":
        return _checkpoint(path)
    if path.name.endswith(SETS_SUFFIX):
        sets = read_class_sets(path, 1 << 31)
        return {"kind": "class sets", "sets": len(sets), "classes": len(set().union(*sets.classes))}
    if path.name.endswith(PROPOSALS_SUFFIX):
        found = read_proposals(path, 1 << 31)
        return {"kind": "proposals", "instances": len(found)}
    if path.suffix.lower() in (".yaml", ".yml"):
        return _class_list(path)
    if path.suffix == ".npz":
        return _npz(path)
    if path.suffix == ".json":
        return _json(path)
    sources = find_scenes([path], reading)
    if len(sources) > 1:
        return {"kind": "scenes", "scenes": len(sources), "names": [s.name for s in sources]}
    return _scene(pipeline.load_scene(sources[0], pipeline.Loading(truth)))


def _class_list(path: Path) -> dict[str, Any]:
    listed = read_class_list(path)
    names = [named.name for named in listed.classes.values()]
    things = len(listed.things)
    return {"kind": "class list", "classes": len(names), "things": things, "names": names}


def _scene(scene: Scene) -> dict[str, Any]:
    scan = scene.scan
    low, high = scan.vertices.min(axis=0), scan.vertices.max(axis=0)
    result: dict[str, Any] = {
        "kind": "mesh" if scan.is_mesh else "point cloud",
        "scene": scene.name,
        "vertices": len(scene.whole.vertices),
        "faces": len(scene.whole.faces),
        "size": [round(float(x), 3) for x in high - low],
        **told(scan.frame),
        "segments": len(scene.segment_ids),
        "edges": len(scene.graph.edges),
    }
    if scene.truth is not None:
        annotated = scene.truth.instance != NONE
        result["instances"] = len(np.unique(scene.truth.instance[annotated]))
        result["classes"] = len(np.unique(scene.truth.semantic[scene.truth.semantic != NONE]))
        result["annotated"] = float(annotated.mean())
        result["classified"] = float((scene.truth.semantic != NONE).mean())
    return result | {"notes": list(scan.notes)}


def _run(path: Path) -> dict[str, Any]:
    record = read_json(path / RECORD)
    result = {"kind": f"run of seggroup {record.get('command')}", **record}
    if (path / METRICS).exists():
        metrics = read_json(path / METRICS)
        result |= {k: metrics.get(k) for k in ("semantic_miou", "instance_miou", "coverage")}
    if (path / CHECKPOINT).exists():
        result["parameters"] = _checkpoint(path / CHECKPOINT)["parameters"]
    beside = (SETS_SUFFIX, PROPOSALS_SUFFIX)
    files = [file.name for file in pipeline.labels_folder(path).glob("*.npz")]
    result["labels"] = sum(not name.endswith(beside) for name in files)
    return result


def _checkpoint(path: Path) -> dict[str, Any]:
    from seggroup.model.checkpoint import read_tensors

    tensors, header = read_tensors(path)
    running = ("running_mean", "running_var", "num_batches_tracked")
    count = sum(t.numel() for name, t in tensors.items() if not name.endswith(running))
    return {"kind": "checkpoint", "parameters": count, **header}


def _npz(path: Path) -> dict[str, Any]:
    data = read_bytes(path)
    try:
        with np.load(BytesIO(data), allow_pickle=False) as archive:
            labels = Labels(archive["semantic"], archive["instance"], archive["confidence"])
    except Exception as error:  # zip and npy parsers raise anything on broken input
        raise InputError(f"{path}: is no label file ({type(error).__name__})") from error
    labelled = labels.instance != NONE
    confidence = labels.confidence
    return {
        "kind": "labels",
        "vertices": int(labels.semantic.size),
        "labelled": float(labelled.mean()) if labelled.size else 0.0,
        "instances": len(np.unique(labels.instance[labelled])),
        "classes": len(np.unique(labels.semantic[labels.semantic != NONE])),
        "confidence": None if confidence is None else float(confidence.mean()),
    }


def _json(path: Path) -> dict[str, Any]:
    value = read_json(path)
    if isinstance(value, list) or (
        isinstance(value, dict) and "classes" in value and value.keys() <= _LIST
    ):
        return _class_list(path)
    if not isinstance(value, dict):
        raise InputError(f"{path}: holds nothing that this program knows")
    if "segIndices" in value:
        ids = value["segIndices"]
        return {"kind": "segments", "vertices": len(ids), "segments": len(set(ids))}
    if "segGroups" in value:
        return {"kind": "aggregation", "instances": len(value["segGroups"])}
    if "clicks" in value:
        return {
            "kind": "clicks",
            "scene": value.get("scene"),
            "clicks": len(value["clicks"]),
            "instances": len({c.get("instance") for c in value["clicks"]}),
        }
    if not all(_authors(one) for one in value.values()):
        raise InputError(f"{path}: holds nothing that this program knows; name a scan or clicks")
    clicks = sum(len(c) for c in value.values())
    return {"kind": "clicks of the authors", "instances": len(value), "clicks": clicks}


def _authors(clicks: Any) -> bool:
    """Whether this is an instance of the authors' clicks: segment id → vertex, or → a class too."""
    return isinstance(clicks, dict) and all(
        key.lstrip("-").isdigit() and isinstance(value, int | dict) for key, value in clicks.items()
    )
