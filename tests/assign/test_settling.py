"""The walker with priors and the second opinion, against dense algebra and the plain walk."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_rooms import boxes_room

from seggroup.assign import network as assigner
from seggroup.assign.labels import know
from seggroup.assign.network import Asked, ask, settle
from seggroup.assign.opinion import log_shares, opinion, plain_walk
from seggroup.config import WalkConfig
from seggroup.geometry.prepare import prepare
from seggroup.walk import edge_weights, surface_normals, walk_on


@pytest.fixture(scope="module")
def known(network):
    """A room whose segments are slabs of a metre, so that they touch."""
    scan, truth = boxes_room(3)
    noise = np.random.default_rng(0).normal(0, 0.003, scan.vertices.shape).astype(np.float32)
    slabs = np.floor(scan.vertices[:, 0]).astype(np.int32) + 50
    scene = prepare(replace(scan, vertices=scan.vertices + noise), slabs, truth)
    assert len(scene.graph.edges)
    return know(network, scene)


@pytest.fixture(scope="module")
def asked(known):
    """Clicks on a piece of each of four segments, of three classes, one without."""
    first = np.unique(known.around.segment, return_index=True)[1][:4]
    return Asked(first.astype(np.int64), np.array([2, 5, 0, 7]))


def drawn(known, asked, seed=0):
    """Shares, trust and affinities at random."""
    rng = np.random.default_rng(seed)
    p, k, links = len(known.pieces), len(asked.piece) + 1, known.around.links
    share = torch.softmax(torch.from_numpy(rng.normal(size=(p, k)).astype(np.float32)), 1)
    trust, affinity = rng.normal(size=p), rng.normal(size=len(links))
    return share, *(torch.from_numpy(v.astype(np.float32)) for v in (trust, affinity)), links


@pytest.mark.parametrize("seed", range(3))
def test_what_settles_is_the_least_of_the_sum_of_squares(known, asked, seed):
    share, trust, affinity, links = drawn(known, asked, seed)
    with torch.no_grad():
        found = settle(share, trust, affinity, links, asked.piece).numpy()
    weight, hold = np.exp(affinity.numpy()), np.exp(trust.numpy())
    held = np.isin(np.arange(len(share)), asked.piece)
    for i in np.flatnonzero(~held):
        pull = hold[i] * (share.numpy()[i] - found[i])
        for (a, b), w in zip(links, weight, strict=True):
            if i in (a, b):
                pull = pull + w * (found[b if i == a else a] - found[i])
        assert pull == pytest.approx(0, abs=1e-3)  # nothing draws it away
    assert found[asked.piece, range(4)] == pytest.approx(1, abs=1e-3)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_the_system_is_the_same_dense_and_sparse(known, asked):
    values = drawn(known, asked)
    dense = settle(*values, asked.piece)
    with torch.no_grad():
        assert torch.allclose(settle(*values, asked.piece), dense, atol=1e-6)


def test_gradients_flow_through_the_walker(known, asked):
    share, trust, affinity, links = drawn(known, asked)
    for value in (share, trust, affinity):
        value.requires_grad_()
    settle(share, trust, affinity, links, asked.piece)[:, 0].sum().backward()
    for value in (share, trust, affinity):
        assert value.grad is not None
        assert value.grad.abs().sum() > 0


def test_the_opinion_walks_on_the_segment_graph(known):
    plain, scene = plain_walk(known.around), known.scene
    assert np.array_equal(plain.graph.edges, scene.graph.edges)
    assert np.array_equal(plain.graph.boundary, scene.graph.boundary)
    weights = edge_weights(scene, surface_normals(scene.scan), WalkConfig())
    assert np.log(plain.weights) == pytest.approx(np.log(weights), abs=0.5)


def test_the_opinion_is_the_plain_walks(known, asked):
    plain = plain_walk(known.around)
    instance = np.full(plain.graph.size, -1, np.int32)
    instance[known.around.segment[asked.piece]] = range(4)
    _, probability = walk_on(plain.graph, plain.weights, instance)
    found = opinion(plain, known.around, asked.piece).numpy()
    assert found[:, :4] == pytest.approx(probability[known.around.segment], abs=1e-6)
    assert (found[:, 4] == 0).all()


def test_clicks_in_one_segment_share_its_opinion(known):
    two = np.flatnonzero(known.around.segment == np.bincount(known.around.segment).argmax())[:2]
    found = opinion(plain_walk(known.around), known.around, two.astype(np.int64)).numpy()
    assert found[two[0]] == pytest.approx([0.5, 0.5, 0])


def test_without_an_opinion_the_walker_starts_from_the_network_alone(
    network, known, asked, monkeypatch
):
    monkeypatch.setattr(assigner, "OPINION", 0.0)
    with torch.no_grad():
        alone = ask(network, known.around, known.read, asked, lean=1.0)[-1]
        found = log_shares(network, known.around, known.read, known.plain, asked)
    assert torch.equal(found, alone)


def test_leaving_out_what_is_out_of_the_question_changes_little(network, known, asked, monkeypatch):
    found = {}
    for slight in (-1.0, assigner.SLIGHT):
        monkeypatch.setattr(assigner, "SLIGHT", slight)
        with torch.no_grad():
            found[slight] = torch.cat(ask(network, known.around, known.read, asked), 1)
    everything, some = found.values()
    assert torch.allclose(some, everything, atol=0.05)
