"""Labels while somebody clicks: the clicks spread over the segments, and where to click next.

What does not depend on the clicks is made once a scan, when the first preview is asked for: the
weights of the graph's edges, the guide of `seggroup.suggest`, and what is said of a segment. After
that a preview is two small sparse systems (`benchmarks/live_propagation.py`). The assigner too
reads a scan once, when its first preview is asked for.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, Int32, UInt8
from scipy.sparse import csr_array

from seggroup.config import DEFAULT_METHOD, Method, WalkConfig
from seggroup.errors import InputError
from seggroup.pipeline.labels import weights_file
from seggroup.pipeline.spreading import (
    Propagating,
    assigner,
    by_assigner,
    doubts,
    method_of,
    spread_labels,
)
from seggroup.server.protocol import (
    DoubtfulClick,
    ImportedClick,
    PreviewHead,
    PreviewRequest,
    Suggestion,
)
from seggroup.server.protocol import Method as PreviewMethod
from seggroup.suggest import Guide, Place, make_guide, next_clicks
from seggroup.types import NONE, Clicks, Labels, Scan, Scene
from seggroup.walk import (
    edge_weights,
    nearest_reached,
    segment_means,
    strongest,
    surface_normals,
    walk_on,
)

SUGGESTIONS = 8
PREVIEW_METHOD: PreviewMethod = "assign" if DEFAULT_METHOD == "assign" else "walk"
_NEAR = 0.5  # reach below which no label is near
_network = threading.Lock()  # it is loaded once, and computes for one at a time


@dataclass(frozen=True)
class _Ground:
    """What a scan is before any click.

    weights : of the graph's edges
    vertex  : of each segment, the one nearest its centroid
    shape   : of each segment, in words
    """

    weights: Float64[np.ndarray, " e"]
    guide: Guide
    vertex: Int[np.ndarray, " s"]
    shape: tuple[str, ...]


@dataclass(frozen=True)
class _Reading:
    """A scan as the assigner has read it.

    weight : the share of each segment's vertices that a piece holds, s x p
    guide  : of the learned links, for the next click
    """

    network: Any  # an Assigner, and what it knows: torch is imported when it is asked for
    known: Any
    weight: csr_array
    guide: Guide


@dataclass(frozen=True)
class _Spread:
    """Labels of every segment, and its probability of each of the clicked instances.

    shares : of the pieces, where the assigner was asked
    """

    instance: Int32[np.ndarray, " s"]
    confidence: Float32[np.ndarray, " s"]
    numbers: Int32[np.ndarray, " i"]
    probability: Float32[np.ndarray, "s i"]
    shares: Any = None


class LiveScene:
    """A scene whose clicks are spread over and over; any number of threads may ask at once."""

    def __init__(
        self,
        scene: Scene,
        weights: Path | None = None,
        device: str = "auto",
        nyu40: bool = True,
    ) -> None:
        """`weights`: the checkpoint, or the run's folder, of the method "network", or another
        assigner than the one in the box. `nyu40`: the clicks' class ids are NYU40's."""
        self._scene = scene
        self._weights = None if weights is None else weights_file(weights)
        self._device = device
        self._nyu40 = nyu40
        self._making = threading.Lock()
        self._made: _Ground | None = None
        self._reading = threading.Lock()
        self._read: _Reading | None = None
        self._columns: Any = None  # of the last preview; the next click adds one

        @lru_cache(maxsize=8)  # it changes only with the pieces of the scan that hold a click
        def nearest(cut_off: bytes) -> Int32[np.ndarray, " n"]:
            return nearest_reached(scene, np.frombuffer(cut_off, bool))

        self._nearest = nearest

    def preview(
        self, request: PreviewRequest
    ) -> tuple[PreviewHead, Int32[np.ndarray, " s"], UInt8[np.ndarray, " s"]]:
        """Suggestions, and of each segment the instance and how sure it is (255: quite).

        The walk's are those of `seggroup.walk.random_walk`; the assigner's are its pieces' shares,
        by their vertices, and a clicked segment is its click's. Of two clicks in one segment, or
        two classes of one instance, the later counts; the clicks' segments are those of their
        vertices. Without clicks nothing is labelled. Raises InputError for a vertex or a declined
        segment that the scan does not have, and where a network is asked for and none was given.
        """
        start = time.perf_counter()
        method = request.method or PREVIEW_METHOD
        if method == "network" and not self._has("seggroup"):
            raise InputError("no trained network was given; choose the method walk")
        clicks = settled(request.clicks, self._scene.segments)
        declined = dense(request.declined or [], self._scene.segment_ids)
        spread = self._assign(clicks) if method == "assign" else self._walk(clicks)
        suggest = self._spots if method == "assign" else self._suggestions
        suggestions = suggest(clicks, declined, spread)
        if method == "network" and len(clicks):
            spread = self._by_network(clicks, spread)
        asked = request.doubts and method == "assign" and len(clicks) > 0
        doubtful = self._doubts(clicks) if asked else []
        milliseconds = 1000 * (time.perf_counter() - start)
        confidence = np.rint(255 * spread.confidence).astype(np.uint8)
        head = PreviewHead(method, milliseconds, suggestions, doubtful)
        return head, spread.instance, confidence

    def labels(self, clicks: Clicks) -> Labels:
        """Of every vertex, as `seggroup propagate` gives them by the default method."""
        numbers, small = renumbered(clicks)
        if DEFAULT_METHOD == "assign":
            reading = self._reading_of_scan()
            found = by_assigner(reading.network, reading.known, small)
        else:
            found = spread_labels(self._scene, small, Propagating(DEFAULT_METHOD))
        labels = found.levels["final"].at(found.part)
        instance = np.where(labels.instance == NONE, NONE, numbers[labels.instance])
        return Labels(labels.semantic, instance.astype(np.int32), labels.confidence)

    def _has(self, method: Method) -> bool:
        return self._weights is not None and method_of(self._weights) == method

    def _ground(self) -> _Ground:
        with self._making:
            if self._made is None:
                self._made = _make_ground(self._scene)
            return self._made

    def _walk(self, clicks: Clicks) -> _Spread:
        size = self._scene.graph.size
        clicked = np.full(size, NONE, np.int32)
        if len(clicks) == 0:
            none = np.zeros((size, 0), np.float32)
            return _Spread(clicked, np.zeros(size, np.float32), clicked[:0], none)
        clicked[self._scene.segments[clicks.vertex]] = clicks.instance
        numbers, probability = walk_on(self._scene.graph, self._ground().weights, clicked)
        winner, confidence = strongest(probability, self._near)
        return _Spread(numbers[winner], confidence, numbers, probability)

    def _reading_of_scan(self) -> _Reading:
        with self._reading:
            if self._read is None:
                weights = self._weights if self._has("assign") else None
                self._read = _make_reading(self._scene, weights, self._nyu40)
            return self._read

    def _assign(self, clicks: Clicks) -> _Spread:
        reading = self._reading_of_scan()
        if len(clicks) == 0:
            return self._walk(clicks)
        from seggroup.assign.labels import columns, shares

        numbers, small = renumbered(clicks)
        mine = columns(reading.known, small, self._columns)
        self._columns = mine  # others may ask meanwhile: whose are kept does not matter
        found = shares(reading.network, reading.known, small, mine)
        clicked = self._scene.segments[clicks.vertex]
        own = found.share.copy()
        own[mine.asked.piece] = np.arange(len(numbers)) == small.instance[:, None]
        share = (reading.weight @ own).astype(np.float32)
        winner = share.argmax(axis=1)
        winner[clicked] = small.instance
        confidence = share[np.arange(len(share)), winner]
        return _Spread(numbers[winner], confidence, numbers, share, found)

    def _doubts(self, clicks: Clicks) -> list[DoubtfulClick]:
        reading = self._reading_of_scan()
        return [
            DoubtfulClick(
                row["vertex"],
                int(self._scene.segment_ids[self._scene.segments[row["vertex"]]]),
                row["instance"],
                row["reason"],
            )
            for row in doubts(reading.network, reading.known, clicks)
        ]

    def _near(self, cut_off: Bool[np.ndarray, " s"]) -> Int32[np.ndarray, " n"]:
        return self._nearest(cut_off.tobytes())

    def _by_network(self, clicks: Clicks, walked: _Spread) -> _Spread:
        """The network's labels in place of the walk's."""
        numbers, small = renumbered(clicks)
        spread = Propagating("seggroup", self._weights, device=self._device, ply=False)
        with _network:
            final = spread_labels(self._scene, small, spread).levels["final"]
        assert final.confidence is not None
        instance = np.where(final.instance == NONE, NONE, numbers[final.instance])
        return _Spread(instance, final.confidence, walked.numbers, walked.probability)

    def _suggestions(
        self, clicks: Clicks, declined: Int[np.ndarray, " d"], spread: _Spread
    ) -> list[Suggestion]:
        """Where to click next; a segment that was clicked after all is not declined."""
        clicked = self._scene.segments[clicks.vertex]
        declined = np.setdiff1d(declined, clicked)
        instance = np.concatenate([clicks.instance, np.full(len(declined), NONE)])
        ground = self._ground()
        places = next_clicks(
            ground.guide, np.concatenate([clicked, declined]), instance, SUGGESTIONS
        )
        return [self._suggestion(p, int(ground.vertex[p.segment]), spread) for p in places]

    def _spots(
        self, clicks: Clicks, declined: Int[np.ndarray, " d"], spread: _Spread
    ) -> list[Suggestion]:
        """Where to click next when the assigner spreads: a place a segment, in none clicked."""
        from seggroup.assign.nextclick import next_spots

        reading = self._reading_of_scan()
        segment = reading.known.pieces.segment
        clicked = self._scene.segments[clicks.vertex]
        inside = np.flatnonzero(np.isin(segment, clicked))
        refused = np.flatnonzero(np.isin(segment, np.setdiff1d(declined, clicked)))
        spots = next_spots(
            reading.known, reading.guide, spread.shares, inside, refused, 2 * SUGGESTIONS
        )
        first = {int(segment[spot.piece]): spot for spot in reversed(spots)}
        return [
            self._suggestion(Place(s, spot.gain, spot.reach), spot.vertex, spread)
            for s, spot in sorted(first.items(), key=lambda item: -item[1].gain)
        ][:SUGGESTIONS]

    def _suggestion(self, place: Place, vertex: int, spread: _Spread) -> Suggestion:
        reason = _reason(place, self._ground(), spread)
        return Suggestion(vertex, int(self._scene.segment_ids[place.segment]), place.gain, reason)


def renumbered(clicks: Clicks) -> tuple[Int32[np.ndarray, " i"], Clicks]:
    """The instances' numbers, ascending, and the clicks with instances counted from 0."""
    numbers, number = np.unique(clicks.instance, return_inverse=True)
    return numbers, Clicks(clicks.vertex, number.astype(np.int32), clicks.semantic)


