"""PointGroup: ball query and clustering, prediction, and a training step with proposals.

    python benchmarks/pointgroup.py

On scene0000_00 where SEGGROUP_REAL_DATA is set, else on a synthetic room, brought to the number of
points by drawing vertices or adding points on its faces. Targets on 2 cores: clustering of 100,000
points, both sets, at most 0.3 s.

Classes and offsets are true ones with noise, so that there are as many proposals as a trained
network makes: points shifted by their offsets lie about their centroid, within 3 cm (as late in
training) or 3 mm (collapsed, where every pair of an instance is near). Beside the clustering in the
same run, the usual way with a library: SciPy's kd-tree for all pairs and its connected components;
the clusters are checked to be the same. It lists every pair, which collapsed points have too many
of: there it is left out. Every measurement has a process of its own.
"""

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import GIB, Table, best, fresh, memory, options, output, processor_time, scannet_folder

STUFF = (1, 2)  # wall and floor
POINTS, ROOM = 100_000, 50_000
CASES = (  # name, metres of the noise of shifted points, one class for all, SciPy too
    ("classes as in the truth, shifted points within 3 cm", 0.03, False, True),
    ("one class, walls and floor too, within 3 cm", 0.03, True, True),
    ("classes as in the truth, collapsed to 3 mm", 0.003, False, False),
    ("one class, collapsed to 3 mm", 0.003, True, False),
)


@dataclass(frozen=True)
class Room:
    """A scan of so many points with its truth, and the true offsets with noise."""

    points: np.ndarray
    colors: np.ndarray
    semantic: np.ndarray  # NYU40 id; -1: none
    instance: np.ndarray

    def shifted(self, noise: float) -> np.ndarray:
        """The points about their instances' centroids; those without one stay."""
        rng, own = np.random.default_rng(0), self.instance >= 0
        where, one = self.points.copy(), self.instance[own]
        size = np.maximum(np.bincount(one), 1)
        middle = [np.bincount(one, axis) / size for axis in self.points[own].T]
        where[own] = np.stack(middle, 1)[one] + rng.normal(0, noise, (own.sum(), 3))
        return where.astype(np.float32)


def room(folder: Path, points: int) -> Room:
    """The scan of a folder with exactly so many points."""
    from seggroup.io.scenes import find_scenes
    from seggroup.pipeline import load_scene

    scene, rng = load_scene(find_scenes([folder])[0]), np.random.default_rng(0)
    scan, truth = scene.scan, scene.truth
    more = max(0, points - len(scan.vertices))
    corners = scan.faces[rng.integers(0, len(scan.faces), more)]
    weights = rng.dirichlet([1, 1, 1], more)[..., None]
    added = (weights * scan.vertices[corners]).sum(axis=1)
    index = np.concatenate([np.arange(len(scan.vertices)), corners[:, 0]])
    where = np.concatenate([scan.vertices, added]).astype(np.float32)
    kept = rng.permutation(len(where))[:points]
    of = index[kept]
    colors = scan.colors[of].astype(np.float32) / 127.5 - 1
    semantic, instance = (a[of].astype(np.int64) for a in (truth.semantic, truth.instance))
    return Room(where[kept], colors, semantic, instance)


def library(points: np.ndarray, group: np.ndarray, radius: float) -> np.ndarray:
    """Components by SciPy: a kd-tree of each group, all its near pairs, connected components."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    pairs = []
    for one in np.unique(group[group >= 0]):
        index = np.flatnonzero(group == one)
        tree = cKDTree(points[index].astype(np.float64))
        pairs.append(index[tree.query_pairs(radius, output_type="ndarray")])
    near = np.concatenate(pairs)
    graph = coo_array((np.ones(len(near), bool), near.T), shape=(len(points),) * 2)
    return np.where(group >= 0, connected_components(graph, directed=False)[1], -1)


def clustering(folder: Path, noise: float, alike: bool, with_library: bool) -> tuple:
    """Points clustered, clusters, seconds of both sets, the library's, and their ratio."""
    from seggroup.downstream.clustering import components, dual_clusters
    from seggroup.downstream.config import PointGroupConfig

    config, scan = PointGroupConfig(), room(folder, POINTS)
    things = (scan.instance >= 0) & (scan.semantic > 0) & ~np.isin(scan.semantic, STUFF)
    group = np.zeros(POINTS, np.int64) if alike else np.where(things, scan.semantic, -1)
    sets = (scan.points, scan.shifted(noise))
    run = partial(dual_clusters, *sets, group, config.radius, config.min_points)
    ours, theirs = best(run, clock=processor_time), None
    if with_library:
        usual = lambda: [library(where, group, config.radius) for where in sets]  # noqa: E731
        theirs = best(usual, 2, warm_up=False, clock=processor_time)
        for where, other in zip(sets, usual(), strict=True):
            own = components(where, group, config.radius)
            pairs = len(np.unique(np.stack([own, other]), axis=1).T)
            assert pairs == len(np.unique(own)) == len(np.unique(other)), "the same clusters"
    return int((group >= 0).sum()), len(run()), ours, theirs, theirs / ours if theirs else None


