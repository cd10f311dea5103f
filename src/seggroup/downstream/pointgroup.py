"""PointGroup (Jiang et al. 2020): instances as clusters of points, scored.

A sparse U-Net gives every point a feature. Two branches say its class and the way to the centroid
of its instance. Points of one class are clustered where they are and where their offsets lead, and
ScoreNet says how sure each cluster is.

Letters: n points of a batch, k classes, c clusters (proposals), s classes without instances.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from seggroup.downstream.cloud import Answer, Cloud, Targets, semantic_losses
from seggroup.downstream.clustering import Clusters, choose, dual_clusters, nms
from seggroup.downstream.config import PointGroupConfig
from seggroup.downstream.density import why_no_clusters
from seggroup.downstream.scorenet import Members, ScoreNet, instances_of_things, score_loss
from seggroup.downstream.unet import FEATURES, Activation, UNet, UNetInputs, unet_inputs
from seggroup.downstream.voxels import mean_by


@dataclass(frozen=True)
class PointGroupInputs:
    """What the U-Net takes, and where the points lie: metres, number of the scene."""

    voxels: UNetInputs
    points: Float[Tensor, "n 3"]
    scene: Int64[Tensor, " n"]

    def to(self, device: torch.device) -> "PointGroupInputs":
        """The same on another device."""
        return PointGroupInputs(
            self.voxels.to(device), self.points.to(device), self.scene.to(device)
        )


@dataclass(frozen=True)
class Branches:
    """Of every point: its feature, its class's logits, metres to its instance's centroid."""

    features: Float[Tensor, "n d"]
    logits: Float[Tensor, "n k"]
    offsets: Float[Tensor, "n 3"]


class PointGroup(nn.Module):
    """The complete model. `stuff`: positions of the classes that have no instances."""

    stuff: Tensor

    def __init__(self, classes: int, stuff: Sequence[int], config: PointGroupConfig) -> None:
        super().__init__()
        self.classes, self.config = classes, config
        self.register_buffer("stuff", torch.tensor(list(stuff), dtype=torch.int64), False)
        d = config.unet.channels
        self.unet = UNet(FEATURES, config.unet)
        self.classifier = nn.Linear(d, classes)
        self.offset = nn.Sequential(nn.Linear(d, d), Activation(d), nn.Linear(d, 3))
        self.scorenet = ScoreNet(config)

    def prepare(self, clouds: Sequence[Cloud]) -> PointGroupInputs:
        """Voxels, maps and points of a batch, on the CPU."""
        points = np.concatenate([cloud.points for cloud in clouds])
        scene = np.repeat(np.arange(len(clouds)), [len(cloud) for cloud in clouds])
        voxels = unet_inputs(clouds, self.config.unet)
        return PointGroupInputs(voxels, torch.from_numpy(points), torch.from_numpy(scene))

    def forward(
        self, inputs: PointGroupInputs, targets: Targets, progress: float
    ) -> dict[str, Tensor]:
        """Losses of the branches and, once the warm-up is over, of the scores.

        Section 3.5: their sum. No gradient flows through the clustering, but to the features.
        """
        branches = self.branches(inputs)
        instance = instances_of_things(targets, self.stuff)
        losses = semantic_losses(branches.logits, targets)
        losses |= offset_losses(inputs.points, branches.offsets, instance)
        if progress >= self.config.warm_up:
            losses["score"] = self.score_loss(inputs, branches, targets)
        return losses

    def branches(self, inputs: PointGroupInputs) -> Branches:
        """Backbone, semantic and offset branch; a point has the feature of its voxel."""
        h = self.unet(inputs.voxels.features, inputs.voxels.grid)
        features = h.index_select(0, inputs.voxels.rows)
        return Branches(features, self.classifier(features), self.offset(features).float())

    def group(self, logits: Float[Tensor, "n k"], scene: Int64[Tensor, " n"]) -> Tensor:
        """What is clustered together: scene and predicted class; -1 for stuff."""
        semantic = logits.detach().argmax(dim=1)
        return torch.where(torch.isin(semantic, self.stuff), -1, scene * self.classes + semantic)

    def proposals(self, inputs: PointGroupInputs, branches: Branches) -> Clusters:
        """Clusters of the points where they are and where their offsets lead (section 3.3)."""
        shifted = inputs.points + branches.offsets.detach()
        group = self.group(branches.logits, inputs.scene)
        return dual_clusters(
            inputs.points.cpu().numpy(),
            shifted.cpu().numpy(),
            group.cpu().numpy(),
            self.config.radius,
            self.config.min_points,
        )

    def score_loss(self, inputs: PointGroupInputs, branches: Branches, targets: Targets) -> Tensor:
        """The loss of the proposals' scores; 0 where there are none."""
        found = self.proposals(inputs, branches)
        if len(found) == 0:
            return branches.features.sum() * 0
        members = Members.of(found, inputs.points.device)
        logits = self.scorenet(inputs.points, branches.features, members)
        return score_loss(logits, members, targets, self.stuff, self.config)

    def answer(self, inputs: PointGroupInputs) -> Answer:
        """Logits, and the proposals that are large and sure enough, by falling score."""
        branches = self.branches(inputs)
        found = self.proposals(inputs, branches)
        found = choose(found, found.sizes >= self.config.min_predicted)
        scores = self.scores(inputs, branches, found)
        sure = scores > self.config.score_threshold
        size, threshold = len(inputs.points), self.config.nms
        proposals = nms(choose(found, sure), scores[sure], size, self.classes, threshold)
        return Answer(branches.logits, proposals)

    @torch.no_grad()
    def scores(self, inputs: PointGroupInputs, branches: Branches, found: Clusters) -> np.ndarray:
        """How sure each cluster is, in [0, 1]."""
        if len(found) == 0:
            return np.empty(0, np.float32)
        members = Members.of(found, inputs.points.device)
        logits = self.scorenet(inputs.points, branches.features, members)
        return logits.float().sigmoid().cpu().numpy()

    @torch.no_grad()
    def why_none(self, inputs: PointGroupInputs) -> str:
        """One sentence that says why `answer` has no proposals; "" where it has some."""
        branches, config = self.branches(inputs), self.config
        found = self.proposals(inputs, branches)
        if len(found) == 0:
            group = self.group(branches.logits, inputs.scene)
            return why_no_clusters(inputs.points.cpu().numpy(), group.cpu().numpy(), config)
        if int(found.sizes.max()) < config.min_predicted:
            return (
                f"no proposals: the largest has {found.sizes.max()} points, and "
                f"{config.min_predicted} are needed; lower min_predicted"
            )
        found = choose(found, found.sizes >= config.min_predicted)
        best = float(self.scores(inputs, branches, found).max())
        if best <= config.score_threshold:
            return (
                f"no proposals: the highest score is {best:.2g}, and more than "
                f"{config.score_threshold:g} is needed; train longer, or lower score_threshold"
            )
        return ""


def offset_losses(
    points: Float[Tensor, "n 3"],
    offsets: Float[Tensor, "n 3"],
    instance: Int64[Tensor, " n"],
) -> dict[str, Tensor]:
    """Section 3.2: L1 distance to the way from point to centroid, and minus the cosine with it.

    Means over the points with an instance (-1: none). Where only some of an instance's points are
    labelled, the centroid is theirs. A point on the centroid, or an offset of 0, has no direction:
    its cosine is 0.
    """
    labelled = instance >= 0
    if not bool(labelled.any()):
        return {"offset": offsets.sum() * 0, "direction": offsets.sum() * 0}
    p, o, own = points[labelled], offsets[labelled], instance[labelled]
    target = mean_by(p, own, int(own.max()) + 1)[own] - p
    cosine = (functional.normalize(target, dim=1) * functional.normalize(o, dim=1)).sum(1)
    return {"offset": (o - target).abs().sum(1).mean(), "direction": -cosine.mean()}
