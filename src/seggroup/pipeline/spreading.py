"""From clicks to labels by any of the methods, in memory: of a whole scan or block by block."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from seggroup.config import DEFAULT_METHOD, BlockConfig, Method, NetworkConfig
from seggroup.errors import InputError, TooLargeError
from seggroup.labels.clicks import seg_level_labels
from seggroup.pipeline.blockwise import Spread, in_blocks, scene_blocks, width
from seggroup.pipeline.clicks import Contradiction
from seggroup.types import NONE, Clicks, Labels, Scene


def network_config(released: bool, thresholds: tuple[float, ...] | None = None) -> NetworkConfig:
    """The network's configuration from the command line's options."""
    config = NetworkConfig().released() if released else NetworkConfig()
    return with_thresholds(config, thresholds)


def with_thresholds(config: NetworkConfig, thresholds: tuple[float, ...] | None) -> NetworkConfig:
    """The configuration with other clustering thresholds, one a grouping layer."""
    if thresholds is None:
        return config
    if len(thresholds) != 3 or not all(t >= 0 for t in thresholds):
        raise InputError("thresholds are three numbers from 0, one a grouping layer: 6,2,2")
    first, second, third = map(float, thresholds)
    return replace(config, thresholds=(first, second, third))


@dataclass(frozen=True)
class Propagating:
    """How labels spread: the method, the weights, and the levels labels are taken from.

    min_confidence : labels below it are left out
    refine         : steps of training on each scan's own clicks, of the assigner
    blocks         : metres of the blocks that a scan is labelled in; 0: whole; None: whole unless
                     it is wider or has more clicks than one network takes
    """

    method: Method = DEFAULT_METHOD
    weights: Path | None = None
    level: str = "final"
    semantic_level: str | None = None
    thresholds: tuple[float, ...] | None = None
    released: bool = False
    seed: int = 0
    device: str = "auto"
    contradiction: Contradiction = "refuse"
    ply: bool = True
    min_confidence: float = 0.0
    refine: int = 0
    blocks: float | None = None


def spread_scene(scene: Scene, clicks: Clicks, spread: Propagating, nyu40: bool = True) -> Spread:
    """`spread_labels`, in blocks where they are asked for or the scan is too large without.

    Raises InputError for blocks with `refine`, which trains on a scan as a whole.
    """
    size, wide = spread.blocks, width(scene)
    if size is None:
        size = BlockConfig().size if wide > BlockConfig().wider else 0.0
    while True:
        try:
            if 0 < size < wide:
                return _spread_in_blocks(scene, clicks, spread, nyu40, size)
            return spread_labels(scene, clicks, spread, nyu40)
        except TooLargeError:
            size = (size or wide) / 2
            if spread.blocks is not None or size < BlockConfig().least:
                raise


def _spread_in_blocks(
    scene: Scene, clicks: Clicks, spread: Propagating, nyu40: bool, size: float
) -> Spread:
    if spread.refine:
        raise InputError(
            f"{scene.name}: --refine trains on a whole scan, and this one is labelled in blocks; "
            "leave it out or add --blocks 0"
        )
    parts = scene_blocks(scene, size)
    if len(parts) == 1:
        return spread_labels(scene, clicks, spread, nyu40)
    return in_blocks(
        scene, clicks, parts, lambda part, own: spread_labels(part, own, spread, nyu40)
    )


def spread_labels(scene: Scene, clicks: Clicks, spread: Propagating, nyu40: bool = True) -> Spread:
    """The clicks spread over a scene by the method; `nyu40`: their class ids are NYU40's."""
    if spread.method == "assign":
        from seggroup.assign.labels import know

        network = assigner(spread.weights)
        known = know(network, scene, nyu40)
        notes: list[str] = []
        if spread.refine:
            network, note = _refined(network, known, clicks, spread)
            notes.append(note)
            known = know(network, scene, nyu40)
        found = by_assigner(network, known, clicks)
        return replace(found, doubtful=doubts(network, known, clicks), notes=tuple(notes))
    labels = seg_level_labels(clicks, scene.segments)
    if spread.method == "walk":
        from seggroup.walk import random_walk, surface_normals

        final = random_walk(scene, surface_normals(scene.scan), labels)
        return Spread(scene.segments, {"1": labels, "final": final})
    from seggroup.propagate import propagate

    modified = spread.weights.stat().st_mtime_ns if spread.weights else 0
    network, device = _network(spread, modified)
    levels = propagate(network, scene, clicks, labels, device, spread.seed)
    return Spread(scene.segments, levels)


