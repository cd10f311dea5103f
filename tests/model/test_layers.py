"""Graph convolution against Equations 1 to 3; pooling; edge inputs in literal numbers."""

import numpy as np
import pytest
import reference
import torch
from helpers import random_graph

from seggroup.config import NetworkConfig
from seggroup.model.layers import (
    GraphConv,
    edge_lengths,
    pool_nodes,
    semantic_edges,
    structural_edges,
)

CPU = torch.device("cpu")


@pytest.mark.parametrize("seed", range(5))
def test_graph_conv_equals_equations_1_to_3(seed):
    torch.manual_seed(seed)
    edges = torch.from_numpy(random_graph(np.random.default_rng(seed), 20, 40)).long()
    h = torch.randn(20, 6, dtype=torch.float64, requires_grad=True)
    conv = GraphConv(6, 1 / 8, 0.0).double()
    fast, slow = conv(h, edges), reference.graph_conv(h, edges, conv.linear.weight, 1 / 8)
    torch.testing.assert_close(fast, slow)
    for a, b in zip(
        torch.autograd.grad(fast.square().sum(), [h, conv.linear.weight]),
        torch.autograd.grad(slow.square().sum(), [h, conv.linear.weight]),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_equal_neighbours_have_a_gradient():
    h = torch.ones(2, 3, requires_grad=True)
    edge_lengths(h, torch.tensor([[0, 1]])).sum().backward()
    assert torch.equal(h.grad, torch.zeros(2, 3))


def test_pool_nodes_takes_the_maximum_of_each_group():
    values = torch.tensor([[1.0, 5.0], [3.0, 2.0], [0.0, 9.0]])
    pooled = pool_nodes(values, torch.tensor([1, 0, 1]))
    assert pooled.tolist() == [[3.0, 2.0], [1.0, 9.0]]


def test_semantic_edge_input_is_x_j_minus_x_i_and_x_i():
    xyz = np.array([[0, 0, 0], [2, 0, 0], [9, 9, 9]], np.float32)
    rgb = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    edges = semantic_edges(xyz, rgb, np.array([0, 0, 1]), NetworkConfig(), CPU)
    assert edges.members.tolist() == [2, 2, 1]
    e = edges.neighbour[1] + edges.center[0]  # from point 0 to its neighbour 1
    assert e.tolist() == [2, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, -1, 0, 0]


def test_structural_edges_do_not_depend_on_place_or_size():
    rng = np.random.default_rng(0)
    xyz = rng.normal(0, 1, (300, 3)).astype(np.float32)
    rgb = rng.uniform(-1, 1, (300, 3)).astype(np.float32)
    segments = np.repeat(np.arange(3, dtype=np.int32), [10, 90, 200])
    a = structural_edges(xyz, rgb, segments, NetworkConfig(), CPU)
    b = structural_edges(4 * xyz + 8, rgb, segments, NetworkConfig(), CPU)
    torch.testing.assert_close(a.neighbour, b.neighbour, rtol=1e-4, atol=1e-4)
    assert a.neighbour.shape == (3 * 64, 6)
    assert float((a.neighbour[:, :3] / 10).norm(dim=1).max()) <= 1 + 1e-5


def test_gradients_have_the_same_bytes_whatever_the_threads_do():
    """Indexing with h[edges] adds gradients in the order the threads happen to run."""
    torch.manual_seed(0)
    h = torch.randn(60, 192, requires_grad=True)
    edges = torch.from_numpy(random_graph(np.random.default_rng(0), 60, 6000)).long()
    conv = GraphConv(192, 1 / 8, 1.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = {
            torch.autograd.grad(conv(h, edges).square().sum(), h)[0].numpy().tobytes()
            for _ in range(10)
        }
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 1
