"""Training-free labels: a random walk on the segment graph from every segment to the clicks.

Each unlabelled segment takes the instance whose clicks a random walker starting there meets
first with the highest probability (Grady, "Random Walks for Image Segmentation", PAMI 2006).
With the graph's Laplacian L, u the unlabelled segments and c the clicked ones, and Y the one-hot
instances of c, the probabilities X solve ``L_uu X = -L_uc Y``.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int, Int32, Int64
from scipy.sparse import coo_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from seggroup.config import WalkConfig
from seggroup.errors import InputError
from seggroup.geometry.color import lab
from seggroup.geometry.neighbours import nearest
from seggroup.types import NONE, Graph, Labels, Scan, Scene


def random_walk(
    scene: Scene,
    normals: Float32[np.ndarray, "v 3"],
    labels: Labels,
    config: WalkConfig | None = None,
) -> Labels:
    """Labels of every segment from those of the clicked ones; `labels` is per segment.

    The confidence is the winning instance's probability, 1 in clicked segments. A segment that no
    path joins to a click takes the instance of the labelled point nearest its centroid, with
    confidence 0. Raises InputError when no segment is labelled.
    """
    numbers, probability = walk_probabilities(scene, normals, labels, config)
    winner, confidence = strongest(probability, partial(nearest_reached, scene))
    clicked = labels.instance != NONE
    class_of = np.full(len(numbers), NONE, np.int32)
    class_of[np.searchsorted(numbers, labels.instance[clicked])] = labels.semantic[clicked]
    return Labels(class_of[winner], numbers[winner], confidence)


def walk_probabilities(
    scene: Scene,
    normals: Float32[np.ndarray, "v 3"],
    labels: Labels,
    config: WalkConfig | None = None,
) -> tuple[Int32[np.ndarray, " i"], Float32[np.ndarray, "s i"]]:
    """The clicked instances, ascending, and the probability of each for every segment.

    A row is 0 where no path joins the segment to a click, and sums to 1 elsewhere. Raises
    InputError when no segment is labelled.
    """
    if not np.any(labels.instance != NONE):
        raise InputError(f"{scene.name}: no segment is labelled; click at least one instance")
    weights = edge_weights(scene, normals, config or WalkConfig())
    return walk_on(scene.graph, weights, labels.instance)


def walk_on(
    graph: Graph, weights: Float64[np.ndarray, " e"], instance: Int32[np.ndarray, " s"]
) -> tuple[Int32[np.ndarray, " i"], Float32[np.ndarray, "s i"]]:
    """`walk_probabilities` where the edge weights are at hand; `instance`: NONE = not clicked."""
    seeds = np.flatnonzero(instance != NONE)
    numbers, seed_column = np.unique(instance[seeds], return_inverse=True)
    probability = absorption(graph, weights, seeds, np.eye(len(numbers))[seed_column])
    return numbers, probability.clip(0, 1).astype(np.float32)


def strongest(
    probability: Float32[np.ndarray, "s i"],
    nearest: Callable[[Bool[np.ndarray, " s"]], Int[np.ndarray, " n"]],
) -> tuple[Int64[np.ndarray, " s"], Float32[np.ndarray, " s"]]:
    """The column of every segment's likeliest instance, and its probability.

    `nearest` gives for the cut-off segments, whose rows are 0, those whose columns they take.
    """
    winner = probability.argmax(axis=1)
    confidence = probability[np.arange(len(winner)), winner]
    cut_off = confidence == 0
    if cut_off.any():
        winner[cut_off] = winner[nearest(cut_off)]
    return winner, confidence


def absorption(
    graph: Graph,
    weights: Float64[np.ndarray, " e"],
    seeds: Int[np.ndarray, " c"],
    one_hot: Float64[np.ndarray, "c k"],
) -> Float64[np.ndarray, "s k"]:
    """Probability that a walk from each node first meets a seed of each of k kinds.

    Steps are taken in proportion to the positive `weights` of the graph's edges. Rows of nodes
    that no path joins to a seed are 0.
    """
    a, b = graph.edges.T
    half = coo_matrix((weights, (a, b)), shape=(graph.size, graph.size))
    adjacency = (half + half.T).tocsr()
    component = connected_components(adjacency, directed=False)[1]
    reached = np.isin(component, component[seeds])
    reached[seeds] = False
    walkers = np.flatnonzero(reached)
    probability = np.zeros((graph.size, one_hot.shape[1]))
    probability[seeds] = one_hot
    if len(walkers):
        degree = np.asarray(adjacency.sum(axis=1)).ravel()
        inner = diags(degree[walkers]) - adjacency[walkers][:, walkers]
        outer = adjacency[walkers][:, seeds] @ one_hot
        probability[walkers] = splu(inner.tocsc()).solve(outer)
    return probability


def edge_weights(
    scene: Scene, normals: Float32[np.ndarray, "v 3"], config: WalkConfig
) -> Float64[np.ndarray, " e"]:
    """w = boundary x exp(-bend (1 - |n.n'|) - color dE), dE the CIE76 difference in Lab.

    n is the mean of a segment's unit vertex normals, made unit again; its colour is the mean of
    its vertices' Lab colours.
    """
    size = scene.graph.size
    normal = unit(segment_means(unit(normals.astype(np.float64)), scene.segments, size))
    color = segment_means(lab(scene.scan.colors), scene.segments, size)
    a, b = scene.graph.edges.T
    bend = 1 - np.abs((normal[a] * normal[b]).sum(axis=1))
    difference = np.linalg.norm(color[a] - color[b], axis=1)
    return scene.graph.boundary * np.exp(-config.bend * bend - config.color * difference)


def surface_normals(scan: Scan) -> Float32[np.ndarray, "v 3"]:
    """Unit normals for the walk: area-weighted over the faces; a cloud's own, which it must have.

    The over-segmentation's normals (running mean of unit ones) do nearly as well, but these are
    the ones that give the data folder's figures for scene0000_00. Raises InputError for a cloud
    without normals.
    """
    if not scan.is_mesh:
        if scan.normals is None:
            raise InputError(f"{scan.name}: a cloud without normals; estimate them first")
        return scan.normals
    corners = scan.vertices[scan.faces].astype(np.float64)
    area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = [
        np.bincount(scan.faces.ravel(), np.repeat(axis, 3), minlength=len(scan.vertices))
        for axis in area.T
    ]
    return unit(np.stack(sums, axis=1)).astype(np.float32)


def nearest_reached(scene: Scene, cut_off: Bool[np.ndarray, " s"]) -> Int32[np.ndarray, " n"]:
    """For each of the n cut-off segments, the other one whose point is nearest its centroid."""
    centroid = segment_means(scene.scan.vertices, scene.segments, scene.graph.size)[cut_off]
    labelled = np.flatnonzero(~cut_off[scene.segments])
    _, index = nearest(scene.scan.vertices[labelled], centroid.astype(np.float32), 1)
    return scene.segments[labelled[index[:, 0]]]


def segment_means(
    values: Float[np.ndarray, "v d"], segments: Int[np.ndarray, " v"], size: int
) -> Float64[np.ndarray, "s d"]:
    """Mean of the vertices' values in each segment."""
    sums = [np.bincount(segments, column, minlength=size) for column in values.T]
    return np.stack(sums, axis=1) / np.maximum(np.bincount(segments, minlength=size), 1)[:, None]


def unit(vectors: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
    """Vectors of length 1; the zero vector stays 0."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
