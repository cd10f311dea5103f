"""Networks on disk: safetensors with the configuration and the classes in the header, no pickle."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from seggroup.config import NetworkConfig
from seggroup.errors import InputError
from seggroup.io.files import atomic
from seggroup.model.network import SegGroup

_KEY = "seggroup"  # one entry: the order of several would change from run to run


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Tensors and a JSON header, whole or not at all; equal input gives equal bytes."""
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(flat, {_KEY: json.dumps(header, sort_keys=True)})
    with atomic(path) as file:
        file.write(data)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header. Raises InputError where the file is missing, broken or another's."""
    with _opened(path) as (file, header):
        return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118


def read_header(path: Path) -> dict[str, Any]:
    """The header of `read_tensors` alone."""
    with _opened(path) as (_, header):
        return header


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The open file and its header."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            if not isinstance(header, dict):
                raise KeyError(_KEY)
            yield file, header
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: no such file; train first with `seggroup train` or `seggroup fit`"
        ) from error
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({error})") from error
    except (KeyError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: was not written by seggroup; give a checkpoint of it") from error


def save_network(path: Path, network: SegGroup, classes: tuple[int, ...]) -> None:
    """Weights with the network's configuration and the class id behind every output."""
    header = {"network": asdict(network.config), "classes": list(classes)}
    write_tensors(path, network.state_dict(), header)


def load_network(path: Path, device: torch.device) -> tuple[SegGroup, tuple[int, ...]]:
    """The network of a checkpoint and its class ids. Raises InputError where they do not fit."""
    tensors, header = read_tensors(path)
    try:
        values = header["network"]
        older = {"level_yaw": False}  # what a checkpoint from before an option means
        config = NetworkConfig(**{**older, **values, "thresholds": tuple(values["thresholds"])})
        classes = tuple(int(c) for c in header["classes"])
        network = SegGroup(len(classes), config)
        network.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: its weights do not fit this version ({reason}); train again"
        ) from error
    return network.to(device).eval(), classes