def taught(scan: Room) -> Any:
    """A PointGroup that says the truth, but for noise, at the cost of a real one; and the scene."""
    import torch
    from torch.nn import functional

    from seggroup.classes import NYU40
    from seggroup.downstream.cloud import IGNORE, Cloud
    from seggroup.downstream.config import PointGroupConfig
    from seggroup.downstream.pointgroup import PointGroup

    count, known = len(NYU40) + 1, scan.semantic > 0
    semantic = np.where(known, scan.semantic, IGNORE)
    cloud = Cloud(scan.points, scan.colors, semantic, np.where(known, scan.instance, -1))
    said = torch.from_numpy(np.where(known, scan.semantic, STUFF[0]))
    way = torch.from_numpy(scan.shifted(0.03) - scan.points)

    class Taught(PointGroup):
        def branches(self, inputs):  # type: ignore[no-untyped-def]
            real = super().branches(inputs)
            logits = 0.01 * real.logits + 9 * functional.one_hot(said, count)
            return replace(real, logits=logits, offsets=0.01 * real.offsets + way)

    torch.manual_seed(0)
    return Taught(count, STUFF, PointGroupConfig()), cloud


def network(folder: Path) -> list[tuple[str, float]]:
    """Processor seconds of the parts of prediction and training, and what the process took."""
    import torch

    from seggroup.downstream.cloud import make_targets

    model, cloud = taught(room(folder, ROOM))
    inputs, targets = model.prepare([cloud]), make_targets([cloud])
    optimizer = torch.optim.AdamW(model.parameters())

    def step(progress: float) -> None:
        optimizer.zero_grad()
        torch.stack([*model(inputs, targets, progress).values()]).sum().backward()
        optimizer.step()

    def predict() -> None:
        with torch.no_grad():
            model.answer(inputs)

    time = partial(best, repeats=3, clock=processor_time)
    rows = [("voxels and maps of the scene", time(lambda: model.prepare([cloud])))]
    rows.append(("training step in the warm-up", time(lambda: step(0.0))))
    rows.append(("training step with proposals", time(lambda: step(1.0))))
    with torch.no_grad():
        branches = model.branches(inputs)
        rows.append(("of it, clusters", time(lambda: model.proposals(inputs, branches))))
        rows.append(("proposals, number", len(model.proposals(inputs, branches))))
    model.eval()
    rows.append(("prediction", time(predict)))
    rows.append(("voxels, number", len(inputs.voxels.features)))
    rows.append(("peak, GiB", memory("VmHWM") / GIB))
    return rows


def main() -> None:
    """Measure and print."""
    given = options(__doc__)
    with tempfile.TemporaryDirectory() as temporary:
        folder = scannet_folder(Path(temporary))
        rows = [(name, *fresh(clustering, folder, *case)) for name, *case in CASES]
        parts = {threads: fresh(network, folder, threads=threads) for threads in (1, 2)}
    header = ("", "points of groups", "clusters", "ours, s", "SciPy, s", "ratio")
    title = f"{folder.name}: clusters of {POINTS:,} points, both sets, processor seconds"
    both = [(name, one, two) for (name, one), (_, two) in zip(*parts.values(), strict=True)]
    room_title = f"{folder.name}: {ROOM:,} points, processor seconds"
    output(
        [Table(title, header, rows), Table(room_title, ("", "1 thread", "2 threads"), both)],
        given.json,
    )


if __name__ == "__main__":
    main()