def settled(clicks: Sequence[ImportedClick], segments: Int32[np.ndarray, " v"]) -> Clicks:
    """The clicks without contradictions: one a segment and one class an instance, the last.

    Raises InputError for a vertex that the scan does not have.
    """
    for click in clicks:
        if click.vertex >= len(segments):
            raise InputError(
                f"the click on vertex {click.vertex} is outside the scan, which has "
                f"{len(segments)} vertices; it may belong to another scan"
            )
    last = {int(segments[click.vertex]): click for click in clicks}
    class_of = {click.instance: click.semantic for click in clicks}
    rows = [(c.vertex, c.instance, class_of[c.instance]) for c in last.values()]
    vertex, instance, semantic = np.array(rows, np.int32).reshape(-1, 3).T.copy()
    return Clicks(vertex, instance, semantic)


def dense(ids: Sequence[int], segment_ids: Int32[np.ndarray, " s"]) -> Int[np.ndarray, " d"]:
    """The dense numbers of segments by their ids in files, ascending and each once.

    Raises InputError for an id that the scan does not have.
    """
    wanted = np.unique(np.array(ids, np.int64))
    unknown = np.setdiff1d(wanted, segment_ids)
    if len(unknown):
        raise InputError(f"the scan has no segment {unknown[0]}; it may be another scan's")
    return np.searchsorted(segment_ids, wanted)


