"""The walks, the pair features and the order of the clicks, against loops and laws."""

from dataclasses import replace

import numpy as np
import pytest
import reference_assign as slow
import torch
from toy_rooms import boxes_room

from seggroup.assign.labels import know
from seggroup.assign.network import (
    LEAKS,
    PAIR,
    Asked,
    alone,
    among,
    ask,
    hits,
    pair_features,
    weighed,
)
from seggroup.geometry.prepare import prepare


@pytest.fixture(scope="module")
def known(network):
    scan, truth = boxes_room(3)
    noise = np.random.default_rng(0).normal(0, 0.003, scan.vertices.shape).astype(np.float32)
    return know(network, prepare(replace(scan, vertices=scan.vertices + noise), None, truth))


@pytest.fixture(scope="module")
def asked(known):
    """Clicks on four pieces, of three classes, one without."""
    return Asked(np.array([0, 5, 9, len(known.pieces) - 1]), np.array([2, 5, 0, 7]))


def test_hits_agree_with_walking_step_by_step(known, asked):
    affinity = np.random.default_rng(0).uniform(-2, 2, len(known.around.links)).astype(np.float32)
    found = hits(known.around, affinity, asked.piece)
    for column, target in enumerate(asked.piece):
        for i, leak in enumerate(LEAKS):
            chance = slow.met(len(known.pieces), known.around.links, affinity, leak, target)
            assert found[:, column, i] == pytest.approx(np.log(np.clip(chance, 1e-6, 1)), abs=1e-4)


def test_pair_features_agree_with_loops(known, asked):
    around = known.around
    hit = hits(around, known.read.affinity.numpy(), asked.piece)
    pair = pair_features(around, known.read, asked, hit).numpy()
    assert pair.shape == (len(known.pieces), 4, PAIR)
    kinds = known.read.kinds.numpy()
    for piece in range(0, len(known.pieces), 4):
        gaps = [slow.gap(around, piece, around.segment[k]) for k in asked.piece]
        for column, (clicked, name) in enumerate(zip(asked.piece, asked.semantic, strict=True)):
            segment = around.segment == around.segment[clicked]
            share = around.size[segment] / around.size[segment].sum()
            normal = slow.unit(share @ around.normal[segment])
            color = share @ around.lab[segment]
            offset = around.center[piece] - around.center[clicked]
            difference = around.lab[piece] - color
            aside = offset @ around.normal[piece]
            gap = np.exp(pair[piece, column, 0]) - 0.02
            assert gap == pytest.approx(gaps[column], abs=5e-3)  # torch.cdist's are so coarse
            assert pair[piece, column, 1:] == pytest.approx(
                [
                    min(gaps[column] - min(gaps), 4),
                    np.log(np.linalg.norm(offset) + 0.05),
                    np.log(np.linalg.norm(offset[:2]) + 0.05), np.clip(offset[2], -3, 3),
                    np.clip(around.spread[piece, 0] - around.spread[segment, 1].max(), -3, 3),
                    np.clip(around.spread[piece, 1] - around.spread[segment, 0].min(), -3, 3),
                    abs(normal @ around.normal[piece]), normal @ around.normal[piece],
                    min(4 * abs(plane := normal @ (around.center[piece]
                        - share @ around.center[segment])), 4),
                    np.clip(2 * plane, -3, 3), min(4 * abs(aside), 4),
                    min(np.linalg.norm(difference), 80) / 20,
                    np.clip(difference[0], -60, 60) / 20,
                    np.clip(np.log10(around.size[around.segment == around.segment[piece]].sum()
                        / around.size[segment].sum()), -2, 2),
                    float(segment[piece]), hit[piece, column, 0] / 4, hit[piece, column, 1] / 4,
                    max(hit[piece, column, 0] - np.log(np.exp(hit[piece, :, 0]).sum()), -12) / 4,
                    max(kinds[piece, name], -8) / 3 if name else 0, float(name > 0),
                    np.exp(kinds[piece]) @ np.exp(kinds[clicked]),
                ],
                abs=5e-3,
            )  # fmt: skip


def test_columns_of_single_clicks_make_the_pair_features(known, asked):
    hit = hits(known.around, known.read.affinity.numpy(), asked.piece)
    single = [
        alone(known.around, known.read, Asked(asked.piece[[i]], asked.semantic[[i]]), hit[:, [i]])
        for i in range(4)
    ]
    together = pair_features(known.around, known.read, asked, hit)
    assert torch.allclose(among(torch.cat(single, 1)), together, atol=1e-5)


def test_the_order_of_the_clicks_orders_the_columns(network, known, asked):
    order = np.array([2, 0, 3, 1])
    with torch.no_grad():
        answers = ask(network, known.around, known.read, asked)
        shuffled = Asked(asked.piece[order], asked.semantic[order])
        others = ask(network, known.around, known.read, shuffled)
    for answer, other in zip(answers, others, strict=True):
        assert torch.allclose(answer[:, [*order.tolist(), 4]], other, atol=1e-3)


def test_weighing_in_blocks_is_weighing_at_once():
    torch.manual_seed(0)
    weigh = torch.nn.Linear(5, 1)
    one, other = torch.randn(150, 3, 4), torch.randn(150, 3, 1)
    at_once = weighed(weigh, one, other)
    assert at_once.requires_grad
    with torch.no_grad():
        assert torch.allclose(weighed(weigh, one, other), at_once, atol=1e-6)
