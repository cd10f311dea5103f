"""Training (paper 3.2, "Network Training"): forward with clustering, then one gradient step.

The alternation is EM-like: with the weights fixed the clicks spread over the segments, with the
groups fixed the weights learn the instances' classes. The clustering is not differentiated;
features flow through max-pooling.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from seggroup.classes import NYU40
from seggroup.config import TrainConfig
from seggroup.errors import InputError
from seggroup.io.store import CHECKPOINT, TRAINING_STATE
from seggroup.labels.clicks import instance_classes
from seggroup.model.checkpoint import read_tensors, save_network, write_tensors
from seggroup.model.network import SegGroup, build, first_level, make_points
from seggroup.types import NONE, Clicks, Labels, Scene

IGNORE = -100  # class of an instance whose click names none


@dataclass(frozen=True)
class Example:
    """A scene with its clicks, spread over their segments."""

    scene: Scene
    clicks: Clicks
    labels: Labels  # of the segments


@dataclass(frozen=True)
class Epoch:
    """What an epoch did: mean loss and share of instances classified rightly, while training."""

    loss: float
    accuracy: float


def class_list(clicks: Sequence[Clicks]) -> tuple[int, ...]:
    """Class ids the classifier learns: all of NYU40, or the clicked ones of another list."""
    clicked = {int(c) for scene in clicks for c in scene.semantic if c != NONE}
    if not clicked:
        raise InputError("no click names a class, and training needs classes; name some")
    return tuple(NYU40) if clicked <= set(NYU40) else tuple(sorted(clicked))


def targets(instances: np.ndarray, clicks: Clicks, classes: tuple[int, ...]) -> torch.Tensor:
    """Position in `classes` of each instance's clicked class; IGNORE where it has none."""
    position = {c: i for i, c in enumerate(classes)}
    clicked = instance_classes(clicks)
    return torch.tensor([position.get(clicked[i], IGNORE) for i in instances.tolist()])


def train(
    examples: Sequence[Example],
    classes: tuple[int, ...],
    config: TrainConfig,
    device: torch.device,
    folder: Path | None = None,
    after_epoch: Callable[[int, Epoch, SegGroup], None] = lambda epoch, result, network: None,
) -> tuple[SegGroup, list[Epoch]]:
    """Train on scenes with clicks; with a folder, save after every epoch and resume from it.

    A resumed run follows the same curve: order, resampling and dropout are drawn from the seed
    and the epoch's number alone. Raises InputError where the folder holds another run.
    """
    network = build(classes, config.network, config.seed).to(device)
    optimizer = torch.optim.SGD(
        network.parameters(),
        config.learning_rate,
        config.momentum,
        weight_decay=config.weight_decay,
    )
    header = _fingerprint(examples, classes, config) if folder else {}
    history = _resume(folder, network, optimizer, header) if folder else []
    for epoch in range(len(history), config.epochs):
        network.train()
        rng = np.random.default_rng([config.seed, epoch])
        dropout = torch.Generator().manual_seed(int(rng.integers(2**63)))
        order = rng.permutation(len(examples))
        total, right, instances = 0.0, 0, 0
        for start in range(0, len(order), config.batch):
            optimizer.zero_grad()
            in_batch = 0
            for i in order[start : start + config.batch]:
                example = examples[i]
                points = make_points(example.scene, config.network, device, rng)
                grouping = network(points, first_level(example.scene, example.labels))
                target = targets(grouping.nodes, example.clicks, classes).to(device)
                scores = network.classifier(grouping.features, dropout)
                loss = functional.cross_entropy(
                    scores,
                    target,
                    reduction="sum",
                    ignore_index=IGNORE,
                    label_smoothing=config.label_smoothing,
                )
                loss.backward()
                in_batch += int((target != IGNORE).sum())
                right += int((scores.argmax(1) == target).sum())
                total += float(loss.detach())
            for parameter in network.parameters():
                if parameter.grad is not None:
                    parameter.grad /= max(in_batch, 1)  # mean over the batch's instances
            optimizer.step()
            instances += in_batch
        history.append(Epoch(total / max(instances, 1), right / max(instances, 1)))
        if folder:
            _save(folder, network, optimizer, classes, header, history)
        after_epoch(epoch, history[-1], network)
    return network.eval(), history


def _fingerprint(
    examples: Sequence[Example], classes: tuple[int, ...], config: TrainConfig
) -> dict:
    """What must be equal for a run to go on; it may go on for more epochs."""
    values = asdict(replace(config, epochs=0))
    values["network"]["thresholds"] = list(config.network.thresholds)
    clicked = hashlib.sha256()
    for example in examples:
        clicks = example.clicks
        clicked.update(example.scene.name.encode())
        for column in (clicks.vertex, clicks.instance, clicks.semantic):
            clicked.update(column.tobytes())
    return {"config": values, "classes": list(classes), "clicks": clicked.hexdigest()}


def _save(
    folder: Path,
    network: SegGroup,
    optimizer: torch.optim.SGD,
    classes: tuple[int, ...],
    header: dict,
    history: list[Epoch],
) -> None:
    tensors = {f"weight.{name}": tensor for name, tensor in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        buffer = optimizer.state[parameter].get("momentum_buffer")
        if buffer is not None:
            tensors[f"momentum.{name}"] = buffer
    save_network(folder / CHECKPOINT, network, classes)
    header = {**header, "history": [asdict(epoch) for epoch in history]}
    write_tensors(folder / TRAINING_STATE, tensors, header)


def _resume(
    folder: Path, network: SegGroup, optimizer: torch.optim.SGD, header: dict
) -> list[Epoch]:
    path = folder / TRAINING_STATE
    if not path.exists():
        return []
    tensors, found = read_tensors(path)
    history = [Epoch(**epoch) for epoch in found.pop("history", [])]
    if found != header:
        raise InputError(
            f"{folder}: holds a run with other settings or on other clicks; "
            "choose another folder or remove this one"
        )
    network.load_state_dict(
        {n.removeprefix("weight."): t for n, t in tensors.items() if n.startswith("weight.")}
    )
    for name, parameter in network.named_parameters():
        if f"momentum.{name}" in tensors:
            buffer = tensors[f"momentum.{name}"].to(parameter.device)
            optimizer.state[parameter]["momentum_buffer"] = buffer
    return history
