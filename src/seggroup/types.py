"""The frozen values that pass between the stages, with their shapes and invariants.

Two decisions carry everything else:

* A partition is one integer array: vertex -> segment -> group is ``group[segment]``, and
  labels come back by ``labels.at(group[segment])``.
* Ground truth, seg-level labels, pseudo labels and predictions are one type, `Labels`.

Letters in shapes: v vertices, f faces, s segments (or nodes), e graph edges, c clicks.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int, Int32, UInt8

NONE = -1  # no class, no instance: unlabelled, or not annotated
LEVELS = ("1", "2", "3", "4", "final")  # of labels; level 1 = the over-segmentation


@dataclass(frozen=True)
class Scan:
    """One scan: a triangle mesh, or a point cloud when it has no faces.

    vertices : metres, in the order of the file
    colors   : sRGB; mid-grey where the file has none
    faces    : indices into vertices; (0, 3) for a point cloud
    normals  : unit vectors, only where a cloud's file carries them
    notes    : every repair or assumption the reader made, a sentence each
    """

    name: str
    vertices: Float32[np.ndarray, "v 3"]
    colors: UInt8[np.ndarray, "v 3"]
    faces: Int32[np.ndarray, "f 3"]
    normals: Float32[np.ndarray, "v 3"] | None = None
    notes: tuple[str, ...] = ()

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
class Scene:
    """A scan with its over-segmentation and segment graph, ready for clicks.

    segments    : 0 … s-1 for every vertex; numbered in the order of `segment_ids`
    segment_ids : the id each segment has in files (the index of its root vertex)
    truth       : None where the scan has no ground truth
    """

    scan: Scan
    segments: Int32[np.ndarray, " v"]
    segment_ids: Int32[np.ndarray, " s"]
    graph: Graph
    truth: Labels | None = None

    @property
    def name(self) -> str:
        """The scan's name: the stem of its file or the name of its folder."""
        return self.scan.name
