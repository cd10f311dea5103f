"""Downstream models by their numbers: made, saved and read again."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, assert_never

import torch
from torch import nn

from seggroup.downstream.config import KPConvConfig, NetworkConfig, PointGroupConfig, UNetConfig
from seggroup.downstream.kpconv import KPFCNN
from seggroup.downstream.pointgroup import PointGroup
from seggroup.downstream.unet import SparseUNet
from seggroup.errors import InputError
from seggroup.model.checkpoint import read_tensors, write_tensors


@dataclass(frozen=True)
class Design:
    """A model's numbers, the class id behind each of its outputs, and which are no things.

    names : of the classes; none in a model of an earlier version
    """

    network: NetworkConfig
    classes: tuple[int, ...]
    stuff: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def named(self) -> dict[int, str] | None:
        """The name of every class id; None where the names are unknown."""
        return dict(zip(self.classes, self.names, strict=True)) if self.names else None

    @property
    def has_instances(self) -> bool:
        """Whether the model predicts instances."""
        return isinstance(self.network, PointGroupConfig)


def build(design: Design, seed: int) -> nn.Module:
    """The model with weights drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        count = len(design.classes)
        match design.network:
            case UNetConfig():
                return SparseUNet(count, design.network)
            case KPConvConfig():
                return KPFCNN(count, design.network)
            case PointGroupConfig():
                stuff = [i for i, c in enumerate(design.classes) if c in design.stuff]
                return PointGroup(count, stuff, design.network)
            case _:
                assert_never(design.network)


def describe(design: Design) -> dict[str, Any]:
    """The design as JSON."""
    name = type(design.network).__name__.removesuffix("Config").lower()
    classes, stuff = list(design.classes), list(design.stuff)
    named = {"names": list(design.names)} if design.names else {}
    numbers = {"classes": classes, "stuff": stuff, **named}
    return {"model": name, "network": asdict(design.network), **numbers}


def _design(header: dict[str, Any]) -> Design:
    """What `describe` gave, back."""
    values = dict(header["network"])
    network: NetworkConfig
    match header["model"]:
        case "unet":
            network = UNetConfig(**values)
        case "kpconv":
            network = KPConvConfig(**values)
        case "pointgroup":
            network = PointGroupConfig(**{**values, "unet": UNetConfig(**values["unet"])})
        case other:
            raise ValueError(f"no model is called {other}")
    classes, names = tuple(header["classes"]), tuple(header.get("names", ()))
    if names and (len(names) != len(classes) or not all(isinstance(n, str) for n in names)):
        raise ValueError("the model's classes do not have one name each")
    return Design(network, classes, tuple(header["stuff"]), names)


def save_model(path: Path, model: nn.Module, design: Design) -> None:
    """Weights with the design in the header."""
    write_tensors(path, model.state_dict(), describe(design))


def load_model(path: Path, device: torch.device) -> tuple[nn.Module, Design]:
    """The model of a checkpoint, ready to predict. Raises InputError where it is none."""
    tensors, header = read_tensors(path)
    try:
        design = _design(header)
        model = build(design, 0)
        model.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: is no downstream model of this version ({reason}); "
            "train one with `seggroup fit`"
        ) from error
    return model.to(device).eval(), design
