"""Several processes that train one model: torch's DDP, started by `torchrun`."""

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import torch
from torch import nn

PATIENCE = timedelta(days=1)  # the others wait while the first one validates


class Share:
    """This process's share of the work; all of it where `torchrun` started no others.

    rank, count : its number, and how many there are
    """

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if self.count > 1:
            from torch import distributed

            if not distributed.is_initialized():
                backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
                distributed.init_process_group(backend, timeout=PATIENCE)

    def device(self, device: torch.device) -> torch.device:
        """The process's own device of that kind."""
        if self.count == 1 or device.type == "cpu":
            return device
        own = torch.device(device.type, int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(own)
        return own

    def of(self, batches: int) -> Sequence[int]:
        """The numbers of this process's batches: every `count`-th; equally many for all.

        So a step of `count` processes takes the batches that one process takes in `count`
        forwards. The first batches fill up the last round.
        """
        rounds = -(-batches // self.count)
        return [i % batches for i in range(self.rank, rounds * self.count, self.count)]

    def wrap(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model with its gradients averaged over the processes."""
        if self.count == 1:
            return model
        from torch.nn.parallel import DistributedDataParallel

        where = [device] if device.type == "cuda" else None
        return DistributedDataParallel(model, where, find_unused_parameters=True)

    def silent(self, model: nn.Module) -> AbstractContextManager:
        """While gradients are only added up, nothing is sent."""
        return model.no_sync() if self.count > 1 else nullcontext()  # type: ignore[operator]

    def mean(self, values: dict[str, float]) -> dict[str, float]:
        """The mean of each value over the processes; a name that one has not counts as 0 there."""
        if self.count == 1:
            return values
        from torch import distributed

        every: list[Any] = [None] * self.count
        distributed.all_gather_object(every, values)
        names = sorted(set().union(*every))
        return {name: sum(one.get(name, 0.0) for one in every) / self.count for name in names}

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            from torch import distributed

            distributed.barrier()

    def leave(self) -> None:
        """End the process where it is one of several, at once: gloo's threads may abort its end."""
        if self.count > 1:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)
