"""How far annotators of one scene agree: Rand indices between their spread labels."""

from itertools import combinations

import numpy as np
from jaxtyping import Float64, Int, Int32

from seggroup.server.protocol import Agreement, AgreementPair
from seggroup.types import Labels


def agreement(
    scene: str, segment_sizes: Int32[np.ndarray, " s"], labels: dict[str, Labels]
) -> Agreement:
    """All pairs of annotators compared, by name.

    segment_sizes : vertices of every segment
    labels        : of every segment, by annotator; `NONE` is a label like any other
    """
    pairs = []
    for first, second in combinations(sorted(labels), 2):
        one, two = labels[first], labels[second]
        same = segment_sizes[one.semantic == two.semantic].sum() / max(1, segment_sizes.sum())
        index = adjusted_rand_index(one.instance, two.instance, segment_sizes)
        pairs.append(AgreementPair(first, second, index, float(same)))
    return Agreement(scene, pairs)


def adjusted_rand_index(
    first: Int[np.ndarray, " s"], second: Int[np.ndarray, " s"], sizes: Int[np.ndarray, " s"]
) -> float:
    """The adjusted Rand index of two partitions of elements that come in bunches of `sizes`.

    The share of pairs of elements on which the partitions agree, so scaled that chance gives 0
    and equal partitions 1 (Hubert and Arabie, "Comparing partitions", 1985).
    """
    _, row = np.unique(first, return_inverse=True)
    _, column = np.unique(second, return_inverse=True)
    table = np.bincount(row * (1 + column.max(initial=0)) + column, weights=sizes)
    together = _pairs(table)
    of_first = _pairs(np.bincount(row, weights=sizes))
    of_second = _pairs(np.bincount(column, weights=sizes))
    expected = of_first * (of_second / max(1.0, _pairs(table.sum(keepdims=True))))
    most = (of_first + of_second) / 2
    return 1.0 if most == expected else (together - expected) / (most - expected)


def _pairs(counts: Float64[np.ndarray, " n"]) -> float:
    return float((counts * (counts - 1) / 2).sum())
