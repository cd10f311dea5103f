"""The scenes that can be annotated, opened when somebody asks for them.

A scene is looked up by its name in a dictionary: what a browser sends never becomes a path.
Opened scenes stay in memory up to a number of vertices; the next scene of the list is opened in
the background, so that going on to it takes no time.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from seggroup.errors import InputError
from seggroup.io.clicks import mesh_hash, segments_hash
from seggroup.io.relisting import read_listed
from seggroup.io.scannet import read_aggregation
from seggroup.io.scenes import Source
from seggroup.io.store import labels_file
from seggroup.labels.simulate import InstanceParts, instance_parts
from seggroup.pipeline import Loading, load_scene
from seggroup.server.database import ScanKey
from seggroup.server.geometry import encode_geometry, gzipped
from seggroup.server.live import LiveScene
from seggroup.server.problems import UnknownSceneError
from seggroup.server.protocol import Part, PreviewRequest, SceneInfo, TrueInstance, Truth
from seggroup.types import Labels, Scene

TRUTH = "truth"  # the name of the truth among the layers
MAX_VERTICES = 3_000_000  # of all scenes in memory together; about 100 bytes each
_LEAST = 2  # scenes that stay however large they are: this one and the next
_log = logging.getLogger("seggroup.server")


@dataclass(frozen=True)
class Opened:
    """A scene in memory with what is made of it once.

    key      : what a track's clicks depend on
    geometry : the packed geometry, gzipped; tag: its ETag
    truth    : None where the scan has no true instances
    """

    scene: Scene
    key: ScanKey
    geometry: bytes
    tag: str
    live: LiveScene
    truth: Truth | None


class Catalogue:
    """The scenes by name, those opened lately, and the folders of labels that are shown."""

    def __init__(
        self,
        sources: Sequence[Source],
        loading: Loading,
        layers: dict[str, Path] | None = None,
        weights: Path | None = None,
        device: str = "auto",
        nyu40: bool = True,
    ) -> None:
        """`layers`: folders of `<scene>.npz` by the name they are shown under.

        `nyu40`: the class ids of clicks are NYU40's.

        Raises InputError for a scene whose name cannot be sent to a browser.
        """
        for source in sources:
            if not source.name.isprintable():  # also: bytes that are not UTF-8
                raise InputError(f"{source.name!r}: is no name for a scene; rename the file")
        self._sources = {source.name: source for source in sources}
        self._loading, self._layers = loading, layers or {}
        self._weights, self._device, self._nyu40 = weights, device, nyu40
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._instances: dict[str, int | None] = {}
        self._lock = threading.Lock()  # of the three above and below
        self._loads = {name: threading.Lock() for name in self._sources}
        self._background: threading.Thread | None = None
        self._wanted: str | None = None

    def names(self) -> list[str]:
        """All scenes, sorted."""
        return list(self._sources)

    def open(self, name: str) -> Opened:
        """A scene, read if it is not in memory; whoever asks meanwhile waits for the same one.

        Raises UnknownSceneError for a name that is not in the list and InputError where the
        scan cannot be read.
        """
        if name not in self._sources:
            raise UnknownSceneError(f"There is no scene {name[:80]!r} here.")
        with self._loads[name]:
            opened = self._known(name)
            if opened is None:
                opened = self._load(self._sources[name])
                self._keep(name, opened)
        return opened

    def prefetch(self, name: str) -> None:
        """Open the scene after `name` in the background."""
        names = self.names()
        self.open_soon(names[(names.index(name) + 1) % len(names)])

    def open_soon(self, name: str) -> None:
        """Open a scene in the background, one at a time; of those that wait, only the newest.

        Its errors are told to whoever opens it.
        """
        with self._lock:
            self._wanted = name
            if self._background is None:
                # No daemon: Python cannot end cleanly while a kernel is being compiled in it.
                self._background = threading.Thread(target=self._open_wanted)
                self._background.start()

    def instances(self, seconds: float = 0.2) -> dict[str, int | None]:
        """True instances by scene: exact once it was opened, before that by its aggregation.

        Files are read for at most `seconds`; what is not known by then is left out, and is read
        when this is asked again.
        """
        end = time.monotonic() + seconds
        for name, source in self._sources.items():
            if time.monotonic() > end:
                break
            if name not in self._instances:
                self._instances.setdefault(name, self._counted(source))
        return dict(self._instances)

    def layers(self, opened: Opened) -> list[str]:
        """The names of what can be shown over a scene."""
        name = opened.scene.name
        found = [n for n, folder in self._layers.items() if labels_file(folder, name).is_file()]
        return ([TRUTH] if opened.scene.truth is not None else []) + found

    def layer(self, opened: Opened, layer: str) -> Labels:
        """Labels of every vertex. Raises UnknownSceneError, and InputError for a broken file."""
        if layer == TRUTH and opened.scene.truth is not None:
            return opened.scene.truth
        if layer not in self.layers(opened):
            raise UnknownSceneError(f"{opened.scene.name} has no layer {layer[:80]!r}.")
        path = labels_file(self._layers[layer], opened.scene.name)
        listed = self._sources[opened.scene.name].reading.classes
        labels, _ = read_listed(path, len(opened.scene.whole.vertices), listed)
        return opened.scene.taken(labels)

    def _known(self, name: str) -> Opened | None:
        with self._lock:
            if name in self._opened:
                self._opened.move_to_end(name)
            return self._opened.get(name)

    def _load(self, source: Source) -> Opened:
        scene = load_scene(source, self._loading)
        geometry = gzipped(encode_geometry(scene))
        return Opened(
            scene,
            ScanKey(mesh_hash(scene.scan), segments_hash(scene)),
            geometry,
            f'"{sha256(geometry).hexdigest()[:32]}"',
            LiveScene(scene, self._weights, self._device, self._nyu40),
            true_instances(scene),
        )

    def _keep(self, name: str, opened: Opened) -> None:
        """Add a scene; the ones not asked for longest go where there are too many vertices."""
        with self._lock:
            self._opened[name] = opened
            truth = opened.truth
            self._instances[name] = None if truth is None else len(truth.instances)
            sizes = [len(other.scene.whole.vertices) for other in self._opened.values()]
            while len(sizes) > _LEAST and sum(sizes) > MAX_VERTICES:
                self._opened.popitem(last=False)
                sizes.pop(0)

    def _open_wanted(self) -> None:
        while True:
            with self._lock:
                name, self._wanted = self._wanted, None
                if name is None:
                    self._background = None
                    return
            try:
                self.open(name).live.preview(PreviewRequest([]))  # what it makes once is then made
            except Exception as error:  # not this thread's to answer
                _log.info("%s: %s", name, error)

    def _counted(self, source: Source) -> int | None:
        path = source.aggregation
        if not self._loading.truth or path is None or path.name.endswith(".objects.json"):
            return None
        try:
            return len(read_aggregation(path))
        except InputError:  # the scene, when it is opened, says what is wrong
            return None


def info(opened: Opened, layers: list[str]) -> SceneInfo:
    """What the page needs to know of a scene besides its geometry."""
    scan = opened.scene.scan
    low, high = scan.vertices.min(axis=0).tolist(), scan.vertices.max(axis=0).tolist()
    return SceneInfo(
        scan.name,
        len(scan.vertices),
        len(scan.faces),
        len(opened.scene.segment_ids),
        None if opened.truth is None else len(opened.truth.instances),
        layers,
        (low[0], low[1], low[2]),
        (high[0], high[1], high[2]),
        list(scan.notes),
    )


def true_instances(scene: Scene) -> Truth | None:
    """The instances that are the majority of some segment; None where the truth has none.

    An instance smaller than the segments it lies in is left out: no click on a segment would
    show as its own.
    """
    if scene.truth is None or not np.any(scene.truth.instance >= 0):
        return None
    return Truth([_true_instance(scene, found) for found in instance_parts(scene)])


def _true_instance(scene: Scene, found: InstanceParts) -> TrueInstance:
    parts = [
        Part(scene.segment_ids[segments].tolist(), sum(sizes))
        for segments, sizes in zip(found.segments, found.sizes, strict=True)
    ]
    largest = max(size for sizes in found.sizes for size in sizes)
    return TrueInstance(found.number, found.semantic, found.vertices, largest, parts)