def _make_reading(scene: Scene, weights: Path | None, nyu40: bool) -> _Reading:
    from seggroup.assign.labels import know
    from seggroup.assign.nextclick import make_links_guide

    network = assigner(weights)
    known = know(network, scene, nyu40)
    pieces = known.pieces
    size = np.bincount(pieces.piece, minlength=len(pieces))
    whole = np.bincount(scene.segments, minlength=scene.graph.size)
    weight = size / whole[pieces.segment]
    shape = (scene.graph.size, len(pieces))
    matrix = csr_array((weight, (pieces.segment, np.arange(len(pieces)))), shape)
    return _Reading(network, known, matrix, make_links_guide(known))


def _make_ground(scene: Scene) -> _Ground:
    normals = surface_normals(scene.scan)
    weights = edge_weights(scene, normals, WalkConfig())
    size = np.bincount(scene.segments, minlength=scene.graph.size)
    normal = segment_means(normals, scene.segments, scene.graph.size)
    shapes = map(_shape, normal, _areas(scene), size / len(scene.segments))
    guide = make_guide(scene.graph, weights, size)
    return _Ground(weights, guide, middle_vertices(scene), tuple(shapes))


def middle_vertices(scene: Scene) -> Int[np.ndarray, " s"]:
    """The vertex of each segment that is nearest its centroid."""
    centroid = segment_means(scene.scan.vertices, scene.segments, scene.graph.size)
    distance = np.linalg.norm(scene.scan.vertices - centroid[scene.segments], axis=1)
    order = np.lexsort((distance, scene.segments))
    return order[np.searchsorted(scene.segments[order], np.arange(scene.graph.size))]


