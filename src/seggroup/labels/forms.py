"""What annotators could give for a scene instead of clicks, made from its truth (tables 3 and 5).

Every form is one function of a scene with truth. Point-level, seg-level and single points are
`Labels` of the vertices, `NONE` where nothing is given; subclouds and whole scenes are
`ClassSets`, vertices of which only the classes are known. A vertex counts as annotated when the
truth knows its class or its instance.
"""

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Int32
from scipy.cluster.vq import vq

from seggroup.config import SubcloudConfig
from seggroup.errors import InputError
from seggroup.labels.clicks import seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.types import NONE, ClassSets, Labels, Scan, Scene

ITERATIONS = 50  # of k-means, as CSC's released code


def dense(scene: Scene) -> Labels:
    """Point-level labels: class and instance of every annotated vertex."""
    truth = _truth(scene)
    return Labels(truth.semantic, truth.instance)


def seg_level(scene: Scene, style: str, rng: np.random.Generator) -> Labels:
    """Seg-level labels (paper 3.1): a simulated annotator's clicks on their whole segments.

    A segment's few vertices of other instances get the clicked one, as they do with people.
    Raises InputError for an unknown style and a scene without true instances.
    """
    return seg_level_labels(simulate(scene, style, rng), scene.segments).at(scene.segments)


def random_points(scene: Scene, number: int, rng: np.random.Generator) -> Labels:
    """Class and instance of `number` annotated vertices drawn evenly, all where there are fewer.

    Raises InputError when `number` is below 1.
    """
    annotated = np.flatnonzero(_annotated(_truth(scene)))
    return _only(scene, rng.permutation(annotated)[: _count(number)])


def active_points(
    scene: Scene,
    number: int,
    rng: np.random.Generator,
    features: Float[np.ndarray, "v c"] | None = None,
) -> Labels:
    """Class and instance of the `number` vertices that CSC's active labelling would ask for.

    k-means over the vertices' features; of each cluster the annotated vertex nearest its centre
    is labelled, so that a cluster without any gives none. Source: Hou et al., "Exploring
    Data-Efficient 3D Scene Understanding with Contrastive Scene Contexts", CVPR 2021, and its
    released code. It differs there: CSC clusters positions in metres, colours of 0 … 255 and the
    features of its pre-trained network, from the first points as centres; here the features are
    the given ones alone, `hand_made_features` where there are none, and the centres start far
    apart (k-means++). Raises InputError when `number` is below 1.
    """
    annotated = _annotated(_truth(scene))
    if features is None:
        features = hand_made_features(scene.scan)
    values = np.ascontiguousarray(features, np.float32)
    cluster, distance = vq(values, k_means(values, _count(number), rng), check_finite=False)
    candidates = np.flatnonzero(annotated)
    candidates = candidates[np.argsort(distance[candidates], kind="stable")]
    _, first = np.unique(cluster[candidates], return_index=True)
    return _only(scene, candidates[first])


def subclouds(
    scene: Scene, rng: np.random.Generator, config: SubcloudConfig | None = None
) -> ClassSets:
    """Subcloud-level labels: spheres that cover the scene, each with the classes in it.

    The seeds are drawn one by one from the vertices that no sphere holds yet, until every vertex
    lies in one; they come out evenly spread, more than the radius apart. Spheres overlap. As in
    MPRM (Wei et al., "Multi-Path Region Mining for Weakly Supervised 3D Semantic Segmentation on
    Point Clouds", CVPR 2020) a class counts wherever it has a point, or `config.fewest` of them.
    A sphere in which no class is known says nothing and is left out. Raises InputError where the
    truth has no classes, and where the radius or the number is not above 0.
    """
    config = config or SubcloudConfig()
    if not (config.radius > 0 and config.fewest > 0):
        raise InputError("subclouds need a radius and a number of vertices above 0")
    semantic = _known_classes(scene)
    spheres = cover(scene.scan.vertices, config.radius, rng)
    classes = [_classes(semantic[members], config.fewest) for members in spheres]
    told = [i for i, named in enumerate(classes) if named]
    return ClassSets(tuple(spheres[i] for i in told), tuple(classes[i] for i in told))


def scene_tags(scene: Scene) -> ClassSets:
    """Scene-level labels: one set, all vertices, with every class of the scene.

    Raises InputError where the truth has no classes.
    """
    members = np.arange(len(scene.segments), dtype=np.int32)
    return ClassSets((members,), (_classes(_known_classes(scene), 1),))