def assigner(weights: Path | None):  # type: ignore[no-untyped-def]
    """The assigner of a file, or the one in the box."""
    from seggroup.assign.weights import BOX, load_assigner

    return load_assigner(weights or BOX)


def _refined(network, known, clicks: Clicks, spread: Propagating):  # type: ignore[no-untyped-def]
    """The network after training on a scan's own clicks, where that helped, and what came of it."""
    from seggroup.assign.finetune import RefineConfig, drawn, refine

    config = RefineConfig(steps=spread.refine, seed=spread.seed)
    result = refine(network, [(known.around, drawn(known, clicks))], config)
    word = "kept" if result.kept else "not kept: the clicks left out are not foretold better"
    return result.network, f"training on the clicks for {spread.refine} steps was {word}"


def by_assigner(network, known, clicks: Clicks) -> Spread:  # type: ignore[no-untyped-def]
    """The assigner's labels of a scene that it knows; level 1 is the clicked pieces alone.

    A part is what of a piece has one instance, so that every level maps back exactly.
    """
    from seggroup.assign.labels import assigned, shares

    found = assigned(known, clicks, shares(network, known, clicks))
    assert found.confidence is not None
    piece = known.pieces.piece
    part, first = _parts(piece, found.instance, found.confidence)
    final = found.at(first)
    clicked = np.isin(piece[first], piece[clicks.vertex])
    one = Labels(
        np.where(clicked, final.semantic, NONE).astype(np.int32),
        np.where(clicked, final.instance, NONE).astype(np.int32),
    )
    return Spread(part, {"1": one, "final": final})


def doubts(network, known, clicks: Clicks) -> tuple[dict, ...]:  # type: ignore[no-untyped-def]
    """The clicks that the assigner takes for wrong, the likeliest first; none is overruled."""
    from seggroup.assign.doubt import doubtful

    return tuple(
        {
            "vertex": int(clicks.vertex[doubt.click]),
            "instance": int(clicks.instance[doubt.click]),
            "chance": doubt.chance,
            "reason": doubt.reason,
        }
        for doubt in doubtful(network, known, clicks)
    )


def _parts(*columns: np.ndarray) -> tuple[Int32[np.ndarray, " v"], np.ndarray]:
    """Numbers from 0 of the vertices' distinct rows, and a vertex of each."""
    part = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, rank = np.unique(column, return_inverse=True)
        part = part * len(values) + rank
    _, first, part = np.unique(part, return_index=True, return_inverse=True)
    return part.astype(np.int32), first


def check_method(spread: Propagating) -> None:
    """Raise InputError where the method does not have what is asked of it."""
    if spread.weights is not None and (reads := method_of(spread.weights)) != spread.method:
        raise InputError(
            f"{spread.weights}: weights of --method {reads}, which {spread.method} does not read; "
            "choose that method or leave --weights out"
        )
    if spread.refine and spread.method != "assign":
        raise InputError(f"--refine: only --method assign has it, not {spread.method}")
    levels = {spread.level, spread.semantic_level} & {"2", "3", "4"}
    if spread.method != "seggroup" and (spread.thresholds or levels):
        raise InputError(
            f"--method {spread.method}: has no thresholds and no levels 2 to 4; "
            "use --method seggroup"
        )


def method_of(weights: Path) -> Method:
    """The method that reads weights, by their header. Raises InputError where there is none."""
    from seggroup.model.checkpoint import read_header

    if not weights.is_file():
        raise InputError(f"{weights}: does not exist; check the path")
    return "assign" if "assigner" in read_header(weights) else "seggroup"


@lru_cache(maxsize=1)
def _network(spread: Propagating, modified: int):  # type: ignore[no-untyped-def]
    """The network of a checkpoint of that date, or an untrained one drawn from the seed."""
    from seggroup.classes import NYU40
    from seggroup.device import pick_device
    from seggroup.model.checkpoint import load_network
    from seggroup.model.network import SegGroup, build

    device = pick_device(spread.device)
    if spread.weights is None:
        config = network_config(spread.released, spread.thresholds)
        return build(tuple(NYU40), config, spread.seed).to(device).eval(), device
    network, classes = load_network(spread.weights, device)
    if spread.thresholds is None:
        return network, device
    other = SegGroup(len(classes), with_thresholds(network.config, spread.thresholds))
    other.load_state_dict(network.state_dict())
    return other.to(device).eval(), device
