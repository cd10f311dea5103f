"""Every number of the method, once: its unit, its source and its default.

"paper" is SegGroup (sections and appendices), "released" the authors' published code where it
differs, "ScanNet" ScanNet's segmentation tool.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

CloudMerging = Literal["regions", "edges"]
Method = Literal["assign", "walk", "seggroup"]  # how clicks spread
DEFAULT_METHOD: Method = "assign"  # where no weights are given; weights name their method


@dataclass(frozen=True)
class OversegmentConfig:
    """Over-segmentation (paper 3.1; Felzenszwalb & Huttenlocher with ScanNet's weights)."""

    k: float = 0.01  # kThresh, ScanNet: a larger k favours larger segments
    min_size: int = 20  # vertices, segMinVerts, ScanNet
    neighbours: int = 10  # of a point, in clouds without faces (METHOD section 1)
    # Points whose plane gives a normal in clouds: the best of 8, 12, 20 on synthetic rooms.
    normal_neighbours: int = 8
    # How clouds merge: whole regions by their means, or single edges as meshes do (METHOD 1).
    cloud_merging: CloudMerging = "regions"
    # Regions merge as geometry/merging.py says, up to a cost of `cloud_scale` times k; a segment
    # has at least `cloud_share` of `min_size` points; a CIE76 colour difference of 1 is as far
    # as `cloud_color` (about the sine of the angle between normals). Swept on synthetic rooms.
    cloud_scale: float = 200.0
    cloud_share: float = 0.5
    cloud_color: float = 0.04
    reach: float = 3.0  # kNN edges longer than this many median edge lengths are dropped


@dataclass(frozen=True)
class ThinConfig:
    """Thinning of scans that are too large to be segmented whole (docs/large.md)."""

    limit: int = 2_000_000  # vertices; up to these a scan is taken as it is
    # Metres. ScanNet's meshes have a vertex about every 2 cm.
    ladder: tuple[float, ...] = (0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1)


@dataclass(frozen=True)
class BlockConfig:
    """Labelling of building-size scans in blocks that overlap (docs/large.md)."""

    size: float = 15.0  # metres, the side of a block's own square
    overlap: float = 3.0  # metres that a block sees beyond it
    wider: float = 30.0  # metres: scans up to this width are labelled whole
    least: float = 2.0  # metres: what does not fit into memory is halved down to this
    sure: float = 0.8  # the confidence from which a neighbour's label stands in for a click
    rounds: int = 2  # of stand-ins


@dataclass(frozen=True)
class NetworkConfig:
    """The SegGroup network and its clustering (paper 3.2, 3.3, appendices B and C)."""

    samples: int = 64  # points drawn from each segment by the structural layer (appendix C)
    structural_neighbours: int = 10  # released
    semantic_neighbours: int = 20  # released
    width: int = 64  # channels of every EdgeConv (paper 3.3)
    graph_lambda: float = 1 / 8  # slope of Eq. 1 (paper 3.3)
    leak: float = 0.2  # negative slope of LeakyReLU, released
    thresholds: tuple[float, float, float] = (6.0, 2.0, 2.0)  # e_tau of each layer (paper 3.3)
    hidden: int = 128  # classifier, released
    dropout: float = 0.5  # classifier, released
    # Gain of the graph convolutions' orthogonal initial weights; 0: torch's default, released.
    # The paper is silent. Its thresholds are distances, and an orthogonal map keeps them.
    init_gain: float = 2**0.5
    # Ours: scenes are turned by their walls and centred, so that labels do not depend on the yaw.
    level_yaw: bool = True
    # The released code's departures from the paper, all off by default (METHOD section 4).
    join_same_instance: bool = False  # two clusters of one instance may merge in Algorithm 1
    inclusive_threshold: bool = False  # merge at distance <= threshold, not below it
    min_cluster_points: int = 0  # 5: smaller clusters join a neighbour after Algorithm 1
    absorb_in_rounds: bool = False  # Algorithm 2 with distances taken once a round
    cube_scaling: bool = False  # structural points divided by the largest absolute coordinate
    resample: int = 0  # 150000: points every scene is resampled to; 0 keeps all vertices

    def released(self) -> "NetworkConfig":
        """The configuration that reproduces the authors' released code (docs/paper.md)."""
        return replace(
            self,
            join_same_instance=True,
            inclusive_threshold=True,
            min_cluster_points=5,
            absorb_in_rounds=True,
            cube_scaling=True,
            resample=150_000,
            init_gain=0.0,
            level_yaw=False,
        )


@dataclass(frozen=True)
class TrainConfig:
    """Training (paper 3.2 "Network Training", 3.3; the rest as released)."""

    epochs: int = 6
    batch: int = 8  # scenes whose gradients are accumulated before a step
    learning_rate: float = 0.1  # paper 3.3
    momentum: float = 0.9  # paper 3.3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.2
    seed: int = 0
    network: NetworkConfig = field(default_factory=NetworkConfig)


@dataclass(frozen=True)
class AnnotatorConfig:
    """Simulated annotators (METHOD section 3)."""

    min_part: int = 100  # vertices: a smaller part gets no click unless it is the largest
    wrong_segment: float = 0.1  # `noisy`: share of clicks that land on a segment beside the part
    missed: float = 0.05  # `noisy`: share of instances never clicked
    wrong_class: float = 0.05  # `noisy`: share of instances given another class


@dataclass(frozen=True)
class CostConfig:
    """What labelling a scene costs (paper, section 4.2 and appendix A)."""

    location_seconds: float = 68.0  # clicking all instances of a scene
    class_seconds: float = 1.5  # naming the class of one instance
    dense_minutes: float = 22.3  # every point of a scene
    subcloud_minutes: float = 3.0  # 773 scenes in the time of 1201 x 1.93 minutes
    point_seconds: float = 2.32  # a given point: tables 3 and 5 have 50 in a scene's 116 s


@dataclass(frozen=True)
class SubcloudConfig:
    """Subcloud-level labels (MPRM: Wei et al., CVPR 2020)."""

    radius: float = 2.0  # metres: its spheres
    fewest: int = 1  # vertices of a class in a sphere for it to count; released: any


@dataclass(frozen=True)
class WalkConfig:
    """The training-free random walk: weight = boundary x exp(-bend (1-|n.n'|) - color dE)."""

    bend: float = 2.0  # per unit of 1 - |cosine| between the segments' mean normals
    color: float = 0.05  # per CIE76 colour difference between the segments' mean Lab colours
