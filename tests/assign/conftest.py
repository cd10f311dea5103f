"""A small untrained assigner."""

import pytest
import torch

from seggroup.assign.network import Assigner


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Assigner(16, 1).eval()
