"""Which device computes: CUDA where it is there and wanted, else the processor."""

import torch

from seggroup.errors import InputError


def pick_device(name: str) -> torch.device:
    """The device called `auto`, `cpu` or `cuda`. Raises InputError where it is not there.

    On a CPU the process's operations compute in one thread each from here on: the network runs
    blocks side by side instead (model/edgeconv.py).
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("no CUDA device was found; use --device cpu, or auto")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        torch.set_num_threads(1)
    return torch.device(name)