def hand_made_features(scan: Scan) -> Float32[np.ndarray, "v c"]:
    """Position, colour and normal (where there are any) of every vertex, each weighing alike.

    Each of the three is centred and divided by its root mean square, so that neither the unit
    of length nor the size of the scene matters.
    """
    parts = [scan.vertices, scan.colors, *([] if scan.normals is None else [scan.normals])]
    return np.concatenate([_evened(part.astype(np.float64)) for part in parts], axis=1)


def k_means(
    values: Float32[np.ndarray, "n c"], number: int, rng: np.random.Generator
) -> Float32[np.ndarray, "k c"]:
    """Centres of k-means (Lloyd) from k-means++ seeds; fewer where fewer values differ."""
    centers = values[_spread_seeds(values, number, rng)]
    cluster = np.full(len(values), NONE)
    for _ in range(ITERATIONS):
        before, cluster = cluster, vq(values, centers, check_finite=False)[0]
        if np.array_equal(before, cluster):
            break
        count = np.bincount(cluster, minlength=len(centers))[:, None]
        sums = [np.bincount(cluster, column, minlength=len(centers)) for column in values.T]
        mean = np.stack(sums, axis=1) / np.maximum(count, 1)
        centers = np.where(count > 0, mean, centers).astype(np.float32)
    return centers


def cover(
    points: Float32[np.ndarray, "n 3"], radius: float, rng: np.random.Generator
) -> list[Int32[np.ndarray, " _"]]:
    """Points of the spheres about drawn seeds, ascending, until every point lies in one."""
    open_points = rng.permutation(len(points))
    spheres = []
    while len(open_points):
        offset = points - points[open_points[0]]
        inside = np.einsum("ij,ij->i", offset, offset) <= radius * radius
        spheres.append(np.flatnonzero(inside).astype(np.int32))
        open_points = open_points[~inside[open_points]]
    return spheres


def _spread_seeds(
    values: Float32[np.ndarray, "n c"], number: int, rng: np.random.Generator
) -> Int[np.ndarray, " k"]:
    """k-means++: each next seed drawn in proportion to the squared distance from the others."""
    gap = np.full(len(values), np.inf)
    seeds = [int(rng.integers(len(values)))]
    while True:
        offset = values - values[seeds[-1]]
        gap = np.minimum(gap, np.einsum("ij,ij->i", offset, offset))
        reach = np.cumsum(gap)
        if len(seeds) == number or reach[-1] == 0:
            return np.array(seeds)
        seeds.append(int(np.searchsorted(reach, rng.random() * reach[-1], side="right")))


def _evened(part: Float64[np.ndarray, "v d"]) -> Float32[np.ndarray, "v d"]:
    centred = part - part.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=1).mean())
    return (centred / (size or 1.0)).astype(np.float32)


def _truth(scene: Scene) -> Labels:
    if scene.truth is None or not _annotated(scene.truth).any():
        raise InputError(
            f"{scene.name}: has no truth to make labels from; name a scan that comes with it"
        )
    return scene.truth


def _annotated(truth: Labels) -> Bool[np.ndarray, " v"]:
    return (truth.semantic != NONE) | (truth.instance != NONE)


def _known_classes(scene: Scene) -> Int32[np.ndarray, " v"]:
    semantic = _truth(scene).semantic
    if not np.any(semantic != NONE):
        raise InputError(f"{scene.name}: its truth has no classes, so there are none to name")
    return semantic


def _only(scene: Scene, vertices: Int[np.ndarray, " k"]) -> Labels:
    """The truth of these vertices, `NONE` elsewhere."""
    assert scene.truth is not None
    semantic = np.full(len(scene.segments), NONE, np.int32)
    instance = semantic.copy()
    semantic[vertices] = scene.truth.semantic[vertices]
    instance[vertices] = scene.truth.instance[vertices]
    return Labels(semantic, instance)


def _classes(semantic: Int32[np.ndarray, " m"], fewest: int) -> tuple[int, ...]:
    """The classes that at least `fewest` of the vertices have."""
    found, count = np.unique(semantic[semantic != NONE], return_counts=True)
    return tuple(found[count >= fewest].tolist())


def _count(number: int) -> int:
    if number < 1:
        raise InputError(f"{number} points a scene; give a number from 1 on")
    return number
