"""Every file of every layout, cut short and with bytes changed: a scene or a clear refusal."""

import warnings
import zipfile

import numpy as np
import pytest
import torch
from layout_files import (
    box,
    write_3rscan,
    write_arkit,
    write_multiscan,
    write_replica,
    write_s3dis_room,
    write_scannetpp,
    write_text_ply,
)

from seggroup.errors import InputError
from seggroup.io.scenes import find_scenes, read_source

BYTES = np.frombuffer(b'\0\n -.,0123456789eE[]{}"tnu\xff\x10', np.uint8)


def write_trainers(root):
    (root / "train").mkdir(parents=True)
    arrays = (np.eye(3, dtype="f4"), np.eye(3, dtype="f4"), np.zeros(3), np.zeros(3))
    torch.save(arrays, root / "train" / "a_inst_nostuff.pth")
    torch.save(arrays, root / "train" / "b_inst_nostuff.pth", _use_new_zipfile_serialization=False)


def write_pointcept(root):
    (root / "a").mkdir(parents=True)
    np.save(root / "a" / "coord.npy", np.eye(3))
    for name in ("color", "normal", "segment20", "instance"):
        width = (3, 3) if name in ("color", "normal") else 3
        np.save(root / "a" / f"{name}.npy", np.ones(width, np.int64))
    (root / "classes.json").write_text('{"classes": [{"value": 1, "id": 5, "name": "chair"}]}')


def write_masks(root):
    for part in ("points", "semantic_mask", "instance_mask", "super_points"):
        (root / part).mkdir(parents=True)
        (root / part / "a.bin").write_bytes(bytes(72 if part == "points" else 24))


WRITERS = {
    "scannetpp": lambda root: write_scannetpp(root / "a"),
    "3rscan": lambda root: write_3rscan(root / "a", nyu40=False),
    "arkitscenes": lambda root: write_arkit(root, [box("sofa", [3.5, 0.5, 1], [1, 1, 1])]),
    "s3dis": lambda root: write_s3dis_room(root / "Area_1" / "a"),
    "replica": lambda root: write_replica(root / "a"),
    "multiscan": lambda root: write_multiscan(
        root, columns={}, face_columns={"objectId": ("int", [2, 1])}
    ),
    "pointcept": write_pointcept,
    "pointgroup": write_trainers,
    "mmdetection3d": write_masks,
    "kpconv": lambda root: write_text_ply(root / "a.ply", {"class": ("int", [1] * 8)}, faces=[]),
}


@pytest.mark.parametrize("layout", WRITERS)
def test_changed_bytes(tmp_path, layout):
    rng = np.random.default_rng(7)
    refusals: list[str] = []
    WRITERS[layout](tmp_path)
    sources = find_scenes([tmp_path])
    for path in [p for p in sorted(tmp_path.rglob("*")) if p.is_file()]:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for turn in range(25):
            changed = data.copy()[: rng.integers(len(data)) if turn % 3 == 0 else None]
            at = rng.integers(0, max(len(changed), 1), 1 + turn % 4)
            changed[at[at < len(changed)]] = rng.choice(BYTES, np.sum(at < len(changed)))
            path.write_bytes(changed.tobytes())
            for source in sources:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # torch's, on files that only look like its own
                    try:
                        scan, _, truth = read_source(source)
                    except InputError as error:
                        refusals.append(str(error))
                    else:
                        assert truth is None or len(truth) == len(scan.vertices)
        path.write_bytes(data.tobytes())
    assert refusals
    assert all(str(tmp_path) in message for message in refusals)
    assert all(read_source(source)[2] is not None for source in sources)


def test_a_bomb_in_a_pth(tmp_path):
    path = tmp_path / "a_inst_nostuff.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", bytes(50_000_000))
    assert path.stat().st_size < 100_000
    (source,) = find_scenes([tmp_path])
    with pytest.raises(InputError, match="is compressed"):
        read_source(source)
