"""ScoreNet: how sure a proposal is (PointGroup, section 3.4), and what its score should be.

Letters: n points, c clusters (proposals), m members of all clusters, v voxels of all proposals.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from seggroup.downstream.cloud import IGNORE, Targets
from seggroup.downstream.clustering import Clusters
from seggroup.downstream.config import PointGroupConfig
from seggroup.downstream.grid import build_grid
from seggroup.downstream.unet import UNet
from seggroup.downstream.voxels import Voxels, mean_by, voxelize
from seggroup.model.layers import segment_max

LEVELS = 2  # of the small U-Net, published
ROOM = 0.01  # voxels by which a proposal is smaller than its box, so that its far end is inside


@dataclass(frozen=True)
class Members:
    """Clusters as tensors: which point, of which cluster; clusters one after the other."""

    point: Int64[Tensor, " m"]
    cluster: Int64[Tensor, " m"]
    sizes: Int64[Tensor, " c"]

    @staticmethod
    def of(found: Clusters, device: torch.device) -> "Members":
        """The members of clusters, on a device."""
        columns = (found.points, found.cluster, found.sizes)
        return Members(*(torch.from_numpy(column).to(device) for column in columns))


class ScoreNet(nn.Module):
    """A score for every proposal: a small U-Net on its voxels, their maximum, a linear layer."""

    def __init__(self, config: PointGroupConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.unet.channels
        self.unet = UNet(channels, replace(config.unet, levels=LEVELS, norm="batch"))
        self.linear = nn.Linear(channels, 1)

    def forward(
        self, points: Float[Tensor, "n 3"], features: Float[Tensor, "n d"], members: Members
    ) -> Float[Tensor, " c"]:
        """The scores' logits of at least one proposal; gradients flow to the features."""
        voxels = proposal_voxels(points, members, self.config)
        wide = features.to(torch.promote_types(features.dtype, torch.float32))  # a mean of many
        means = mean_by(wide.index_select(0, members.point), voxels.rows, len(voxels))
        h = self.unet(means, build_grid(voxels.coords, LEVELS))
        return self.linear(pool(h, voxels, len(members.sizes)))[:, 0]


def proposal_voxels(
    points: Float[Tensor, "n 3"], members: Members, config: PointGroupConfig
) -> Voxels:
    """Voxels of every proposal by itself, `score_voxels` along an edge at most.

    A voxel's edge is 1 / `score_scale` metres, larger for a proposal that would not fit. *(The
    published code moves the box at random inside its grid in training; here it begins at the
    corner, so that training and prediction see the same.)*
    """
    where = points.detach().float().index_select(0, members.point)
    low, high = segment_max(-where, members.sizes).neg(), segment_max(where, members.sizes)
    extent = (high - low).amax(dim=1)
    scale = ((config.score_voxels - ROOM) / extent).clamp(max=config.score_scale)
    scaled = (where - low[members.cluster]) * scale[members.cluster, None]
    return voxelize(scaled, members.cluster, 1.0)


def pool(h: Float[Tensor, "v d"], voxels: Voxels, count: int) -> Float[Tensor, "c d"]:
    """Maximum over the voxels of every proposal; each of `count` proposals has some."""
    return segment_max(h, torch.bincount(voxels.coords[:, 0], minlength=count))


def best_ious(
    members: Members, targets: Targets, stuff: Int64[Tensor, " s"]
) -> tuple[Float[Tensor, " c"], Bool[Tensor, " c"]]:
    """Every proposal's best IoU with an instance, whatever its class; whether it holds any label.

    Only points of which something is known count, so that labels of some of an instance's points
    serve as well. *(With full labels the published IoU, but for points of no class in the list.)*
    """
    instance = instances_of_things(targets, stuff)
    known = (targets.semantic != IGNORE) | (targets.instance >= 0)
    labelled = known[members.point]
    sizes = torch.bincount(members.cluster[labelled], minlength=len(members.sizes))
    truths = torch.bincount(instance[instance >= 0])
    if len(truths) == 0:
        return torch.zeros_like(sizes, dtype=torch.float32), sizes > 0
    own = instance[members.point]
    pair = (members.cluster * len(truths) + own)[own >= 0]
    common = torch.bincount(pair, minlength=len(sizes) * len(truths)).view(len(sizes), -1)
    union = sizes[:, None] + truths - common
    return (common / union.clamp(min=1)).amax(dim=1), sizes > 0


def instances_of_things(targets: Targets, stuff: Int64[Tensor, " s"]) -> Int64[Tensor, " n"]:
    """The instances, -1 also where the class is one without instances."""
    return torch.where(torch.isin(targets.semantic, stuff), -1, targets.instance)


def soft_targets(ious: Float[Tensor, " c"], config: PointGroupConfig) -> Float[Tensor, " c"]:
    """Section 3.4: 0 up to the low IoU, 1 from the high one on, linear between."""
    low, high = config.score_low, config.score_high
    return ((ious - low) / (high - low)).clamp(0, 1)


def score_loss(
    logits: Float[Tensor, " c"],
    members: Members,
    targets: Targets,
    stuff: Int64[Tensor, " s"],
    config: PointGroupConfig,
) -> Tensor:
    """Section 3.4: binary cross entropy to the soft targets, mean over proposals with labels."""
    ious, labelled = best_ious(members, targets, stuff)
    if not bool(labelled.any()):
        return logits.sum() * 0
    wanted = soft_targets(ious, config)[labelled]
    return functional.binary_cross_entropy_with_logits(logits[labelled].float(), wanted)
