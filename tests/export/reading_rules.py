"""How each trainer reads its files, written anew from its published loader as a stranger would.

Nothing of seggroup is imported. A rule gives the arrays that the trainer's network is fed from:
points, colours 0 ... 255, classes and instances as the trainer numbers them, and what it ignores.
Colours and points go through the trainer's own arithmetic. `.pth` files are read by torch with
`weights_only`, pickles by an unpickler that knows no classes.
"""

import io
import pickle
import warnings
from pathlib import Path

import numpy as np
import torch

ALLOWED = [
    np._core.multiarray._reconstruct,
    (np._core.multiarray._reconstruct, "numpy.core.multiarray._reconstruct"),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "u1")),
]


def pointcept(root, split, segment):
    """`DefaultDataset.get_data` and `ScanNetDataset.get_data` of pointcept/datasets."""
    scenes = {}
    for folder in sorted((root / split).glob("*")):
        data = {path.stem: np.load(path) for path in folder.iterdir() if path.suffix == ".npy"}
        assert {"coord", "color", "normal"} <= data.keys()
        if segment in data:
            semantic = data[segment].reshape([-1]).astype(np.int32)
        else:
            semantic = np.full(len(data["coord"]), -1, np.int32)
        scenes[folder.name] = {
            "points": data["coord"].astype(np.float32),
            "colors": data["color"].astype(np.float32),
            "normals": data["normal"].astype(np.float32),
            "semantic": semantic,
            "instance": data["instance"].reshape([-1]).astype(np.int32),
            "types": {name: str(array.dtype) for name, array in data.items()},
        }
    return scenes


def restricted(path):
    """A pickle that holds plain values only."""

    class Plain(pickle.Unpickler):
        def find_class(self, module, name):
            raise AssertionError(f"{module}.{name} in {path}")

    return Plain(io.BytesIO(Path(path).read_bytes())).load()


def mmdetection3d(root, infos, valid_ids, largest_id, superpoints=False):
    """`BaseDataset.load_data_list`, `Seg3DDataset` and `Det3DDataset` with their transforms."""
    annotations = restricted(root / infos)
    assert set(annotations) == {"metainfo", "data_list"}
    mapping = np.full(largest_id + 1, len(valid_ids), np.int64)  # get_seg_label_mapping
    mapping[list(valid_ids)] = np.arange(len(valid_ids))
    scenes = {}
    for info in annotations["data_list"]:
        path = root / "points" / info["lidar_points"]["lidar_path"]
        points = np.frombuffer(path.read_bytes(), np.float32)  # LoadPointsFromFile, load_dim=6
        points = points.reshape(-1, info["lidar_points"]["num_pts_feats"])
        path = root / "semantic_mask" / info["pts_semantic_mask_path"]
        semantic = mapping[np.frombuffer(path.read_bytes(), np.int64)]  # PointSegClassMapping
        path = root / "instance_mask" / info["pts_instance_mask_path"]
        instance = np.frombuffer(path.read_bytes(), np.int64)
        align = np.array(info["axis_align_matrix"])  # GlobalAlignment
        aligned = points[:, :3] @ align[:3, :3].T + align[:3, 3]
        scenes[path.stem] = {
            "points": aligned.astype(np.float32),
            "colors": points[:, 3:],
            "semantic": semantic,
            "instance": instance,
            "boxes": np.array([i["bbox_3d"] for i in info["instances"]]).reshape(-1, 6),
            "box_classes": np.array([i["bbox_label_3d"] for i in info["instances"]], np.int64),
        }
        if superpoints:  # LoadAnnotations3D_ of OneFormer3D
            path = root / "super_points" / info["super_pts_path"]
            scenes[path.stem]["superpoints"] = np.frombuffer(path.read_bytes(), np.int64)
    return annotations["metainfo"], scenes


def oneformer3d_instances(scene, classes, stuff=(0, 1)):
    """`AddSuperPointAnnotations`: instances of things from 0, -1 elsewhere, and their classes."""
    instance, semantic = scene["instance"].copy(), scene["semantic"]
    instance[semantic == classes] = -1
    instance[np.isin(semantic, stuff)] = -1
    idxs = np.unique(instance)
    assert idxs[0] == -1
    mapping = np.zeros(idxs.max() + 2, np.int64)
    mapping[idxs] = np.arange(len(idxs)) - 1
    instance = mapping[instance]
    labels = [semantic[instance == i][0] - len(stuff) for i in range(len(idxs) - 1)]
    return instance, labels


def load_pth(path):
    """`torch.load`, without running anything that the file may hold."""
    with torch.serialization.safe_globals(ALLOWED):
        return torch.load(path, weights_only=True)


def pointgroup(root, split):
    """`trainLoader`, `valLoader` and `testLoader` of PointGroup's data/scannetv2_inst.py.

    The same files are SoftGroup's (`CustomDataset.load`) and, with superpoints, ISBNet's.
    """
    scenes = {}
    for path in sorted((root / split).glob("*_inst_nostuff.pth")):
        if split == "test":
            xyz, rgb = load_pth(path)
            semantic = instance = None
        else:
            xyz, rgb, semantic, instance = load_pth(path)
            assert isinstance(semantic, np.ndarray)
            assert isinstance(instance, np.ndarray)
            check_instances(semantic, instance)
        name = path.name.removesuffix("_inst_nostuff.pth")
        scenes[name] = points_of(xyz, rgb) | {"semantic": semantic, "instance": instance}
        spp = root / "superpoints" / f"{name}.pth"
        if spp.exists():  # ISBNet
            scenes[name]["superpoints"] = load_pth(spp)
    return scenes


