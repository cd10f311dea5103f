"""The folded EdgeConv equals the plain one: values and gradients, in float64."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import reference
import torch

from seggroup.model import edgeconv
from seggroup.model.edgeconv import EdgeConv, Edges, edge_moments


def random_edges(seed, n=90, k=7, d=18, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(0, n, (n, k), generator=generator, dtype=torch.int32)
    index[:, 0] = torch.arange(n)
    members = torch.randint(1, k + 1, (n,), generator=generator, dtype=torch.int32)
    own = torch.arange(n, dtype=torch.int32)[:, None]
    index = torch.where(torch.arange(k) < members[:, None], index, own)
    draw = lambda: torch.randn(n, d, generator=generator, dtype=dtype) + 3  # noqa: E731
    return Edges(draw(), draw(), index, members)


def plain(conv, edges):
    layers = [(conv.first.weight, conv.first_norm.weight, conv.first_norm.bias)]
    if conv.second is not None:
        layers.append((conv.second.weight, conv.second_norm.weight, conv.second_norm.bias))
    return reference.edge_conv(layers, edges.neighbour, edges.center, edges.index, edges.members)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_values_and_gradients(layers, seed, monkeypatch):
    monkeypatch.setattr(edgeconv, "BLOCK", 50)  # several blocks, the last one ragged
    torch.manual_seed(seed)
    conv = EdgeConv(18, 16, layers, 0.2).double()
    for parameter in conv.parameters():  # also scales below zero
        torch.nn.init.normal_(parameter)
    edges = random_edges(seed)
    fast, slow = conv(edges), plain(conv, edges)
    torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)
    weight = torch.randn_like(fast)
    parameters = list(conv.parameters())
    g_fast = torch.autograd.grad((fast * weight).sum(), parameters)
    g_slow = torch.autograd.grad((slow * weight).sum(), parameters)
    for a, b in zip(g_fast, g_slow, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)


def test_float32_is_near_float64():
    torch.manual_seed(0)
    conv = EdgeConv(18, 64, 2, 0.2)
    edges = random_edges(1, n=400, k=20, dtype=torch.float32)
    exact = EdgeConv(18, 64, 2, 0.2).double()
    exact.load_state_dict(conv.state_dict())
    doubled = Edges(edges.neighbour.double(), edges.center.double(), edges.index, edges.members)
    torch.testing.assert_close(conv(edges).double(), exact(doubled), rtol=1e-3, atol=1e-3)


def test_moments_are_those_of_the_edges():
    edges = random_edges(2)
    inside = torch.arange(edges.index.shape[1]) < edges.members[:, None]
    e = (edges.neighbour[edges.index.long()] + edges.center[:, None])[inside]
    mean, covariance, count = edge_moments(edges)
    assert count == len(e)
    torch.testing.assert_close(mean, e.mean(0))
    torch.testing.assert_close(covariance, torch.cov(e.T, correction=0))


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    monkeypatch.setattr(edgeconv, "BLOCK", 50)
    torch.manual_seed(0)
    conv = EdgeConv(18, 16, 2, 0.2)
    edges = random_edges(3, dtype=torch.float32)
    results = []
    for threads in (1, 3):
        with ThreadPoolExecutor(threads) as pool:
            monkeypatch.setattr(edgeconv, "_threads", lambda pool=pool: pool)
            value = conv(edges)
            results.append([value, *torch.autograd.grad(value.square().sum(), conv.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
