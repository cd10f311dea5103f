"""Which device computes: CUDA where it is there and wanted, else the processor."""

import torch

from seggroup.errors import InputError


def pick_device(name: str) -> torch.device:
    """The device called `auto`, `cpu` or `cuda`. Raises InputError where it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device was found; use --device cpu, or auto")
    return torch.device(name)
