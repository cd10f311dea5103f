"""Writing folders for ScanNet's benchmark server (FORMATS.md); `evaluate.checking` checks them."""

from glob import escape
from pathlib import Path

import numpy as np
from jaxtyping import Int

from seggroup.errors import InputError
from seggroup.io.files import write_text
from seggroup.io.proposals import Proposals
from seggroup.io.store import safe_name

MASKS = "predicted_masks"
MAX_INSTANCES = 1000  # of a scene: three digits number the masks


def write_semantic(folder: Path, scene: str, semantic: Int[np.ndarray, " v"]) -> Path:
    """Write `<scene>.txt`: a class id a line for each vertex, 0 where there is none."""
    path = Path(folder) / f"{safe_name(scene)}.txt"
    ids, place = np.unique(np.maximum(semantic, 0), return_inverse=True)
    lines = [f"{i}\n" for i in ids.tolist()]
    write_text(path, "".join(map(lines.__getitem__, place.tolist())))
    return path


def write_instances(folder: Path, scene: str, proposals: Proposals, n_vertices: int) -> Path:
    """Write `<scene>.txt` and a mask of 0 and 1 for every proposal, the surest first.

    Empty proposals are left out. Scores above 1 are written as 1, and below 0 as 0. Masks of an
    earlier submission of the scene go. Raises InputError for more than 1,000 proposals.
    """
    path = Path(folder) / f"{safe_name(scene)}.txt"
    order = np.argsort(-proposals.score, kind="stable").tolist()
    order = [i for i in order if len(proposals.points(i))]
    if len(order) > MAX_INSTANCES:
        raise InputError(
            f"{scene}: has {len(order)} instances; at most {MAX_INSTANCES:,} fit a submission, "
            "drop the least certain"
        )
    path.unlink(missing_ok=True)  # it comes last and says that the masks are whole
    for old in (path.parent / MASKS).glob(f"{escape(scene)}_[0-9][0-9][0-9].txt"):
        old.unlink()
    lines = []
    for number, i in enumerate(order):
        name = f"{MASKS}/{scene}_{number:03d}.txt"
        text = np.full((n_vertices, 2), [ord("0"), ord("\n")], np.uint8)
        text[proposals.points(i), 0] = ord("1")
        _write(path.parent / name, text.tobytes())
        score = min(max(float(proposals.score[i]), 0.0), 1.0)
        lines.append(f"{name} {proposals.semantic[i]} {score:.6f}\n")
    write_text(path, "".join(lines))
    return path


def _write(path: Path, data: bytes) -> None:
    """Write a mask, not waiting for the disk: it is void without the list, which comes last."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise InputError(
            f"{path}: cannot write there ({error.strerror}); choose another folder"
        ) from error
