"""The frozen values that pass between the stages, with their shapes and invariants.

Two decisions carry everything else:

* A partition is one integer array: vertex -> segment -> group is ``group[segment]``, and
  labels come back by ``labels.at(group[segment])``.
* Ground truth, seg-level labels, pseudo labels and predictions are one type, `Labels`.

Letters in shapes: v vertices, f faces, s segments (or nodes), e graph edges, c clicks.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int, Int32, Num, UInt8

NONE = -1  # no class, no instance: unlabelled, or not annotated
LEVELS = ("1", "2", "3", "4", "final")  # of labels; level 1 = the over-segmentation


@dataclass(frozen=True)
class Frame:
    """Where a scan's coordinates (metres, z up) lie in those of its file.

    unit   : metres in the file's unit
    axes   : of the scan's x, y and z the file's axis, 1 to 3, negative where it points the other
             way; always a rotation
    origin : the file's coordinates of the scan's origin
    """

    unit: float = 1.0
    axes: tuple[int, int, int] = (1, 2, 3)
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def of_file(self, points: Num[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """The file's points in the scan's coordinates."""
        return self.turned(points.astype(np.float64) - self.origin) * self.unit

    def to_file(self, points: Num[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """The scan's points in the file's coordinates: what `of_file` undoes."""
        return self.turned_back(points.astype(np.float64)) / self.unit + self.origin

    def turned(self, directions: Num[np.ndarray, "n 3"]) -> Num[np.ndarray, "n 3"]:
        """The file's directions in the scan's coordinates."""
        index, signs = np.abs(self.axes) - 1, np.sign(self.axes)
        return directions[:, index] * signs.astype(directions.dtype)

    def turned_back(self, directions: Num[np.ndarray, "n 3"]) -> Num[np.ndarray, "n 3"]:
        """The scan's directions in the file's coordinates."""
        index, signs = np.abs(self.axes) - 1, np.sign(self.axes)
        result = np.empty_like(directions)
        result[:, index] = directions * signs.astype(directions.dtype)
        return result


@dataclass(frozen=True)
class Scan:
    """One scan: a triangle mesh, or a point cloud when it has no faces.

    vertices : metres, z up, in the order of the file
    colors   : sRGB; mid-grey where the file has none
    faces    : indices into vertices; (0, 3) for a point cloud
    normals  : unit vectors, only where a cloud's file carries them
    notes    : every repair or assumption the reader made, a sentence each
    frame    : the way back to the file's own coordinates
    """

    name: str
    vertices: Float32[np.ndarray, "v 3"]
    colors: UInt8[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    normals: Float32[np.ndarray, "v 3"] | None = None
    notes: tuple[str, ...] = ()
    frame: Frame = Frame()

    @property
    def is_mesh(self) -> bool:
        """Whether the scan has faces."""
        return len(self.faces) > 0

    def noting(self, *notes: str) -> "Scan":
        """The same scan with further notes."""
        return replace(self, notes=self.notes + notes)


@dataclass(frozen=True)
class Labels:
    """A class and an instance for every element (vertex or segment); `NONE` where unknown.

    semantic   : class id of the class list (NYU40 ids on ScanNet)
    instance   : instance number from 0 (ScanNet's objectId; files store it plus one)
    confidence : in [0, 1]; absent for truth
    """

    semantic: Int32[np.ndarray, " v"]
    instance: Int32[np.ndarray, " v"]
    confidence: Float32[np.ndarray, " v"] | None = None

    def at(self, index: Int[np.ndarray, " n"]) -> "Labels":
        """Labels of the elements `index`: a partition carries segments' labels to its vertices."""
        confidence = None if self.confidence is None else self.confidence[index]
        return Labels(self.semantic[index], self.instance[index], confidence)

    def __len__(self) -> int:
        return len(self.semantic)


@dataclass(frozen=True)
class ClassSets:
    """Sets of vertices of which only the classes among them are known (MPRM's subclouds).

    members : the vertices of every set, ascending; sets may overlap
    classes : the class ids that occur in every set, ascending
    """

    members: tuple[Int32[np.ndarray, " _"], ...]
    classes: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.members)


@dataclass(frozen=True)
class Clicks:
    """Annotated points (paper 3.1): each names a vertex, an instance from 0 and a class id."""

    vertex: Int32[np.ndarray, " c"]
    instance: Int32[np.ndarray, " c"]
    semantic: Int32[np.ndarray, " c"]

    def __len__(self) -> int:
        return len(self.vertex)


@dataclass(frozen=True)
class Graph:
    """Undirected segment graph: unique edges a < b, sorted (METHOD section 2).

    boundary : number of mesh (or kNN) edges that join the two segments
    """

    size: int
    edges: Int32[np.ndarray, "e 2"]
    boundary: Int32[np.ndarray, " e"]


@dataclass(frozen=True)
class Thinning:
    """A scan of which only one vertex of every voxel was kept. n vertices of the file, v kept.

    kept        : of every kept vertex its index in the file, ascending
    group       : of every vertex in the file the kept vertex that stands for it, 0 … v-1
    whole       : the scan with all vertices of its file
    segment_ids : the segment id that the file gives every vertex of its own; None where it gives
                  none
    """

    kept: Int32[np.ndarray, " v"]
    group: Int32[np.ndarray, " n"]
    whole: Scan
    segment_ids: Int32[np.ndarray, " n"] | None = None


@dataclass(frozen=True)
class Scene:
    """A scan with its over-segmentation and segment graph, ready for clicks.

    segments    : 0 … s-1 for every vertex; numbered in the order of `segment_ids`
    segment_ids : the id each segment has in files (the index of its root vertex)
    truth       : None where the scan has no ground truth
    thinning    : None where the scan has all vertices of its file. Otherwise scan, segments and
                  truth are of the kept vertices, and labels go back by ``labels.at(group)``
    """

    scan: Scan
    segments: Int32[np.ndarray, " v"]
    segment_ids: Int32[np.ndarray, " s"]
    graph: Graph
    truth: Labels | None = None
    thinning: Thinning | None = None

    @property
    def name(self) -> str:
        """The scan's name: the stem of its file or the name of its folder."""
        return self.scan.name

    @property
    def whole(self) -> Scan:
        """The scan with all vertices of its file."""
        return self.scan if self.thinning is None else self.thinning.whole

    @property
    def ids_of_vertices(self) -> Int32[np.ndarray, " n"]:
        """The segment id of every vertex in the file."""
        if self.thinning is None:
            return self.segment_ids[self.segments]
        if self.thinning.segment_ids is not None:
            return self.thinning.segment_ids
        return self.segment_ids[self.segments[self.thinning.group]]

    def in_file(self, vertex: Int[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
        """The indices in the file of vertices of the scan: what files name."""
        return vertex if self.thinning is None else self.thinning.kept[vertex]

    def of_file(self, vertex: Int[np.ndarray, " k"]) -> Int[np.ndarray, " k"]:
        """The vertices of the scan that stand for vertices of the file."""
        return vertex if self.thinning is None else self.thinning.group[vertex]

    def carried(self, labels: Labels) -> Labels:
        """Labels of the scan's vertices for all vertices of the file."""
        return labels if self.thinning is None else labels.at(self.thinning.group)

    def taken(self, labels: Labels) -> Labels:
        """Labels of all vertices of the file at those that the scan has."""
        return labels if self.thinning is None else labels.at(self.thinning.kept)