def spformer(root, split):
    """`ScanNetDataset.load` of SPFormer's spformer/dataset/scannetv2.py."""
    scenes = {}
    for path in sorted((root / split).glob("*_inst_nostuff.pth")):
        if split == "test":
            xyz, rgb, superpoint = load_pth(path)
            semantic = instance = None
        else:
            xyz, rgb, superpoint, semantic, instance = load_pth(path)
            check_instances(semantic, instance)
        found = points_of(xyz, rgb) | {"semantic": semantic, "instance": instance}
        found["superpoints"] = np.unique(superpoint, return_inverse=True)[1]
        scenes[path.name.removesuffix("_inst_nostuff.pth")] = found
    return scenes


def points_of(xyz, rgb):
    """Coordinates about their mean, and colours from -1 ... 1."""
    assert isinstance(xyz, np.ndarray)
    assert isinstance(rgb, np.ndarray)
    return {
        "points": np.matmul(xyz, np.eye(3)).astype(np.float32),
        "colors": np.rint((rgb.astype(np.float64) + 1) * 127.5),
        "types": (str(xyz.dtype), str(rgb.dtype)),
    }


def check_instances(semantic, instance):
    """`getInstanceInfo` and SPFormer's `get_instance3D`: 0 ... n-1, all there, of one class."""
    for number in range(int(instance.max()) + 1):
        assert len(np.unique(semantic[instance == number])) == 1


def val_gt(root):
    """`val_gt/*.txt`, as the evaluation of PointGroup and SoftGroup loads them."""
    return {
        path.stem: np.atleast_1d(np.loadtxt(path, dtype=np.int64))
        for path in (root / "val_gt").iterdir()
    }


PLY_TYPES = {b"float32": "f4", b"uint8": "u1", b"int32": "i4"}


def kpconv_ply(path):
    """`read_ply` of KPConv's utils/ply.py, point clouds."""
    with open(path, "rb") as file:
        assert b"ply" in file.readline()
        order = {"binary_little_endian": "<"}[file.readline().split()[1].decode()]
        properties, line = [], b""
        while b"end_header" not in line:
            line = file.readline()
            if b"element" in line:
                count = int(line.split()[2])
            elif b"property" in line:
                words = line.split()
                properties.append((words[2].decode(), order + PLY_TYPES[words[1]]))
        data = np.fromfile(file, properties, count)
        assert not file.read()
        return data


def kpconv_mesh(path):
    """`read_ply` of KPConv's utils/ply.py, `triangular_mesh`."""
    with open(path, "rb") as file:
        assert b"ply" in file.readline()
        order = {"binary_little_endian": "<"}[file.readline().split()[1].decode()]
        properties, line, element = [], b"", ""
        sizes = {}
        while b"end_header" not in line:
            line = file.readline()
            if b"element" in line:
                element = line.split()[1].decode()
                sizes[element] = int(line.split()[2])
            elif b"property" in line and element == "vertex":
                properties.append((line.split()[2].decode(), order + PLY_TYPES[line.split()[1]]))
        vertices = np.fromfile(file, properties, sizes["vertex"])
        corners = [("k", "u1"), *((name, order + "i4") for name in ("v1", "v2", "v3"))]
        faces = np.fromfile(file, corners, sizes["face"])
        assert not file.read()
        return vertices, np.vstack((faces["v1"], faces["v2"], faces["v3"])).T


def kpconv_prepares(root):
    """`prepare_pointcloud_ply`: what it opens, and the scenes that it would make anew."""
    lines = (root / "scannetv2-labels.combined.tsv").read_text().splitlines()
    assert [int(line.split("\t")[4]) for line in lines[1:]] == []
    return [path for part in ("scans", "scans_test") for path in (root / part).iterdir()]


def kpconv(root, label_to_names, ignored=(0,)):
    """`ScannetDataset.load_subsampled_clouds`: splits, and classes by their place among names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no validation scenes
        validation = np.loadtxt(root / "scannet_v2_val.txt", dtype=str, ndmin=1)
    assert kpconv_prepares(root) == []
    values = np.sort(list(label_to_names))
    scenes = {}
    for path in sorted(root.glob("*_points/*.ply")):
        train = "train" in path.parent.name
        split = ("val" if path.stem in validation else "train") if train else "test"
        data = kpconv_ply(path)
        assert np.isin(data["class"], values).all()
        folder = "training_meshes" if train else "test_meshes"
        mesh, faces = kpconv_mesh(root / folder / f"{path.stem}_mesh.ply")
        assert all((mesh[name] == data[name]).all() for name in mesh.dtype.names)
        scenes[path.stem] = {
            "points": np.vstack((data["x"], data["y"], data["z"])).T,
            "colors": np.vstack((data["red"], data["green"], data["blue"])).T,
            "semantic": data["class"],
            "ignored": np.isin(data["class"], ignored),
            "split": split,
            "faces": faces,
        }
    return scenes