def _areas(scene: Scene) -> Float64[np.ndarray, " s"]:
    """Square metres of each segment, a third of a face for each of its vertices; 0 in clouds."""
    thirds = np.repeat(_face_areas(scene.scan) / 3, 3)
    corner = scene.segments[scene.scan.faces.ravel()]
    return np.bincount(corner, thirds, minlength=scene.graph.size).astype(float)  # int if empty


def _face_areas(scan: Scan) -> Float64[np.ndarray, " f"]:
    a, b, c = scan.vertices[scan.faces.T].astype(np.float64)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _shape(normal: Float64[np.ndarray, " 3"], area: float, share: float) -> str:
    """A segment in words, by the mean of its unit normals, its area (m²) and share of the scan."""
    flat, rise = float(np.linalg.norm(normal)), abs(float(normal[2]))
    kind = "curved" if flat < 0.8 else "slanted"
    if flat >= 0.8:
        kind = "level" if rise > 0.9 * flat else "upright" if rise < 0.3 * flat else kind
    extent = f" of {area:.{1 if area >= 1 else 2}f} m²" if area >= 0.005 else ""
    return f"{kind} surface{extent}, {100 * share:.{0 if share >= 0.1 else 1}f} % of the scan"


def _reason(place: Place, ground: _Ground, spread: _Spread) -> str:
    """Why a place is suggested, in words."""
    chances = spread.probability[place.segment]
    if place.reach < _NEAR or not chances.any():
        return f"no label nearby: {ground.shape[place.segment]}"
    order = np.argsort(-chances, kind="stable")[:2]
    first, last = spread.numbers[order[0]], spread.numbers[order[-1]]
    if 2 * chances[order[-1]] < chances[order[0]] or first == last:
        return f"probably instance {first}, but far from its click: {ground.shape[place.segment]}"
    shares = " and ".join(f"{100 * chances[i]:.0f} %" for i in order)
    return f"torn between instances {first} and {last} ({shares})"
